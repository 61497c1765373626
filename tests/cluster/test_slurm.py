"""The workflow through a real Slurm: the same bits as on one machine, whatever happens to its jobs."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from conftest import Sandbox
from slurm import Slurm, obstacle, said, wait

Config = dict[str, Any]

PONG = {"name": "atari", "game": "pong", "actions": "three", "image_size": 44, "max_steps": 120}
DQN = {"name": "dqn", "network": "small", "warm_up": 300, "capacity": 1000, "games": 2, "epsilon_steps": 500}
FIGURE = {"title": "Tiny", "caption": "Untrained."}

WHOLE: Config = {
    "results": "results/whole",
    "block_size": 10,
    "evaluation": {"episodes": 2, "checkpoint_episodes": 1},
    "datasets": {"frames": {"environment": PONG, "size": 300}},
    "experiments": {
        "mountain": {
            "environment": {"name": "mountain-car"},
            "agent": {"name": "sarsa", "coding": {"name": "tiled"}},
            "episodes": 5,
            "seeds": 20,
            "sweep": {"step_size": [0.05, 0.1]},
        },
        "pong": {"environment": PONG, "agent": DQN, "steps": 600, "seeds": 1},
        "linear": {
            "environment": PONG,
            "agent": {
                "name": "dense-true-online-sarsa-lambda",
                "features": {"name": "pixels", "background": 87},
                "step_size": 0.01,
                "trace_decay": 0.8,
            },
            "steps": 300,
            "seeds": 1,
        },
        "encoder": {
            "environment": {"name": "frames", "dataset": "frames"},
            "agent": {"name": "auto-encoder", "latents": 2, "batch_size": 16},
            "epochs": 2,
            "seeds": 1,
        },
    },
    "figures": {
        "mountain": {**FIGURE, "kind": "learning-curves", "experiments": ["mountain"]},
        "pong": {**FIGURE, "kind": "returns", "experiments": ["pong", "linear"]},
        "encoder": {**FIGURE, "kind": "encoder-losses", "experiments": ["encoder"]},
    },
    "videos": {"mountain": {"seed": 0, "caption": "Untrained."}, "pong": {"seed": 0, "caption": "Untrained."}},
}

STEPS = 6000
ONE: Config = {
    "results": "results/one",
    "experiments": {"pong": {"environment": PONG, "agent": DQN, "steps": STEPS, "seeds": 1}},
}
"""A training that is still at work when something happens to its job."""
RUN = "results/one/runs/pong/default/seed-0"
STATE = "results/one/state/pong/default/seed-0"
LOG = "results/one/logs/runs/pong/default/seed-0.log"

OFTEN = """
import sys
from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
RemoteExecutor.next_seconds_between_status_checks = property(lambda self: 2, lambda self, seconds: None)
main(sys.argv[1:])
"""
"""Snakemake that looks every two seconds at its jobs: the plugin would wait ten seconds longer after each look."""


pytestmark = pytest.mark.usefixtures("slurm")


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """A Slurm for the session. Without one, tests are skipped, or, where RLGAMES_NEEDS_SLURM is set, fail."""
    if (reason := obstacle()) is not None:
        if os.environ.get("RLGAMES_NEEDS_SLURM"):
            pytest.fail(reason)
        pytest.skip(reason)
    slurm = Slurm(tmp_path_factory.mktemp("slurm"))
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()


class Submitted:
    """A Snakemake that runs a config through Slurm."""

    started: ClassVar[list[Submitted]] = []

    def __init__(self, sandbox: Sandbox, config: Config, *arguments: str, save_seconds: float = 0.3) -> None:
        self.folder = sandbox.folder
        file = Path("config", f"{Path(config['results']).name}.yaml")
        (self.folder / file).write_text(yaml.safe_dump(config))
        options = ("--profile", "profiles/slurm", "--configfile", str(file), "--slurm-status-command", "squeue")
        self.log = self.folder / "snakemake.out"
        with self.log.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", OFTEN, *options, *arguments],
                cwd=self.folder,
                env=sandbox.environment | {"RLGAMES_SAVE_SECONDS": str(save_seconds)},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self.started.append(self)

    def end(self) -> None:
        """What a test that failed left at work: Ctrl-C takes its jobs out of the queue."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=60)

    def finish(self, fails: bool = False) -> str:
        """Wait for the end, and return what was said."""
        try:
            self.process.wait(timeout=400)
        finally:
            self.end()
        text = self.log.read_text()
        assert (self.process.returncode != 0) == fails, text
        return text

    def job(self, slurm: Slurm) -> str:
        """Slurm's number of the one job, once it has been submitted."""
        wait(lambda: slurm.jobs("running,pending") or self.process.poll() is not None, "a job", self.log.read_text)
        (job,) = slurm.jobs("running,pending")
        return job

    def saved(self) -> int:
        """Wait until the training has saved; returns the number of its process."""
        state = self.folder / STATE
        wait(lambda: list(state.glob("save-*.npz")) or self.process.poll() is not None, "a save", self.log.read_text)
        return int((state / "lock").read_text().split()[0])


