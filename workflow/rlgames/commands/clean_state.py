"""Remove what trainings go on from, and what killed jobs left half-written (`make clean-state`); results stay."""

import argparse
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import yaml

from rlgames import locks, runs
from rlgames.plan import Plan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    arguments = parser.parse_args()
    plan = Plan(yaml.safe_load(arguments.config.read_text(encoding="utf-8")), [arguments.config])
    snakemake = Path(plan.path("lock"))
    if (ours := locks.take(snakemake)) is None:
        refuse(snakemake)
    with ours:  # no Snakemake starts meanwhile
        remove(plan)


def remove(plan: Plan) -> None:
    state = runs.state_folder(plan)
    for lock in state.rglob("lock"):
        if locks.holder(lock):
            refuse(lock)
    resumable = sum(run.state == "resumable" for run in runs.survey(plan))
    files = runs.abandoned(plan)
    freed = runs.size(state) + sum(map(runs.size, files))
    for path in files:
        path.unlink(missing_ok=True)
    if state.exists():
        shutil.rmtree(state.resolve())  # it may be a link to another disk
    anew = f" {resumable} trainings that were under way begin anew." if resumable else ""
    print(f"Removed {state} and {len(files)} temporary files, {freed / 1e6:.0f} MB in all.{anew}")


def refuse(lock: Path) -> NoReturn:
    """Say who is at work."""
    process = locks.holder(lock) or "that has ended just now"
    sys.exit(
        f"Process {process} is at work ({lock}): nothing was removed. Wait for it, or stop it with "
        f"{locks.how_to_stop(process)}."
    )


if __name__ == "__main__":
    main()
