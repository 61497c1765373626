"""Evaluation: episodes with seeds of their own and hardly any exploration, apart from training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rlgames.environments.atari import Games, patches
from rlgames.streams import Purpose, reset_seed


class Played(NamedTuple):
    """An evaluation episode."""

    reset_seed: int
    actions: bytes
    ending: str
    rewards: np.ndarray
    """The game's own points after every action: float32, shape (steps,)."""
    q: np.ndarray
    """Action values before every action: float32, shape (steps, actions)."""


def play(
    environment: dict[str, Any], values: Callable[[np.ndarray], np.ndarray], numbers: range, seed: int, epsilon: float,
) -> list[Played]:  # fmt: skip
    """Play the episodes `numbers` side by side, ε-greedily to `values` of observations in patches.

    An episode depends on `seed` and its number only: it has its own emulator's seed and its own random actions.
    """
    count = len(numbers)
    games = Games(environment, count)
    seeds = [reset_seed(seed, Purpose.EVALUATION, number) for number in numbers]
    rngs = [np.random.default_rng((seed, Purpose.EVALUATION_EXPLORATION, number)) for number in numbers]
    actions: list[bytearray] = [bytearray() for _ in numbers]
    estimates: list[list[np.ndarray]] = [[] for _ in numbers]
    rewards: list[list[float]] = [[] for _ in numbers]
    endings = [""] * count
    observations = games.reset(np.array(seeds))
    while not all(endings):
        q = values(patches(observations))
        explores = [rng.random() < epsilon for rng in rngs]
        randoms = [rng.integers(len(games.actions)) for rng in rngs]
        chosen = np.where(explores, randoms, q.argmax(axis=1))
        step = games.step(chosen)
        observations = step.observations
        for game in range(count):
            if not endings[game]:  # a game that is over plays on, unheeded
                actions[game].append(chosen[game])
                estimates[game].append(q[game])
                rewards[game].append(step.rewards[game])
                endings[game] = "terminated" if step.terminated[game] else "truncated" if step.truncated[game] else ""
    return [
        Played(
            reset_seed=seeds[game],
            actions=bytes(actions[game]),
            ending=endings[game],
            rewards=np.array(rewards[game], np.float32),
            q=np.stack(estimates[game]),
        )
        for game in range(count)
    ]
