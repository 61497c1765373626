"""A rollout, from which an on-policy agent learns: the steps that its current policy has just taken."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Rollout(NamedTuple):
    """Steps of all games, one per row."""

    observations: np.ndarray
    """Observations before each step: shape (batch, ..., channels)."""
    actions: np.ndarray
    """Actions taken: int32, shape (batch,)."""
    advantages: np.ndarray
    """Advantage estimates A(S, A): float32, shape (batch,)."""
    returns: np.ndarray
    """Targets of the critic, the estimated returns: float32, shape (batch,)."""


def advantages(
    rewards: np.ndarray, values: np.ndarray, next_values: np.ndarray, ends: np.ndarray, discount: float,
    trace_decay: float,
) -> np.ndarray:  # fmt: skip
    """Generalised advantage estimation (Schulman et al. 2016, equation 16): float32, shape (steps, games).

    All arguments have that shape. `next_values` are V of the state after each step, 0 if that is terminal; `ends` says
    where an episode ended there, by itself or cut off, so that nothing later counts.
    """
    errors = rewards + discount * next_values - values
    found, following = np.zeros(errors.shape, np.float32), np.zeros(errors.shape[1], np.float32)
    for step in reversed(range(len(errors))):
        following = errors[step] + discount * trace_decay * np.where(ends[step], 0, following)
        found[step] = following
    return found
