"""The workflow, run for real on tiny configs: what is made, what is made again, and what is refused."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from conftest import ROOT, Sandbox, traces
from rlgames.provenance import code_hash

Config = dict[str, Any]
Edit = Callable[[str, str, str], None]

NOTHING = "Nothing to be done"
SIZES = (0.0125, 0.0625)

OF_TIME = {"manifest.json", "cost.csv"}
"""Products that tell time or machine, and so differ from run to run."""


def products(folder: Path) -> dict[str, str]:
    """Checksums of everything below a results folder that has to be the same every time."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in OF_TIME and "logs" not in path.relative_to(folder).parts
    }


@pytest.fixture(scope="module")
def built(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The tiny config, built once on one core with every Python process traced; tests that follow leave it as it is."""
    config = tiny_config("results/built")
    folder = tmp_path_factory.mktemp("traces")
    sandbox.build(config, cores=1, TRACE_MODULES=str(folder))
    config["traces"] = folder
    return config


def tiny_config(results: str) -> Config:
    car = {"name": "mountain-car", "max_steps": 3000}
    additive = {"name": "sarsa", "coding": {"name": "additive"}}
    tiled = {"name": "sarsa", "coding": {"name": "tiled"}, "step_size": 0.0625, "epsilon": 0.1}
    curves = {"kind": "learning-curves", "title": "Steps", "caption": "Two codings."}
    return {
        "results": results,
        "block_size": 2,
        "experiments": {
            "additive": {
                "environment": car,
                "agent": additive,
                "episodes": 3,
                "seeds": 4,
                "sweep": [{"step_size": 0.0125}, {"step_size": 0.0625}],
            },
            "tiled": {"environment": car, "agent": tiled, "episodes": 3, "seeds": 3},
        },
        "figures": {
            "both": {**curves, "experiments": ["additive", "tiled"]},
            "one": {**curves, "experiments": ["tiled"], "quantities": ["return"]},
        },
        "videos": {"tiled": {"seed": 2, "caption": "The last episode."}},
    }


@pytest.fixture
def config(built: Config) -> Config:
    """A copy of the built config, for a test to change."""
    return {key: copy.deepcopy(value) for key, value in built.items() if key != "traces"}


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "config").glob("*.yaml")))
def test_dry_run_of_every_config(sandbox: Sandbox, name: str) -> None:
    assert "This was a dry-run" in sandbox.snakemake("--dry-run", "--configfile", f"config/{name}")


def test_dry_run_of_57_games(sandbox: Sandbox) -> None:
    """With 5 seeds and 2 agents: a job for each training, each evaluation, each table and figure."""
    text = sandbox.snakemake("--dry-run", "--configfile", "config/atari57.yaml")
    counts = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", text, flags=re.MULTILINE)}
    every = 57 * 5 * 2
    ones = dict.fromkeys(("config", "deep_scores", "figure", "cost", "all"), 1)
    assert counts == {"train_atari": every, "evaluate": every, **ones, "total": 2 * every + len(ones)}


def test_command_takes_more_paths_than_a_process_takes_arguments(
    sandbox: Sandbox, config: Config, tmp_path: Path
) -> None:
    """As in the rules: bash prints the paths into a pipe. No path at all is an empty line."""
    manifest = f"{config['results']}/runs/tiled/default/seed-2-2/manifest.json"
    count = 1 + os.sysconf("SC_ARG_MAX") // (len(manifest) + 1)
    code = code_hash("rlgames.commands.cost")
    script = tmp_path / "script.sh"
    script.write_text(
        f"exec {sys.executable} -m rlgames.commands.cost --manifests @<(printf '%s\\n' {f'{manifest} ' * count})"
        f" --pictures @<(printf '%s\\n' ) --output {tmp_path}/cost.csv --lock l --code {code} --log {tmp_path}/log"
    )
    subprocess.run(["bash", str(script)], cwd=sandbox.folder, env=sandbox.environment, check=True)
    assert len(pd.read_csv(tmp_path / "cost.csv")) == count


def test_all_products_are_there(sandbox: Sandbox, config: Config) -> None:
    results = sandbox.folder / config["results"]
    runs = ["additive/step_size=0.0125/seed-0-1", "additive/step_size=0.0625/seed-2-3", "tiled/default/seed-2-2"]
    for run in runs:
        assert {path.name for path in (results / "runs" / run).iterdir()} == {
            "weights.npz",
            "episodes.parquet",
            "recordings.parquet",
            "manifest.json",
        }
    assert {path.name for path in (results / "figures").iterdir()} == {
        f"{name}.{kind}" for name in ("both", "one") for kind in ("png", "pdf", "csv")
    }
    figure = pd.read_csv(results / "figures" / "both.csv")
    assert list(figure.curve.unique()) == ["additive: step_size = 0.0125", "additive: step_size = 0.0625", "tiled"]
    scores = pd.read_csv(results / "tables" / "final-scores.csv").set_index(["experiment", "variant"])
    assert scores.loc[("additive", "step_size=0.0125"), "seeds"] == 4
    jobs = pd.read_csv(results / "tables" / "cost.csv")["job"].value_counts().to_dict()
    assert jobs == {"training": 6, "figure both": 1, "figure one": 1, "video": 1}
    resolved = yaml.safe_load((results / "config.yaml").read_text())
    assert resolved["experiments"]["tiled"]["variants"]["default"]["agent"]["coding"]["tilings"] == 8


def test_run_is_addressable_by_seed_and_says_where_it_came_from(sandbox: Sandbox, config: Config) -> None:
    run = sandbox.folder / config["results"] / "runs" / "additive" / "step_size=0.0125" / "seed-2-3"
    with np.load(run / "weights.npz", allow_pickle=False) as file:
        assert file["seeds"].tolist() == [2, 3]
        assert file["weights"].shape == (2, 3, 18)
    episodes = pd.read_parquet(run / "episodes.parquet")
    assert episodes.groupby("seed").episode.apply(list).to_dict() == {2: [1, 2, 3], 3: [1, 2, 3]}
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["spec"]["agent"]["step_size"] == 0.0125
    assert manifest["seeds"] == "2-3"
    assert manifest["steps"] == episodes.steps.sum()
    assert manifest["products"] == {
        name: hashlib.sha256((run / name).read_bytes()).hexdigest()
        for name in ("weights.npz", "episodes.parquet", "recordings.parquet")
    }
    assert {"code", "revision", "lock", "versions", "machine", "threads", "wall_seconds"} <= manifest.keys()
    assert manifest["machine"]["instruction_set"]


def test_second_run_has_nothing_to_do(sandbox: Sandbox, config: Config) -> None:
    assert NOTHING in sandbox.build(config)


def test_report(sandbox: Sandbox, config: Config) -> None:
    report = sandbox.folder / "report.html"
    sandbox.build(config, "--report", str(report))
    text = report.read_text()
    assert "Two codings. additive: seeds 0 to 3, environment mountain-car, max_steps 3000" in text
    assert "coding additive, tiles 8, epsilon 0.0, discount 1.0, agent sarsa, episodes 3; swept: step_size." in text
    assert "data:image/png" in text


def test_touching_and_commenting_reruns_nothing(sandbox: Sandbox, config: Config, edit: Edit) -> None:
    edit("workflow/rlgames/agents/sarsa.py", "    for episode in", "    # a comment\n    for episode in")
    edit("workflow/rlgames/agents/sarsa.py", '"""Learn to drive', '"""Learn at last to drive')
    edit(
        "workflow/rlgames/figures/learning_curves.py",
        '"""Panels of single seeds side by side."""',
        '"""Panels in a row."""',
    )
    edit("workflow/rules/train.smk", "# Trains agents", "# Trains all agents")
    for path in sandbox.folder.rglob("*"):
        if path.is_file() and "results" not in path.parts and ".snakemake" not in path.parts:
            os.utime(path)
    assert NOTHING in sandbox.build(config)


def test_one_step_size_reruns_its_variant_and_the_figures_over_it(sandbox: Sandbox, config: Config) -> None:
    config["experiments"]["additive"]["sweep"][1]["step_size"] = 0.05
    assert sandbox.planned(config) == {
        "runs/additive/step_size=0.05/seed-0-1/weights.npz",
        "runs/additive/step_size=0.05/seed-2-3/weights.npz",
        "figures/both.png",
        "tables/final-scores.csv",
        "tables/cost.csv",
        "config.yaml",
    }


def test_setting_of_one_experiment_reruns_that_experiment(sandbox: Sandbox, config: Config) -> None:
    config["experiments"]["tiled"]["agent"]["epsilon"] = 0.2
    assert sandbox.planned(config) == {
        "runs/tiled/default/seed-0-1/weights.npz",
        "runs/tiled/default/seed-2-2/weights.npz",
        "figures/both.png",
        "figures/one.png",
        "videos/tiled/default.mp4",
        "tables/final-scores.csv",
        "tables/cost.csv",
        "config.yaml",
    }


def test_label_or_caption_redraws_its_figure_only(sandbox: Sandbox, config: Config) -> None:
    config["figures"]["one"]["caption"] = "Another caption."
    assert sandbox.planned(config) == {"figures/one.png", "tables/cost.csv", "config.yaml"}


def test_more_seeds_run_only_the_new_block(sandbox: Sandbox, config: Config) -> None:
    config["experiments"]["additive"]["seeds"] = 6
    assert {path for path in sandbox.planned(config) if path.startswith("runs/")} == {
        "runs/additive/step_size=0.0125/seed-4-5/weights.npz",
        "runs/additive/step_size=0.0625/seed-4-5/weights.npz",
    }


def test_edited_algorithm_reruns_its_users(sandbox: Sandbox, config: Config, edit: Edit) -> None:
    edit("workflow/rlgames/agents/sarsa.py", "step_size * error", "error * step_size")
    assert sandbox.planned(config) == {
        *(f"runs/additive/step_size={size}/seed-{seeds}/weights.npz" for size in SIZES for seeds in ("0-1", "2-3")),
        *(f"runs/tiled/default/seed-{seeds}/weights.npz" for seeds in ("0-1", "2-2")),
        "figures/both.png",
        "figures/one.png",
        "videos/tiled/default.mp4",
        "tables/final-scores.csv",
        "tables/cost.csv",
    }


def test_edited_algorithm_leaves_those_who_do_not_use_it(sandbox: Sandbox, config: Config, edit: Edit) -> None:
    edit("workflow/rlgames/agents/n_step_sarsa.py", "weight *= discount", "weight = discount * weight")
    edit("workflow/rlgames/training/gymnasium.py", "old_value = next_value", "old_value = 1.0 * next_value")
    assert sandbox.planned(config) == set()


def test_order_of_a_sweep_is_that_of_figures_and_tables(sandbox: Sandbox, config: Config) -> None:
    config["experiments"]["additive"]["sweep"].reverse()
    assert sandbox.planned(config) == {"figures/both.png", "tables/final-scores.csv", "tables/cost.csv", "config.yaml"}


def test_edited_figure_reruns_figures(sandbox: Sandbox, config: Config, edit: Edit) -> None:
    edit("workflow/rlgames/figures/learning_curves.py", "COLUMNS = 6", "COLUMNS = 4")
    assert sandbox.planned(config) == {"figures/both.png", "figures/one.png", "tables/cost.csv"}


COMMANDS = ("config", "train_linear", "figure", "final_scores", "cost", "video")


@pytest.mark.parametrize("command", COMMANDS)
def test_code_hash_covers_the_modules_that_a_command_really_loads(built: Config, command: str) -> None:
    from rlgames.plan import Plan
    from rlgames.provenance import OUTSIDE, closure

    plan = Plan({key: value for key, value in built.items() if key != "traces"})
    spec = plan.variants["tiled", "default"].spec
    roots = {
        "train_linear": [spec.agent.module, spec.environment.module],
        "figure": [plan.figure("one").module],
        "video": [spec.environment.module],
    }.get(command, [])
    module = f"rlgames.commands.{command}"
    loaded = [
        {name for name in trace["modules"] if name.split(".")[0] == "rlgames" and not name.startswith(OUTSIDE)}
        for trace in traces(built["traces"])
        if module in trace["argv"]
    ]
    assert loaded, "the command has left no trace"
    for modules in loaded:
        assert modules | {module} == set(closure([module, *roots]))


def test_parsing_imports_no_heavy_library(sandbox: Sandbox, config: Config, tmp_path: Path) -> None:
    sandbox.build(config, "--dry-run", TRACE_MODULES=str(tmp_path))
    (trace,) = traces(tmp_path)
    assert "rlgames.plan" in trace["modules"]
    heavy = {"tensorflow", "keras", "numba", "matplotlib", "seaborn", "scipy", "gymnasium", "cv2", "ale_py"}
    assert not heavy & set(trace["modules"])


def test_plan_imports_not_even_numpy(config: Config) -> None:
    """Snakemake itself loads numpy, and pandas to compare params; the plan needs neither."""
    code = f"import sys; from rlgames.plan import Plan; Plan({config!r}).targets(); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "rlgames.plan" in modules
    assert not {"numpy", "pandas", "snakemake"} & set(modules)


def test_same_bits_on_one_core_and_two(sandbox: Sandbox, config: Config) -> None:
    first = products(sandbox.folder / config["results"])  # built on one core
    sandbox.build(config, "--forceall", cores=2)
    assert products(sandbox.folder / config["results"]) == first
    assert len(first) == 3 * 6 + 6 + 2 + 1 + 1


def test_same_bits_for_any_block_size(sandbox: Sandbox, config: Config) -> None:
    blocks = sandbox.folder / config["results"]
    whole = tiny_config("results/whole") | {"block_size": 100}
    sandbox.build(whole)
    for name in ("figures", "videos", "tables"):
        assert products(blocks / name) == products(sandbox.folder / "results/whole" / name)
    run = Path("runs/additive/step_size=0.0625")
    parts = [blocks / run / f"seed-{seeds}" for seeds in ("0-1", "2-3")]
    together = sandbox.folder / "results/whole" / run / "seed-0-3"
    pd.testing.assert_frame_equal(
        pd.concat([pd.read_parquet(part / "episodes.parquet") for part in parts], ignore_index=True),
        pd.read_parquet(together / "episodes.parquet"),
    )
    np.testing.assert_array_equal(
        np.concatenate([np.load(part / "weights.npz")["weights"] for part in parts]),
        np.load(together / "weights.npz")["weights"],
    )


def test_edited_dynamics_are_compiled_again_in_their_callers(sandbox: Sandbox, config: Config, edit: Edit) -> None:
    """numba's own cache looks at the file of a function only, not at what the function calls."""
    run = sandbox.folder / config["results"] / "runs/tiled/default/seed-2-2"
    target = str((run / "weights.npz").relative_to(sandbox.folder))
    before = (run / "weights.npz").read_bytes()
    edit("workflow/rlgames/environments/mountain_car.py", "(-0.0025)", "(-0.0024)")
    sandbox.build(config, target)
    assert (run / "weights.npz").read_bytes() != before
    edit("workflow/rlgames/environments/mountain_car.py", "(-0.0024)", "(-0.0025)")
    sandbox.build(config, target)
    assert (run / "weights.npz").read_bytes() == before
    sandbox.build(config)


def test_bad_config_fails_before_any_job(sandbox: Sandbox, config: Config) -> None:
    config["results"] = "results/bad"
    config["experiments"]["tiled"]["agent"]["epsilonn"] = 0.1
    text = sandbox.build(config, fails=True)
    assert "experiments.tiled.agent: there is no key 'epsilonn'; did you mean 'epsilon'?" in text
    assert "Traceback" not in text
    assert not (sandbox.folder / "results/bad").exists()


def test_target_that_the_config_lacks(sandbox: Sandbox, config: Config) -> None:
    text = sandbox.build(config, f"{config['results']}/figures/tilde.png", fails=True)
    assert "there is no figure 'tilde'" in text
    text = sandbox.build(config, f"{config['results']}/runs/tilde/default/seed-0-1/weights.npz", fails=True)
    assert "there is no experiment 'tilde'; did you mean 'tiled'?" in text


def test_code_that_changed_since_planning_is_refused(sandbox: Sandbox) -> None:
    run = subprocess.run(
        [*sandbox.command()[:1], "-m", "rlgames.commands.cost", "--code", "0123", "--log", "x.log", "--manifests", "m",
         "--pictures", "--output", "o", "--lock", "l"],
        cwd=sandbox.folder, env=sandbox.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 1
    assert "The code changed after this job was planned" in run.stderr
    assert "Run snakemake again" in run.stderr


def test_environment_of_another_copy_is_refused(sandbox: Sandbox) -> None:
    text = sandbox.snakemake("--dry-run", fails=True, PYTHONPATH=str(ROOT / "workflow"))
    assert "This environment runs the library in" in text
    assert "source .venv/bin/activate" in text


def test_diverging_seeds_are_stopped_alone_and_named(sandbox: Sandbox) -> None:
    config = tiny_config("results/wild")
    config["experiments"] = {"wild": config["experiments"]["additive"]}
    config["experiments"]["wild"] |= {"episodes": 20, "seeds": 12, "sweep": [{"step_size": 1.0}, {"step_size": 0.05}]}
    config["experiments"]["wild"]["environment"] = {"name": "mountain-car", "max_steps": 500}
    config["block_size"] = 100
    config["figures"] = {"wild": config["figures"]["one"] | {"experiments": ["wild"]}}
    del config["videos"]
    text = sandbox.build(config)
    results = sandbox.folder / "results/wild"
    run = results / "runs/wild/step_size=1.0/seed-0-11"
    episodes = pd.read_parquet(run / "episodes.parquet")
    lost = episodes[episodes.ending == "diverged"]
    assert 0 < len(lost) < 12
    kept = episodes[~episodes.seed.isin(lost.seed)]
    assert set(kept.seed.value_counts().tolist()) == {20}
    first = lost.iloc[0]
    message = f"Diverged: experiment wild, variant step_size=1.0: seed {first.seed} in episode {first.episode}"
    assert set(pd.read_parquet(run / "recordings.parquet").seed) == set(range(12)) - set(lost.seed)
    assert message in (results / "logs/runs/wild/step_size=1.0/seed-0-11.log").read_text()
    assert text.count(message) == 2  # as it happens, and at the end
    assert "Diverged" in text.split("100%) done")[1]
    scores = pd.read_csv(results / "tables/final-scores.csv").set_index("variant")
    assert scores.seeds.to_dict() == {"step_size=1.0": 12 - len(lost), "step_size=0.05": 12}
    assert scores.diverged_seeds.to_dict() == {"step_size=1.0": len(lost), "step_size=0.05": 0}
    cost = pd.read_csv(results / "tables/cost.csv").query("job == 'training'").set_index("variant")
    assert cost.diverged_seeds.to_dict() == {"step_size=1.0": len(lost), "step_size=0.05": 0}
    figure = pd.read_csv(results / "figures/wild.csv")
    assert figure[figure.curve == "step_size = 1.0"].diverged.max() == len(lost)
    assert figure[figure.curve == "step_size = 0.05"].truncated.sum() > 0
    assert "Truncated: wild/step_size=0.05" in text


def test_deleted_results_are_made_again(sandbox: Sandbox, config: Config) -> None:
    run = sandbox.folder / config["results"] / "runs/tiled/default/seed-2-2"
    before = products(run)
    for path in run.iterdir():
        path.unlink()
    sandbox.build(config)
    assert products(run) == before


def test_recordings_are_verified_and_a_wrong_one_is_found(sandbox: Sandbox, config: Config, tmp_path: Path) -> None:
    results = tmp_path / "results"
    shutil.copytree(sandbox.folder / config["results"], results)
    command = [sys.executable, "-m", "rlgames.commands.verify", str(results)]
    run = subprocess.run(command, env=sandbox.environment, capture_output=True, text=True, check=True)
    assert "All 11 recordings give the lengths, returns and endings that were published." in run.stdout
    path = results / "runs/tiled/default/seed-2-2/recordings.parquet"
    table = pd.read_parquet(path)
    table.loc[0, "actions"] = bytes([2 - action for action in table.actions[0]])  # every push the other way
    table.to_parquet(path)
    run = subprocess.run(command, env=sandbox.environment, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "seed 2: played" in run.stdout
    assert "of 11 recordings do not give what was published" in run.stderr


def test_video_has_the_recorded_number_of_pictures(sandbox: Sandbox, config: Config) -> None:
    import av

    from rlgames.videos import HOLD

    results = sandbox.folder / config["results"]
    steps = pd.read_parquet(results / "runs/tiled/default/seed-2-2/recordings.parquet").steps[0]
    with av.open(str(results / "videos/tiled/default.mp4")) as container:
        (stream,) = container.streams.video
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert sum(1 for _ in container.decode(stream)) == 1 + steps + HOLD
    page = (results / "videos/tiled/default.html").read_text()
    assert "data:video/mp4;base64," in page
    assert f"seed 2, episode 3, {steps} steps" in page


def test_status_names_what_needs_a_second_look(sandbox: Sandbox, config: Config) -> None:
    def status() -> str:
        command = [sys.executable, "-m", "rlgames.commands.status", "config/built.yaml"]
        return subprocess.run(
            command, cwd=sandbox.folder, env=sandbox.environment, capture_output=True, text=True, check=True
        ).stdout

    sandbox.build(config)
    assert "6 of 6 runs are done" in status()
    manifest = sandbox.folder / config["results"] / "runs/tiled/default/seed-2-2/manifest.json"
    text = manifest.read_text()
    manifest.write_text(text.replace('"lock":', '"lock": "another", "old":'))
    assert "Made under another lock: tiled/default, seeds 2-2" in status()
    manifest.write_text(text)


def test_ctrl_c_ends_at_once_and_the_next_run_finishes(sandbox: Sandbox) -> None:
    config = tiny_config("results/stopped")
    config["experiments"]["tiled"] |= {"episodes": 200_000, "seeds": 2}
    del config["videos"]
    file = sandbox.folder / "config/stopped.yaml"
    file.write_text(yaml.safe_dump(config))
    run = sandbox.folder / "results/stopped/runs/tiled/default/seed-0-1"
    target = str(run.relative_to(sandbox.folder) / "weights.npz")
    process = subprocess.Popen(
        sandbox.command(target, "--cores", "1", "--configfile", str(file)),
        cwd=sandbox.folder, env=sandbox.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        process_group=0,
    )  # fmt: skip
    log = sandbox.folder / "results/stopped/logs/runs/tiled/default/seed-0-1.log"
    deadline = time.monotonic() + 60
    while not log.exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(1)  # into the compiled loop
    os.killpg(process.pid, signal.SIGINT)  # what a terminal sends for Ctrl-C
    process.communicate(timeout=20)
    process.wait()
    assert process.returncode != 0
    assert not list(run.glob("*"))
    config["experiments"]["tiled"]["episodes"] = 2
    assert "100%) done" in sandbox.build(config)
