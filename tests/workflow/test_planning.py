"""The workflow apart from its results: plans of every config, what is refused, Ctrl-C, seeds that diverge."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
import yaml

from conftest import ROOT, Sandbox, tiny_config, traces

CONFIGS = sorted({path.name for path in (ROOT / "config").glob("*.yaml")} - {"atari57.yaml"})
"""Without the one that a test below plans."""


@pytest.mark.parametrize("name", CONFIGS)
def test_dry_run_of_every_config(sandbox: Sandbox, name: str) -> None:
    assert "This was a dry-run" in sandbox.snakemake("--dry-run", "--configfile", f"config/{name}")


def test_dry_run_of_57_games(sandbox: Sandbox) -> None:
    """With 5 seeds and 2 agents: a job for each training, each evaluation, each table and figure."""
    text = sandbox.snakemake("--dry-run", "--configfile", "config/atari57.yaml")
    every = 57 * 5 * 2
    ones = dict.fromkeys(("config", "deep_scores", "several_games", "cost", "page", "checksums"), 1) | {"figure": 2}
    assert rules(text) == {"train_agent": every, "evaluate": every, **ones}
    assert f"This was a dry-run: {2 * every + sum(ones.values())} jobs, " in text


def rules(text: str) -> Counter[str]:
    """How many jobs of each rule a dry run has."""
    return Counter(re.findall(r"^(\w+) .* because: ", text, flags=re.MULTILINE))


def test_plan_imports_not_even_numpy() -> None:
    """Snakemake itself loads numpy, and pandas to compare params; the plan needs neither."""
    config = tiny_config("results/planned")
    code = f"import sys; from rlgames.plan.plan import Plan; Plan({config!r}).targets(); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "rlgames.plan.plan" in modules
    assert not {"numpy", "pandas", "snakemake"} & set(modules)


def test_parsing_imports_no_heavy_library(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.build(tiny_config("results/parsed"), "--dry-run", TRACE_MODULES=str(tmp_path))
    (trace,) = traces(tmp_path)
    assert "rlgames.plan.plan" in trace["modules"]
    heavy = {"tensorflow", "keras", "numba", "matplotlib", "seaborn", "scipy", "gymnasium", "cv2", "ale_py"}
    assert not heavy & set(trace["modules"])


def test_bad_config_fails_before_any_job(sandbox: Sandbox) -> None:
    config = tiny_config("results/bad")
    config["experiments"]["tiled"]["agent"]["epsilonn"] = 0.1
    text = sandbox.build(config, fails=True)
    assert "experiments.tiled.agent: there is no key 'epsilonn'; did you mean 'epsilon'?" in text
    assert "Traceback" not in text
    assert not (sandbox.folder / "results/bad").exists()


def test_target_that_the_config_lacks(sandbox: Sandbox) -> None:
    config = tiny_config("results/lacks")
    text = sandbox.build(config, "--dry-run", f"{config['results']}/figures/tilde.png", fails=True)
    assert "there is no figure 'tilde'" in text
    assert "Traceback" not in text
    assert "lambda" not in text
    text = sandbox.build(
        config, "--dry-run", f"{config['results']}/runs/tilde/default/seed-0-1/weights.npz", fails=True
    )
    assert "there is no experiment 'tilde'; did you mean 'tiled'?" in text


def test_variable_that_jobs_could_not_read_is_named(sandbox: Sandbox) -> None:
    text = sandbox.build(tiny_config("results/saves"), "--dry-run", fails=True, RLGAMES_SAVE_SECONDS="abc")
    assert "RLGAMES_SAVE_SECONDS is 'abc'" in text
    assert "Traceback" not in text


MODULE = """
from pathlib import Path
import yaml
module lesson:
    snakefile: {snakefile}
    config: yaml.safe_load(Path({config!r}).read_text())
use rule * from lesson as lesson_*
rule mine:
    default_target: True
    input: "results/inner/figures/both.png"
    output: "mine.txt"
    shell: "cp {{input}} {{output}}"
"""


@pytest.mark.parametrize("place", ["folder", "repository"])
def test_use_as_a_module_from_another_folder(sandbox: Sandbox, tmp_path: Path, place: str) -> None:
    """Also as the workflow catalogue and `snakedeploy` do it: from a repository, with the library installed."""
    file = tmp_path / "inner.yaml"
    file.write_text(yaml.safe_dump(tiny_config("results/inner")))
    snakefile = repr(str(sandbox.folder / "Snakefile"))
    if place == "repository":
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
        for words in (["init", "-q"], ["add", "Snakefile", "workflow"], ["commit", "-qm", "a"]):
            subprocess.run([*git, *words], cwd=sandbox.folder, check=True)
        head = subprocess.run(
            [*git, "rev-parse", "HEAD"], cwd=sandbox.folder, check=True, capture_output=True, text=True
        )
        snakefile = f"gitfile({str(sandbox.folder)!r}, path='workflow/Snakefile', commit={head.stdout.strip()!r})"
    (tmp_path / "Snakefile").write_text(MODULE.format(snakefile=snakefile, config=str(file)))
    text = sandbox.snakemake("--dry-run", "--snakefile", f"{tmp_path}/Snakefile", "--directory", str(tmp_path))
    assert rules(text) == {"lesson_train_linear": 6, "lesson_figure": 1, "mine": 1}


def test_code_that_changed_since_planning_is_refused(sandbox: Sandbox) -> None:
    text = sandbox.python(
        "-m", "rlgames.commands.cost", "--code", "0123", "--log", "x.log", "--manifests", "m", "--pictures",
        "--output", "o", "--lock", "l", fails=True,
    )  # fmt: skip
    assert "The code changed after this job was planned" in text
    assert "Run the same command again" in text
    assert text.strip().splitlines()[-1] in (sandbox.folder / "x.log").read_text(), "what make says of a failed job"


def test_environment_of_another_copy_is_refused(sandbox: Sandbox) -> None:
    text = sandbox.snakemake("--dry-run", fails=True, PYTHONPATH=str(ROOT / "workflow"))
    assert "This environment would run the library in" in text
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
    assert "Diverged" in text.split("all done in")[1]
    scores = pd.read_csv(results / "tables/final-scores.csv").set_index("variant")
    assert scores.seeds.to_dict() == {"step_size=1.0": 12 - len(lost), "step_size=0.05": 12}
    assert scores.diverged_seeds.to_dict() == {"step_size=1.0": len(lost), "step_size=0.05": 0}
    assert scores.steps.isna().to_dict() == {"step_size=1.0": True, "step_size=0.05": False}
    cost = pd.read_csv(results / "tables/cost.csv").query("job == 'training'").set_index("variant")
    assert cost.diverged_seeds.to_dict() == {"step_size=1.0": len(lost), "step_size=0.05": 0}
    figure = pd.read_csv(results / "figures/wild.csv")
    assert figure[figure.curve == "step_size = 1.0"].diverged.max() == len(lost)
    assert figure[figure.curve == "step_size = 0.05"].truncated.sum() > 0
    assert "Truncated: wild/step_size=0.05" in text


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
    assert "all done in" in sandbox.build(config, target)


def test_catalogue_finds_the_workflow_where_it_looks(sandbox: Sandbox) -> None:
    def jobs(*more: str) -> set[str]:
        printed = sandbox.snakemake("--dry-run", "--configfile", "config/smoke.yaml", *more)
        return {line for line in printed.splitlines() if " because: " in line and not line.startswith("default")}

    assert jobs("--snakefile", "workflow/Snakefile") == jobs()
    assert len(jobs()) > 10
