"""Say how far a config's runs are, and what needs a hand or a second look (`make status`; briefly after `make`)."""

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import yaml

from rlgames import locks, runs
from rlgames.messages import clock
from rlgames.plan import Plan

LISTED = 20
"""Runs of one state that are named; of more, the number is said."""

STATES = {"running": "running", "started": "starting or queued", "resumable": "resumable", "waiting": "not begun"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--brief", action="store_true", help="count the notices")
    parser.add_argument("--results", action="store_true", help="print the results folder, no more")
    arguments = parser.parse_args()
    plan = Plan(yaml.safe_load(arguments.config.read_text(encoding="utf-8")), [arguments.config])
    if arguments.results:
        print(plan.config.results)
        return
    found = runs.survey(plan)
    counts = Counter(run.state for run in found)
    stale = sum(run.state == "done" and run.stale for run in found)
    again = f", {stale} of them with other settings or code, to be made again" if stale else ""
    parts = [f"{counts['done']} of {len(found)} runs are done{again}"]
    parts += [f"{counts[state]} {word}" for state, word in STATES.items() if counts[state]]
    print(f"{', '.join(parts)}. Figures are in {plan.config.results}/figures, tables beside them.")
    notices = plan.notices()
    if notices and arguments.brief:
        print(f"{len(notices.splitlines())} notices, of runs that diverged or were cut off: make status")
        return
    if not arguments.brief:
        make = "make" if arguments.config == Path("config/config.yaml") else f"make CONFIG={arguments.config}"
        for line in (*progress(found), *left_behind(plan, found, make)):
            print(line)
    print(notices or "No run diverged, was cut off, or was made under another lock.")


def progress(found: list[runs.Run]) -> Iterator[str]:
    """A line for each run that is running, resumable, or failed before its first save, and the numbers of others."""
    for state in ("running", "resumable", "waiting"):
        chosen = [run for run in found if run.state == state and not run.block and (state != "waiting" or run.ended)]
        for run in chosen[:LISTED]:
            yield f"{STATES[state]:<10}{run.name}: {describe(run)}"
        if len(chosen) > LISTED:
            yield f"{STATES[state]:<10}and {len(chosen) - LISTED} more"
    blocks = Counter(run.state for run in found if run.block)
    if blocks["started"] or blocks["waiting"]:
        parts = [f"{blocks[state]} {word}" for state, word in STATES.items() if blocks[state]]
        yield f"{'blocks':<10}of linear agents over tiles: {blocks['done']} done, {', '.join(parts)}"
    waiting = Counter(run.experiment for run in found if run.state == "waiting" and not (run.block or run.ended))
    if waiting:
        yield f"{'not begun':<10}{', '.join(f'{experiment} ({count})' for experiment, count in waiting.items())}"


def describe(run: runs.Run) -> str:
    """How far a run is, how fast, how long the rest takes, and what became of its last attempt."""
    parts = []
    if run.total:
        parts.append(f"{run.done / run.total:.0%}, {run.done} of {run.total} {run.unit}")
    elif run.done:
        parts.append(f"{run.done} {run.unit}")
    if run.rate and run.state == "running":
        parts.append(f"{run.rate:.{0 if run.rate >= 10 else 1}f} {run.unit}/s")
    if run.left is not None:
        parts.append(f"{clock(run.left)} left")
    if run.process:
        parts.append(f"process {run.process}")
    if run.stale:
        parts.append("starts anew: its settings or code have changed")
    if run.killed:
        parts.append("was killed")
    return ", ".join(parts) + (f". {run.ended}" if run.ended else "")


def left_behind(plan: Plan, found: list[runs.Run], make: str) -> Iterator[str]:
    """What killed processes left, and what to type."""
    snakemake = locks.holder(Path(plan.path("lock")))
    if snakemake:
        yield f"Snakemake is at work: process {snakemake}."
    elif runs.is_locked(plan):
        yield f"A killed Snakemake left its lock; if none is at work here: {make} FLAGS=--unlock"
    if not snakemake:
        for run in found:
            if run.process:
                yield (
                    f"{run.name} trains without a Snakemake, as process {run.process}: wait for it, or stop it with "
                    f"{locks.how_to_stop(run.process)}: it saves first."
                )
        if incomplete := runs.incomplete(plan):
            yield f"Killed jobs left {len(incomplete)} products that may be incomplete: {make} makes them again."
        if files := runs.abandoned(plan):
            size = sum(map(runs.size, files)) / 1e6
            yield (
                f"Killed jobs left {len(files)} temporary files, {size:.0f} MB: {make} clean-state removes them, and "
                "all saves."
            )
    for folder in runs.orphans(plan):
        yield f"No run of this config goes on from {folder}, {runs.size(folder) / 1e6:.0f} MB: rm -r '{folder}'"


if __name__ == "__main__":
    main()
