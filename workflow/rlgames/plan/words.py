"""What the user reads of a plan: captions, what is about to run, and what needs a second look."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from rlgames.messages import UserError, clock, count, diverged, plain
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


def notices(plan: Plan) -> str:
    """What a reader of the results must know: runs that diverged, ran into a cap that nobody asked for, or were made
    under another lock, and manifests that are damaged. A limit that belongs to the environment is no surprise, and one
    that the config gives is worth one line, for all its runs."""
    lines, expected = [], []
    evaluations = dict.fromkeys(plan.evaluation_products("evaluation manifest"))
    lock, now = installed_lock(), dict(versions())
    datasets = plan.dataset_products("dataset manifest")
    for path in map(Path, [*plan.run_products("manifest"), *evaluations, *datasets]):
        if not path.exists():
            continue
        try:
            facts = Manifest.read(path)
        except UserError as error:
            lines.append(str(error))
            continue
        what = "evaluation of " if str(path) in evaluations else ""
        run = f"{what}{facts.experiment}/{facts.variant}, seed{'s' * ('-' in str(facts.seeds))} {facts.seeds}"
        run = f"data set {facts.experiment}" if str(path) in datasets else run
        if facts.diverged:
            lines.append(diverged(facts.experiment, str(facts.variant), facts.diverged))
        if facts.truncated and str(path) not in datasets:
            cut = f"Truncated: {run}: {count(facts.truncated, 'episode')} cut off"
            if not declares_cap(plan, facts):
                lines.append(f"{cut} after max_steps.")
            elif not facts.diverged:  # a diverged run has a line already
                expected.append(cut)
        other = {**now, **facts.surroundings["versions"]}.items() - now.items()
        if facts.surroundings["lock"] != lock or other:
            which = f" ({', '.join(' '.join(each) for each in sorted(other))})" if other else ""
            lines.append(
                f"Made under another lock{which}: {run}. It is kept; to make it again, delete it and its folder below "
                "state."
            )
    if expected:
        others = f" (as in {count(len(expected) - 1, 'other run')})" if len(expected) > 1 else ""
        lines.append(f"{expected[0]} after the max_steps that the config gives{others}.")
    return "\n".join(lines)


def declares_cap(plan: Plan, facts: Manifest) -> bool:
    """Whether the config itself says after how many steps the episodes of a run are cut off."""
    variant = plan.variants.get((facts.experiment, str(facts.variant)))
    return variant is not None and "max_steps" in variant.spec.environment.model_fields_set


def say(*messages: str) -> None:
    """Print the messages that are not empty, beside Snakemake's own."""
    with suppress(OSError):  # the terminal went away
        for message in filter(None, messages):
            print(plain(message), file=sys.stderr, flush=True)
