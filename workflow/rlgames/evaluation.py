"""Evaluation: episodes with seeds of their own and hardly any exploration, apart from training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rlgames.streams import Purpose, reset_seed


class Played(NamedTuple):
    """An evaluation episode."""

    reset_seed: int
    actions: bytes
    ending: str
    rewards: np.ndarray
    """The game's own points after every action: float32, shape (steps,)."""
    q: np.ndarray
    """Action values before every action: shape (steps, actions)."""


def play(
    make: Callable[[], Any], values: Callable[[np.ndarray], np.ndarray], numbers: range, seed: int, epsilon: float,
) -> list[Played]:  # fmt: skip
    """Play the episodes `numbers` side by side, ε-greedily to `values` of states (first axis: games).

    `make` gives a game, with the methods of `rlgames.environments.atari.Game`. Every episode has its own game, its own
    seed and its own random actions, by `seed` and its number. Those that are over cost nothing more: one rally of half
    an hour is common while an agent learns.
    """
    count = len(numbers)
    games = [make() for _ in numbers]
    seeds = [reset_seed(seed, Purpose.EVALUATION, number) for number in numbers]
    rngs = [np.random.default_rng((seed, Purpose.EVALUATION_EXPLORATION, number)) for number in numbers]
    actions: list[bytearray] = [bytearray() for _ in numbers]
    estimates: list[list[np.ndarray]] = [[] for _ in numbers]
    rewards: list[list[float]] = [[] for _ in numbers]
    endings = [""] * count
    states = np.stack([games[k].reset(seeds[k]) for k in range(count)])
    while playing := [k for k in range(count) if not endings[k]]:
        q = values(states[playing])
        for row, k in enumerate(playing):
            explores, random = rngs[k].random() < epsilon, rngs[k].integers(q.shape[1])
            action = int(random if explores else q[row].argmax())
            outcome = games[k].step(action)
            actions[k].append(action)
            estimates[k].append(q[row])
            rewards[k].append(outcome.reward)
            endings[k] = "terminated" if outcome.terminated else "truncated" if outcome.truncated else ""
            states[k] = outcome.state
    return [
        Played(
            reset_seed=seeds[k],
            actions=bytes(actions[k]),
            ending=endings[k],
            rewards=np.array(rewards[k], np.float32),
            q=np.stack(estimates[k]),
        )
        for k in range(count)
    ]
