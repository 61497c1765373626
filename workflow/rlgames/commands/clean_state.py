"""Remove what trainings go on from, and what killed jobs left half-written (`make clean-state`); results stay."""

import argparse
import shutil
import sys
from pathlib import Path

import yaml

from rlgames import locks, runs
from rlgames.plan import Plan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    arguments = parser.parse_args()
    plan = Plan(yaml.safe_load(arguments.config.read_text(encoding="utf-8")), [arguments.config])
    state = runs.state_folder(plan)
    for lock in (Path(plan.path("lock")), *state.rglob("lock")):
        if process := locks.holder(lock):
            sys.exit(
                f"Process {process} is at work ({lock}): nothing was removed. Wait for it, or stop it with "
                f"kill {process.split()[0]}."
            )
    resumable = sum(run.state == "resumable" for run in runs.survey(plan))
    files = runs.abandoned(plan)
    freed = runs.size(state) + sum(map(runs.size, files))
    for path in files:
        path.unlink(missing_ok=True)
    shutil.rmtree(state, ignore_errors=not state.exists())
    anew = f" {resumable} trainings that were under way begin anew." if resumable else ""
    print(f"Removed {state} and {len(files)} temporary files, {freed / 1e6:.0f} MB in all.{anew}")


if __name__ == "__main__":
    main()
