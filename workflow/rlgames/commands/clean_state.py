"""Remove what trainings resume from, and what killed jobs left half-written (`make clean-state`); results stay."""

import shutil
import sys
from pathlib import Path

from rlgames.operations import locks
from rlgames.plan import leftovers
from rlgames.plan.plan import Plan
from rlgames.plan.status import survey


def main() -> None:
    plan = Plan.read(Path(sys.argv[1]))
    state, snakemake = leftovers.state_folder(plan), Path(plan.path("lock"))
    if (ours := locks.take(snakemake)) is None:
        sys.exit(refusal(snakemake))
    with ours:  # no Snakemake starts meanwhile
        for lock in filter(locks.holder, state.rglob("lock")):
            sys.exit(refusal(lock))
        resumable = sum(run.state == "resumable" for run in survey(plan))
        files = leftovers.abandoned(plan)
        freed = leftovers.size(state) + sum(map(leftovers.size, files))
        for path in files:
            path.unlink(missing_ok=True)
        if state.exists():
            shutil.rmtree(state.resolve())  # it may be a link to another disk
    anew = f" {resumable} trainings that were under way begin anew." if resumable else ""
    print(f"Removed {state} and {len(files)} temporary files, {freed / 1e6:.0f} MB in all.{anew}")


def refusal(lock: Path) -> str:
    """Who is at work."""
    process = locks.holder(lock) or "that has ended just now"
    stop = locks.how_to_stop(process)
    return f"Process {process} is at work ({lock}): nothing was removed. Wait for it, or stop it with {stop}."


if __name__ == "__main__":
    main()
