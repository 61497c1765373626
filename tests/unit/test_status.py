"""`make status`, from files: hand-made folders of runs that are done, running, killed, changed, or not begun."""

from __future__ import annotations

import base64
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml

from rlgames.commands import clean_state, status
from rlgames.operations import locks
from rlgames.operations import progress as messages
from rlgames.operations.saves import Saves
from rlgames.plan import leftovers
from rlgames.plan.plan import Plan
from rlgames.plan.status import survey
from rlgames.surroundings import installed_lock

FILE = "config/mine.yaml"
RESULTS = "results/mine"


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A config of 300 blocks, four runs of DQN and two auto-encoders, in a working directory with nothing else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(locks, "PATIENCE", 0.0)
    config = {
        "results": RESULTS,
        "block_size": 1,
        "datasets": {"frames": {"environment": {"name": "atari", "game": "pong"}, "size": 500}},
        "experiments": {
            "car": {
                "environment": {"name": "mountain-car"},
                "agent": {"name": "sarsa", "coding": {"name": "tiled"}, "step_size": 0.05},
                "episodes": 1,
                "seeds": 300,
            },
            "pong": {
                "environment": {"name": "atari", "game": "pong"},
                "agent": {"name": "dqn", "warm_up": 500},
                "steps": 1000,
                "seeds": 4,
            },
            "codes": {
                "environment": {"name": "frames", "dataset": "frames"},
                "agent": {"name": "auto-encoder", "latents": 4},
                "epochs": 5,
                "seeds": 2,
            },
        },
    }
    Path("config").mkdir()
    Path(FILE).write_text(yaml.safe_dump(config))
    return Plan(config)


def state(experiment: str, seed: int) -> Path:
    return Path(RESULTS, "state", experiment, "default", f"seed-{seed}")


def wanted(plan: Plan, experiment: str, seeds: str) -> dict[str, Any]:
    """The spec and the code that a run would have now."""
    run = SimpleNamespace(experiment=experiment, variant="default", seeds=seeds)
    return {"spec": json.loads(plan.run_spec(run)), "code": plan.run_code(run)}


def finish(plan: Plan, experiment: str, seeds: str, **changed: Any) -> None:
    """Leave the manifest of a run, made with another spec or code if `changed` says so."""
    path = Path(plan.path("manifest", experiment=experiment, variant="default", seeds=seeds))
    path.parent.mkdir(parents=True)
    around: dict[str, Any] = {"revision": None, "lock": installed_lock(), "python": "3", "versions": {}}
    facts: dict[str, Any] = {
        "experiment": experiment, "variant": "default", "seeds": seeds, "diverged": [], "truncated": 0, "threads": 1,
        "device": "cpu", "steps": 1, "wall_seconds": 1.0, "products": {}, **around,
        "machine": {"processor": "p", "instruction_set": "i"},
    }  # fmt: skip
    path.write_text(json.dumps(facts | wanted(plan, experiment, seeds) | changed))


def save(plan: Plan, experiment: str, seed: int, step: int, **fingerprint: Any) -> None:
    """Leave a save, of another spec or code if `fingerprint` says so."""
    saves = Saves(state(experiment, seed), wanted(plan, experiment, str(seed)) | fingerprint, {})
    saves.save(step, {"x": np.zeros(3)}, {})
    saves.lock.close()


@contextmanager
def held(path: Path) -> Iterator[None]:
    """As a process that is at work holds its lock."""
    lock = locks.take(path)
    assert lock is not None
    with lock:
        yield


def note(experiment: str, seed: int, **facts: Any) -> None:
    """As this process, unless `facts` say otherwise."""
    folder = state(experiment, seed)
    folder.mkdir(parents=True, exist_ok=True)
    common = {"total": 1000, "unit": "steps", "rate": 10.0, "time": time.time()}
    messages.write_note(folder, common | {"process": os.getpid(), "machine": platform.node()} | facts)


def mark(path: str) -> None:
    """As Snakemake marks what it begins to make."""
    text = base64.urlsafe_b64encode(path.encode()).decode()
    parts = [text[start : start + 254] for start in range(0, len(text), 254)]
    file = Path(".snakemake/incomplete", *("@" + part for part in parts[:-1]), parts[-1])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("{}")


def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    monkeypatch.setattr(sys, "argv", ["status", FILE, *options])
    status.main()
    return capsys.readouterr().out.splitlines()


