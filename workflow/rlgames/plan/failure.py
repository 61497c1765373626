"""What the user reads last when jobs failed: which, why if that is known, the end of their logs, and what to type."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rlgames.messages import FAILED
from rlgames.plan.ledger import describe
from rlgames.plan.plan import Plan

LISTED = 5
"""Maximum number of failed jobs that are shown."""

LINES, FEW_LINES = 10, 3
"""Lines shown of the log of a single failed job, and of each of several."""

TAIL = 20_000
"""Bytes at the end of a log that are read."""

UNKNOWN = "This is a bug in rlgames"
"""How the last message of a job begins that failed for no known cause."""


def described(plan: Plan, jobs: list[Any], stopped: bool, printed: Iterable[str]) -> Iterator[str]:
    """Lines about Snakemake's `jobs` that failed, or were `stopped`; `printed` is what jobs wrote to the terminal last
    and to no log, for those whose log has nothing."""
    jobs = [each for job in jobs for each in (job.jobs if job.is_group() else [job])]
    logged = {line for log in map(log_of, jobs) if log for line in tail(log)}
    printed = [line for line in printed if line not in logged]
    for job in jobs[:LISTED]:
        yield from of_job(plan, job, stopped, FEW_LINES if len(jobs) > 1 else LINES, printed)
    if len(jobs) > LISTED:
        yield f"... and {len(jobs) - LISTED} more; make status (with the same CONFIG) lists all trainings."


def of_job(plan: Plan, job: Any, stopped: bool, count: int, printed: list[str]) -> Iterator[str]:
    log = log_of(job)
    written = tail(log) if log else []
    why = next((line.removeprefix(FAILED) for line in reversed(written) if line.startswith(FAILED)), "")
    known = why and not why.startswith(UNKNOWN)
    name = describe(job.rule.name, job.wildcards_dict)
    if stopped:
        if known:
            yield f"{name}: {why}"
        return
    yield f"Failed: {name} ({job.rule.name})."
    if known:
        yield f"Cause: {why}"
    elif not why:
        yield f"Cause: {killed(plan, job)}"
    if lines := [line for line in written if line.strip() and line != FAILED + why]:
        yield "The end of its log:"
        yield from (f"    {line}" for line in lines[-count:])
    # An error before the first message, of a library in C++, or on a full disk is on the terminal only.
    if printed and not why:
        yield "The last lines that jobs printed:"
        yield from (f"    {line}" for line in printed[-count:])
    yield f"Log: {log}"


def log_of(job: Any) -> Path | None:
    return Path(str(job.log[0])) if job.log else None


def tail(path: Path) -> list[str]:
    """The last lines of a file; none if it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
            return file.read().decode(errors="replace").splitlines()
    except OSError:
        return []


def killed(plan: Plan, job: Any) -> str:
    """What is likely of a job whose log does not say why; of a training, what it noted, or where it resumes."""
    from rlgames.plan.status import look  # loads NumPy

    why = (
        "it was killed: by kill -9, or by the system for lack of memory (make CORES=1 and snakemake --cores 1 run one "
        "job at a time)."
    )
    if "state" not in job.params.keys():  # noqa: SIM118 (Snakemake's)
        return f"unless a message below says more, {why}"
    run = look(plan, {name: job.wildcards_dict[name] for name in ("experiment", "variant", "seeds")}, set())
    return run.ended or f"{why} {run.killed}".rstrip()


def remedy(log: list[str], files: Iterable[Any]) -> str:
    """What to type; `log` is Snakemake's own, and `files` are those of the config."""
    return (
        f"rlgames: not everything is done; what is done is kept. (Snakemake's own log is {' '.join(log)}.)\n"
        f"Unless you stopped it yourself, remove the cause; then run the same command again: {again(files)}"
    )


def again(files: Iterable[Any]) -> str:
    """The command that makes what is missing."""
    if "MAKELEVEL" in os.environ:
        goals = os.environ.get("RLGAMES_GOALS", "").split()
        _, _, given = os.environ.get("MAKEFLAGS", "").partition(" -- ")
        if words := shlex.split(given):  # CONFIG=..., TARGET=..., CORES=..., as they were typed
            return shlex.join(["make", *goals, *words])
        here = Path.cwd()
        names = [str(path.relative_to(here) if path.is_relative_to(here) else path) for path in map(Path, files)]
        return shlex.join(["make", *goals, *(f"CONFIG={name}" for name in names if name != "config/config.yaml")])
    return shlex.join(["snakemake", *sys.argv[1:]])
