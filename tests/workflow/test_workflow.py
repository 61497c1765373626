"""The workflow, run for real on a tiny config: what is made, what is made again, and that it has the same bits."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from conftest import Sandbox, loaded_by, sign_anew, tiny_config, traces, wrong
from rlgames.plan import audit
from rlgames.plan.plan import Plan

Config = dict[str, Any]
Edit = Callable[[str, str, str], None]

NOTHING = "Nothing to be done"
SIZES = (0.0125, 0.0625)

OF_TIME = {"manifest.json", "cost.csv", "index.html", "checksums.txt"}
"""Products that tell time or machine, and so differ from run to run."""


def products(folder: Path) -> dict[str, str]:
    """Checksums of everything below a results folder that has to be the same every time."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name not in OF_TIME
        and not {"logs", "arguments"} & set(path.relative_to(folder).parts)
    }


@pytest.fixture(scope="module")
def built(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The tiny config, built once on one core with every Python process traced; tests that follow leave it as it is."""
    config = tiny_config("results/built")
    folder = tmp_path_factory.mktemp("traces")
    sandbox.build(config, cores=1, TRACE_MODULES=str(folder))
    config["traces"] = folder
    return config


@pytest.fixture
def config(built: Config) -> Config:
    """A copy of the built config, for a test to change."""
    return {key: copy.deepcopy(value) for key, value in built.items() if key != "traces"}


def test_all_products_are_there(sandbox: Sandbox, config: Config) -> None:
    results = sandbox.folder / config["results"]
    runs = ["additive/step_size=0.0125/seed-0-1", "additive/step_size=0.0625/seed-2-3", "tiled/default/seed-2-2"]
    for run in runs:
        found = {path.name for path in (results / "runs" / run).iterdir()}
        assert found == {"weights.npz", "episodes.parquet", "recordings.parquet", "manifest.json"}
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


def test_report(sandbox: Sandbox, config: Config) -> None:
    report = sandbox.folder / "report.html"
    sandbox.build(config | {"title": "Sarsa *twice*", "abstract": "What |it| is."}, "--report", str(report))
    text = report.read_text()
    assert "*twice*" in text
    assert "What |it| is." in text
    assert "Two codings. additive: seeds 0 to 3, " in text
    for part in ("environment mountain-car, max_steps 3000", "agent sarsa", "coding additive", "tiles 8", "epsilon 0.0",
                 "discount 1.0", "episodes 3; swept: step_size."):  # fmt: skip
        assert part in text, part
    assert "data:image/png" in text


def test_second_run_has_nothing_to_do_whatever_computes_nothing_was_edited(
    sandbox: Sandbox, config: Config, edit: Edit
) -> None:
    """Comments, docstrings, times of files, and all code that changes no number: operations, provenance, messages."""
    edit("workflow/rlgames/agents/linear/sarsa.py", "    for episode in", "    # a comment\n    for episode in")
    edit("workflow/rlgames/agents/linear/sarsa.py", '"""Learn to drive', '"""Learn at last to drive')
    edit("workflow/rlgames/figures/learning_curves.py", '"""Panels of single', '"""Panels in a row of single')
    edit("workflow/rules/train.smk", "# Trains agents", "# Trains all agents")
    library = sandbox.folder / "workflow/rlgames"
    for path in (*library.glob("operations/*.py"), library / "provenance.py", library / "messages.py"):
        if text := path.read_text():
            edit(str(path.relative_to(sandbox.folder)), text, f"{text}\nEDITED = 1\n")
    for path in sandbox.folder.rglob("*"):
        if path.is_file() and "results" not in path.parts and ".snakemake" not in path.parts:
            os.utime(path)
    assert NOTHING in sandbox.build(config, "--dry-run")


def test_one_step_size_reruns_its_variant_and_the_figures_over_it(sandbox: Sandbox, config: Config) -> None:
    config["experiments"]["additive"]["sweep"][1]["step_size"] = 0.05
    assert sandbox.planned(config) == {
        "runs/additive/step_size=0.05/seed-0-1/weights.npz",
        "runs/additive/step_size=0.05/seed-2-3/weights.npz",
        "figures/both.png",
        "tables/final-scores.csv",
        "tables/cost.csv",
        "index.html",
        "checksums.txt",
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
        "index.html",
        "checksums.txt",
        "config.yaml",
    }


def test_label_or_caption_redraws_its_figure_only(sandbox: Sandbox, config: Config) -> None:
    config["figures"]["one"]["caption"] = "Another caption."
    assert sandbox.planned(config) == {
        "figures/one.png",
        "tables/cost.csv",
        "config.yaml",
        "index.html",
        "checksums.txt",
    }


def test_more_seeds_run_only_the_new_block(sandbox: Sandbox, config: Config) -> None:
    config["experiments"]["additive"]["seeds"] = 6
    assert {path for path in sandbox.planned(config) if path.startswith("runs/")} == {
        "runs/additive/step_size=0.0125/seed-4-5/weights.npz",
        "runs/additive/step_size=0.0625/seed-4-5/weights.npz",
    }


def test_edited_algorithm_reruns_its_users(sandbox: Sandbox, config: Config, edit: Edit) -> None:
    edit("workflow/rlgames/agents/linear/sarsa.py", "step_size * error", "error * step_size")
    assert sandbox.planned(config) == {
        *(f"runs/additive/step_size={size}/seed-{seeds}/weights.npz" for size in SIZES for seeds in ("0-1", "2-3")),
        *(f"runs/tiled/default/seed-{seeds}/weights.npz" for seeds in ("0-1", "2-2")),
        "figures/both.png",
        "figures/one.png",
        "videos/tiled/default.mp4",
        "tables/final-scores.csv",
        "tables/cost.csv",
        "index.html",
        "checksums.txt",
    }


def test_edited_algorithm_leaves_those_who_do_not_use_it(sandbox: Sandbox, config: Config, edit: Edit) -> None:
    edit("workflow/rlgames/agents/linear/n_step_sarsa.py", "weight *= discount", "weight = discount * weight")
    edit("workflow/rlgames/training/gymnasium.py", "action = learner.act()", "action = int(learner.act())")
    assert sandbox.planned(config) == set()


def test_order_of_a_sweep_is_that_of_figures_and_tables(sandbox: Sandbox, config: Config) -> None:
    config["experiments"]["additive"]["sweep"].reverse()
    assert sandbox.planned(config) == {
        "figures/both.png",
        "tables/final-scores.csv",
        "tables/cost.csv",
        "config.yaml",
        "index.html",
        "checksums.txt",
    }


def test_edited_figure_reruns_figures(sandbox: Sandbox, config: Config, edit: Edit) -> None:
    edit("workflow/rlgames/figures/learning_curves.py", "COLUMNS = 6", "COLUMNS = 4")
    assert sandbox.planned(config) == {
        "figures/both.png",
        "figures/one.png",
        "tables/cost.csv",
        "index.html",
        "checksums.txt",
    }


@pytest.mark.parametrize("command", ["config", "train_linear", "figure", "final_scores", "cost", "video"])
def test_code_hash_covers_the_modules_that_a_command_really_loads(built: Config, command: str) -> None:
    for loaded, covered, _ in loaded_by(built["traces"], command):
        assert loaded == covered


def test_same_bits_for_any_block_size_on_one_core_and_two(sandbox: Sandbox, config: Config) -> None:
    blocks = sandbox.folder / config["results"]
    whole = tiny_config("results/whole") | {"block_size": 100}
    sandbox.build(whole, cores=2)
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


def test_edited_dynamics_are_compiled_again_in_their_callers(
    sandbox: Sandbox, built: Config, edit: Edit, tmp_path: Path
) -> None:
    """numba's own cache looks at the file of a function only, not at what the function calls."""
    dynamics, module = "workflow/rlgames/environments/mountain_car.py", "rlgames.commands.train_linear"
    (words,) = [each["argv"] for each in traces(built["traces"]) if "tiled" in each["argv"] and "2-2" in each["argv"]]
    modules = [module, *json.loads(words[words.index("--modules") + 1]).values()]
    published = (sandbox.folder / words[words.index("--weights") + 1]).read_bytes()
    arguments = [str(tmp_path / Path(word).name) if word.startswith(built["results"]) else word for word in words]
    manifest = json.loads((sandbox.folder / words[words.index("--manifest") + 1]).read_text())
    arguments[arguments.index("--spec") + 1] = json.dumps(manifest["spec"])  # the file that it came in is gone
    arguments[arguments.index("--parent") + 1] = str(os.getpid())  # of Snakemake, which has ended

    def trained() -> bytes:
        arguments[arguments.index("--code") + 1] = sandbox.code_hashes({"job": modules})["job"]
        sandbox.python(*arguments[1:])
        return (tmp_path / "weights.npz").read_bytes()

    edit(dynamics, "(-0.0025)", "(-0.0024)")
    assert trained() != published
    edit(dynamics, "(-0.0024)", "(-0.0025)")
    assert trained() == published


def test_made_again_beside_the_results_and_compared(sandbox: Sandbox, config: Config) -> None:
    """The published weights are not what the training gives: found, and nothing moved."""
    results, run = sandbox.folder / config["results"], "runs/tiled/default/seed-2-2"
    weights = results / run / "weights.npz"
    before, published = weights.read_bytes(), products(results)
    (sandbox.folder / "config/again.yaml").write_text(yaml.safe_dump(config))
    weights.write_bytes(before + b"x")
    command = ("-m", "rlgames.commands.again", "config/again.yaml", f"{config['results']}/{run}/weights.npz")
    text = sandbox.python(*command, fails=True)
    assert f"{run}/weights.npz differs" in text
    assert "differ in 1 of 3 files" in text
    weights.write_bytes(before)
    assert products(results) == published
    other = Path(f"{results}-other")
    assert (other / run / "weights.npz").read_bytes() == before
    assert not Path(f"{results}-again").exists()
    shutil.rmtree(other)


@pytest.fixture
def copied(sandbox: Sandbox, config: Config, tmp_path: Path) -> Plan:
    """The plan of a copy of the results, for a test to change."""
    results = tmp_path / "results"
    shutil.copytree(sandbox.folder / config["results"], results)
    return Plan(config | {"results": str(results)})


def test_results_are_verified_and_sha256sum_agrees(sandbox: Sandbox, config: Config, copied: Plan) -> None:
    (sandbox.folder / "config/verified.yaml").write_text(yaml.safe_dump(config))
    at_once = (
        "from rlgames.commands import verify as v; from rlgames.operations import jobs; v.PAUSE = 0; jobs.run(v.main)"
    )
    text = sandbox.python("-c", at_once, "config/verified.yaml")
    assert re.search(r"^Playing all recordings again, [\d,]+ steps\.$", text, flags=re.MULTILINE)
    assert re.search(r"^[\d,]+ of [\d,]+ steps, .* left$", text, flags=re.MULTILINE)
    assert "\r" not in text
    assert "all recordings (11) give the lengths, returns and endings that were published." in text
    assert "Not covered:" in text
    assert wrong(copied) == []
    command = ["sha256sum", "--check", "--strict", "--quiet", "checksums.txt"]
    subprocess.run(command, cwd=copied.config.results, check=True, capture_output=True)


@pytest.mark.parametrize("forged", [False, True])
@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda rows: rows.assign(actions=[bytes(2 - action for action in each) for each in rows.actions]), "played"),
        (lambda rows: rows.assign(**{"return": rows["return"] + 1}), "return is another in the table of episodes"),
        (lambda rows: rows.assign(collisions=3), "collisions is another in the table of episodes"),
        (lambda rows: rows.head(0), "seed 2, episode 3: not in both tables"),
        (lambda rows: pd.concat([rows, rows]), "has an episode twice"),
        (lambda rows: rows.assign(environment="{}"), "not in the environment that its manifest says"),
        (lambda rows: rows.assign(actions=[bytes([200])]), "cannot be played again"),
        (lambda rows: rows.drop(columns="actions"), "lacks the columns actions"),
        (lambda rows: rows.drop(columns="seed"), "recordings.parquet is damaged"),
    ],
)
def test_changed_recordings_are_found_even_signed_anew(
    copied: Plan, change: Callable[[Any], Any], found: str, forged: bool
) -> None:
    path = Path(copied.path("recordings", experiment="tiled", variant="default", seeds="2-2"))
    change(pd.read_parquet(path)).to_parquet(path)
    if forged:
        sign_anew(copied, path.parent)
    lines = wrong(copied)
    assert any(found in line for line in lines), lines
    assert any("not the file that" in line for line in lines) == (not forged), lines


