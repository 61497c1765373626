"""What a job takes: time, memory, graphics cards; from its settings, and from what was measured (docs/cluster.md).

Measured on one core of an AMD EPYC with AVX-512, which reaches 110 GFLOP/s in float32, with a second job beside.
"""

from __future__ import annotations

import math
from typing import Any

MARGIN = 2
"""How much slower than the machine of the measurements one may be. A training that runs out of time goes on from its
save in the next attempt, so that too small a margin costs a few minutes, and no result."""

# Time, in seconds.

START = 300
"""Allowed for starting Snakemake and Python, twice each, from a slow file system."""
START_LINEAR = 20
"""The same for linear agents over tiles, many of which share a job, so that files are in memory after the first."""

SECONDS = {
    "train_atari": 10.0,
    "train_encoder": 10.0,
    "encode": 8.0,
    "evaluate": 8.0,
    "train_linear": 1.2,
    "figure": 3.0,
    "video": 4.0,
    "gameplay": 7.0,
}
"""Imports, compiling and drawing; a second for other rules."""

STEPS_PER_EPISODE = 200
STEPS_PER_SECOND = {
    "sarsa": 8e6,
    "sarsa-lambda": 1.5e6,
    "true-online-sarsa-lambda": 1.5e6,
    "dense-true-online-sarsa-lambda": 1e3,
}
"""Of linear agents on Mountain Car, the last on Atari: rough averages over codings, features and settings."""

DEEP_STEP, DEEP_ACTION = 0.0004, 0.0024
"""A step of a game, and the choice of an action, which games side by side share."""
DEEP_UPDATE = {"dqn": 0.0284, "double-dqn": 0.0349}
"""An update of the network of 2015: a minibatch of 32, frames of 84 x 84 pixels."""
REPLAYED_PER_SECOND = 3000
"""Steps of a replay buffer that is played again."""

FRAMES_PER_SECOND = 1500
LEARNED_FROM_PER_SECOND = 1300
ENCODED_PER_SECOND = 2500
"""Frames of a data set: made, learned from, and encoded, at 84 x 84 pixels."""

SECONDS_PER_EVALUATION = 3
"""An episode of Pong, with that of the random agent beside it."""
EVALUATED_PER_SECOND = 376
"""Steps of evaluation episodes."""

# Memory, in MB.

SNAKEMAKE = 400
"""The two Snakemakes that a job on a cluster starts."""
PLAIN = 800
"""A command without TensorFlow."""
TENSORFLOW = 1200
"""A command with TensorFlow, the networks and the games included."""
FRAMES_PER_MB = 700
"""Of a data set: pictures as PNG and the console's memory, and once more while they are put together."""


def training_seconds(spec: Any, seeds: int = 1, frames: int = 0, image_size: int = 84) -> float:
    """A training from start to end: of `seeds` in a row, or of an auto-encoder on `frames` of this size."""
    agent = spec.agent
    if agent.budget == "episodes":
        steps = seeds * spec.episodes * STEPS_PER_EPISODE
        return SECONDS["train_linear"] + steps / STEPS_PER_SECOND.get(agent.name, STEPS_PER_SECOND["sarsa"])
    if agent.budget == "epochs":
        pixels = spec.epochs * frames * image_size**2
        return SECONDS["train_encoder"] + pixels / (LEARNED_FROM_PER_SECOND * 84**2)
    if agent.name in STEPS_PER_SECOND:
        return SECONDS["train_atari"] + spec.steps / STEPS_PER_SECOND[agent.name]
    minibatch = agent.batch_size / 32 * (spec.environment.image_size / 84) ** 2
    step = DEEP_STEP + DEEP_ACTION / agent.games + agent.updates_per_step * DEEP_UPDATE[agent.name] * minibatch
    return SECONDS["train_atari"] + spec.steps * step


def encoding_seconds(frames: int, image_size: int) -> float:
    return SECONDS["encode"] + frames * image_size**2 / (ENCODED_PER_SECOND * 84**2)


def evaluation_seconds(evaluation: Any, max_steps: int | None = None) -> float:
    """An evaluation like Pong's; with `max_steps`, one in which every episode has so many."""
    if max_steps is None:
        return SECONDS["evaluate"] + evaluation.episodes * SECONDS_PER_EVALUATION
    checkpoints = 9
    episodes = 2 * evaluation.episodes + checkpoints * evaluation.checkpoint_episodes
    return SECONDS["evaluate"] + episodes * max_steps / EVALUATED_PER_SECOND


def training_memory(spec: Any) -> int:
    """A training, with its whole replay buffer if it has one."""
    if not hasattr(spec.agent, "capacity"):
        return playing_memory(spec)
    return playing_memory(spec) + math.ceil(replay_bytes(spec) / 1e6)


def playing_memory(spec: Any) -> int:
    """What plays with weights that were learned, or encodes."""
    features = getattr(spec.agent, "features", None)
    deep = hasattr(spec.agent, "device") or getattr(features, "name", "") == "latents"
    return SNAKEMAKE + (TENSORFLOW if deep else PLAIN)


def replay_bytes(spec: Any) -> int:
    """As `rlgames.replay.Replay.size` has it (a test compares them), which takes numba to import."""
    return spec.agent.capacity * (spec.environment.image_size**2 + 10)


def gpus(spec: Any) -> int:
    """Graphics cards to ask for. `auto` takes one where there is one, but is not worth waiting for one in a queue."""
    return int(getattr(spec.agent, "device", "cpu") == "gpu")


def replaying_seconds(spec: Any) -> float:
    """What a training takes to play its replay buffer again, before it goes on."""
    return getattr(spec.agent, "capacity", 0) / REPLAYED_PER_SECOND


def minutes(seconds: float, start: float, attempt: int) -> int:
    """The time to ask for; each attempt gets as much again."""
    return math.ceil((start + MARGIN * seconds) / 60) * attempt


def megabytes(memory: int, attempt: int) -> int:
    """The memory to ask for: half as much again in each attempt."""
    return math.ceil(memory * (1 + (attempt - 1) / 2))
