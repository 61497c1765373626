"""Removing files, once the user has seen which and said yes; `plan/leftovers.py` knows what may be removed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from itertools import groupby
from pathlib import Path

from rlgames.operations import locks
from rlgames.plan import leftovers
from rlgames.plan.plan import Plan


def options(description: str | None) -> argparse.Namespace:
    """The command line of commands that remove files."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("config", type=Path, help="a config file")
    parser.add_argument("--yes", action="store_true", help="remove without asking (make: YES=1)")
    parser.add_argument("--dry-run", action="store_true", help="only show what would be removed (make: DRY=1)")
    return parser.parse_args()


@contextmanager
def alone(plan: Plan, dry_run: bool) -> Iterator[None]:
    """Keep every Snakemake out of the results meanwhile; end this process while one, or a training, is at work.

    A dry run only looks whether one is, which needs no write access.
    """
    snakemake = Path(plan.path("lock"))
    if not Path(plan.config.results).is_dir():
        print(f"There is no folder {plan.config.results}: nothing to remove.")
        sys.exit()
    ours = None if dry_run else locks.take(snakemake)
    if ours is None and (not dry_run or locks.holder(snakemake)):
        sys.exit(refusal(snakemake))
    with ours or nullcontext():
        for lock in leftovers.saves(plan):
            if lock.name == "lock" and locks.holder(lock):
                sys.exit(refusal(lock))
        yield


def refusal(lock: Path) -> str:
    """Who is at work."""
    if (process := locks.holder(lock)) is None:
        return f"A process was at work until just now ({lock}): nothing was removed. Run the same command again."
    stop = locks.how_to_stop(process)
    return f"Process {process} is at work ({lock}): nothing was removed. Wait for it, or stop it with {stop}."


def remove(plan: Plan, files: list[Path], what: str, chosen: argparse.Namespace) -> None:
    """Show files, ask, and remove them and the folders that are empty then.

    `what` they are, in words. Links are named, and neither removed nor followed.
    """
    root = Path(plan.config.results)
    megabytes = f"{sum(map(leftovers.size, files)) / 1e6:.0f} MB in all"
    for folder, inside in groupby(files, key=lambda path: path.parent):
        print(f"{folder}/ {', '.join(path.name for path in inside)}")
    for place, inner, _ in os.walk(root):
        for link in filter(Path.is_symlink, (Path(place, name) for name in inner)):
            print(f"Left as it is: {link}, a link to {link.resolve()}")
    if chosen.dry_run or not files:
        print(f"{'Would remove' if files else 'Removed'} {what}, {megabytes}.")
    elif chosen.yes or agreed(f"Remove {what}, {megabytes}? [y/N] "):
        unlink(root, files)
        print(f"Removed {what}, {megabytes}.")
    else:
        print("Nothing was removed.")


def unlink(root: Path, files: list[Path]) -> None:
    """Remove files below a folder, and the folders that are empty then, this one included."""
    for path in files:
        path.unlink(missing_ok=True)
    for folder in sorted({folder for path in files for folder in path.parents}, key=lambda path: -len(path.parts)):
        if folder.is_relative_to(root):
            with suppress(OSError):  # it is not empty
                folder.rmdir()


def agreed(question: str) -> bool:
    """What the user answers; ends this process where nobody can."""
    if not sys.stdin.isatty():
        what = question.partition("?")[0]
        sys.exit(f"{what}? Nothing was removed, since there is no terminal to ask on; YES=1 removes without asking.")
    try:
        return input(question).strip().lower() in ("y", "yes")
    except (EOFError, KeyboardInterrupt):  # Ctrl-D, Ctrl-C
        print()
        return False
