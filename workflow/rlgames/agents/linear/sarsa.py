"""Episodic semi-gradient Sarsa (Sutton and Barto 2018, section 10.1)."""

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
    """Learn to drive Mountain Car from each first position, as in the box of section 10.1. Fills `learned`."""
    weights = learned.weights
    tiles = np.empty(coding.tilings, np.int64)
    next_tiles = np.empty_like(tiles)
    values = np.empty(len(weights))
    for episode in range(len(positions)):
        position, velocity = positions[episode], 0.0
        active_tiles(coding, observe(position, velocity), tiles)
        action_values(weights, tiles, values)
        action = epsilon_greedy(values, epsilon, rng)
        learned.endings[episode] = TRUNCATED
        for t in range(1, max_steps + 1):
            position, velocity, reward, terminated = step(position, velocity, action)
            record(learned, episode, t, action, reward)
            target, next_action = reward, 0
            if not terminated:
                active_tiles(coding, observe(position, velocity), next_tiles)
                action_values(weights, next_tiles, values)
                next_action = epsilon_greedy(values, epsilon, rng)
                target += discount * values[next_action]
            error = target - action_value(weights, tiles, action)
            if not update(weights, tiles, action, step_size * error):
                learned.endings[episode] = DIVERGED
                return
            if terminated:
                learned.endings[episode] = TERMINATED
                break
            tiles, next_tiles, action = next_tiles, tiles, next_action
