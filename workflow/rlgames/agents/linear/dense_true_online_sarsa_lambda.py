"""True online Sarsa(lambda) with real-valued features (van Seijen et al. 2016; Sutton and Barto 2018, section 12.7).

Features x are those of a state, float64 of shape (features,). Those of a state and an action are x in the block of the
action and zeros elsewhere, so that weights and trace have the shape (actions, features).
"""

from typing import NamedTuple, Self

import numpy as np
from numba import njit

from rlgames.agents.linear.core import LIMIT


class Trace(NamedTuple):
    """The dutch trace z."""

    z: np.ndarray
    """float64, shape (actions, features)."""

    @classmethod
    def empty(cls, actions: int, features: int) -> Self:
        """A trace of zeros."""
        return cls(np.zeros((actions, features)))

    def clear(self) -> None:
        """Set it to zero, as at the start of an episode."""
        self.z[:] = 0.0

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays to save, by name."""
        return {"z": self.z.copy()}

    def assign(self, saved: dict[str, np.ndarray]) -> None:
        """Restore what `arrays` returned."""
        self.z[:] = saved["z"]


@njit(cache=True)
def action_value(weights: np.ndarray, x: np.ndarray, action: int) -> float:
    """q(s, a, w). Sums in the order of the features, so that ties are ties."""
    value = 0.0
    for i in range(len(x)):
        value += weights[action, i] * x[i]
    return value


@njit(cache=True)
def action_values(weights: np.ndarray, x: np.ndarray, values: np.ndarray) -> None:
    """Write q(s, a, w) of every action into `values`."""
    for action in range(len(values)):
        values[action] = action_value(weights, x, action)


@njit(cache=True)
def update(
    weights: np.ndarray,
    trace: Trace,
    x: np.ndarray,
    action: int,
    reward: float,
    next_value: float,
    old_value: float,
    step_size: float,
    discount: float,
    trace_decay: float,
) -> bool:
    """The lines of the box from delta to w, for the features `x` of the state in which `action` was taken.

    `next_value` is Q' (0 at the end of an episode), `old_value` is Q_old (0 at its start). Changes `weights` and
    `trace`. False once a weight is beyond LIMIT or not a number. With features of 0 and 1 these are the bits of
    `rlgames.agents.linear.true_online_sarsa_lambda.update`.
    """
    value = action_value(weights, x, action)
    delta = reward + discount * next_value - value
    decay = discount * trace_decay
    boost = 1.0 - step_size * decay * action_value(trace.z, x, action)
    trace.z[:] *= decay
    for i in range(len(x)):
        trace.z[action, i] += boost * x[i]
    change = step_size * (delta + value - old_value)
    correction = step_size * (value - old_value)
    sound = True
    for b in range(weights.shape[0]):
        for i in range(weights.shape[1]):
            weights[b, i] += change * trace.z[b, i]
            sound &= abs(weights[b, i]) <= LIMIT
    for i in range(len(x)):
        weights[action, i] -= correction * x[i]
    return sound
