"""Expected Sarsa with linear values (Sutton and Barto 2018, equation 6.9; semi-gradient as in section 11.1)."""

import numpy as np
from numba import njit

from rlgames.agents.linear.core import (
    DIVERGED,
    TERMINATED,
    TRUNCATED,
    Learned,
    action_value,
    action_values,
    epsilon_greedy,
    record,
    update,
)
from rlgames.environments.mountain_car import observe, step
from rlgames.features.tile_coding import Coding, active_tiles


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
    """Learn to drive Mountain Car from each first position, on policy. Fills `learned`."""
    learn_about(epsilon, positions, max_steps, coding, rng, learned, step_size, epsilon, discount)


@njit(cache=True)
def learn_about(
    target_epsilon: float,
    positions: np.ndarray,
    max_steps: int,
    coding: Coding,
    rng: np.random.Generator,
    learned: Learned,
    step_size: float,
    epsilon: float,
    discount: float,
) -> None:
    """Learn the values of the policy with `target_epsilon` while following that with `epsilon`.

    With a greedy target policy this is Q-learning (section 6.6), and the loop is that of its box in section 6.5.
    """
    weights = learned.weights
    tiles = np.empty(coding.tilings, np.int64)
    next_tiles = np.empty_like(tiles)
    values = np.empty(len(weights))
    for episode in range(len(positions)):
        position, velocity = positions[episode], 0.0
        active_tiles(coding, observe(position, velocity), tiles)
        learned.endings[episode] = TRUNCATED
        for t in range(1, max_steps + 1):
            action_values(weights, tiles, values)
            action = epsilon_greedy(values, epsilon, rng)
            position, velocity, reward, terminated = step(position, velocity, action)
            record(learned, episode, t, action, reward)
            target = reward
            if not terminated:
                active_tiles(coding, observe(position, velocity), next_tiles)
                action_values(weights, next_tiles, values)
                target += discount * expected_value(values, target_epsilon)
            error = target - action_value(weights, tiles, action)
            if not update(weights, tiles, action, step_size * error):
                learned.endings[episode] = DIVERGED
                return
            if terminated:
                learned.endings[episode] = TERMINATED
                break
            tiles, next_tiles = next_tiles, tiles


@njit(cache=True)
def expected_value(values: np.ndarray, epsilon: float) -> float:
    """The mean of q(s, a, w) over the actions of an epsilon-greedy policy."""
    best, total = -np.inf, 0.0
    for value in values:
        best, total = max(best, value), total + value
    return epsilon * (total / len(values)) + (1 - epsilon) * best