def test_whatever_is_changed_is_not_the_file_that_was_signed(copied: Plan) -> None:
    run = {"experiment": "tiled", "variant": "default", "seeds": "2-2"}
    changed = [
        *(Path(copied.path(product, **run)) for product in ("weights", "episodes", "recordings", "manifest")),
        *(Path(copied.path("figure", figure="one", format=kind)) for kind in ("png", "pdf", "csv")),
        *(Path(copied.path("video", experiment="tiled", variant="default", format=kind)) for kind in ("mp4", "html")),
        *(Path(copied.path("table", table=name)) for name in ("final-scores", "cost")),
        Path(copied.path("config")),
    ]
    for path in changed:
        content = path.read_bytes()
        path.write_bytes(content.replace(b"1", b"2", 1) if b"1" in content else content + b" ")
        assert any(f"{path}: not the file that" in line for line in audit.checksums(copied)), path
        path.unlink()
        assert any(f"{path}: missing" in line for line in audit.checksums(copied)), path
        path.write_bytes(content)
    assert wrong(copied) == []
    manifest = Path(copied.path("manifest", **run))
    facts = json.loads(manifest.read_text())
    del facts["products"]["weights.npz"]
    manifest.write_text(json.dumps(facts))
    assert f"{manifest.parent}/weights.npz: not in its manifest" in wrong(copied)
    Path(copied.path("checksums")).unlink()
    assert any("checksums.txt" in line for line in wrong(copied))


