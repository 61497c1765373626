"""What the terminal shows of a run: a screen that is drawn anew, or plain lines; of a dry run, a line for each job."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from rlgames.messages import clock, plain
from rlgames.plan.ledger import Job, Ledger, Row, describe, variant_name

if TYPE_CHECKING:  # rich is loaded where a screen is drawn
    from rich.console import Group

PAUSE = 60.0
"""Seconds between two lines about one training, without a screen."""

LISTED = 10
"""Jobs of which lines are written at once, without a screen."""

WIDE, NARROW = 100, 72
"""Columns of a terminal from which a row has all that a job says, and its rate."""


def headline(ledger: Ledger, now: float) -> str:
    """What is done, by time."""
    outlook, ran = ledger.outlook(now), clock(now - ledger.start)
    if outlook.share >= 1 and not ledger.active:
        return f"100% done in {ran}"
    return f"{min(outlook.share, 0.99):.0%} done in {ran}, about {clock(outlook.left)} left"


def screen(ledger: Ledger, title: str, now: float, width: int, height: int) -> Group:
    """One screen: how far all is, what runs, and what is done, in at most `height` lines."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    def line(text: str = "", style: str = "") -> Text:
        return Text(text, style, no_wrap=True, overflow="ellipsis")

    def grid(*columns: str) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
        for justify in columns:
            table.add_column(justify="right" if justify == "right" else "left", no_wrap=True, overflow="ellipsis")
        return table

    rows, room = ledger.running(now), max(height - 5, 2)
    shown = rows[: max(1, min(len(rows), room // 2 if len(rows) > room // 2 else room))]
    running = grid("left", "right", *["right"] * (width >= NARROW), "left", "right")
    for row in shown:
        remark = row.remark if width >= WIDE else row.remark.partition(",")[0].partition(" over ")[0]
        rate = [line(row.rate)] * (width >= NARROW)
        left = f"{clock(row.left)} left"
        running.add_row(line(row.name), line(percent(row)), *rate, line(remark, "cyan"), line(left, "dim"))
    done = grid("left", "left")
    for name, words in ledger.finished(max(room - len(shown) - (len(rows) > len(shown)), 1)):
        done.add_row(line(name), line(words, "dim"))
    bar = ProgressBar(total=1.0, completed=min(ledger.outlook(now).share, 1.0), width=min(40, width - 2))
    parts = [line(f"{title}: {headline(ledger, now)}", "bold"), bar, line(), running]
    parts += [line(f"and {len(rows) - len(shown)} more", "dim")] if len(rows) > len(shown) else []
    return Group(*parts, *([line()] if rows and done.rows else []), done)


def percent(row: Row) -> str:
    return "" if row.share is None else f"{min(row.share, 0.99):.0%}"


class Lines:
    """Plain lines, for what is no terminal: what is finished, and each minute how far all and every training is."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.said = ledger, ledger.start

    def finished(self, job: Job) -> Iterator[str]:
        """A line when a figure, a video or a data set is made, or the last job of a variant is done."""
        if "variant" in job.wildcards and job.rule not in ("video", "gameplay"):
            if self.ledger.is_done(*job.variant):
                yield f"{variant_name(*job.variant)}: {self.ledger.progress(*job.variant)}"
        elif job.kind != "tables":
            yield f"{job.name} is done"

    def due(self, now: float) -> Iterator[str]:
        """Once a minute, how far all is, and each job that says so."""
        if now - self.said < PAUSE:
            return
        self.said = now
        yield headline(self.ledger, now)
        rows = [row for row in self.ledger.running(now) if row.share is not None]
        for row in rows[:LISTED]:
            yield ", ".join(
                filter(None, [f"{row.name}: {percent(row)}", row.rate, row.remark, f"{clock(row.left)} left"])
            )
        if len(rows) > LISTED:
            yield f"and {len(rows) - LISTED} more"


# A dry run.


LONGEST = 180
"""Characters of a line about a job."""


def planned(rule: str, wildcards: Mapping[str, str], reason: str) -> str:
    """What a dry run says of a job, in a line: what it makes, and why."""
    name = describe(rule, wildcards) if wildcards else ""
    text = plain(f"{rule:<14} {name:<44} because: {shortened(reason)}")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."


def shortened(reason: str) -> str:
    """Snakemake's reason, with the first file of each list only.

    >>> shortened("Missing output files: a/b.png, a/b.pdf; Code has changed since last execution")
    'missing output files: b.png and 1 more; code has changed since last execution'
    """
    parts = []
    for part in reason.split("; "):
        what, colon, files = part.partition(": ")
        said = what[:1].lower() + what[1:]
        if colon and "files" in what:
            first, *others = files.split(", ")
            more = f" and {len(others)} more" if others else ""
            said += f": {place(first)}{more}"
        parts.append(said)
    return "; ".join(parts)


def place(path: str) -> str:
    """The end of a path that says what it is: the name of a file, and of what it belongs to."""
    found = PurePosixPath(re.sub(r"^.*?/(runs|videos)/", "", path))
    return str(found) if len(found.parts) <= 4 and len(str(found)) < 60 else found.name
