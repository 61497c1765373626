"""What is said while jobs run. Words change no result, so that this module stays outside the code hash."""

from __future__ import annotations

import json
import logging
import os
import platform
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

log = logging.getLogger("rlgames")
logging.raiseExceptions = False  # a log file on a full disk, or a terminal that went away, is no reason for tracebacks

SECONDS = 10
"""Between two messages about one loop."""


def diverged(experiment: str, variant: str, places: list[dict[str, int]]) -> str:
    """A message that names the seeds and episodes or epochs (five at most) in which a run diverged."""
    named = ", ".join(" in ".join(f"{key} {number}" for key, number in place.items()) for place in places[:5])
    more = f" and {len(places) - 5} more (its manifest.json has all)" if len(places) > 5 else ""
    return (
        f"Diverged: experiment {experiment}, variant {variant}: {named}{more}. "
        "A weight grew beyond all bounds; only these seeds were stopped. A smaller step_size may help."
    )


class Note:
    """How far a training is, on disk for `make status`: a small file beside its saves, replaced as a whole."""

    def __init__(self, folder: Path | None, total: int, unit: str) -> None:
        """Without a folder, nothing is written."""
        self.folder = folder
        self.facts = {"total": total, "unit": unit, "process": os.getpid(), "machine": platform.node(), "rate": None}

    def write(self, **facts: Any) -> None:
        """Note `facts`, beside those noted before."""
        self.facts |= facts | {"time": time.time()}
        if self.folder:
            write_note(self.folder, self.facts)


def write_note(folder: Path, facts: dict[str, Any]) -> None:
    temporary = folder / f".progress.{os.getpid()}.json"
    with suppress(OSError):  # a full disk: the training goes on
        temporary.write_text(json.dumps(facts) + "\n")
        temporary.replace(folder / "progress.json")


def read_note(folder: Path) -> dict[str, Any]:
    """What a training noted last in the folder of its saves: `done` of `total` of a `unit`, how many a second (`rate`,
    None at first), when (`time`), by which `process` of which `machine`, and why it `ended`, if it could tell."""
    with suppress(OSError, ValueError):
        facts = json.loads((folder / "progress.json").read_text())
        if isinstance(facts, dict):
            return facts
    return {}


def note_end(folder: Path, reason: str) -> None:
    """Note why a training stopped."""
    facts = read_note(folder)
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "progress.json").unlink(missing_ok=True)  # on a full disk, room for the new one
    write_note(folder, facts | {"ended": reason, "time": time.time()})


class Progress:
    """Messages about a loop: how much is done and how long the rest will take, every ten seconds."""

    def __init__(self, name: str, total: int, unit: str, done: int = 0, folder: Path | None = None) -> None:
        """`done` is where an interrupted loop goes on, `folder` where progress is noted (default: nowhere)."""
        self.name, self.total, self.unit = name, total, unit
        self.first = self.done = done
        self.start = self.said = time.perf_counter()
        self.note = Note(folder, total, unit)
        self.note.write(done=done)

    def advance(self, count: int = 1, note: str = "") -> None:
        self.done += count
        now = time.perf_counter()
        if now - self.said > SECONDS and self.done < self.total:
            rate = (self.done - self.first) / (now - self.start)
            left = (self.total - self.done) / rate
            parts = [f"{self.done} of {self.total} {self.unit}", *filter(None, [note]), f"{clock(left)} left"]
            log.info(f"{self.name}: {', '.join(parts)}")
            self.note.write(done=self.done, rate=rate)
            self.said = now

    def finish(self, what: str) -> None:
        log.info(f"{self.name}: {what} in {time.perf_counter() - self.start:.1f} s")


class Steps:
    """Messages about a training on Atari every ten seconds: steps, steps per second, mean return, ε, time left."""

    def __init__(self, name: str, budget: int, folder: Path | None = None) -> None:
        """`folder` is where progress is noted (default: nowhere)."""
        self.name, self.budget = name, budget
        self.first = self.start = self.said = 0.0
        self.note = Note(folder, budget, "steps")

    def begin(self, steps: int) -> None:
        self.first, self.start = steps, time.perf_counter()
        self.said = self.start
        log.info(f"{self.name}: step {steps} of {self.budget}")
        self.note.write(done=steps)

    def advance(self, steps: int, recent_return: Callable[[int], float | None], epsilon: float) -> None:
        now = time.perf_counter()
        if now - self.said > SECONDS:
            self.said = now
            rate = (steps - self.first) / (now - self.start)
            recent = recent_return(20)
            score = "" if recent is None else f", mean return {recent:.1f} over 20 episodes"
            left = (self.budget - steps) / rate
            log.info(
                f"{self.name}: step {steps} of {self.budget}, {rate:.0f} steps/s{score}, ε {epsilon:.2f}, "
                f"{clock(left)} left"
            )
            self.note.write(done=steps, rate=rate)

    def playing_again(self, done: int, total: int) -> None:
        """Progress of what a training needs to go on: its replay buffer, or where its game stood."""
        now = time.perf_counter()
        if now - self.said > SECONDS:
            self.said = now
            log.info(f"{self.name}: playing again, {done} of {total} steps")

    def finish(self, what: str) -> None:
        log.info(f"{self.name}: {what} in {clock(time.perf_counter() - self.start)}")


def clock(seconds: float) -> str:
    """A duration for people."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"
