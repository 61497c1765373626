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
from rlgames.operations.progress import Note, read_note
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
    """What a training noted, in words: how far it is, and if it is at work, how fast, with its mean return; and how
    long the rest takes."""
    found = Note.of({"unit": "steps"} | {name: value for name, value in note.items() if name != "ended"}, 0.0)
    done, total, unit = note["done"], found.total, found.unit
    parts = [f"{found.share:.0%}, {done} of {total} {unit}" if total else f"{done} {unit}"]
    parts += [found.speed, found.remark] if at_work else []
    parts += [f"{clock(found.left(time.time()))} left"] if found.rate and total else []
    return ", ".join(filter(None, parts))


def left_to_do(plan: Plan, wildcards: dict[str, str]) -> float:
    """The share of a training, from 0 to 1, that is left after its last save, if that is one of these settings."""
    run, folder = SimpleNamespace(**wildcards), Path(plan.path("state", **wildcards))
    total, save = read_note(folder).get("total"), last_save(folder)
    wanted = {"spec": json.loads(plan.run_spec(run)), "code": plan.run_code(run)}
    if not (total and save is not None and is_of(folder, wanted)):
        return 1.0
    return max(0.0, 1 - save / total)
