"""What is done and left of a run, weighed by the time that its jobs take: what the terminal shows.

It knows no Snakemake, no clock and no screen: it is told what begins and ends, and when.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rlgames.messages import count
from rlgames.operations.progress import Note, last_said, read_note

PRIOR = 10.0
"""Weight, in seconds, of the expected times of jobs beside the measured ones."""

TELLING = 0.5
"""The share of a job from which its time so far says how long it will take. Before, some of it is imports, and of the
episodes that are played side by side the shortest are done first."""

KINDS = {
    "train_linear": "trained", "train_agent": "trained", "train_encoder": "trained", "predict": "trained",
    "evaluate": "evaluated", "encode": "encoded", "figure": "figures", "video": "videos", "gameplay": "videos",
    "dataset": "data sets",
}  # fmt: skip
"""What a finished job counts as, by its rule; other rules make tables and records."""

OTHERS = ("figures", "videos", "data sets", "tables")
"""Kinds of jobs that belong to no variant, or to several."""


@dataclass
class Job:
    """A job of Snakemake's, as the ledger knows it."""

    rule: str
    wildcards: Mapping[str, str]
    expected: float = 0.0
    """Seconds that it should take."""
    threads: int = 1
    log: Path | None = None
    state: Path | None = None
    """Folder of the saves of a training."""
    log_before: tuple[int, ...] = ()
    """What its log was when it went into a queue (`written`)."""
    begun: float | None = None
    """When it began, in seconds since 1970; None before, and in a queue."""
    took: float | None = None
    """Seconds that it took; None before it is finished."""
    note: Note = field(default_factory=Note)
    """Its progress, as it said last."""

    @property
    def name(self) -> str:
        """What it makes, for people: `pong agent.name=dqn seed 0`."""
        return describe(self.rule, self.wildcards)

    @property
    def kind(self) -> str:
        return KINDS.get(self.rule, "tables")

    @property
    def variant(self) -> tuple[str, str]:
        return self.wildcards["experiment"], self.wildcards["variant"]

    @property
    def seeds(self) -> int:
        """How many seeds it trains."""
        first, _, last = self.wildcards["seeds"].partition("-")
        return int(last or first) - int(first) + 1


def describe(rule: str, wildcards: Mapping[str, str]) -> str:
    """What a job makes, for people."""
    known = dict(wildcards)
    if "experiment" not in known:
        what = {"figure": "figure", "dataset": "data set"}.get(rule, "")
        return " ".join([what, *known.values()]).strip() or rule.replace("_", " ")
    run = variant_name(known["experiment"], known["variant"])
    if "seeds" in known:
        run += f" seed{'s' * ('-' in known['seeds'])} {known['seeds']}"
    if "which" in known:
        run += f" {known['which']}"
    if rule in ("video", "gameplay"):
        return f"video {run}"
    return run + {"evaluate": ", evaluation", "encode": ", encoding"}.get(rule, "")


def variant_name(experiment: str, variant: str) -> str:
    """A variant, for people; the only one of an experiment goes without its name."""
    return experiment if variant == "default" else f"{experiment} {variant}"


@dataclass
class Outlook:
    """How far a run is."""

    share: float
    """Share of the time of all jobs that is done, from 0 to 1."""
    left: float
    """Seconds until all is done."""


@dataclass
class Row:
    """A job that runs."""

    name: str
    share: float | None
    """Share that is done, from 0 to 1; None where the job does not say."""
    rate: str
    """Its speed, with the unit."""
    remark: str
    """What else it says, such as its mean return."""
    left: float
    """Seconds until it is done."""