def test_every_state_is_told_apart_and_blocks_are_summed_up(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    for block in range(200):
        finish(plan, "car", f"{block}-{block}")
    finish(plan, "pong", "0")
    note("pong", 0, done=1000)
    note("pong", 1, done=400, time=now - 5)
    save(plan, "pong", 2, 250)
    note("pong", 2, done=300, ended="Stopped by SIGTERM at 250 steps.")
    save(plan, "codes", 1, 7, code="older")
    note("codes", 1, total=20, done=9, unit="minibatches", rate=None)
    note("codes", 0, total=20, done=0, unit="minibatches", ended="No memory.", rate=None)
    finish(plan, "pong", "3", code="older")
    me = f"{os.getpid()} on {platform.node()}"
    with held(state("pong", 1) / "lock"):
        runs = {run.name: run for run in survey(plan)}
        lines = printed(monkeypatch, capsys)
        assert printed(monkeypatch, capsys, "--results") == [RESULTS]
        assert printed(monkeypatch, capsys, "--brief") == [lines[0], lines[-1]]
    assert Counter(run.state for run in runs.values()) == {"done": 202, "running": 1, "resumable": 2, "waiting": 101}
    done, trains, stopped, outdated = (runs[f"pong/default, seed {seed}"] for seed in range(4))
    killed, failed = runs["codes/default, seed 1"], runs["codes/default, seed 0"]
    assert (done.stale, outdated.stale, killed.stale, stopped.stale) == (False, True, True, False)
    assert (trains.state, trains.process) == ("running", me)
    assert trains.progress == "40%, 400 of 1000 steps, 10 steps/s, 55 s left"
    assert stopped.progress == "25%, 250 of 1000 steps, 75 s left"
    assert killed.progress == "35%, 7 of 20 minibatches"
    assert [run.name for run in runs.values() if run.killed] == [killed.name]
    assert (stopped.ended, failed.ended) == ("Stopped by SIGTERM at 250 steps.", "No memory.")

    listed = [line for line in lines if line.startswith(("running", "resumable", "not begun"))]
    for run, line in zip((trains, killed, stopped, failed), listed, strict=True):
        assert run.name in line
        assert run.progress in line
        assert run.ended in line
    assert [run for run in runs.values() if run.stale and run.state != "done"] == [killed]
    assert ["starts anew" in line and "was killed" in line for line in listed] == [False, True, False, False]
    assert "202 of 306 runs are done, 1 of them with other settings or code" in lines[0]
    assert "200 done, 100 not begun" in next(line for line in lines if line.startswith("blocks"))
    (orphan,) = [line for line in lines if "without a Snakemake" in line]
    assert f"kill {os.getpid()}" in orphan
    assert "running" not in printed(monkeypatch, capsys)[0]


def test_what_is_being_made_and_who_makes_it(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A block and a training that has not taken its lock yet are known by the marks of a Snakemake that is at work;
    older marks are of one that was killed. One that plays its buffer again stands where it was saved."""
    mark(plan.path("manifest", experiment="pong", variant="default", seeds="2"))
    time.sleep(0.05)
    note("pong", 1, done=400, process=1, time=time.time() - 5000)
    save(plan, "pong", 1, 300)
    with held(Path(plan.path("lock"))), held(state("pong", 1) / "lock"):
        time.sleep(0.05)
        for experiment, seeds in (("car", "5-5"), ("pong", "3")):
            mark(plan.path("manifest", experiment=experiment, variant="default", seeds=seeds))
        lines = printed(monkeypatch, capsys)
    assert "1 running, 2 starting or queued, 303 not begun" in lines[0]
    (running,) = [line for line in lines if line.startswith("running")]
    assert "30%, 300 of 1000 steps, 10 steps/s, 70 s left" in running
    assert "0 done, 1 starting or queued, 299 not begun" in next(line for line in lines if line.startswith("blocks"))
    assert f"Snakemake is at work: process {os.getpid()} on {platform.node()}." in lines
    assert "1 resumable, 305 not begun" in printed(monkeypatch, capsys)[0]


def test_what_killed_ones_left_behind_and_what_removes_it(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    locked = Path(".snakemake/locks/0.output.lock")
    locked.parent.mkdir(parents=True)
    locked.write_text(f"{RESULTS}/figures/curves.png\n")
    half = Path(plan.path("weights", experiment="car", variant="default", seeds="7-7"))
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    mark(str(half))
    mark(f"{RESULTS}/runs/pong/{'long' * 40}/seed-0/weights.npz")  # and not there
    old = half.parent / ".episodes.4711.parquet"
    old.write_bytes(bytes(2_000_000))
    os.utime(old, (0, 0))
    (half.parent / ".weights.4712.npz").write_bytes(b"being written")
    renamed, gone = state("ping", 0), state("pong", 17)
    for folder in (renamed, gone):
        folder.mkdir(parents=True)
        (folder / "save-1-x.npz").write_bytes(bytes(3_000_000))
    with held(renamed.parent / "seed-9" / "lock"):  # it still trains
        assert not any(str(renamed.parents[1]) in line for line in printed(monkeypatch, capsys))
    kept = state("pong", 0)
    save(plan, "pong", 0, 5)
    lines = printed(monkeypatch, capsys)
    make = f"make CONFIG={FILE}"
    for what, command in {
        "left its lock": f"{make} FLAGS=--unlock",
        "left 1 product that may be incomplete": f"{make} makes them again",
        "left 1 temporary file, 2 MB": f"{make} clean-state",
        f"resumes from {renamed.parents[1]}, 3 MB": f"rm -r {renamed.parents[1]}",
        f"resumes from {gone}, 3 MB": f"rm -r {gone}",
    }.items():
        (line,) = [line for line in lines if what in line]
        assert command in line
    locked.write_text("results/another/figures/curves.png\n")
    assert not any("left its lock" in line for line in printed(monkeypatch, capsys))

    monkeypatch.setattr(sys, "argv", ["clean_state", FILE, "--yes"])
    with held(kept / "lock"), pytest.raises(SystemExit, match=rf"^Process {os.getpid()} on .*nothing was removed"):
        clean_state.main()
    assert kept.exists()
    clean_state.main()
    text = capsys.readouterr().out
    assert "1 temporary file, 8 MB in all" in text
    assert "Without saves, 1 training under way will have to start anew" in text
    left = sorted(path.name for path in Path(RESULTS).rglob("*") if path.is_file())
    assert left == [".weights.4712.npz", "lock", "weights.npz"]
    clean_state.main()  # nothing is left to remove
    assert "0 MB in all." in capsys.readouterr().out


def test_damaged_manifests_are_named_with_the_remedy(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also one in whose place there is a folder, or a pipe, which would be waited for."""
    finish(plan, "pong", "0")
    damaged = []
    for number, damage in enumerate((b"{", b"", b"null", b"[]", b"\xff", b'{"experiment": 1}', None, os.mkfifo)):
        finish(plan, "car", f"{number}-{number}")
        path = Path(plan.path("manifest", experiment="car", variant="default", seeds=f"{number}-{number}"))
        damaged.append(path)
        if isinstance(damage, bytes):
            path.write_bytes(damage)
        else:
            path.unlink()
            (damage or Path.mkdir)(path)
    (state("pong", 1) / "progress.json").parent.mkdir(parents=True)
    (state("pong", 1) / "progress.json").write_text("null")
    os.mkfifo(state("pong", 1) / "lock")
    (state("pong", 2) / "save-xyz.npz").mkdir(parents=True)
    note("pong", 2, done=1, ended="\x1b]0;title\x07")
    lines = printed(monkeypatch, capsys)
    assert "1 of 306 runs is done, 297 not begun, 8 damaged" in lines[0]
    assert sum("damaged, or not what it should be" in line for line in lines) == len(damaged)
    for path in damaged:
        assert any(str(path) in line and "delete it and run the same make again" in line for line in lines), path
    assert not any("\x1b" in line for line in lines)
    brief = printed(monkeypatch, capsys, "--brief")[1]
    assert brief == f"8 notices about runs that need a second look: make CONFIG={FILE} status"


def test_marks_of_the_same_folder_by_another_path_count(plan: Plan) -> None:
    """Another config may name it by a link, or by its absolute path; a part of it may lie on another disk."""
    Path("elsewhere/x").mkdir(parents=True)
    Path(RESULTS).mkdir(parents=True)
    Path("link").symlink_to(Path(RESULTS).parent)
    (Path(RESULTS) / "runs").symlink_to(Path("elsewhere/x").resolve())
    name = Path(RESULTS).name
    for path in (f"link/{name}/figures/a.png", str(Path(RESULTS).resolve() / "runs/pong/b"), f"{RESULTS}/c", "other/d"):
        mark(path)
    assert leftovers.unfinished(plan) == {f"{RESULTS}/figures/a.png", f"{RESULTS}/runs/pong/b", f"{RESULTS}/c"}
    lock = Path(".snakemake/locks/0.output.lock")
    lock.parent.mkdir(parents=True)
    lock.write_text(f"{Path(RESULTS).resolve()}/figures/curves.png\n")
    assert leftovers.is_locked(plan)
    lock.write_text(f"{RESULTS}x/figures/curves.png\n")
    assert not leftovers.is_locked(plan)


def test_570_runs_take_less_than_two_seconds(plan: Plan, tmp_path: Path) -> None:
    """Of processor time, imports included: half of the runs are done, and half resumable."""
    config = yaml.safe_load(Path(FILE).read_text())
    config["experiments"] = {"pong": config["experiments"]["pong"] | {"seeds": 570}}
    Path(FILE).write_text(yaml.safe_dump(config))
    plan = Plan(config)
    save(plan, "pong", 569, 250)
    (source,) = state("pong", 569).glob("save-*.npz")
    for seed in range(569):
        if seed % 2:
            finish(plan, "pong", str(seed))
        else:
            state("pong", seed).mkdir(parents=True)
            os.link(source, state("pong", seed) / source.name)
            note("pong", seed, done=300)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "rlgames.commands.status", FILE]
    text = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert text.startswith("284 of 570 runs are done, 286 resumable.")
    assert "resumable and 266 more" in text
    assert "starts anew" not in text
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2
