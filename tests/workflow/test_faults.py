"""What goes wrong on one machine, done to real processes: what the user sees, that typing it works, and the same bits.

docs/recovery.md has these faults as a table, a row for each test.
"""

from __future__ import annotations

import hashlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import Sandbox, file_system

Config = dict[str, Any]

PONG = {"name": "atari", "game": "pong", "max_steps": 130, "sticky": 0.25}
LINEAR = {
    "name": "dense-true-online-sarsa-lambda", "features": {"name": "pixels", "background": 87}, "step_size": 0.01,
    "trace_decay": 0.8, "epsilon_steps": 500,
}  # fmt: skip
"""It needs no TensorFlow, so that a job starts in two seconds; its saves are small, and written as a deep agent's."""
DEEP = {
    "name": "dqn", "network": "small", "warm_up": 300, "capacity": 1000, "games": 2, "epsilon_steps": 500,
    "target_every": 100,
}  # fmt: skip
STEPS = 1500
BEGUN = f" of {STEPS} steps\n"
"""In the message with which a training begins, or resumes."""

PATIENCE = 300
"""Seconds for one step of a test, on however busy a machine."""

LOCKED = "Directory cannot be locked"
"""What Snakemake says where another one is at work, or was killed."""


class Case:
    """A config with one training, in a results folder of its own, and the command that builds it."""

    def __init__(self, sandbox: Sandbox, name: str, results: str = "", agent: dict[str, Any] = LINEAR) -> None:
        self.sandbox, self.name = sandbox, name
        self.results = Path(results or f"results/{name}")
        experiment = {"environment": PONG, "agent": agent, "steps": STEPS, "seeds": 1}
        self.config: Config = {"results": str(self.results), "experiments": {"pong": experiment}}
        self.file = sandbox.folder / "config" / f"{name}.yaml"
        self.write()
        self.output = sandbox.folder / f"{name}.txt"
        self.processes: list[subprocess.Popen[bytes]] = []

    def write(self) -> None:
        self.file.write_text(yaml.safe_dump(self.config))

    def path(self, kind: str) -> Path:
        return self.sandbox.folder / self.results / kind / "pong/default/seed-0"

    def command(self, *arguments: str) -> list[str]:
        target = Path(self.results / "runs/pong/default/seed-0/manifest.json")
        for folder in arguments[1:]:  # below the working directory, paths of products are relative to it
            target = target.relative_to(folder) if target.is_relative_to(folder) else target
        options = ["--cores", "1", "--configfile", str(self.file), *arguments]
        return self.sandbox.command(*options, "--", str(target))

    def start(self, *arguments: str, before: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        """Snakemake in a process group of its own, with five saves a second; its words go to `output`."""
        with self.output.open("wb") as output:
            process = subprocess.Popen(
                [*before, *self.command(*arguments)], cwd=self.sandbox.folder, process_group=0, stdout=output,
                stderr=subprocess.STDOUT, env=self.sandbox.environment | {"RLGAMES_SAVE_SECONDS": "0.2"},
            )  # fmt: skip
        self.processes.append(process)
        return process

    def end(self) -> None:
        """End what a test that failed left at work; a trainer ends with its Snakemake."""
        for process in self.processes:
            process.kill()
            process.wait()

    def said(self) -> str:
        """By Snakemake, and by the training in its log, which Snakemake empties before each attempt."""
        log = self.path("logs/runs").with_suffix(".log")
        return self.output.read_text() + (log.read_text() if log.exists() else "")

    def run(self, *arguments: str, fails: bool = False, before: tuple[str, ...] = ()) -> str:
        """Snakemake to its end: what it said."""
        process = self.start(*arguments, before=before)
        assert (process.wait(timeout=PATIENCE) != 0) == fails, self.said()
        return self.said()

    def wait_for(self, process: subprocess.Popen[bytes], *wanted: str) -> None:
        """Wait until Snakemake's output has all of `wanted`."""
        deadline = time.monotonic() + PATIENCE
        while not all(text in self.said() for text in wanted):
            assert process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.02)

    def trainer(self) -> int:
        """The process that trains."""
        return int((self.path("state") / "lock").read_text().split()[0])

    @contextmanager
    def frozen(self) -> Iterator[int]:
        """Let the trainer stand still meanwhile, so that it does not end first, however slow this test is."""
        trainer = self.trainer()
        os.kill(trainer, signal.SIGSTOP)
        yield trainer
        with suppress(ProcessLookupError):
            os.kill(trainer, signal.SIGCONT)

    def saved(self) -> int:
        """The step of the newest save."""
        return max(int(path.name.split("-")[1]) for path in self.path("state").glob("save-*.npz"))

    def products(self) -> dict[str, str]:
        """Checksums of all but the manifest, which tells the time."""
        paths = [path for path in self.path("runs").iterdir() if path.name != "manifest.json"]
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

    def status(self) -> str:
        return self.tool("status")

    def tool(self, name: str, *options: str, fails: bool = False) -> str:
        run = subprocess.run(
            [sys.executable, "-m", f"rlgames.commands.{name}", str(self.file), *options], cwd=self.sandbox.folder,
            env=self.sandbox.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (run.returncode != 0) == fails, run.stderr
        return run.stdout + run.stderr


New = Callable[..., Case]


@pytest.fixture
def new(sandbox: Sandbox) -> Iterator[New]:
    """A function that makes a `Case`."""
    cases: list[Case] = []

    def make(*arguments: Any) -> Case:
        cases.append(Case(sandbox, *arguments))
        return cases[-1]

    yield make
    for case in cases:
        case.end()


@pytest.fixture(scope="module")
def reference(sandbox: Sandbox) -> dict[str, str]:
    """The products of a training that nothing interrupts."""
    case = Case(sandbox, "whole")
    try:
        case.run()
    finally:
        case.end()
    assert set(case.products()) == {"weights.npz", "episodes.parquet", "recordings.parquet"}
    return case.products()


def test_signals_end_snakemake_and_its_trainer_which_saves_first(new: New, reference: dict[str, str]) -> None:
    """Sent to Snakemake alone, as `kill` or a service manager does: its trainer gets nothing by itself."""
    case, step = new("signals"), 0
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process = case.start()
        case.wait_for(process, f"{step}{BEGUN}")
        with case.frozen():
            process.send_signal(number)
            case.wait_for(process, f"stopped by {number.name}")
        assert process.wait(timeout=PATIENCE) != 0
        text, step = case.said(), case.saved()
        log = case.sandbox.folder / case.results / "logs/runs/pong/default/seed-0.log"
        for said in (text, log.read_text()):
            assert f"Stopped by SIGTERM at {step} steps" in said
            assert f"resumes from the save at {step}." in said
        assert "run the same command again" in text
        assert "Traceback" not in text
    status = case.status()
    assert "1 resumable" in status
    assert f"{step} of {STEPS} steps" in status
    assert f"Resuming from {step} steps." in case.run()
    assert case.products() == reference


def test_signals_to_a_trainer_fail_its_job_and_the_next_attempt_resumes(new: New, reference: dict[str, str]) -> None:
    case, step = new("trainer"), 0
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        process = case.start()
        case.wait_for(process, f"{step}{BEGUN}", "Saved.")
        with case.frozen() as trainer:
            os.kill(trainer, number)
        assert process.wait(timeout=PATIENCE) != 0
        step, text = case.saved(), case.said()
        killed = number == signal.SIGKILL
        assert ("was killed: by kill -9" in text) == killed
        assert (f"Stopped by {number.name} at {step} steps" in text) == (not killed)
        assert f"resumes from the save at {step}." in text
        assert "run the same command again" in text
    assert "was killed" in case.status()  # the last one
    assert f"Resuming from {step} steps." in case.run()
    assert case.products() == reference


def test_snakemake_killed_leaves_a_lock_and_no_trainer(new: New, reference: dict[str, str]) -> None:
    case = new("killed")
    process = case.start()
    case.wait_for(process, "Saved.")
    with case.frozen():
        process.kill()
        process.wait()
    assert LOCKED in (text := case.run(fails=True))
    assert "--unlock" in text
    text = case.status()
    assert "1 resumable" in text
    assert f"make CONFIG={case.file} FLAGS=--unlock" in text
    assert "Killed jobs left" not in text  # no product was begun
    case.run("--unlock")
    step = case.saved()
    assert f"Resuming from {step} steps." in case.run()
    assert "A killed Snakemake" not in case.status()
    assert case.products() == reference


def test_two_at_once_the_second_is_refused_and_the_first_goes_on(
    new: New, reference: dict[str, str], tmp_path: Path
) -> None:
    """In one working directory Snakemake's own lock tells. Where it was removed in error, and in two directories, as
    with two clones, the one on the results does."""
    results = tmp_path / "shared"
    case = new("first", str(results))
    first = case.start()
    case.wait_for(first, f"0{BEGUN}")
    second = new("second", str(results))
    (tmp_path / "elsewhere").mkdir()
    with case.frozen() as trainer:
        text = case.status()
        assert "0 of 1 run is done, 1 running." in text
        assert f"process {trainer} on " in text
        assert f"Snakemake is at work: process {first.pid} on " in text
        text = case.tool("clean_state", fails=True)
        assert f"Process {first.pid} on " in text
        assert "nothing was removed" in text
        assert LOCKED in second.run(fails=True)
        second.run("--unlock")  # in error
        for arguments in ((), ("--directory", str(tmp_path / "elsewhere"))):
            text = second.run(*arguments, fails=True)
            assert re.search(rf"Another Snakemake \({first.pid} on \S+\) makes {results}\.", text)
            assert "Traceback" not in text
    assert first.wait(timeout=PATIENCE) == 0, case.said()
    assert "Nothing to be done" in second.run()
    assert case.products() == reference
    assert "1 of 1 run is done. " in case.status()  # none of them to be made again
    assert "Removed" in case.tool("clean_state", "--yes")
    assert not (results / "state").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A working directory on a file system of its own, of 2 MB: results, and what Snakemake knows of them."""
    with file_system(tmp_path / "disk", "2m") as folder:
        yield folder


def test_full_disk_ends_with_the_remedy(new: New, reference: dict[str, str], small_disk: Path) -> None:
    case = new("disk", str(small_disk / "results"))
    process = case.start("--directory", str(small_disk))
    case.wait_for(process, "Saved.")
    with case.frozen():
        fill(small_disk / "filler")
    assert process.wait(timeout=PATIENCE) != 0
    text = case.said()
    assert "Nothing was saved at" in text
    assert "The disk is full" in text
    assert f"resumes from the save at {(step := case.saved())}." in text
    (small_disk / "filler").unlink()
    assert f"Resuming from {step} steps." in case.run("--directory", str(small_disk))
    assert case.products() == reference


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file:
        for size in (65536, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass


def test_results_that_cannot_be_written_are_refused_before_the_first_job(new: New, reference: dict[str, str]) -> None:
    """As an ordinary user; root, who may write anywhere, gives up that right."""
    ordinary = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
    if ordinary and (not shutil.which("setpriv") or subprocess.run([*ordinary, "true"], check=False).returncode):
        pytest.skip("root cannot become an ordinary user here")
    case = new("closed")
    for folder in (case.path("runs"), case.sandbox.folder / case.results):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o555)
        text = case.run(fails=True, before=ordinary)
        folder.chmod(0o755)
        assert "Nothing can be written to" in text
        assert "(Permission denied). Make it yours (sudo chown -R $USER results/closed)" in text
        assert "Failed: " not in text
        assert "Traceback" not in text
    case.run(before=ordinary)
    assert case.products() == reference


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits another process")
def test_out_of_memory_is_told_before_the_first_step_and_in_the_middle(new: New, reference: dict[str, str]) -> None:
    limited = ("prlimit", f"--as={5_000_000_000}")
    case = new("large", "", DEEP | {"capacity": 1_000_000})
    text = case.run(fails=True, before=limited)
    said = case.status()
    for message in (text, said):
        assert "needs 8.1 GB of memory (1000000 frames of the replay buffer" in message
        assert "process's own limit (ulimit -v). Lower the agent's capacity" in message
        assert "was killed" not in message
    assert BEGUN not in text

    case = new("memory")
    process = case.start(before=limited)
    case.wait_for(process, "Saved.")
    with case.frozen() as trainer:
        taken = int(Path(f"/proc/{trainer}/statm").read_text().split()[0]) * resource.getpagesize()
        resource.prlimit(trainer, resource.RLIMIT_AS, (taken, taken))
    assert process.wait(timeout=PATIENCE) != 0
    text = case.said()
    # Python's own words, or none where C++ gave up.
    assert "Out of memory" in text or "for lack of memory" in text, text
    assert f"resumes from the save at {(step := case.saved())}." in text
    assert f"Resuming from {step} steps." in case.run(before=limited)
    assert case.products() == reference
