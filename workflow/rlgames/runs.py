"""How far the runs of a config are, and what killed ones left behind: read from files, whoever works there."""

from __future__ import annotations

import binascii
import json
import re
import time
from base64 import urlsafe_b64decode
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from rlgames import locks
from rlgames.messages import read_note
from rlgames.plan import Plan
from rlgames.resume import going_on, is_of, last_save

SNAKEMAKE = Path(".snakemake")
"""What Snakemake knows of the working directory."""

IDLE = 600
"""Seconds after which a file that nobody writes to counts as left behind."""


@dataclass
class Run:
    """A training run or a block of them, and how far it is."""

    experiment: str
    variant: str
    seeds: str
    state: str
    """done; running; started, and not at its first step yet, or in a cluster's queue; resumable, from a save; or
    waiting, with nothing to go on from."""
    block: bool = False
    """Whether it is a block of short runs, which neither save nor say how far they are."""
    done: int = 0
    """Of `total` of its `unit`; if it is resumable, when it was saved."""
    total: int | None = None
    unit: str = "steps"
    left: float | None = None
    """Seconds, at the rate of this attempt or of the last; None if that is not known."""
    rate: float | None = None
    """Of its `unit` a second."""
    process: str = ""
    """Number and machine of the process that trains it, where its lock tells."""
    ended: str = ""
    """Why the last attempt ended, if it could tell."""
    killed: bool = False
    """Whether the last attempt ended without telling why."""
    stale: bool = False
    """Whether settings or code changed since its end, or since the last save, so that it starts anew."""

    @property
    def name(self) -> str:
        return f"{self.experiment}/{self.variant}, seed{'s' * self.block} {self.seeds}"


def survey(plan: Plan) -> list[Run]:
    """All runs of a config, in its order."""
    lock = Path(plan.path("lock"))
    # Older marks are those of a Snakemake that was killed.
    begun = unfinished(plan, lock.stat().st_mtime) if locks.holder(lock) else set()
    return [look(plan, wildcards, begun) for wildcards in plan.runs()]


def look(plan: Plan, wildcards: dict[str, str], begun: set[str]) -> Run:
    """One run. `begun` are the products whose jobs were started."""
    budget = plan.config.experiments[wildcards["experiment"]].budget
    experiment, variant, seeds = wildcards.values()
    run = Run(experiment, variant, seeds, "waiting", block=budget == "episodes")
    manifest, folder = (plan.path(product, **wildcards) for product in ("manifest", "state"))
    spec = plan.spec(SimpleNamespace(**wildcards))
    wanted = {"spec": json.loads(spec.canonical()), "code": plan.run_code(SimpleNamespace(**wildcards))}
    if Path(manifest).exists():
        facts = json.loads(Path(manifest).read_text())
        run.state, run.stale = "done", any(facts[key] != value for key, value in wanted.items())
        return run
    if run.block:
        run.state = "started" if manifest in begun else "waiting"
        return run
    note, save = read_note(Path(folder)), last_save(Path(folder))
    run.unit = note.get("unit", "steps")
    run.total, run.rate = note.get("total", getattr(spec, budget) if budget == "steps" else None), note.get("rate")
    run.process = locks.holder(Path(folder, "lock")) or ""
    since, run.done = 0.0, save or 0
    if run.process:
        run.state = "running"
        if run.process == f"{note.get('process')} on {note.get('machine')}":  # otherwise it has not come that far yet
            run.done, since = note.get("done", 0), max(0.0, time.time() - note.get("time", time.time()))
    elif manifest in begun:
        run.state = "started"
    else:
        run.ended, run.killed = note.get("ended", ""), bool(note) and "ended" not in note
        if save is not None:
            run.state = "resumable"
            run.stale = not is_of(Path(folder), wanted)
    if run.rate and run.total is not None:
        run.left = max(0.0, (run.total - run.done) / run.rate - since)
    return run


def told_nothing(plan: Plan) -> list[str]:
    """Of the trainings that were killed, so that they could not say why they ended: a message each."""
    return [
        f"{run.name} was killed: by kill -9, or by the system for lack of memory (fewer at once may fit: CORES=1). "
        + going_on(Path(plan.path("state", experiment=run.experiment, variant=run.variant, seeds=run.seeds)))
        for run in survey(plan)
        if run.killed
    ]


# What killed ones left behind.


def decoded(mark: Path, root: Path) -> str | None:
    """The product that a file below `root` marks: its path in base64, which Snakemake cuts where names get too long."""
    text = "".join(part.removeprefix("@") for part in mark.relative_to(root).parts)
    try:
        return urlsafe_b64decode(text).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def unfinished(plan: Plan, since: float = 0.0) -> set[str]:
    """Products of this config whose job was started, by Snakemake's marks, at or after a time, and has not finished."""
    root = SNAKEMAKE / "incomplete"
    found = {decoded(mark, root) for mark in root.rglob("*") if mark.is_file() and mark.stat().st_mtime >= since}
    return {path for path in found if path and path.startswith(f"{plan.config.results}/")}


def incomplete(plan: Plan) -> list[str]:
    """Those that are there, and that Snakemake will make again if no job is at work on them."""
    return [path for path in unfinished(plan) if Path(path).exists()]


def is_locked(plan: Plan) -> bool:
    """Whether Snakemake has its own lock, a file that a killed one leaves, on products of this config."""
    for lock in (SNAKEMAKE / "locks").glob("*.output.lock"):
        with suppress(OSError):  # it ended just now
            if any(line.startswith(f"{plan.config.results}/") for line in lock.read_text().splitlines()):
                return True
    return False


def orphans(plan: Plan) -> list[Path]:
    """Folders of saves that no run of this config goes on from: it was renamed, say, or taken out of the config."""
    used = {Path(plan.path("state", **run)) for run in plan.runs()}
    kept = {folder for path in used for folder in path.parents}
    found = sorted(path for path in state_folder(plan).rglob("*") if path.is_dir())
    found = [folder for folder in found if folder not in used | kept and folder.parent in kept]
    return [folder for folder in found if not any(map(locks.holder, folder.rglob("lock")))]


def state_folder(plan: Plan) -> Path:
    """Where the saves of all runs are."""
    return Path(plan.path("state")).parents[2]


def abandoned(plan: Plan) -> list[Path]:
    """Files that killed jobs had not finished, below their temporary names: those that nobody wrote to of late."""
    files = Path(plan.config.results).rglob(".*.*")
    return [path for path in files if re.fullmatch(r"\..+\.\d+(\.\w+)?", path.name) and idle(path) > IDLE]


def idle(path: Path) -> float:
    """Seconds since a file was written to; 0 if there is no such file."""
    return time.time() - path.stat().st_mtime if path.is_file() else 0.0


def size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; those that vanish meanwhile do not count."""
    total = 0
    for file in [path] if path.is_file() else path.rglob("*"):
        with suppress(OSError):
            total += file.stat().st_size
    return total
