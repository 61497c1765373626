"""What the user reads of a plan: captions, what is about to run, and what needs a second look."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlgames.messages import DIVERGED, UserError, clock, count, diverged, plain, where
from rlgames.plan.ledger import Ledger
from rlgames.plan.plan import Plan
from rlgames.provenance import Manifest
from rlgames.settings.text import flat
from rlgames.surroundings import installed_lock, versions


def caption(plan: Plan, name: str) -> str:
    """A figure's caption, with the seeds and the protocol of its experiments."""
    figure = plan.figure(name)
    return plain_rst(
        " ".join([figure.caption, *(protocol(plan, experiment) for experiment in figure.experiments)]).strip()
    )


def video_caption(plan: Plan, run: Any) -> str:
    """The caption of the video of a variant, with the seeds and the protocol of its experiment."""
    return plain_rst(f"{plan.config.videos[run.experiment].caption} {protocol(plan, run.experiment)}".strip())


def plain_rst(text: str) -> str:
    """Text as reStructuredText, which Snakemake's report takes captions for: paragraphs, and no markup or directive."""
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", plain(text))]
    return re.sub(r"([!-/:-@[-`{-~])", r"\\\1", "\n\n".join(filter(None, paragraphs)))


def protocol(plan: Plan, name: str) -> str:
    """An experiment in words: what all its variants share, and what differs."""
    experiment = plan.config.experiments[name]
    specs = [flat(variant.spec.resolved()) for variant in experiment.variants]
    keys = list(dict.fromkeys(key for spec in specs for key in spec))
    shared = [key for key in keys if all(spec.get(key) == specs[0].get(key) for spec in specs)]
    values = [f"{last_name(key)} {specs[0][key]}" for key in shared if key in specs[0]]
    swept = [last_name(key) for key in keys if key not in shared]
    return (
        f"{name}: seeds {experiment.first_seed} to {experiment.last_seed}, {', '.join(values)}"
        f"{'; swept: ' + ', '.join(swept) if swept else ''}. {experiment.agent_kind.judged(plan.config.evaluation)}"
    )


def last_name(key: str) -> str:
    """A setting without the way to it: `agent.coding.tiles` is tiles, and `agent.coding.name` the coding."""
    return key.removesuffix(".name").split(".")[-1]


def announcement(plan: Plan, ledger: Ledger, disk: float, cores: int | None) -> str:
    """What is about to run, for how long, and what it leaves on the disk, in MB; on a cluster there are no `cores`."""
    what = f"rlgames: {count(len(ledger.jobs), 'job')} for {plan.config.results}"
    room = f"up to {size(disk)} of disk"
    if cores is None:  # a cluster: its queue decides
        work = sum(job.expected for job in ledger.jobs.values())
        return f"{what}, about {count(round(work / 60), 'minute')} of computing, {room}."
    return f"{what}, about {clock(ledger.outlook(ledger.start).left)} on {count(cores, 'core')}, {room}."


def size(megabytes: float) -> str:
    """Room on a disk, for people."""
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"


@dataclass(frozen=True)
class Notice:
    """What a reader of the results must know, and the runs of which it is true where they are several."""

    text: str
    runs: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n  ".join([self.text, *self.runs])


