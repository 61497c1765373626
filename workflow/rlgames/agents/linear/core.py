"""What all linear agents over active tiles share: q(s, a, w) is the sum of its action's active weights."""

from typing import NamedTuple, Self

import numpy as np
from numba import njit

LIMIT = 1e12
"""Largest absolute value of a weight; beyond it, learning counts as diverged."""

ENDINGS = ["terminated", "truncated", "diverged", "time limit"]
TERMINATED, TRUNCATED, DIVERGED, TIME_LIMIT = 0, 1, 2, 3
"""How an episode ended: at the goal, cut off at the config's `max_steps`, stopped because the weights diverged, or at
the environment's own time limit."""


class Learned(NamedTuple):
    """What one seed's training fills in place.

    `weights` has shape (actions, features), float64, and as many rows more as the agent's module says in VALUE_ROWS,
    if it has state values besides; `steps` (int32), `returns` (float64) and `endings` (int8) have a
    place for each episode. `actions` (int8) takes those of the last episode, for its recording.
    """

    weights: np.ndarray
    steps: np.ndarray
    returns: np.ndarray
    endings: np.ndarray
    actions: np.ndarray

    @classmethod
    def empty(cls, actions: int, features: int, episodes: int, max_steps: int) -> Self:
        """Zero weights, and room for `episodes` episodes of at most `max_steps` steps each."""
        return cls(
            np.zeros((actions, features)),
            np.zeros(episodes, np.int32),
            np.zeros(episodes),
            np.zeros(episodes, np.int8),
            np.zeros(max_steps, np.int8),
        )

    def table(self, seed: int) -> dict[str, np.ndarray]:
        """One row per episode played: seed, episode (from 1), steps, return, ending (an index of ENDINGS)."""
        played = np.flatnonzero(self.steps)
        return {
            "seed": np.full(len(played), seed, np.int32),
            "episode": (played + 1).astype(np.int32),
            "steps": self.steps[played],
            "return": self.returns[played],
            "ending": self.endings[played],
        }


@njit(cache=True)
def action_value(weights: np.ndarray, tiles: np.ndarray, action: int) -> float:
    """q(s, a, w). Sums in the order of the tilings, so that ties are ties."""
    value = 0.0
    for tile in tiles:
        value += weights[action, tile]
    return value


@njit(cache=True)
def action_values(weights: np.ndarray, tiles: np.ndarray, values: np.ndarray) -> None:
    """Write q(s, a, w) of every action into `values`."""
    for action in range(len(values)):
        values[action] = action_value(weights, tiles, action)


@njit(cache=True)
def epsilon_greedy(values: np.ndarray, epsilon: float, rng: np.random.Generator) -> int:
    """A random action with probability epsilon, or else a greedy one, with ties broken at random."""
    actions = len(values)
    if epsilon > 0 and rng.random() < epsilon:
        return int(rng.random() * actions)
    best, ties, choice = -np.inf, 0, 0
    for action in range(actions):
        if values[action] > best:
            best, ties, choice = values[action], 1, action
        elif values[action] == best:
            ties += 1
    if ties > 1:
        nth = int(rng.random() * ties)
        for action in range(actions):
            if values[action] == best:
                if nth == 0:
                    return action
                nth -= 1
    return choice


@njit(cache=True)
def record(learned: Learned, episode: int, t: int, action: int, reward: float) -> None:
    """Record step t (from 1) of an episode (from 0)."""
    learned.steps[episode] = t
    learned.returns[episode] += reward
    if episode == len(learned.steps) - 1:
        learned.actions[t - 1] = action


@njit(cache=True)
def update(weights: np.ndarray, tiles: np.ndarray, action: int, change: float) -> bool:
    """Add `change` to the active weights of `action`; False once one of them is beyond LIMIT or not a number."""
    sound = True
    for tile in tiles:
        weights[action, tile] += change
        sound &= abs(weights[action, tile]) <= LIMIT
    return sound
