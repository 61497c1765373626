"""How far the runs of a config are: read from files, whoever works there."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rlgames.messages import UserError, clock
from rlgames.operations import locks
from rlgames.operations.progress import read_note
from rlgames.operations.saves import is_of, last_save, next_start
from rlgames.plan.leftovers import recorded_params, unfinished
from rlgames.plan.plan import Plan
from rlgames.provenance import Manifest


@dataclass
class Run:
    """A training run or a block of them, and how far it is."""

    name: str
    experiment: str
    block: bool
    """Of short runs, which neither save nor say how far they are."""
    state: str = "waiting"
    """done; damaged, of which the manifest cannot be read; running; started, and not at its first step yet, or in a
    cluster's queue; resumable, from a save; or waiting, without a save."""
    progress: str = ""
    """How far it is, how fast, and how long the rest takes."""
    process: str = ""
    """The process that trains it, as its lock names it."""
    ended: str = ""
    """Why the last attempt ended, if it could tell."""
    killed: str = ""
    """Where the next attempt begins, if the last one ended without telling why."""
    stale: bool = False
    """Whether settings or code changed since its end, or since the last save, so that it starts anew."""
    kept: bool = False
    """Whether Snakemake takes a stale run as up to date all the same: because of --touch, or for lack of its notes."""


def survey(plan: Plan) -> list[Run]:
    """All runs of a config, in its order."""
    lock = Path(plan.path("lock"))
    # Older marks are those of a Snakemake that was killed.
    begun = unfinished(plan, lock.stat().st_mtime) if locks.holder(lock) else set()
    return [look(plan, wildcards, begun) for wildcards in plan.runs()]


def look(plan: Plan, wildcards: dict[str, str], begun: set[str]) -> Run:
    """One run. `begun` are the products whose jobs were started."""
    agent, spec = plan.agent(wildcards["experiment"]), plan.spec(SimpleNamespace(**wildcards))
    manifest, folder = (Path(plan.path(product, **wildcards)) for product in ("manifest", "state"))
    name = "{experiment}/{variant}, seed{s} {seeds}".format(**wildcards, s="s" * agent.in_blocks)
    run = Run(name, wildcards["experiment"], agent.in_blocks)
    wanted = {"spec": json.loads(spec.canonical()), "code": plan.run_code(SimpleNamespace(**wildcards))}
    if manifest.exists():
        try:
            facts = Manifest.read(manifest)
            run.state, run.stale = "done", any(getattr(facts, key) != value for key, value in wanted.items())
            if run.stale:
                recorded, params = recorded_params(str(manifest)), {plan.argument(spec.canonical()), wanted["code"]}
                run.kept = recorded is None or set(map(repr, params)) <= set(recorded)
        except UserError:  # among the notices
            run.state = "damaged"
    elif str(manifest) in begun:
        run.state = "started"
    if run.block or run.state in ("done", "damaged"):
        return run
    note, save = read_note(folder), last_save(folder)
    run.process = locks.holder(folder / "lock") or ""
    if run.process:
        run.state = "running"
    elif run.state == "waiting":
        run.ended, run.killed = note.get("ended", ""), next_start(folder) if note and "ended" not in note else ""
        if save is not None:
            run.state, run.stale = "resumable", not is_of(folder, wanted)
    if run.process != f"{note.get('process')} on {note.get('machine')}":  # it has ended, or has not come that far yet
        note |= {"done": save or 0, "time": time.time()}
    known = {"total": spec.budget if agent.evaluated else None, "done": save or 0, "time": time.time()}
    run.progress = how_far(known | note, at_work=bool(run.process))
    return run


def how_far(note: dict[str, Any], at_work: bool) -> str:
    """What a training noted, in words: how far it is, how fast if it is at work, and how long the rest takes."""
    done, total, unit, rate = note["done"], note["total"], note.get("unit", "steps"), note.get("rate")
    parts = [f"{done / total:.0%}, {done} of {total} {unit}" if total else f"{done} {unit}"]
    if rate and at_work:
        parts.append(f"{rate:.{0 if rate >= 10 else 1}f} {unit}/s")
    if rate and total:
        parts.append(f"{clock(max(0.0, (total - done) / rate - max(0.0, time.time() - note['time'])))} left")
    return ", ".join(parts)


def told_nothing(plan: Plan) -> list[str]:
    """Of the trainings that were killed, so that they could not say why they ended: a message each."""
    why = "by kill -9, or by the system for lack of memory (fewer at once may fit: CORES=1)"
    return [f"{run.name} was killed: {why}. {run.killed}" for run in survey(plan) if run.killed]