def notices(plan: Plan) -> list[Notice]:
    """What a reader of the results must know: runs that diverged, ran into a cap that nobody asked for, or were made
    under another lock, each kind once for an experiment, and manifests that are damaged. A limit that belongs to the
    environment is no surprise, and one that the config gives is worth one notice, for all its runs."""
    damaged, expected = list[Notice](), list[str]()
    lost, cut, elsewhere = Runs(), Runs(), Runs()
    evaluations = dict.fromkeys(plan.evaluation_products("evaluation manifest"))
    lock, now = installed_lock(), dict(versions())
    datasets = plan.dataset_products("dataset manifest")
    for path in map(Path, [*plan.run_products("manifest"), *evaluations, *datasets]):
        if not path.exists():
            continue
        try:
            facts = Manifest.read(path)
        except UserError as error:
            damaged.append(Notice(str(error)))
            continue
        what = "evaluation of " if str(path) in evaluations else ""
        whole, run = (
            f"{what}{facts.experiment}",
            f"{facts.variant}, seed{'s' * ('-' in str(facts.seeds))} {facts.seeds}",
        )
        if str(path) in datasets:
            whole, run = f"data set {facts.experiment}", ""
        if facts.diverged:
            lost.setdefault(facts.experiment, {}).setdefault(str(facts.variant), []).extend(facts.diverged)
        if facts.truncated and str(path) not in datasets:
            episodes = f"{count(facts.truncated, 'episode')} cut off"
            if not declares_cap(plan, facts):
                cut.setdefault(whole, {})[run] = episodes
            elif not facts.diverged:  # a diverged run has a notice already
                expected.append(f"Truncated: {whole}/{run}: {episodes}")
        other = {**now, **facts.surroundings["versions"]}.items() - now.items()
        if facts.surroundings["lock"] != lock or other:
            which = f" ({', '.join(' '.join(each) for each in sorted(other))})" if other else ""
            elsewhere.setdefault((which, whole), {})[run] = None
    return [
        *damaged,
        *(diverged_variants(experiment, places) for experiment, places in lost.items()),
        *(truncated_runs(whole, episodes) for whole, episodes in cut.items()),
        *(runs_of_another_lock(which, whole, list(runs)) for (which, whole), runs in elsewhere.items()),
        *truncated_as_asked(expected),
    ]


Runs = dict[Any, dict[str, Any]]
"""Of an experiment, its runs or variants and what is to be said of each."""


def diverged_variants(experiment: str, places: dict[str, list[dict[str, int]]]) -> Notice:
    """A notice of the variants of an experiment that diverged, and where."""
    if len(places) == 1:
        return Notice(diverged(experiment, *next(iter(places.items()))))
    text = f"Diverged: experiment {experiment}, {count(len(places), 'variant')}. {DIVERGED}"
    return Notice(text, tuple(f"{variant}: {where(lost)}" for variant, lost in places.items()))


def truncated_runs(whole: str, episodes: dict[str, str]) -> Notice:
    """A notice of the runs of an experiment with episodes that were cut off though the config gives no cap."""
    if len(episodes) == 1:
        ((run, cut),) = episodes.items()
        return Notice(f"Truncated: {whole}/{run}: {cut} after max_steps.")
    text = f"Truncated: {whole}, {count(len(episodes), 'run')} with episodes cut off after max_steps."
    return Notice(text, tuple(f"{run}: {cut}" for run, cut in episodes.items()))


def truncated_as_asked(found: list[str]) -> list[Notice]:
    """One notice, if any, of all runs with episodes that were cut off where the config says."""
    others = f" (as in {count(len(found) - 1, 'other run')})" if len(found) > 1 else ""
    return [Notice(f"{first} after the max_steps that the config gives{others}.") for first in found[:1]]


def runs_of_another_lock(which: str, whole: str, runs: list[str]) -> Notice:
    """A notice of the runs of an experiment, or a data set, that other versions made (`which`, if known)."""
    made = f"Made under another lock{which}"
    if len(runs) == 1:
        run = "/".join(filter(None, [whole, *runs]))  # a data set has no variants
        return Notice(f"{made}: {run}. It is kept; to make it again, delete it and its folder below state.")
    again = "They are kept; to make one again, delete it and its folder below state."
    return Notice(f"{made}: {whole}, {count(len(runs), 'run')}. {again}", tuple(runs))


def declares_cap(plan: Plan, facts: Manifest) -> bool:
    """Whether the config itself says after how many steps the episodes of a run are cut off."""
    variant = plan.variants.get((facts.experiment, str(facts.variant)))
    return variant is not None and "max_steps" in variant.spec.environment.model_fields_set


def say(*messages: str) -> None:
    """Print the messages that are not empty, beside Snakemake's own."""
    with suppress(OSError):  # the terminal went away
        for message in filter(None, messages):
            print(plain(message), file=sys.stderr, flush=True)
