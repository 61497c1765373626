"""What every command does first."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
from pathlib import Path

from rlgames.provenance import ROOT, code_hash

log = logging.getLogger("rlgames")


def parser(description: str | None) -> argparse.ArgumentParser:
    """The arguments that all commands share."""
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("--code", required=True, help="hash of the code that the job was planned with")
    arguments.add_argument("--log", required=True, type=Path, help="file that gets a copy of the messages")
    return arguments


def begin(arguments: argparse.Namespace, *modules: str) -> None:
    """Refuse code that is not what was planned, then prepare messages, Ctrl-C and the cache of compiled functions.

    `modules` are the roots of the code behind the job. numba looks for changes only in the file of a function, not
    in what the function calls, so that every code hash needs a cache of its own.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if (found := code_hash(*modules)) != arguments.code:
        sys.exit(f"The code changed after this job was planned ({arguments.code} is now {found}). Run snakemake again.")
    os.environ["NUMBA_CACHE_DIR"] = str(Path(os.environ.get("NUMBA_CACHE_DIR", ROOT / ".cache" / "numba"), found))
    arguments.log.parent.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [logging.StreamHandler(), logging.FileHandler(arguments.log, mode="w")]
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=handlers)


def diverged(experiment: str, variant: str, places: list[dict[str, int]]) -> str:
    """A message that names the seeds and episodes (20 at most) in which a run diverged."""
    named = ", ".join(f"seed {place['seed']} in episode {place['episode']}" for place in places[:20])
    more = f" and {len(places) - 20} more (its manifest.json has all)" if len(places) > 20 else ""
    return (
        f"Diverged: experiment {experiment}, variant {variant}: {named}{more}. "
        "A weight grew beyond 1e12; the other seeds went on. A smaller step_size may help."
    )


class Progress:
    """Messages about a loop: how much is done and how long the rest will take, every ten seconds."""

    def __init__(self, name: str, total: int, unit: str) -> None:
        self.name, self.total, self.unit = name, total, unit
        self.done, self.start, self.said = 0, time.perf_counter(), time.perf_counter()

    def advance(self) -> None:
        self.done += 1
        now = time.perf_counter()
        if now - self.said > 10 and self.done < self.total:
            left = (now - self.start) / self.done * (self.total - self.done)
            log.info(f"{self.name}: {self.done} of {self.total} {self.unit}, {left:.0f} s left")
            self.said = now

    def finish(self, what: str) -> None:
        log.info(f"{self.name}: {what} in {time.perf_counter() - self.start:.1f} s")
