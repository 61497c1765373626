"""What every agent with linear values over active tiles shares: q(s, a) is the sum of its action's active weights."""

from typing import NamedTuple, Self

import numpy as np
import pandas as pd
from numba import njit

LIMIT = 1e12
"""A weight beyond it means that learning has diverged."""

ENDINGS = ["terminated", "truncated", "diverged"]
TERMINATED, TRUNCATED, DIVERGED = 0, 1, 2
"""How an episode ended: at the goal, cut off by the limit on steps, or stopped since the weights diverged."""


@njit(cache=True)
def action_value(weights: np.ndarray, tiles: np.ndarray, action: int) -> float:
    """q(s, a, w) for weights of shape (actions, features). Sums in the order of the tilings, so that ties are ties."""
    value = 0.0
    for tile in tiles:
        value += weights[action, tile]
    return value


@njit(cache=True)
def epsilon_greedy(weights: np.ndarray, tiles: np.ndarray, epsilon: float, rng: np.random.Generator) -> int:
    """A random action with probability epsilon, else one of the best at random."""
    actions = weights.shape[0]
    if epsilon > 0 and rng.random() < epsilon:
        return int(rng.random() * actions)
    best, ties, choice = -np.inf, 0, 0
    for action in range(actions):
        value = action_value(weights, tiles, action)
        if value > best:
            best, ties, choice = value, 1, action
        elif value == best:
            ties += 1
    if ties > 1:
        nth = int(rng.random() * ties)
        for action in range(actions):
            if action_value(weights, tiles, action) == best:
                if nth == 0:
                    return action
                nth -= 1
    return choice


@njit(cache=True)
def update(weights: np.ndarray, tiles: np.ndarray, action: int, change: float) -> bool:
    """Add `change` to the active weights of `action`; False once one of them is beyond LIMIT or not a number."""
    sound = True
    for tile in tiles:
        weights[action, tile] += change
        sound &= abs(weights[action, tile]) <= LIMIT
    return sound


class Run(NamedTuple):
    """What one seed's training leaves: weights (actions, features), and an entry of the others for every episode."""

    weights: np.ndarray
    steps: np.ndarray
    returns: np.ndarray
    endings: np.ndarray

    @classmethod
    def empty(cls, actions: int, features: int, episodes: int) -> Self:
        """Zero weights, and room for `episodes`."""
        return cls(
            np.zeros((actions, features)), np.zeros(episodes, np.int32), np.zeros(episodes), np.zeros(episodes, np.int8)
        )

    def table(self, seed: int) -> pd.DataFrame:
        """A row for each episode played: seed, episode (from 1), steps, return, ending."""
        return pd.DataFrame(
            {
                "seed": np.int32(seed),
                "episode": np.arange(1, len(self.steps) + 1, dtype=np.int32),
                "steps": self.steps,
                "return": self.returns,
                "ending": pd.Categorical(np.take(ENDINGS, self.endings), categories=ENDINGS),
            }
        )
