"""Check that the results of a config are what was made: checksums, replayed recordings, tables (`make verify`)."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tqdm import tqdm

from rlgames.encoders import audit as dataset_audit
from rlgames.messages import UserError, clock, log
from rlgames.operations import compile_cache, isolation, jobs
from rlgames.plan import report
from rlgames.plan.audit import NOT_COVERED, REMEDY, checksums, missing, recordings, tables, unfinished
from rlgames.plan.plan import Plan
from rlgames.playing import audit

PAUSE = 60
"""Seconds between two lines about progress, where there is no terminal."""


def check(part: audit.Part) -> tuple[int, list[str]]:
    """Play a part of a file again: how many recordings, and what is wrong with them."""
    return (dataset_audit if part.of_dataset else audit).check(part)


def begin_worker(parent: int) -> None:
    """Ctrl-C ends it without a word, and so does the end of its parent."""
    log.setLevel("ERROR")  # what a job warned of when it was run, is in its log
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    jobs.die_with_parent(parent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, help="a config file")
    parser.add_argument("--quick", action="store_true", help="compare checksums only (make verify QUICK=1)")
    arguments = parser.parse_args()
    if arguments.config.is_dir():
        parser.error(f"{arguments.config} is a folder: give the config that its results were made from")
    isolation.isolate()
    compile_cache.use_for_all_code()
    plan = Plan.read(arguments.config)
    if not any(map(os.path.lexists, [plan.path("checksums"), *plan.targets()])):
        raise UserError(f"Nothing of {arguments.config} is made yet: type {report.make(arguments.config)}")
    wrong, total = list(checksums(plan)), 0
    said = "All products have their checksums; nothing was played again."
    if not arguments.quick:
        # Long ones first: where only those of compiled games are left, the time left was overestimated.
        parts, unlike = sorted(recordings(plan), key=lambda part: -part.steps), 0
        steps, done = sum(part.steps for part in parts), 0
        with (
            ProcessPoolExecutor(initializer=begin_worker, initargs=(os.getpid(),)) as pool,
            tqdm(total=steps, unit=" steps", unit_scale=True, desc="Playing again", disable=None) as bar,
        ):
            if bar.disable:  # no terminal
                print(f"Playing all recordings again, {steps:,} steps.", file=sys.stderr, flush=True)
            start = said_at = time.monotonic()
            for part, (count, lines) in zip(parts, pool.map(check, parts), strict=True):
                total, unlike, wrong = total + count, unlike + len(lines), wrong + lines
                bar.update(part.steps)
                done += part.steps
                if bar.disable and (now := time.monotonic()) - said_at >= PAUSE:
                    said_at, left = now, clock((now - start) * (steps - done) / done)
                    print(f"{done:,} of {steps:,} steps, {left} left", file=sys.stderr, flush=True)
        said = f"Played again, all recordings ({total}) give the lengths, returns and endings that were published."
        wrong += [f"Recordings that do not give what was published: {unlike} of {total}."] * bool(unlike) + list(
            tables(plan)
        )
    if wrong:
        raise UserError("\n".join([*wrong, REMEDY]))
    print(f"{said}{missing(plan)}\n{NOT_COVERED}{unfinished(plan)}")


if __name__ == "__main__":
    jobs.run(main)
