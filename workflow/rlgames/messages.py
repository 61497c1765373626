"""Words that several modules say. They change no result, so that this module stays outside the code hash."""

from __future__ import annotations

import logging
import re
from pathlib import Path

log = logging.getLogger("rlgames")
logging.raiseExceptions = False  # a log file on a full disk, or a terminal that went away, is no reason for tracebacks


class UserError(RuntimeError):
    """An error whose message tells the user what is wrong and what to do, so that no traceback is needed."""

    def __str__(self) -> str:
        return plain(super().__str__())


def plain(text: str) -> str:
    """Text that may hold anything, as of a damaged file, without what steers a terminal: that is shown as \\x1b."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", lambda found: ascii(found[0])[1:-1], text)


FAILED = "Failed: "
"""How the last message begins in the log of a job that says why it failed."""


class Plain(logging.Formatter):
    """A formatter of messages as they are, without control characters that steer a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return plain(super().format(record))


class Shown(Plain):
    """The formatter for a terminal, where a warning ends with the name of its log: it is shown while the job runs."""

    def __init__(self, log: Path) -> None:
        super().__init__()
        self.log = log

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record) + f" ({self.log})" * (record.levelno == logging.WARNING)


class Logged(Plain):
    """The formatter for a log file, where errors are marked."""

    def format(self, record: logging.LogRecord) -> str:
        return FAILED * (record.levelno >= logging.ERROR) + super().format(record)


def diverged(experiment: str, variant: str, places: list[dict[str, int]]) -> str:
    """A message that a run diverged, and where."""
    return f"Diverged: experiment {experiment}, variant {variant}: {where(places)}. {DIVERGED}"


DIVERGED = "A weight grew beyond all bounds; only these seeds were stopped. A smaller step_size may help."


def where(places: list[dict[str, int]]) -> str:
    """The seeds and episodes or epochs (five at most) in which a run diverged."""
    named = ", ".join(" in ".join(f"{key} {number}" for key, number in place.items()) for place in places[:5])
    more = f" and {len(places) - 5} more (its manifest.json has all)" if len(places) > 5 else ""
    return f"{named}{more}"


def count(number: int, noun: str) -> str:
    """A number of things in words: `1 notice`, `2 notices`."""
    return f"{number} {noun if number == 1 else noun + 's'}"


def clock(seconds: float) -> str:
    """A duration in words, such as `5 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"