class Ledger:
    """The jobs of a run, by Snakemake's numbers."""

    def __init__(
        self, jobs: Mapping[int, Job], earlier: Iterable[Job], cores: int, now: float, *, queued: bool = False
    ) -> None:
        """`jobs` are to run, on so many `cores`; `earlier` ones were done before. `now` is in seconds since 1970. A job
        that is `queued` by a cluster begins when its log is seen to change, and not when Snakemake hands it over."""
        self.jobs, self.cores, self.start, self.queued = dict(jobs), cores, now, queued
        self.active: dict[int, Job] = {}
        self.done: list[Job] = []
        self.counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        """Of each variant, seeds and jobs, wanted and done, by kind; of other kinds, below ("", kind)."""
        self.named: dict[str, list[str]] = defaultdict(list)
        """Names of what is done, of kinds that belong to no variant, the newest first."""
        for job in (*self.jobs.values(), *(earlier := list(earlier))):
            self._count(job, "wanted")
        for job in earlier:
            self._count(job, "done")
        # By rule, so that an outlook costs no walk over thousands of jobs that wait.
        self.waiting: dict[str, Counter[tuple[float, int]]] = defaultdict(Counter)
        for job in self.jobs.values():
            self.waiting[job.rule][job.expected, job.threads] += 1
        self.measured: dict[str, tuple[float, float]] = {}

    # Events.

    def begin(self, number: int, now: float) -> None:
        if (job := self.jobs.get(number)) is not None and number not in self.active:
            self.active[number] = job
            job.begun, job.log_before = (None, written(job)) if self.queued else (now, ())
            self._waits(job, -1)

    def finish(self, number: int, now: float) -> Job | None:
        """The job that finished; None if it is none of ours."""
        if (job := self.active.pop(number, None)) is None:
            return None
        if job.begun is None:  # nobody saw it begin
            job.took = job.expected
        else:
            job.took = elapsed(job, now)
            expected, took = self.measured.get(job.rule, (0.0, 0.0))
            self.measured[job.rule] = expected + job.expected, took + job.took
        self.done.append(job)
        self._count(job, "done")
        return job

    def fail(self, number: int) -> Job | None:
        """The job that failed; None if it is none of ours. It waits again, to be tried anew or left to do."""
        if (job := self.active.pop(number, None)) is not None:
            job.begun = None
            self._waits(job, 1)
        return job

    def _waits(self, job: Job, change: int) -> None:
        self.waiting[job.rule][job.expected, job.threads] += change

    def _count(self, job: Job, what: str) -> None:
        if job.kind in OTHERS:
            self.counts["", job.kind][what] += 1
            if what == "done":
                self.named[job.kind].insert(0, describe("", job.wildcards) or job.name)
        else:
            counted = job.seeds if job.kind == "trained" else 1
            self.counts[job.variant][f"{job.kind} {what}"] += counted

    # Reports.

    def look(self, now: float) -> None:
        """Read how far the jobs are that run, and which of those that were queued have begun."""
        for job in list(self.active.values()):
            if job.begun is None and written(job) != job.log_before:
                job.begun = now
            job.note = said_by(job)

    def scale(self, rule: str, now: float) -> float:
        """How many times longer than expected jobs of a rule take here."""
        expected, took = self.measured.get(rule, (0.0, 0.0))
        for job in list(self.active.values()):
            if job.rule == rule and job.note.rate:
                expected, took = expected + job.expected, took + elapsed(job, now) + job.note.left(now)
        return (PRIOR + took) / (PRIOR + expected)

    def left(self, job: Job, now: float) -> float:
        """Seconds that a job that runs still takes."""
        ran, share = elapsed(job, now), job.note.share
        if job.note.rate:
            return job.note.left(now)
        # A job that takes longer than expected: any estimate will do.
        left = max(self.scale(job.rule, now) * job.expected - ran, ran / 10)
        if share:
            trust = min(1.0, (share / TELLING) ** 2)
            left += trust * (ran * (1 - share) / share - left)
        return left

    def running(self, now: float) -> list[Row]:
        """What runs, the longest first, and then what is queued."""
        jobs = sorted(self.active.values(), key=lambda job: (job.begun is None, -self.left(job, now)))
        return [Row(job.name, job.note.share_at(now), job.note.speed, remark(job), self.left(job, now)) for job in jobs]

    def outlook(self, now: float) -> Outlook:
        """How much is done, and when all will be: the work that is left on all cores, and at least its longest job."""
        done = sum((job.took or 0.0) * job.threads for job in self.done)
        work = longest = 0.0
        for job in list(self.active.values()):
            left = self.left(job, now)
            done += elapsed(job, now) * job.threads
            work, longest = work + left * job.threads, max(longest, left)
        for rule, jobs in self.waiting.items():
            scale = self.scale(rule, now)
            for (expected, threads), number in list(jobs.items()):
                if number > 0:
                    work += number * scale * expected * threads
                    longest = max(longest, scale * expected)
        total = done + work
        return Outlook(done / total if total else 1.0, max(work / self.cores, longest))

    def progress(self, experiment: str, variant: str) -> str:
        """How much of a variant is done, in words."""
        return told(self.counts[experiment, variant])

    def is_done(self, experiment: str, variant: str) -> bool:
        counts = self.counts[experiment, variant]
        return all(counts[f"{kind} done"] >= counts[f"{kind} wanted"] for kind in ("trained", "evaluated", "encoded"))

    def finished(self, rows: int) -> list[tuple[str, str]]:
        """What is done, by experiment and variant, as names and words, in so many rows: the longest lists of variants
        become one row, and what does not fit in the end is counted."""
        lists: dict[str, list[tuple[str, str]]] = defaultdict(list)
        sums: dict[str, Counter[str]] = defaultdict(Counter)
        for (experiment, variant), counts in self.counts.items():
            if experiment:
                sums[experiment].update(counts)
                if said := told(counts):
                    lists[experiment].append((variant_name(experiment, variant), said))
        others = [(kind, self._told_of(kind)) for kind in OTHERS if self.counts["", kind]["done"]]
        while sum(map(len, lists.values())) + len(others) > rows:
            name = max(lists, key=lambda experiment: len(lists[experiment]), default="")
            if not name or len(lists[name]) < 2:
                break
            lists[name] = [(f"{name}, {len(lists[name])} variants", told(sums[name]))]
        found = [row for rows_of in lists.values() for row in rows_of]
        if (over := len(found) + len(others) - max(rows, 1)) > 0:
            found = [*found[over + 1 :], ("", f"and {over + 1} more")] if len(found) > over + 1 else found[:1]
        return [*found, *others]

    def _told_of(self, kind: str) -> str:
        counts = self.counts["", kind]
        return f"{counts['done']} of {counts['wanted']}: {', '.join(self.named[kind])}"


