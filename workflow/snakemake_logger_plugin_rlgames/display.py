"""The terminal, while jobs run: a screen of rich's, or plain lines where standard error is no terminal."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from rlgames.messages import plain
from rlgames.plan import startup
from rlgames.plan.ledger import Ledger
from rlgames.plan.terminal import Lines, headline, screen

if TYPE_CHECKING:  # plain lines need no rich
    from rich.live import Live

REFRESH = 1.0
"""Seconds between two updates of what runs."""

PRINTED = 50
"""Number of the last lines that jobs printed to keep: they are shown if a job fails and its log is empty."""


class Display:
    """Shows a run until its end. What the jobs print goes to a pipe, for their logs have it, and it would tear the
    screen; what this process says goes to the terminal, above the screen."""

    def __init__(self, ledger: Ledger, title: str) -> None:
        self.ledger, self.title, self.lines = ledger, title, Lines(ledger)
        self.printed: deque[str] = deque(maxlen=PRINTED)
        self.lock, self.over = threading.RLock(), threading.Event()
        self.stderr, self.stream, self.kept = self._redirect()
        self.screen: Screen | None = None
        if self.stream.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown"):
            self.screen = Screen(self.stream)
        atexit.register(self.end)
        threading.Thread(target=self._watch, daemon=True).start()

    def _redirect(self) -> tuple[TextIO, TextIO, dict[int, int]]:
        """Let standard output and error, of this process and of the jobs that it starts, be a pipe that is read here:
        Python's standard error before, the one that leads to the terminal now, and what the numbers 1 and 2 were."""
        sys.stdout.flush()
        before, kept = sys.stderr, {number: os.dup(number) for number in (1, 2)}
        stream = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="replace")
        sys.stderr = stream
        reading, writing = os.pipe()
        for number in kept:
            os.dup2(writing, number)
        os.close(writing)
        threading.Thread(target=self._read, args=(reading,), daemon=True).start()
        return before, stream, kept

    def _read(self, reading: int) -> None:
        """Keep what jobs print, and show their warnings: these end with the name of their log."""
        with os.fdopen(reading, encoding="utf-8", errors="replace") as file:
            for line in file:
                text = plain(line.rstrip("\n"))
                self.printed.append(text)
                if text.endswith(tuple(f"({job.log})" for job in list(self.ledger.active.values()))):
                    self.say(text)

    def say(self, text: str) -> None:
        """Show a message, above the screen if there is one."""
        with suppress(OSError):  # the terminal went away
            print(text, file=sys.stderr, flush=True)

    def begin(self, number: int) -> None:
        """Note that a job begins."""
        with self.lock:
            self.ledger.begin(number, time.time())

    def finish(self, number: int) -> None:
        """Note that a job is done."""
        with self.lock:
            job = self.ledger.finish(number, time.time())
        if job is not None and self.screen is None:
            for line in self.lines.finished(job):
                self.say(line)

    def fail(self, number: int) -> None:
        """Note that a job failed; others go on, and the end of the run says more. If all were stopped, say nothing."""
        with self.lock:
            job = self.ledger.fail(number)
        if job is not None and not startup.stopped:
            self.say(f"Failed: {job.name}. Its log is {job.log}.")

    def _watch(self) -> None:
        """Look at what runs, until the end."""
        while not self.over.wait(REFRESH):
            with self.lock, suppress(OSError):
                self.ledger.look(time.time())
                if not self.over.is_set():
                    self._show()

    def _show(self) -> None:
        if self.screen is not None:
            self.screen.draw(self.ledger, self.title, self.over.is_set())
            return
        for line in self.lines.due(time.time()):
            self.say(line)

    def end(self) -> None:
        """Show how it ended, and leave the terminal as it was."""
        deadline = time.monotonic() + 1
        while self.ledger.active and not self.over.is_set() and time.monotonic() < deadline:
            time.sleep(0.02)  # the last messages are on their way
        with self.lock, suppress(OSError):
            if self.over.is_set():
                return
            self.over.set()
            if self.screen is None:
                self.say(f"{self.title}: {headline(self.ledger, time.time(), over=True)}")
            else:
                self._show()
                self.screen.close()
        for number, kept in self.kept.items():
            os.dup2(kept, number)
            os.close(kept)
        sys.stderr = self.stderr


class Screen:
    """Lines at the end of a terminal that are drawn anew."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self.stream, self.console = stream, Console(file=stream)
        self.live = self._open()

    def _open(self) -> Live:
        from rich.live import Live

        self.size = size(self.stream)
        self.console.size = self.size  # rich would ask standard output, which is a pipe
        live = Live(console=self.console, auto_refresh=False, vertical_overflow="crop")
        live.start()
        self.console.show_cursor(True)  # kill -9 would leave it hidden
        return live

    def draw(self, ledger: Ledger, title: str, over: bool) -> None:
        """Draw the screen; after a change of the terminal's size, which breaks its lines anew, from an empty one."""
        if size(self.stream) != self.size:
            self.live.stop()
            self.console.clear()
            self.live = self._open()
        self.live.update(screen(ledger, title, time.time(), *self.size, over), refresh=True)

    def close(self) -> None:
        """Leave what is drawn."""
        self.live.stop()


def size(stream: TextIO) -> os.terminal_size:
    """The size of a terminal; 80 x 25 where it tells none, as a serial console or one that a program opened."""
    columns, lines = os.get_terminal_size(stream.fileno())
    return os.terminal_size((columns or 80, lines or 25))
