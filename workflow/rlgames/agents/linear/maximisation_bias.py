"""Maximisation bias where the truth is known: example 6.7 of Sutton and Barto (2018), tabular."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

ACTIONS = 10
"""Number of actions in state B. State A has two: left, to B, and right, to the end, both with a reward of 0."""


def left_shares(
    rng: np.random.Generator, *, runs: int = 10_000, episodes: int = 300, epsilon: float = 0.1, step_size: float = 0.1
) -> tuple[np.ndarray, np.ndarray]:
    """Share of the runs that go left in each episode, of Q-learning and of double Q-learning: shape (episodes,) each.

    Left is never better: every action in B ends the episode with a reward from N(-0.1, 1). ε-greedy gives ε/2 at best.
    """
    q_learning, double = np.zeros((2, episodes), np.int64)
    play(rng, runs, epsilon, step_size, False, q_learning)
    play(rng, runs, epsilon, step_size, True, double)
    return q_learning / runs, double / runs


@njit(cache=True)
def play(rng: Any, runs: int, epsilon: float, step_size: float, double: bool, lefts: np.ndarray) -> None:
    """Add to `lefts` the runs that went left in each episode. γ = 1.

    Double Q-learning (section 6.7) keeps two tables: a coin chooses which one is updated with the other's judgement of
    its own best action, and actions are chosen by their sum. Q-learning keeps one, and judges its best action itself.
    """
    for _ in range(runs):
        a, b = np.zeros((2, 2)), np.zeros((2, ACTIONS))  # the values of both tables in states A and B
        for episode in range(len(lefts)):
            one = rng.integers(0, 2) if double else 0
            other = 1 - one if double else 0
            if choose(a[0] + a[1], epsilon, rng) == 1:
                a[one, 1] += step_size * (0.0 - a[one, 1])
                continue
            lefts[episode] += 1
            a[one, 0] += step_size * (b[other, best(b[one], rng)] - a[one, 0])
            one = rng.integers(0, 2) if double else 0
            action = choose(b[0] + b[1], epsilon, rng)
            b[one, action] += step_size * (rng.normal(-0.1, 1.0) - b[one, action])


@njit(cache=True)
def choose(values: np.ndarray, epsilon: float, rng: Any) -> int:
    """An ε-greedy action."""
    if rng.random() < epsilon:
        return rng.integers(0, len(values))
    return best(values, rng)


@njit(cache=True)
def best(values: np.ndarray, rng: Any) -> int:
    """The best action, ties broken at random."""
    ties = np.flatnonzero(values == values.max())
    return ties[rng.integers(0, len(ties))]
