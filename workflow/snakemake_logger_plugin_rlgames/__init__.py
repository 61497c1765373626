"""Snakemake's logger `rlgames`: one screen for a whole run, or few plain lines, in place of its bookkeeping.

Snakemake finds it by the name of this package (`logger` in profiles/default), and tells it what begins and ends. What
is shown is worked out in `rlgames.plan`: how far all is in `ledger`, the screen in `terminal`, failures in `failure`.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from rlgames.messages import clock, count, plain

if TYPE_CHECKING:  # a Snakemake that runs nothing, or is a job of a cluster, loads none of it
    from rlgames.plan.ledger import Ledger
    from rlgames.plan.plan import Plan
    from snakemake_logger_plugin_rlgames.display import Display

PREPARING = ("Using ", "Building ", "Assuming ")
"""Beginnings of Snakemake's messages before a run that are not worth showing."""

FAILED = ("At least one job", "Exiting because a job", "CalledProcessError")
"""Beginnings of its messages that jobs failed: the end of a run says which, and why."""


class LogHandler(LogHandlerBase):
    """Shows a run on standard error, and a dry run on standard output."""

    writes_to_stream, writes_to_file = True, False
    has_filter, has_formatter = True, False  # what is said is chosen here, in Snakemake's words
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self.plan: Plan | None = None
        """The plan of the workflow, once that is parsed."""
        self.cluster = False
        """Whether jobs run on a cluster."""
        self.display: Display | None = None
        """The display of the jobs, if any run."""
        self.runs = False
        self.planned: list[tuple[str, SimpleNamespace]] = []
        """Rule and wildcards of each job of a dry run."""

    @property
    def is_quiet(self) -> bool:
        """Whether only errors are to be shown (`--quiet all`)."""
        return "ALL" in {each.name for each in self.common_settings.quiet or ()}

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of a message, or show it."""
        try:
            self._take(record, getattr(record, "event", None))
        except Exception:  # in the thread of its queue, which would end
            self.handleError(record)

    def _take(self, record: Any, event: LogEvent | None) -> None:
        settings, display = self.common_settings, self.display
        if self.is_quiet and record.levelno < logging.WARNING:
            return
        if settings.verbose or settings.debug_dag:  # bookkeeping was asked for
            self.say(self.format(record))
        elif event == LogEvent.SHELLCMD:
            if settings.printshellcmds and record.shellcmd:
                self.say(f"    {record.shellcmd}")
        elif event == LogEvent.JOB_INFO:
            if settings.dryrun:
                self._plan_job(record)
            elif display:
                display.begin(record.jobid)
        elif event == LogEvent.JOB_FINISHED and display:
            display.finish(record.job_id)
        elif event == LogEvent.JOB_ERROR and display:
            display.fail(record.jobid)
        elif event == LogEvent.WORKFLOW_STARTED:
            self.runs = True
        elif event in (None, LogEvent.ERROR) and self._tells(record):
            self.say(self.format(record))

    def _tells(self, record: logging.LogRecord) -> bool:
        """Whether a message that is about no job is more than bookkeeping."""
        text = str(record.msg)
        if record.levelno >= logging.WARNING:
            return not (self.display and re.sub(r"^\w+:\n", "", text).startswith(FAILED))
        return text.startswith("Nothing to be done") or not (self.runs or text.startswith(PREPARING))

    def _plan_job(self, record: Any) -> None:
        """Show a job of a dry run."""
        from rlgames.plan.terminal import planned

        if record.rule_name != "all" and self.plan is not None:
            self.planned.append((record.rule_name, SimpleNamespace(**record.wildcards)))
            asked = dict(record.resources) if self.cluster else {}
            self.say(planned(self.plan, record.rule_name, record.wildcards, record.reason, asked))

    def say(self, text: str) -> None:
        """Show a message, above the screen if there is one."""
        with suppress(OSError):  # the terminal went away
            print(plain(text), file=sys.stdout if self.common_settings.dryrun else sys.stderr, flush=True)

    def follow(self, ledger: Ledger, title: str) -> None:
        """Show the run of these jobs, which begins now."""
        from snakemake_logger_plugin_rlgames.display import Display

        self.display = Display(ledger, title)

    def end(self) -> Sequence[str]:
        """End the screen, and give the terminal back: the last lines that jobs printed, without those in the logs of
        jobs that did not fail."""
        if self.display is None:
            return []
        from rlgames.plan.failure import tail

        self.display.end()
        ledger, printed = self.display.ledger, list(self.display.printed)
        if not printed:
            return []
        logs = {job.log for job in (*ledger.active.values(), *ledger.done[-len(printed) :]) if job.log}
        logged = {line for log in logs for line in tail(log)}
        return [line for line in printed if line not in logged]

    def close(self) -> None:
        """At the end of Snakemake; of a dry run, say how many jobs there are, and how much they take."""
        self.end()
        if self.planned and self.plan is not None:
            self.say(summary(self.plan, self.planned))
            self.planned.clear()
        super().close()


def summary(plan: Plan, jobs: Sequence[tuple[str, SimpleNamespace]]) -> str:
    from rlgames.plan import needs
    from rlgames.plan.words import size

    seconds = sum(needs.seconds(plan, rule, run) for rule, run in jobs)
    disk = sum(needs.disk(plan, rule, run) for rule, run in jobs)
    return f"This was a dry-run: {count(len(jobs), 'job')}, {clock(seconds)} on one core, up to {size(disk)} of disk."
