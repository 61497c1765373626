"""Episodic semi-gradient n-step Sarsa (Sutton and Barto 2018, section 10.2)."""

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
    n: int,
    step_size: float,
    epsilon: float,
    discount: float,
) -> None:
    """Learn to drive Mountain Car from each first position, as in the box of section 10.2. Fills `learned`.

    Tiles, actions and rewards of time t are stored at t mod n + 1. An episode that is cut off after `max_steps` makes
    no further updates.
    """
    weights = learned.weights
    tiles = np.empty((n + 1, coding.tilings), np.int64)
    actions = np.empty(n + 1, np.int64)
    rewards = np.empty(n + 1)
    values = np.empty(len(weights))
    for episode in range(len(positions)):
        position, velocity = positions[episode], 0.0
        active_tiles(coding, observe(position, velocity), tiles[0])
        action_values(weights, tiles[0], values)
        actions[0] = epsilon_greedy(values, epsilon, rng)
        learned.endings[episode] = TRUNCATED
        end = max_steps + n  # the book's T, once it is known
        for t in range(max_steps + n):
            if t < end and t < max_steps:
                action, later = actions[t % (n + 1)], (t + 1) % (n + 1)
                position, velocity, reward, terminated = step(position, velocity, action)
                record(learned, episode, t + 1, action, reward)
                rewards[later] = reward
                if terminated:
                    end = t + 1
                    learned.endings[episode] = TERMINATED
                else:
                    active_tiles(coding, observe(position, velocity), tiles[later])
                    action_values(weights, tiles[later], values)
                    actions[later] = epsilon_greedy(values, epsilon, rng)
            elif end > max_steps:
                break
            tau = t - n + 1
            if tau >= 0:
                target, weight = 0.0, 1.0
                for i in range(tau + 1, min(tau + n, end) + 1):
                    target += weight * rewards[i % (n + 1)]
                    weight *= discount
                if tau + n < end:
                    last = (tau + n) % (n + 1)
                    target += weight * action_value(weights, tiles[last], actions[last])
                now = tau % (n + 1)
                error = target - action_value(weights, tiles[now], actions[now])
                if not update(weights, tiles[now], actions[now], step_size * error):
                    learned.endings[episode] = DIVERGED
                    return
            if tau == end - 1:
                break
