"""How far a job is: messages every ten seconds, and a note on disk that `make status` reads."""

from __future__ import annotations

import json
import os
import platform
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlgames.messages import clock, log

SECONDS = 10
"""Seconds between two messages about one loop."""


class Progress:
    """Messages about a loop: how much is done, how fast, and how long the rest will take."""

    def __init__(self, name: str, total: int, unit: str, folder: Path | None = None) -> None:
        """`folder` is where progress is noted on disk, beside the saves of a training (default: nowhere)."""
        self.name, self.total, self.unit, self.folder = name, total, unit, folder
        self.facts = {"total": total, "unit": unit, "process": os.getpid(), "machine": platform.node(), "rate": None}
        self._start(0)

    def begin(self, done: int) -> None:
        """Say that the loop begins, or that an interrupted one resumes, with so much done."""
        self._start(done)
        log.info(f"{self.name}: {done} of {self.total} {self.unit}")

    def advance(self, count: int = 1) -> None:
        """Note that `count` more is done."""
        self.reach(self.done + count)

    def reach(self, done: int, remark: str = "") -> None:
        """Note that `done` is done in all."""
        self.done = done
        if self.first < done < self.total and self._is_due():
            rate = (done - self.first) / (self.said - self.start)
            speed = f"{rate:.0f} {self.unit}/s" if rate >= 10 else ""
            said = [f"{done} of {self.total} {self.unit}", speed, remark, f"{clock((self.total - done) / rate)} left"]
            log.info(f"{self.name}: {', '.join(filter(None, said))}")
            self._note(done=done, rate=rate, remark=remark)

    def playing_again(self, done: int, total: int) -> None:
        """Progress of what a training needs before it resumes: its replay buffer, or where its game stood."""
        if self._is_due():
            log.info(f"{self.name}: playing again, {done} of {total} steps")

    def finish(self, what: str) -> None:
        log.info(f"{self.name}: {what} in {clock(time.perf_counter() - self.start)}")

    def _start(self, done: int) -> None:
        self.first = self.done = done
        self.start = self.said = time.perf_counter()
        self._note(done=done)

    def _is_due(self) -> bool:
        """Whether the last message was long enough ago for one now."""
        if due := (now := time.perf_counter()) - self.said > SECONDS:
            self.said = now
        return due

    def _note(self, **facts: Any) -> None:
        self.facts |= facts
        if self.folder:
            write_note(self.folder, self.facts)


@dataclass(frozen=True)
class Note:
    """How far a job is, as it said last."""

    done: float = 0
    total: float | None = None
    """None where it said nothing."""
    unit: str = ""
    rate: float | None = None
    """Units per second; None at first."""
    time: float = 0.0
    """When it said so, in seconds since 1970."""
    remark: str = ""
    """What it said besides, such as its mean return."""

    @classmethod
    def of(cls, note: dict[str, Any], since: float) -> Note:
        """What `read_note` found; nothing if that is from before a moment, of an attempt that has ended."""
        if note.get("time", 0.0) < since or "done" not in note or "ended" in note:
            return cls()
        return cls(**{name: note[name] for name in cls.__dataclass_fields__ if name in note})

    @property
    def share(self) -> float | None:
        """Done of it, from 0 to 1; None where it does not say."""
        return min(self.done / self.total, 1.0) if self.total else None

    def share_at(self, now: float) -> float | None:
        """The share that is done by now, if it has gone on at its rate, as `left` takes it."""
        if not (self.rate and self.total):
            return self.share
        return min((self.done + self.rate * max(0.0, now - self.time)) / self.total, 1.0)

    @property
    def speed(self) -> str:
        return f"{self.rate:.{0 if self.rate >= 10 else 1}f} {self.unit}/s" if self.rate else ""

    def left(self, now: float) -> float:
        """Seconds until it is done, at this rate; 0 without a rate or a total."""
        if not (self.rate and self.total):
            return 0.0
        return max(0.0, (self.total - self.done) / self.rate - max(0.0, now - self.time))


SAID = re.compile(r": (?P<done>\d+) of (?P<total>\d+) (?P<unit>[a-z ]+)(, .*)?$")
"""A message of `Progress.reach`, in a log."""

TAIL = 2000
"""Bytes at the end of a log in which it is looked for."""


def last_said(log: Path, since: float) -> Note:
    """How far a job is by the last message about that in its log, if it has said so since a moment."""
    with suppress(OSError), log.open("rb") as file:
        written = os.fstat(file.fileno()).st_mtime
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
        found = [match for line in file.read().decode(errors="replace").splitlines() if (match := SAID.search(line))]
        if found and written >= since:
            return Note(int(found[-1]["done"]), int(found[-1]["total"]), found[-1]["unit"], time=written)
    return Note()


def write_note(folder: Path, facts: dict[str, Any]) -> None:
    temporary = folder / f".progress.{os.getpid()}.json"
    with suppress(OSError):  # a full disk: the training goes on
        temporary.write_text(json.dumps({"time": time.time()} | facts) + "\n")
        temporary.replace(folder / "progress.json")


def read_note(folder: Path) -> dict[str, Any]:
    """What a training noted last in the folder of its saves: `done` of `total` of a `unit`, how many a second (`rate`,
    None at first), a `remark`, when (`time`), by which `process` of which `machine`, and why it `ended`, if it could
    tell; nothing if the note is damaged."""
    path = folder / "progress.json"
    with suppress(OSError, ValueError, RecursionError):
        note = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if isinstance(note, dict) and all(fits(name, value) for name, value in note.items()):
            return note
    return {}


def fits(name: str, value: Any) -> bool:
    """Whether a fact of a note is of its kind; a note with one that is not is damaged."""
    if name in ("unit", "machine", "ended", "remark"):
        return isinstance(value, str)
    return (name in ("rate", "total") and value is None) or (isinstance(value, int | float) and abs(value) < 1e15)


def note_end(folder: Path, reason: str) -> None:
    """Note why a training stopped."""
    facts = read_note(folder) | {"ended": reason}
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "progress.json").unlink(missing_ok=True)  # on a full disk, room for the new one
    write_note(folder, facts)
