"""What Snakemake does before its first job: hold the results folder, and hand on signals to its jobs."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

import psutil
from snakemake.exceptions import WorkflowError

from rlgames import locks, paths, submission
from rlgames.plan import Plan, say

held: list[TextIO] = []
"""Locks, until this process ends."""


def begin(plan: Plan, workflow: Any) -> None:
    """Do that, and say what is about to run. On a cluster, where its children submit jobs, Snakemake keeps its signals.

    Raises `WorkflowError` as `hold` does.
    """
    hold(plan.config.results)
    submission.refusal(plan).unlink(missing_ok=True)
    if workflow.local_exec:
        hand_on_signals()
    say(plan.announcement(workflow))


def hold(results: str) -> None:
    """Keep every other Snakemake out of the results folder, in whatever directory it runs, until this one ends.

    Raises `WorkflowError` if another is at work there, or a folder of results cannot be written.
    """
    place = Path(paths.path(results, "lock"))
    try:
        lock = locks.take(place)
    except OSError as error:
        raise WorkflowError(unwritable(results, str(error.filename or place), error.strerror or "")) from None
    if lock is None:
        raise WorkflowError(
            f"Another Snakemake ({locks.holder(place)}) makes {results}. Wait for it, or stop it: it saves first. "
            "make status says how far it is."
        )
    held.append(lock)
    for folder, _, _ in os.walk(results):
        if not os.access(folder, os.W_OK | os.X_OK):
            raise WorkflowError(unwritable(results, folder, "Permission denied"))


def failure(plan: Plan, log: list[str]) -> str:
    """What to do when a job failed, or was stopped; `log` are Snakemake's own."""
    from rlgames.runs import told_nothing  # loads NumPy

    refused = submission.refusal(plan)
    told = [*filter(None, [refused.read_text().rstrip() if refused.exists() else ""]), *told_nothing(plan)[:5]]
    return "\n".join(told) + (
        f"\nrlgames: not all was done; messages are above and in {' '.join(log)}. What is done is kept: mend the "
        "cause, if it was not you who stopped it, and run the same command again."
    )


def unwritable(results: str, path: str, reason: str) -> str:
    return (
        f"Nothing can be written to {path} ({reason}). Make it yours (sudo chown -R $USER {results}), free some space "
        "if its disk is full, or name another folder in the config's results."
    )


def hand_on_signals() -> None:
    """Let SIGTERM, Ctrl-C or a terminal that goes away end this Snakemake and its jobs within seconds.

    By itself, Snakemake waits at SIGTERM until the running jobs are done, hours perhaps, and so at a SIGINT that its
    jobs do not get; it then keeps no account of them. Here all of them get SIGTERM: trainings save first. A second
    Ctrl-C is Snakemake's own.
    """
    wait_for_jobs = signal.getsignal(signal.SIGTERM)  # Snakemake's: start no more, and end when none is left
    if not callable(wait_for_jobs):
        return

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # Not in the interrupted thread, which may hold the lock that Snakemake's handler takes, or be printing.
        threading.Thread(target=end_jobs, args=(number, frame), daemon=True).start()

    def end_jobs(number: int, frame: FrameType | None) -> None:
        wait_for_jobs(number, frame)
        name = signal.Signals(number).name
        say(f"rlgames: stopped by {name}; trainings save first, which takes seconds. The same command goes on.")
        told: set[int] = set()
        while True:  # a job may just be starting
            for job in psutil.Process().children():
                if job.pid not in told:
                    told.add(job.pid)
                    with suppress(psutil.NoSuchProcess):
                        job.send_signal(signal.SIGTERM)
            time.sleep(0.2)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
            signal.signal(number, stop)
