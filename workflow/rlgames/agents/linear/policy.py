"""What agents with a policy over active tiles share (Sutton and Barto 2018, sections 13.1, 13.2 and 13.4).

The preference h(s, a, theta) of an action is the sum of its active weights, the policy pi(a | s, theta) is their
softmax, and the state value v(s, w) is the sum of the active w. The weights of such an agent have a row of theta for
each action, and a last one for w.
"""

from math import exp

import numpy as np
from numba import njit

from rlgames.agents.linear.core import LIMIT, action_values


@njit(cache=True)
def policy(theta: np.ndarray, tiles: np.ndarray, pi: np.ndarray) -> None:
    """Write pi(a | s, theta) of every action into `pi`, float64 of shape (actions,): equation 13.2."""
    action_values(theta, tiles, pi)
    best, total = np.max(pi), 0.0
    for action in range(len(pi)):
        pi[action] = exp(pi[action] - best)  # the largest is 1, so that none overflows
        total += pi[action]
    for action in range(len(pi)):
        pi[action] /= total


@njit(cache=True)
def sample(pi: np.ndarray, rng: np.random.Generator) -> int:
    """An action with the probabilities `pi`. Takes one number from `rng`, whatever the choice."""
    draw, below = rng.random(), 0.0
    for action in range(len(pi) - 1):
        below += pi[action]
        if draw < below:
            return action
    return len(pi) - 1


@njit(cache=True)
def add_gradient(z: np.ndarray, tiles: np.ndarray, action: int, pi: np.ndarray, factor: float) -> bool:
    """z <- z + factor grad ln pi(action | s, theta), where `z` has theta's shape (actions, features).

    Equation 13.9: in the row of action b, the gradient is (1 if b = action else 0) - pi(b | s, theta) at each active
    tile. `pi` is that of the state. False once a number that changed is beyond LIMIT or not a number.
    """
    sound = True
    for b in range(len(pi)):
        change = factor * ((1.0 if b == action else 0.0) - pi[b])
        for tile in tiles:
            z[b, tile] += change
            sound &= abs(z[b, tile]) <= LIMIT
    return sound
