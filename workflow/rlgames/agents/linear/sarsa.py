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
    also: np.ndarray | None = None,
) -> None:
    """Learn to drive Mountain Car from each first position, as in the box of section 10.1. Fills `learned`.

    With `also`, the lesson's defect: a second position in each first state, shape (episodes,), see `first_tiles`.
    """
    weights = learned.weights
    tiles = np.empty(coding.tilings, np.int64)
    next_tiles = np.empty_like(tiles)
    values = np.empty(len(weights))
    for episode in range(len(positions)):
        position, velocity = positions[episode], 0.0
        active_tiles(coding, observe(position, velocity), tiles)
        active, changed = tiles, tiles
        if also is not None:
            active, changed = first_tiles(coding, tiles, also[episode])
        action_values(weights, active, values)
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
            error = target - action_value(weights, active, action)
            if not update(weights, changed, action, step_size * error):
                learned.endings[episode] = DIVERGED
                return
            if terminated:
                learned.endings[episode] = TERMINATED
                break
            tiles, next_tiles, action = next_tiles, tiles, next_action
            active, changed = tiles, tiles


@njit(cache=True)
def first_tiles(coding: Coding, tiles: np.ndarray, position: float) -> tuple[np.ndarray, np.ndarray]:
    """The tiles of a first state with those of a second position, and the same, each once.

    A list of indices may name a tile twice: its weight then counts twice in a sum, and NumPy's `w[indices] += change`
    changes it once.
    """
    second = np.empty_like(tiles)
    active_tiles(coding, observe(position, 0.0), second)
    both = np.concatenate((tiles, second))
    return both, np.unique(both)