def told(counts: Counter[str]) -> str:
    """How many seeds are trained, and how many of them evaluated or encoded; nothing if none is."""
    parts = []
    if counts["trained done"]:
        parts.append(f"{counts['trained done']} of {count(counts['trained wanted'], 'seed')} trained")
    parts += [f"{counts[f'{kind} done']} {kind}" for kind in ("evaluated", "encoded") if counts[f"{kind} done"]]
    return ", ".join(parts)


def elapsed(job: Job, now: float) -> float:
    return now - (now if job.begun is None else job.begun)


def remark(job: Job) -> str:
    """What a job says besides how far it is; of a training that has said nothing yet, why."""
    if job.begun is None:
        return "queued"
    return "starting" if job.state is not None and job.note.share is None else job.note.remark


def written(job: Job) -> tuple[int, ...]:
    """What changes when a job writes its log, by no clock but its file system's: nothing without a log."""
    try:
        facts = job.log.stat() if job.log is not None else None
    except OSError:
        return ()
    return () if facts is None else (facts.st_ino, facts.st_size, facts.st_mtime_ns)


def said_by(job: Job) -> Note:
    """What a job that runs said last of how far it is, since it began: in the note of a training, or in its log."""
    if (since := job.begun) is None:
        return Note()
    if job.state is not None:
        return Note.of(read_note(job.state), since)
    return Note() if job.log is None else last_said(job.log, since)
