"""What a job takes, and asks a cluster for: time, memory, cores, GPUs.

Rough: each attempt at a job asks for more, and a training that ran out of time resumes from its save, so that too small
an estimate costs a few minutes and no result. Measured on one core of an AMD EPYC with AVX-512 (docs/cluster.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from rlgames.plan.paths import first, last
from rlgames.plan.plan import Plan
from rlgames.settings.encoders import JUDGED
from rlgames.settings.environments import Atari, DatasetFrames
from rlgames.settings.learner import PLAIN_MB
from rlgames.settings.linear_agents import LONG_STEPS
from rlgames.settings.memory import ACTION_BYTES, EMULATOR_MB, KEPT_COPIES, beyond

SNAKEMAKE_MB = 400
"""Memory of the two Snakemakes that a job on a cluster starts."""

START, START_LINEAR = 300, 20
"""Seconds allowed for starting Snakemake and Python, twice each, from a slow file system; and for linear agents over
tiles, many of which share a job, so that files are in memory after the first."""

SECONDS = {"figure": 3.0, "video": 4.0, "gameplay": 7.0}
"""Of rules whose jobs take about the same time whatever is asked for; the others take a second."""

MEGABYTES = {"encode": 2.0, "evaluate": 0.5, "gameplay": 3.0}
"""On the disk, of products and saves of rules whose jobs leave about the same; of the others it is half a megabyte."""

SAVED_COPIES = 40
"""Of a network's weights, on the disk: those kept for good, thrice, and all that two saves have besides."""

INSIGHTS_PER_SECOND = 200
"""Steps of a video for which a network is asked."""

FRAMES_PER_SECOND, STEPS_PER_SECOND, TYPICAL_STEPS = 1500, 600, 1100
"""Frames of a data set, made or encoded; steps of evaluation, and those of an episode of Pong and a random one."""

LANES = 16
"""Episodes that an evaluation plays at the same time, as `rlgames.playing.evaluation` has it (a test compares them)."""
OBJECT_BYTES, PANDAS_BYTES = 250, 200
"""Bytes of the objects of a step of evaluation, and of a row of a table."""

FIRST = 1_000_000
"""Priority of figures and videos: whatever can be shown is."""

TABLES = {"final_scores": "episodes", "encoder_scores": "encoding", "prediction_scores": "predictions"}
"""Rules that read all of a product at once."""


def seconds(plan: Plan, rule: str, run: Any) -> float:
    """About how long a job takes on one core."""
    if rule == "evaluate":
        samples = plan.spec(run).agent.samples
        trained = plan.config.evaluation.count(samples=samples) - plan.config.evaluation.episodes
        return 8 + trained * TYPICAL_STEPS / STEPS_PER_SECOND
    if rule in ("dataset", "encode"):
        dataset = plan.dataset(run.dataset) if rule == "dataset" else surroundings(plan, run)
        others = sum(other.size for other in judged_besides(plan, run)) if rule == "encode" else 0
        return 8 + (dataset.size + others) / FRAMES_PER_SECOND
    if rule == "gameplay" and plan.spec(run).agent.has_insights:
        return SECONDS[rule] + 8 + surroundings(plan, run).max_steps / INSIGHTS_PER_SECOND
    if rule not in plan.training_rules:
        return SECONDS.get(rule, 1.0)
    spec = plan.spec(run)
    return spec.agent.seconds(spec.budget, surroundings(plan, run), seeds_of(run))


def priority(plan: Plan, run: Any) -> int:
    """Of a training: linear agents over tiles first, in the order of the config, since on two cores nobody should wait
    an hour for a first picture; then the longest ones, so that short ones fill the cores in the end."""
    names = plan.trained_by("train_linear")
    if run.experiment in names:
        return FIRST - 1 - names.index(run.experiment)
    spec = plan.spec(run)
    return min(int(spec.agent.seconds(spec.budget, surroundings(plan, run), seeds_of(run))), FIRST - 1 - len(names))


def minutes(plan: Plan, rule: str, run: Any, attempt: int) -> int:
    """The wall time that a job asks for: twice what it should take, and as much again in each attempt."""
    needed = seconds(plan, rule, run)
    if rule == "evaluate":  # begins anew in each attempt: time for episodes of the full length
        episodes = plan.config.evaluation.count(samples=plan.spec(run).agent.samples)
        needed = 8 + episodes * surroundings(plan, run).max_steps / STEPS_PER_SECOND
    return math.ceil(((START_LINEAR if rule == "train_linear" else START) + 2 * needed) / 60) * attempt


def megabytes(plan: Plan, rule: str, run: Any, attempt: int) -> int:
    """The memory that a job asks for, in MB: half as much again in each attempt."""
    return math.ceil((SNAKEMAKE_MB + memory(plan, rule, run)) * (1 + (attempt - 1) / 2))