def products(folder: Path) -> dict[str, str]:
    """Checksums of all results; of those that hold times or go on from, none."""
    found = [
        path
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("manifest.json", "cost.csv", "index.html", "checksums.txt")
    ]
    relative = [path.relative_to(folder) for path in found]
    kept = sorted(path for path in relative if path.parts[0] not in ("logs", "state", "arguments"))
    return {str(path): hashlib.sha256((folder / path).read_bytes()).hexdigest() for path in kept}


@pytest.fixture(scope="module")
def expected(sandbox: Sandbox) -> dict[str, str]:
    """The bits of the one training, without Slurm and when nothing happens to it."""
    sandbox.build(ONE, f"{RUN}/weights.npz")
    found = products(sandbox.folder / RUN)
    shutil.rmtree(sandbox.folder / ONE["results"])
    return found


@pytest.fixture
def clean(sandbox: Sandbox) -> Iterator[Sandbox]:
    """A sandbox in which no results of the one training remain after a test, and nothing is at work on them."""
    yield sandbox
    while Submitted.started:
        Submitted.started.pop().end()
    shutil.rmtree(sandbox.folder / ONE["results"], ignore_errors=True)


def resumed(sandbox: Sandbox) -> bool:
    return "Resuming from" in (sandbox.folder / LOG).read_text()


def test_whole_config_gives_the_same_bits_as_on_one_machine(sandbox: Sandbox) -> None:
    results = sandbox.folder / WHOLE["results"]
    sandbox.build(WHOLE)
    wanted = products(results)
    shutil.rmtree(results)
    said_of_it = Submitted(sandbox, WHOLE, "--verbose").finish()
    assert products(results) == wanted
    kinds = {Path(path).parts[0] for path in wanted}
    assert kinds == {"runs", "datasets", "figures", "videos", "tables", "config.yaml"}
    jobs = said_of_it.count("has been submitted with SLURM jobid")
    assert jobs < said_of_it.count("rule ") - said_of_it.count("localrule "), "no job was shared"
    assert "Nothing to be done" in Submitted(sandbox, WHOLE).finish()


def test_cancelled_job_resumes_in_the_next_attempt(slurm: Slurm, clean: Sandbox, expected: dict[str, str]) -> None:
    submitted = Submitted(clean, ONE, f"{RUN}/weights.npz")
    first = submitted.job(slurm)
    trainer = submitted.saved()
    environment = Path(f"/proc/{trainer}/environ").read_text().split("\0")
    assert "CUDA_VISIBLE_DEVICES=" in environment  # it asked for no card
    said("scancel", first)
    wait(lambda: not Path(f"/proc/{trainer}").exists(), "the trainer to end")
    wait(lambda: set(slurm.jobs("running,pending")) - {first}, "the next attempt", submitted.log.read_text)
    (second,) = set(slurm.jobs("running,pending")) - {first}
    submitted.finish()
    assert slurm.shown(first)["JobState"] == "CANCELLED"
    minutes = [int(slurm.shown(job)["TimeLimit"].split(":")[1]) for job in (first, second)]
    assert minutes[1] == 2 * minutes[0]
    memory = [int(slurm.shown(job)["MinMemoryNode"].removesuffix("M")) for job in (first, second)]
    assert memory[1] == pytest.approx(1.5 * memory[0], abs=1)
    assert resumed(clean)
    assert products(clean.folder / RUN) == expected


