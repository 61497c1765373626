"""Episodic semi-gradient Sarsa (Sutton and Barto 2018, section 10.1)."""

import numpy as np
from numba import njit

from rlgames.agents.linear import DIVERGED, TERMINATED, TRUNCATED, Run, action_value, epsilon_greedy, update
from rlgames.environments.mountain_car import ACTIONS, observe, starts, step
from rlgames.environments.tile_coding import Coding, active_tiles
from rlgames.streams import Purpose, stream


def train(
    seed: int, coding: Coding, *, episodes: int, max_steps: int, step_size: float, epsilon: float, discount: float
) -> Run:
    """Train on Mountain Car from zero weights, with the random streams of `seed`."""
    run = Run.empty(ACTIONS, coding.features, episodes)
    positions = starts(stream(seed, Purpose.ENVIRONMENT), episodes)
    exploration = stream(seed, Purpose.EXPLORATION)
    played = sarsa(positions, max_steps, coding, step_size, epsilon, discount, exploration, *run)
    return Run(run.weights, run.steps[:played], run.returns[:played], run.endings[:played])


@njit(cache=True)
def sarsa(
    positions: np.ndarray,
    max_steps: int,
    coding: Coding,
    step_size: float,
    epsilon: float,
    discount: float,
    rng: np.random.Generator,
    weights: np.ndarray,
    steps: np.ndarray,
    returns: np.ndarray,
    endings: np.ndarray,
) -> int:
    """Learn to drive Mountain Car from each first position in `positions`; the box of section 10.1, line by line.

    Changes `weights` (float64, shape (actions, features)) and fills `steps`, `returns` and `endings` (int32, float64
    and int8, a place for each episode) in place. Returns the number of episodes played: fewer than wanted if the
    last of them diverged.
    """
    tiles = np.empty(len(coding.offsets), np.int64)
    next_tiles = np.empty_like(tiles)
    for episode in range(len(positions)):
        position, velocity = positions[episode], 0.0
        active_tiles(coding, observe(position, velocity), tiles)
        action = epsilon_greedy(weights, tiles, epsilon, rng)
        returns[episode], endings[episode] = 0.0, TRUNCATED
        for t in range(1, max_steps + 1):
            position, velocity, reward, terminated = step(position, velocity, action)
            steps[episode] = t
            returns[episode] += reward
            value = action_value(weights, tiles, action)
            if terminated:
                update(weights, tiles, action, step_size * (reward - value))
                endings[episode] = TERMINATED
                break
            active_tiles(coding, observe(position, velocity), next_tiles)
            next_action = epsilon_greedy(weights, next_tiles, epsilon, rng)
            target = reward + discount * action_value(weights, next_tiles, next_action)
            if not update(weights, tiles, action, step_size * (target - value)):
                endings[episode] = DIVERGED
                return episode + 1
            tiles, next_tiles, action = next_tiles, tiles, next_action
    return len(positions)