def memory(plan: Plan, rule: str, run: Any) -> float:
    """The memory that a job takes, in MB."""
    if rule == "dataset":
        return PLAIN_MB + 3 * plan.dataset(run.dataset).megabytes
    if rule == "figure":
        figure = plan.figure(run.figure)
        return PLAIN_MB + beyond(1e6 * sum(tables(plan, name, figure.products) for name in figure.experiments))
    if rule in TABLES:
        return PLAIN_MB + beyond(1e6 * sum(tables(plan, name, (TABLES[rule],)) for name in read_by(plan, rule)))
    if rule not in (*plan.training_rules, "evaluate", "encode", "gameplay"):
        return PLAIN_MB
    spec: Any = plan.spec(run)
    around = surroundings(plan, run)
    if rule == "evaluate":
        return spec.agent.memory_mb + beyond(1e6 * (spec.agent.playing_mb(around) + evaluation_mb(plan, spec)))
    if rule == "gameplay":
        asked = spec.agent.memory_mb + beyond(1e6 * spec.agent.playing_mb(around))
        return asked if spec.agent.has_insights else PLAIN_MB
    if rule == "encode":
        others = sum(other.megabytes for other in judged_besides(plan, run))
        return spec.agent.memory_mb + spec.agent.playing_mb(around) + others
    if rule == "predict" and (encoder := spec.agent.encoder_run) is not None:
        learned: Any = plan.config.experiments[encoder.experiment].named[encoder.variant].spec.agent
        described = spec.agent.described_bytes(around.size, learned.numbers)
        return spec.agent.memory_mb + around.megabytes + beyond(described)
    return spec.agent.training_mb(around, spec.budget, seeds_of(run))


def disk(plan: Plan, rule: str, run: Any) -> float:
    """What a job leaves on the disk, its saves included, in MB."""
    if rule == "dataset":
        return plan.dataset(run.dataset).megabytes / 2  # frames of simple games
    if rule not in plan.training_rules:
        return MEGABYTES.get(rule, 0.5)
    spec: Any = plan.spec(run)
    if rule == "predict":  # weights, two saves, and predictions
        return 1 + 3 * spec.agent.saved_bytes(surroundings(plan, run)) / 1e6
    if rule == "train_encoder":
        return 8 + 0.3 * spec.agent.numbers
    if rule == "train_linear":
        return 0.1 + seeds_of(run) * spec.agent.weights_bytes(spec.environment) / 1e6
    if "features" in type(spec.agent).model_fields:
        actions = 3 if spec.environment.actions == "three" else spec.environment.most_actions
        weights = 8 * actions * spec.agent.features.weights
    else:
        weights = 1e6 * spec.agent.playing_mb(spec.environment) / KEPT_COPIES
    return (SAVED_COPIES * weights + ACTION_BYTES * spec.budget) / 1e6


def judged_besides(plan: Plan, run: Any) -> list[Any]:
    """The data sets, besides its own, on which an encoder is judged."""
    environment: Any = plan.spec(run).environment
    name = environment.judged_on
    return [] if name is None else [plan.dataset(name)]


def read_by(plan: Plan, rule: str) -> list[str]:
    """The experiments over which a table is made."""
    trainings = {"final_scores": "train_linear", "encoder_scores": "train_encoder", "prediction_scores": "predict"}
    return plan.trained_by(trainings[rule])


def tables(plan: Plan, experiment: str, products: Iterable[str]) -> float:
    """The memory that products of all runs of an experiment take when they are read at once, in MB."""
    declared, total = plan.config.experiments[experiment], 0.0
    for variant in declared.variants:
        spec: Any = variant.spec
        around = spec.environment
        if isinstance(around, DatasetFrames):
            around = plan.dataset(around.dataset)
        for product in products:
            if product == "weights":
                total += 2 * spec.agent.playing_mb(around)
            elif product == "encoding":
                total += JUDGED * (24 * spec.agent.numbers + 400) / 1e6
            elif product == "predictions":
                total += around.size * PANDAS_BYTES / 1e6
            elif product.startswith("evaluation"):
                total += evaluation_mb(plan, spec) / 8
            elif product in ("episodes", "recordings"):
                total += episodes(spec) * PANDAS_BYTES / 1e6
    return declared.seeds * total


def episodes(spec: Any) -> float:
    """About how many episodes a training has."""
    return spec.budget / (1 if spec.agent.unit == "episodes" else 200 if isinstance(spec.environment, Atari) else 20)


def evaluation_mb(plan: Plan, spec: Any) -> float:
    """The memory of an evaluation's games, side by side, and of its recordings."""
    protocol, environment = plan.config.evaluation, spec.environment
    steps = min(environment.max_steps, LONG_STEPS)
    played = protocol.count(samples=spec.agent.samples)
    recorded = steps * (played * (4 * environment.most_actions + 10) + LANES * OBJECT_BYTES)
    return LANES * EMULATOR_MB + recorded / 1e6


def seeds_of(run: Any) -> int:
    """Seeds that a training job trains."""
    return last(run.seeds) - first(run.seeds) + 1


def gpus(plan: Plan, run: Any) -> int:
    """GPUs to ask for. `auto` takes one where there is one, but is not worth waiting for one in a queue."""
    return int(plan.spec(run).agent.needs_gpu)


def threads(plan: Plan, run: Any) -> int:
    """Cores of a training."""
    return plan.config.threads if plan.spec(run).agent.uses_threads else 1


def surroundings(plan: Plan, run: Any) -> Any:
    """The environment that an agent learns in, or the data set that is learned from."""
    environment = plan.spec(run).environment
    return plan.dataset(environment.dataset) if isinstance(environment, DatasetFrames) else environment
