"""What a job takes, and asks a cluster for: time, memory, cores, GPUs.

Rough: each attempt at a job asks for more, and a training that ran out of time resumes from its save, so that too small
an estimate costs a few minutes and no result. Measured on one core of an AMD EPYC with AVX-512 (docs/cluster.md).
"""

from __future__ import annotations

import math
from typing import Any

from rlgames.plan.plan import Plan
from rlgames.settings.environments import DatasetFrames
from rlgames.settings.learner import PLAIN_MB

SNAKEMAKE_MB = 400
"""Memory of the two Snakemakes that a job on a cluster starts."""

START, START_LINEAR = 300, 20
"""Seconds allowed for starting Snakemake and Python, twice each, from a slow file system; and for linear agents over
tiles, many of which share a job, so that files are in memory after the first."""

SECONDS = {"figure": 3.0, "video": 4.0, "gameplay": 7.0}
"""Of rules whose jobs take about the same time whatever is asked for; the others take a second."""

FRAMES_PER_SECOND, STEPS_PER_SECOND, TYPICAL_STEPS = 1500, 376, 1100
"""Frames of a data set, made or encoded; steps of evaluation, and those of an episode of Pong and a random one."""

TOGETHER = 2
"""Times as many steps per second while several games are still played side by side."""


def seconds(plan: Plan, rule: str, run: Any) -> float:
    """About how long a job takes on one core."""
    if rule == "evaluate":
        trained = plan.config.evaluation.count - plan.config.evaluation.episodes
        return 8 + trained * TYPICAL_STEPS / (TOGETHER * STEPS_PER_SECOND)
    if rule in ("dataset", "encode"):
        dataset = plan.dataset(run.dataset) if rule == "dataset" else surroundings(plan, run)
        return 8 + dataset.size / FRAMES_PER_SECOND
    if rule not in plan.training_rules:
        return SECONDS.get(rule, 1.0)
    spec = plan.spec(run)
    first, _, last = run.seeds.partition("-")
    return spec.agent.seconds(spec.budget, surroundings(plan, run), int(last or first) - int(first) + 1)


def minutes(plan: Plan, rule: str, run: Any, attempt: int) -> int:
    """The wall time that a job asks for: twice what it should take, and as much again in each attempt."""
    needed = seconds(plan, rule, run)
    if rule == "evaluate":  # begins anew in each attempt: time for episodes of the full length
        needed = 8 + plan.config.evaluation.count * surroundings(plan, run).max_steps / STEPS_PER_SECOND
    return math.ceil(((START_LINEAR if rule == "train_linear" else START) + 2 * needed) / 60) * attempt


def megabytes(plan: Plan, rule: str, run: Any, attempt: int) -> int:
    """The memory that a job asks for, in MB: half as much again in each attempt."""
    needed = PLAIN_MB
    if rule != "dataset":
        agent = plan.spec(run).agent
        needed = agent.memory_mb if rule == "evaluate" else agent.training_mb(surroundings(plan, run))
    return math.ceil((SNAKEMAKE_MB + needed) * (1 + (attempt - 1) / 2))


def gpus(plan: Plan, run: Any) -> int:
    """GPUs to ask for. `auto` takes one where there is one, but is not worth waiting for one in a queue."""
    return int(plan.spec(run).agent.needs_gpu)


def threads(plan: Plan, run: Any) -> int:
    """Cores of a training."""
    return plan.config.threads if plan.spec(run).agent.uses_threads else 1


def surroundings(plan: Plan, run: Any) -> Any:
    """The environment that an agent learns in, or the data set that an encoder learns from."""
    environment = plan.spec(run).environment
    return plan.dataset(environment.dataset) if isinstance(environment, DatasetFrames) else environment
