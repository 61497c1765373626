"""What `make status` says: how far all runs are, and what killed processes left, with what to type."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rlgames.messages import count
from rlgames.operations import locks
from rlgames.plan import leftovers
from rlgames.plan.plan import Plan
from rlgames.plan.status import Run

LISTED = 20
"""Maximum number of runs of one state that are named; the others are counted."""

STATES = {"running": "running", "started": "starting or queued", "resumable": "resumable", "waiting": "not begun",
          "damaged": "damaged"}  # fmt: skip
"""States in words, except that of runs that are done."""


def make(config: Path) -> str:
    """The command that builds a config, as typed into a shell; other targets of the Makefile follow it."""
    return "make" if config == Path("config/config.yaml") else shlex.join(["make", f"CONFIG={config}"])


def summary(plan: Plan, runs: list[Run]) -> str:
    """All runs in one line."""
    counts, stale = Counter(run.state for run in runs), [run for run in runs if run.state == "done" and run.stale]
    kept = sum(run.kept for run in stale)
    again = f", {len(stale) - kept} of them with other settings or code, to be made again" if len(stale) > kept else ""
    again += f", {kept} of them with other settings or code, which make leaves as they are" if kept else ""
    are = "is" if 1 in (counts["done"], len(runs)) else "are"
    parts = [f"{counts['done']} of {count(len(runs), 'run')} {are} done{again}", *counted(counts)]
    page = plan.path("page")
    where = f"Open {page}." if Path(page).exists() else f"{page} will show them when all are done."
    return f"{', '.join(parts)}. {where}"


def counted(counts: Counter[str]) -> list[str]:
    return [f"{counts[state]} {word}" for state, word in STATES.items() if counts[state]]


def progress(runs: list[Run]) -> Iterator[str]:
    """A line for each run that is running, resumable, or failed before its first save, and the numbers of others."""
    for state in ("running", "resumable", "waiting"):
        chosen = [run for run in runs if run.state == state and not run.block and (state != "waiting" or run.ended)]
        for run in chosen[:LISTED]:
            yield f"{STATES[state]:<10}{run.name}: {described(run)}"
        if len(chosen) > LISTED:
            yield f"{STATES[state]:<10}and {len(chosen) - LISTED} more"
    blocks = Counter(run.state for run in runs if run.block)
    if blocks["started"] or blocks["waiting"]:
        parts = [f"{blocks['done']} done", *counted(blocks)]
        yield f"{'blocks':<10}of linear agents over tiles: {', '.join(parts)}"
    waiting = Counter(run.experiment for run in runs if run.state == "waiting" and not (run.block or run.ended))
    if waiting:
        yield f"{'not begun':<10}{', '.join(f'{experiment} ({count})' for experiment, count in waiting.items())}"


def described(run: Run) -> str:
    """How far a run is, and what became of its last attempt."""
    said = run.progress
    said += f", process {run.process}" if run.process else ""
    said += ", starts anew: its settings or code have changed" if run.stale else ""
    said += ", was killed" if run.killed else ""
    return said + (f". {run.ended}" if run.ended else "")


def left_behind(plan: Plan, runs: list[Run], make: str) -> Iterator[str]:
    """What killed processes left, and what to type; `make` is the command that builds the config."""
    snakemake = locks.holder(Path(plan.path("lock")))
    if snakemake:
        yield f"Snakemake is at work: process {snakemake}."
    else:
        if leftovers.is_locked(plan):
            yield f"A killed Snakemake left its lock. If no other Snakemake is at work here: {make} FLAGS=--unlock"
        for run in runs:
            if run.process:
                what = f"{run.name} trains without a Snakemake, as process {run.process}"
                yield f"{what}: wait for it, or stop it with {locks.how_to_stop(run.process)}: it saves first."
        if incomplete := sum(Path(path).exists() for path in leftovers.unfinished(plan)):
            yield f"Killed jobs left {count(incomplete, 'product')} that may be incomplete: {make} makes them again."
        if files := leftovers.abandoned(plan):
            what = f"{count(len(files), 'temporary file')}, {sum(map(leftovers.size, files)) / 1e6:.0f} MB"
            yield f"Killed jobs left {what}: {make} clean-state removes them, and all saves."
    if kept := [run for run in runs if run.kept]:
        what = f"{count(len(kept), 'run')} with other settings or code, such as {kept[0].name}"
        why = "after --touch, or because its records in .snakemake are gone"
        yield f"Taken for up to date by Snakemake, {why}: {what}. To make a run again, delete it, in state too."
    if files := [path for path in leftovers.dropped(plan) if not leftovers.is_save(plan, path)]:
        what = f"{count(len(files), 'file')}, {sum(map(leftovers.size, files)) / 1e6:.0f} MB, such as {files[0]}"
        them = "it" if len(files) == 1 else "them"
        yield f"The config no longer makes {what}. A glob over the results finds {them} too: {make} prune"
    for folder in leftovers.orphans(plan):
        what = f"{folder}, {leftovers.size(folder) / 1e6:.0f} MB"
        yield f"No run of this config resumes from {what}: rm -r {shlex.quote(str(folder))}"
