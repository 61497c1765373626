"""Make targets of a config again from nothing, in a folder beside the results, and compare the two bit by bit
(`make again TARGET=path`). The results stay as they are; a second build that differs is kept under another name."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from itertools import chain
from itertools import count as count_from
from pathlib import Path

from rlgames.messages import count
from rlgames.operations import isolation, jobs
from rlgames.plan import comparison, removal, report
from rlgames.plan.plan import Plan
from rlgames.plan.targets import check

MARK = ".made-again"
"""The file that tells a folder of this command from the results of another config."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, help="a config file")
    parser.add_argument("targets", nargs="*", help="files below the results folder to make again")
    parser.add_argument("--cores", default="all", help="cores to use (default: all); further options go to Snakemake")
    chosen, more = parser.parse_known_args()
    plan = Plan.read(chosen.config)
    again, results = comparison.second(plan), plan.config.results
    if not chosen.targets:
        make = report.make(chosen.config)
        sys.exit(f"Name a file of {results} to make again, such as: {make} again TARGET={plan.targets()[-1]}")
    for target in chosen.targets:
        if not (Path(target).is_relative_to(results) and Path(target).is_file()):
            sys.exit(f"{target} is not there, or not in {results}: make it first, or name another file.")
        check(plan, target)
    isolation.isolate()
    folder = Path(again.config.results)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARK).exists():
        sys.exit(
            f"{folder}, where these targets would be made, holds what make again has not made, and would be lost: "
            "rename it, and change the results of its config."
        )
    targets = [str(folder / Path(target).relative_to(results)) for target in chosen.targets]
    command = [sys.executable, "-P", "-m", "snakemake", *targets, "--configfile", str(chosen.config)]
    command += ["--config", f"results={folder}", "--cores", chosen.cores, *more]
    folder.mkdir(exist_ok=True)
    (folder / MARK).touch()
    failed = build(command)
    if [path.name for path in folder.iterdir()] == [MARK]:
        removal.unlink(folder, [folder / MARK])
    if failed:
        sys.exit(
            f"Not everything was made again: nothing was compared, and {results} is as it was. The same command "
            f"goes on from what {folder} has."
        )
    if undone := [target for target in targets if not Path(target).exists()]:  # a dry run, say, or --unlock
        print(f"{undone[0]} is not made, and nothing was compared.")
        return
    if not (places := comparison.comparable(again)):
        sys.exit(
            f"Nothing was compared: these targets, now in {folder}, tell of times, machines or folders, and differ "
            "each time."
        )
    if wrong := list(comparison.differences(plan, again, places)):
        print(*wrong, sep="\n")
        names = chain([f"{results}-other"], (f"{results}-other-{number}" for number in count_from(2)))
        (folder / MARK).unlink()
        kept = folder.rename(next(name for name in names if not os.path.lexists(name)))  # the next begins with nothing
        sys.exit(f"{results} and {kept} differ in {len(wrong)} of {count(len(places), 'file')}. Both stay as they are.")
    removal.unlink(folder, [*comparison.made(again), folder / MARK])
    print(f"Made again from nothing, with the same bits as in {results}: {count(len(places), 'file')}.")


def build(command: list[str]) -> int:
    """The exit status of a Snakemake that ends by itself: its trainings save first.

    It gets Ctrl-C and SIGHUP from the terminal, as this process does, and SIGTERM from here.
    """
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # as a shell has it for what it runs in the background
        signal.signal(signal.SIGINT, lambda *_: None)  # unlike SIG_IGN, it is not the child's as well
    with subprocess.Popen(command) as snakemake:
        signal.signal(signal.SIGTERM, lambda number, _: snakemake.send_signal(number))
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup has it
            signal.signal(signal.SIGHUP, lambda *_: None)
        return snakemake.wait()


if __name__ == "__main__":
    jobs.run(main)
