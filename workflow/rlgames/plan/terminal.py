"""What the terminal shows of a run: a screen that is drawn anew, or plain lines; of a dry run, a line for each job."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

from rlgames.messages import UserError, clock, count, plain
from rlgames.plan.ledger import Job, Ledger, Row, describe, variant_name
from rlgames.plan.plan import Plan
from rlgames.provenance import Manifest
from rlgames.settings.text import flat

if TYPE_CHECKING:  # rich is loaded where a screen is drawn
    from rich.console import Group

PAUSE = 60.0
"""Seconds between two lines about one training, where there is no screen."""

LISTED = 10
"""Maximum number of jobs with a line at a time, where there is no screen."""

WIDE, NARROW = 100, 72
"""Columns of a terminal from which a row shows all that a job says, and from which it shows the rate."""


def headline(ledger: Ledger, now: float, over: bool = False) -> str:
    """The share of the time that is done, and how long the rest takes, or that the run is `over`."""
    outlook, ran = ledger.outlook(now), clock(now - ledger.start)
    if outlook.share >= 1 and not ledger.active:
        return f"all done in {ran}"
    if over:
        return f"ended after {ran}, before all was done"
    return f"{min(outlook.share, 0.99):.0%} done in {ran}, about {clock(outlook.left)} left"


def screen(ledger: Ledger, title: str, now: float, width: int, height: int, over: bool = False) -> Group:
    """One screen: how far all is, what runs, and what is done, in at most `height` lines."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    def line(text: str = "", style: str = "") -> Text:
        return Text(text, style, no_wrap=True, overflow="ellipsis")

    def grid(*columns: Literal["left", "right"], giving_way: int) -> Table:
        """A table without lines, one of whose columns gives way if it is too wide."""
        table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
        for number, justify in enumerate(columns):
            table.add_column(justify=justify, no_wrap=number != giving_way, overflow="ellipsis")
        return table

    rows, room = ledger.running(now), max(height - 6, 2)
    shown = rows[: max(1, min(len(rows), room // 2 if len(rows) > room // 2 else room))]
    columns: list[Literal["left", "right"]] = ["right"] * (1 + (width >= NARROW))
    running = grid("left", *columns, "left", "right", giving_way=len(columns) + 1)
    for row in shown:
        brief = row.remark.partition(",")[0].partition(" over ")[0]
        remark = row.remark if width >= WIDE else brief if width >= NARROW else brief.removeprefix("mean ")
        rate = [line(row.rate)] * (width >= NARROW)
        left = f"{clock(max(row.left, 1))} left"
        running.add_row(
            line(middle(row.name, max(width - 34, 20))),
            line(percent(row)),
            *rate,
            line(remark, "cyan"),
            line(left, "dim"),
        )
    done = grid("left", "left", giving_way=1)
    for name, words in ledger.finished(max(room - len(shown) - (len(rows) > len(shown)), 1)):
        done.add_row(line(middle(name, max(width // 2, 20))), line(words, "dim"))
    bar = ProgressBar(total=1.0, completed=min(ledger.outlook(now).share, 1.0), width=min(40, width - 2))
    parts: list[Text | ProgressBar | Table] = [
        line(f"{title}: {headline(ledger, now, over)}", "bold"),
        bar,
        line(),
        running,
    ]
    parts += [line(f"and {len(rows) - len(shown)} more", "dim")] if len(rows) > len(shown) else []
    return Group(*parts, *([line()] if rows and done.rows else []), done)


def middle(name: str, longest: int) -> str:
    """A name without its middle if it is too long: its end is the seed."""
    return name if len(name) <= longest else f"{name[: longest - 12]}…{name[-11:]}"


def percent(row: Row) -> str:
    return "" if row.share is None else f"{min(row.share, 0.99):.0%}"


class Lines:
    """Plain lines, where there is no terminal: what is finished, and each minute how far the run is, and its jobs."""

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
                filter(None, [f"{row.name}: {percent(row)}", row.rate, row.remark, f"{clock(max(row.left, 1))} left"])
            )
        if len(rows) > LISTED:
            yield f"and {len(rows) - LISTED} more"


# A dry run.


LONGEST = 150
"""Maximum number of characters in a line about a job."""

CHANGES = 2
"""Maximum number of changed settings that a line names."""

REASONS = {
    "Missing output files": "missing", "Incomplete output files": "incomplete", "Updated input files": "newer",
    "Input files updated by another job": "", "Set of input files has changed": "it has other inputs",
    "Code has changed": "its code has changed", "Params have changed": "its settings or code have changed",
    "Forced execution": "forced",
}  # fmt: skip
"""Snakemake's reasons by their beginnings, in fewer words; files follow those that name files."""


def planned(plan: Plan, rule: str, wildcards: Mapping[str, str], reason: str, resources: Mapping[str, object]) -> str:
    """What a dry run says of a job, in a line: what it makes, why, and the `resources` that a cluster is asked for."""
    name = describe("", wildcards)  # the rule says the rest
    units = {"mem_mb": "MB", "runtime": "min", "gpu": "GPU"}
    asked = ", ".join(f"{resources[key]} {unit}" for key, unit in units.items() if resources.get(key))
    why = shortened(reason)
    if (old := REASONS["Params have changed"]) in why:
        why = why.replace(old, changes(plan, rule, SimpleNamespace(**wildcards)) or old)
    text = plain(f"{rule:<17} {name:<40}  {asked and f'{asked:<20}  '}because: {why}")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."


def shortened(reason: str) -> str:
    """Snakemake's reason in few words, of each list of files only the first.

    >>> shortened("Missing output files: a/b.png, a/b.pdf; Code has changed since last execution")
    'missing b.pdf and 1 more; its code has changed'
    """
    parts = []
    for part in reason.split("; "):
        begun = next((begun for begun in REASONS if part.startswith(begun)), "")
        said = REASONS.get(begun, " ".join(part.split()))
        if said in ("missing", "incomplete", "newer"):
            first, *others = sorted(part.partition(": ")[2].split(", "))  # a set's order differs from run to run
            said += f" {PurePosixPath(first).name}{f' and {len(others)} more' if others else ''}"
        parts.append(said)
    return "; ".join(filter(None, parts)) or "its input is made anew"


def changes(plan: Plan, rule: str, run: Any) -> str:
    """What a job has other than when its manifest was written: settings, and code; nothing where that is unknown."""
    if rule in plan.training_rules:
        product, spec, code = "manifest", plan.run_spec, plan.run_code
    elif rule == "evaluate":
        product, spec, code = "evaluation manifest", plan.evaluation_spec, plan.evaluation_code
    else:
        return ""
    try:
        facts = Manifest.read(Path(plan.path(product, **vars(run))))
    except UserError:
        return ""
    before, now = flat(facts.spec), flat(json.loads(spec(run)))
    keys = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    parts = [f"{key} was {before.get(key)} and is {now.get(key)}" for key in keys[:CHANGES]]
    parts += [count(len(keys) - CHANGES, "more setting")] if len(keys) > CHANGES else []
    return ", ".join([*parts, *(["its code has changed"] if facts.code != code(run) else [])])