def test_preempted_job_resumes_when_it_runs_again(slurm: Slurm, clean: Sandbox, expected: dict[str, str]) -> None:
    submitted = Submitted(clean, ONE, f"{RUN}/weights.npz")
    job = submitted.job(slurm)
    trainer = submitted.saved()
    urgent = ("--partition=urgent", "--ntasks=2", "--mem=10", "--output=/dev/null", "--wrap=sleep 1")
    said("sbatch", *urgent)
    wait(lambda: job in slurm.jobs("pending"), "the job to be back in the queue", submitted.log.read_text)
    assert not Path(f"/proc/{trainer}").exists()
    said("scontrol", "update", f"jobid={job}", "StartTime=now")  # it would wait two minutes
    submitted.finish()
    shown = slurm.shown(job)
    assert (shown["JobState"], shown["Restarts"]) == ("COMPLETED", "1")
    assert resumed(clean)
    assert products(clean.folder / RUN) == expected


def test_job_out_of_time_resumes_in_the_next_attempt(slurm: Slurm, clean: Sandbox, expected: dict[str, str]) -> None:
    submitted = Submitted(clean, ONE, f"{RUN}/weights.npz", "--set-resources", "train_agent:runtime=attempt")
    job = submitted.job(slurm)
    os.kill(submitted.saved(), signal.SIGSTOP)  # so that no machine is fast enough for its minute
    submitted.finish()
    assert slurm.shown(job)["JobState"] == "TIMEOUT"
    assert resumed(clean)
    assert products(clean.folder / RUN) == expected


def test_job_refuses_to_run_what_was_not_submitted(slurm: Slurm, clean: Sandbox, expected: dict[str, str]) -> None:
    said("scontrol", "update", "PartitionName=low-priority", "State=DOWN")
    try:
        submitted = Submitted(clean, ONE, f"{RUN}/weights.npz", "--retries", "0")
        submitted.job(slurm)
        edited = clean.folder / "config/one.yaml"
        text = edited.read_text()
        edited.write_text(text.replace(f"steps: {STEPS}", f"steps: {STEPS + 1}"))
    finally:
        said("scontrol", "update", "PartitionName=low-priority", "State=UP")
    message = submitted.finish(fails=True)
    assert "The config has changed since this job was submitted" in message
    assert not (clean.folder / STATE).exists()
    Submitted(clean, ONE, f"{RUN}/weights.npz").finish()
    assert products(clean.folder / RUN) == expected


def test_array_of_jobs_gives_the_same_bits(slurm: Slurm, clean: Sandbox) -> None:
    experiment = ONE["experiments"]["pong"] | {"steps": 500, "seeds": 2}
    config = ONE | {"results": "results/array", "experiments": {"pong": experiment}}
    targets = [f"results/array/runs/pong/default/seed-{seed}/weights.npz" for seed in (0, 1)]
    results = clean.folder / "results/array"
    clean.build(config, *targets)
    wanted = products(results / "runs")
    shutil.rmtree(results)
    Submitted(clean, config, *targets, "--slurm-array-jobs", "train_agent").finish()
    tasks = [job.split("_") for job in slurm.jobs("completed") if "_" in job]
    assert len(tasks) == 2
    assert len({number for number, _ in tasks}) == 1, "one array"
    assert products(results / "runs") == wanted


def test_snakemake_killed_leaves_a_job_whose_result_counts(
    slurm: Slurm, clean: Sandbox, expected: dict[str, str]
) -> None:
    submitted = Submitted(clean, ONE, f"{RUN}/weights.npz")
    job = submitted.job(slurm)
    submitted.saved()
    submitted.process.kill()
    submitted.process.wait()
    assert "Directory cannot be locked" in Submitted(clean, ONE, f"{RUN}/weights.npz").finish(fails=True)
    wait(lambda: slurm.shown(job)["JobState"] == "COMPLETED", "the job to end without its Snakemake")
    clean.snakemake("--unlock", "--configfile", "config/one.yaml")
    before = (clean.folder / RUN / "weights.npz").stat().st_mtime_ns
    time.sleep(1)
    Submitted(clean, ONE, f"{RUN}/weights.npz").finish()
    assert (clean.folder / RUN / "weights.npz").stat().st_mtime_ns == before
    assert products(clean.folder / RUN) == expected
