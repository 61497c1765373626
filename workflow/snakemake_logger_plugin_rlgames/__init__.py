"""Snakemake's logger `rlgames`: one screen for a whole run, or few plain lines, in place of its bookkeeping.

Snakemake finds it by the name of this package (`logger` in profiles/default), and tells it what begins and ends. What is
shown is worked out in `rlgames.plan`: how far all is in `ledger`, the screen in `terminal`, failures in `failure`.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
import traceback
from collections import deque
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TextIO

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from rlgames.messages import count, plain

if TYPE_CHECKING:  # a Snakemake that runs nothing, or is a job of a cluster, loads none of it
    from rich.console import Console
    from rich.live import Live

    from rlgames.plan.ledger import Ledger
    from rlgames.plan.plan import Plan

REFRESH = 1.0
"""Seconds between two looks at what runs."""

PRINTED = 50
"""Last lines that jobs print which are kept: they are shown if a job fails and its log has nothing."""

NOTHING = "Nothing to be done"
"""How Snakemake's message begins when all is there."""


class LogHandler(LogHandlerBase):
    """Shows a run on standard error, and a dry run on standard output."""

    writes_to_stream, writes_to_file = True, False
    has_filter, has_formatter = True, False  # what is said is chosen here, in Snakemake's words
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self.plan: Plan | None = None  # the workflow's, once it is parsed
        self.ledger: Ledger | None = None
        self.printed: deque[str] = deque(maxlen=PRINTED)
        self.runs = False
        self.planned: list[tuple[str, SimpleNamespace]] = []
        self.over = threading.Event()
        self.live: Live | None = None
        self.stream: TextIO | None = None

    # What Snakemake says.

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of a message, or show it."""
        try:
            self._take(record)
        except Exception:  # in its queue's thread, which would end
            self.handleError(record)

    def _take(self, record: Any) -> None:
        event = getattr(record, "event", None)
        settings = self.common_settings
        if settings.verbose or settings.debug_dag:  # asked for bookkeeping
            self._say(self.format(record))
        elif settings.dryrun and event in (LogEvent.JOB_INFO, LogEvent.SHELLCMD):
            self._plan_job(record, event)
        elif event == LogEvent.JOB_INFO and self.ledger:
            self.ledger.begin(record.jobid, time.time())
        elif event == LogEvent.JOB_FINISHED and self.ledger:
            self._finish(record.job_id)
        elif event == LogEvent.JOB_ERROR and self.ledger:
            self.ledger.fail(record.jobid)
        elif event == LogEvent.SHELLCMD and settings.printshellcmds:
            self._say(str(record.shellcmd))
        elif event == LogEvent.WORKFLOW_STARTED:
            self.runs = True
        elif (event in (None, LogEvent.ERROR)) and self._tells(record):
            self._say(self.format(record))

    def _tells(self, record: logging.LogRecord) -> bool:
        """Whether a message that is about no job is more than bookkeeping."""
        text = str(record.msg)
        if record.levelno >= logging.WARNING:
            # Of a failure, the end has more.
            return not (
                self.ledger and text.startswith(("At least one job", "WorkflowError:\nAt least", "Exiting because"))
            )
        return text.startswith(NOTHING) or not (self.runs or text.startswith(("Using ", "Building ", "Assuming ")))

    def _plan_job(self, record: Any, event: LogEvent) -> None:
        from rlgames.plan.terminal import planned

        if event == LogEvent.SHELLCMD:
            if self.common_settings.printshellcmds and record.shellcmd:
                self._say(f"    {record.shellcmd}")
        elif record.rule_name != "all":
            self.planned.append((record.rule_name, SimpleNamespace(**record.wildcards)))
            self._say(planned(record.rule_name, record.wildcards, record.reason))

    def _summary(self) -> str:
        """The end of a dry run: jobs, time and disk."""
        from rlgames.messages import clock
        from rlgames.plan import needs
        from rlgames.plan.words import size

        assert self.plan is not None
        seconds = sum(needs.seconds(self.plan, rule, run) for rule, run in self.planned)
        disk = sum(needs.disk(self.plan, rule, run) for rule, run in self.planned)
        jobs = count(len(self.planned), "job")
        return f"This was a dry run: {jobs}, about {clock(seconds)} on one core, up to {size(disk)} of disk."

    # What is shown.

    def follow(self, ledger: Ledger) -> None:
        """Show the run of these jobs, which begins now. What they print themselves is kept and not shown."""
        from rlgames.plan.terminal import Lines

        self.ledger, self.lines = ledger, Lines(ledger)
        atexit.register(self.end)
        self._redirect()
        if os.isatty(self.stream.fileno()) and os.environ.get("TERM", "dumb") not in ("dumb", "unknown"):
            self._begin_screen()
        threading.Thread(target=self._watch, daemon=True).start()

    def end(self) -> None:
        """Show how it ended, and leave the terminal as it was."""
        if self.stream is None or self.over.is_set():
            return
        deadline = time.monotonic() + 1
        while self.ledger.active and time.monotonic() < deadline:  # the last messages are on their way
            time.sleep(0.02)
        self.over.set()
        with self.lock, suppress(OSError):
            if self.live:
                self._draw()
                self.live.stop()
            else:
                self._say(self._headline())
        self.live = None
        for number, kept in self.kept.items():
            os.dup2(kept, number)
            os.close(kept)
        sys.stderr = self.stderr

    def close(self) -> None:
        """At the end of Snakemake."""
        self.end()
        if self.planned and self.plan is not None:
            self._say(self._summary())
            self.planned.clear()
        super().close()

    def _redirect(self) -> None:
        """From now on standard output and error of this process, and of the jobs that it starts, are a pipe that is
        read here, and Python's messages of this process go to the terminal as before."""
        sys.stdout.flush()
        self.stderr = sys.stderr
        self.kept = {number: os.dup(number) for number in (1, 2)}
        self.stream = open(os.dup(2), "w", buffering=1, encoding="utf-8", errors="replace")  # noqa: SIM115 (until the end)
        sys.stderr = self.stream
        reading, writing = os.pipe()
        for number in self.kept:
            os.dup2(writing, number)
        os.close(writing)
        threading.Thread(target=self._read, args=(reading,), daemon=True).start()

    def _read(self, reading: int) -> None:
        """Keep what jobs print, and show their warnings, which end with the name of their log."""
        with open(reading, encoding="utf-8", errors="replace") as file:
            for line in file:
                text = plain(line.rstrip("\n"))
                self.printed.append(text)
                logs = [f"({job.log})" for job in list(self.ledger.active.values())]
                if text.endswith(tuple(logs)):
                    self._say(text)

    def _say(self, text: str) -> None:
        """Show a message, above the screen if there is one."""
        file = sys.stdout if self.common_settings.dryrun else self.stream or sys.stderr
        if self.live:
            file = sys.stderr  # rich's, which keeps the screen below
        with suppress(OSError):
            print(plain(text), file=file, flush=True)

    def _finish(self, number: int) -> None:
        job = self.ledger.finish(number, time.time())
        if job and not self.live:
            for line in self.lines.finished(job):
                self._say(line)

    def _watch(self) -> None:
        """Look at what runs until the end."""
        while not self.over.wait(REFRESH):
            try:
                self.ledger.look()
                with self.lock:
                    if self.live:
                        self._draw()
                    else:
                        for line in self.lines.due(time.time()):
                            self._say(line)
            except OSError:  # the terminal went away
                return
            except Exception:
                self.printed.append(traceback.format_exc())
                raise

    def _headline(self) -> str:
        from rlgames.plan.terminal import headline

        return f"rlgames: {headline(self.ledger, time.time())}"

    def _begin_screen(self) -> None:
        from rich.console import Console

        self.console: Console = Console(file=self.stream)
        self._new_live()

    def _new_live(self) -> None:
        from rich.live import Live

        self.size = os.get_terminal_size(self.stream.fileno())
        self.console.size = self.size
        self.live = Live(console=self.console, auto_refresh=False, vertical_overflow="crop")
        self.live.start()
        self.console.show_cursor(True)  # a kill would leave it hidden

    def _draw(self) -> None:
        """Draw the screen; after a change of the terminal's size, from an empty one."""
        from rlgames.plan.terminal import screen

        if os.get_terminal_size(self.stream.fileno()) != self.size:
            self.live.stop()
            self.console.clear()
            self._new_live()
        title = f"rlgames: {self.plan.config.results}"
        self.live.update(screen(self.ledger, title, time.time(), *self.size), refresh=True)
