"""Say where the results of a config are, and which runs need a second look (`make status`; briefly after `make`)."""

import argparse
from pathlib import Path

import yaml

from rlgames.plan import Plan


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
    notices = plan.notices()
    done = sum(Path(path).exists() for path in plan.run_products("manifest"))
    print(
        f"{done} of {len(plan.runs())} runs are done. Figures are in {plan.config.results}/figures, tables beside them."
    )
    if notices and arguments.brief:
        print(f"{len(notices.splitlines())} notices, of runs that diverged or were cut off: make status")
    else:
        print(notices or "No run diverged, was cut off, or was made under another lock.")


if __name__ == "__main__":
    main()