def test_tables_are_made_again(copied: Plan) -> None:
    for name, column in (("final-scores", "seeds"), ("cost", "wall_seconds")):
        path = Path(copied.path("table", table=name))
        text = path.read_text()
        table: Any = pd.read_csv(path, dtype=str, keep_default_na=False)
        table.head(1).to_csv(path, index=False)
        assert sum("it lacks this row" in line for line in audit.tables(copied)) == len(table) - 1
        table.assign(**{column: ["7", *table[column][1:]]}).to_csv(path, index=False)
        assert sum("do not give this row" in line for line in audit.tables(copied)) == 1
        table.iloc[::-1].to_csv(path, index=False)
        assert any("another order" in line for line in audit.tables(copied))
        path.write_text(text)
    episodes = Path(copied.path("episodes", experiment="tiled", variant="default", seeds="0-1"))
    rows: Any = pd.read_parquet(episodes)
    rows.loc[0, "return"] += 1  # of an episode without a recording
    rows.to_parquet(episodes)
    sign_anew(copied, episodes.parent)
    said = [line.split(": ")[1] for line in wrong(copied)]
    assert said == ["its sources do not give this row", "it lacks this row"]


def test_video_has_the_recorded_number_of_pictures(sandbox: Sandbox, config: Config) -> None:
    import av

    from rlgames.videos.encoding import HOLD

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
        return sandbox.python("-m", "rlgames.commands.status", "config/status.yaml")

    (sandbox.folder / "config/status.yaml").write_text(yaml.safe_dump(config))
    assert "6 of 6 runs are done" in status()
    manifest = sandbox.folder / config["results"] / "runs/tiled/default/seed-2-2/manifest.json"
    text = manifest.read_text()
    manifest.write_text(text.replace('"lock":', '"lock": "another", "old":'))
    assert "Made under another lock: tiled/default, seeds 2-2" in status()
    manifest.write_text(text)


def test_deleted_runs_are_made_again_with_the_same_bits_on_two_cores(sandbox: Sandbox, config: Config) -> None:
    results = sandbox.folder / config["results"]
    before = products(results)
    assert len(before) == 3 * 6 + 6 + 2 + 1 + 1 + 1
    runs = [name for name in before if name.startswith("runs/")]
    for name in runs:
        (results / name).unlink()
    sandbox.build(config, *(f"{config['results']}/{name}" for name in runs), cores=2)
    assert products(results) == before
