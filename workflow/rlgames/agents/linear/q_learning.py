"""Q-learning with linear values (Sutton and Barto 2018, section 6.5; semi-gradient as in section 11.1)."""

import numpy as np
from numba import njit

from rlgames.agents.linear.core import Learned
from rlgames.agents.linear.expected_sarsa import learn_about
from rlgames.features.tile_coding import Coding


@njit(cache=True)
def learn(
    positions: np.ndarray,
    max_steps: int,
    coding: Coding,
    rng: np.random.Generator,
    learned: Learned,
    step_size: float,
    epsilon: float,
    discount: float,
) -> None:
    """Learn to drive Mountain Car from each first position, about the greedy policy. Fills `learned`."""
    learn_about(0.0, positions, max_steps, coding, rng, learned, step_size, epsilon, discount)
