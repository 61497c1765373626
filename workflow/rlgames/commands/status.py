"""Say how far the runs of a config are, and what needs attention (`make status`; briefly after `make`)."""

import argparse
from pathlib import Path

from rlgames.messages import count, plain
from rlgames.operations import jobs
from rlgames.plan import report, targets, words
from rlgames.plan.plan import Plan
from rlgames.plan.status import survey


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, help="a config file")
    parser.add_argument("--brief", action="store_true", help="only count the notices")
    parser.add_argument("--results", action="store_true", help="print only the results folder")
    parser.add_argument(
        "--target",
        nargs="*",
        default=[],
        help="paths to check: one that nothing makes is refused, and the nearest named",
    )
    arguments = parser.parse_args()
    plan = Plan.read(arguments.config)
    for target in arguments.target:
        targets.check(plan, target)
    if arguments.results:
        print(plan.config.results)
        return
    runs, notices = survey(plan), words.notices(plan)
    make = report.make(arguments.config)
    print(plain(report.summary(plan, runs)))
    if arguments.brief and notices:
        print(f"{count(len(notices), 'notice')} about runs that need a second look: {make} status")
        return
    if not arguments.brief:
        for line in (*report.progress(runs), *report.left_behind(plan, runs, make)):
            print(plain(line))
    print(
        plain("\n".join(map(str, notices)))
        or "No run diverged, was cut off by a limit that the config does not set, or was made under another lock."
    )


if __name__ == "__main__":
    jobs.run(main)
