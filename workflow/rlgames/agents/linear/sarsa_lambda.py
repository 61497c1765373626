"""Sarsa(lambda) with binary features (Sutton and Barto 2018, section 12.7)."""

import numpy as np
from numba import njit

from rlgames.agents.linear.core import (
    DIVERGED,
    LIMIT,
    TERMINATED,
    TRUNCATED,
    Learned,
    action_value,
    action_values,
    epsilon_greedy,
    record,
)
from rlgames.environments.mountain_car import observe, step
from rlgames.features.tile_coding import Coding, active_tiles

TRACES = ["accumulating", "replacing", "clearing"]
ACCUMULATING, REPLACING, CLEARING = 0, 1, 2
"""Kinds of traces: they add up, are set to 1, or are set to 1 and cleared for the actions not taken (section 12.7)."""


def learn(positions: np.ndarray, max_steps: int, coding: Coding, rng: np.random.Generator, learned: Learned, *,
          traces: str, **settings: float) -> None:  # fmt: skip
    """Learn to drive Mountain Car from each first position, with one of TRACES. Fills `learned`."""
    learn_with(TRACES.index(traces), positions, max_steps, coding, rng, learned, **settings)


@njit(cache=True)
def learn_with(
    traces: int,
    positions: np.ndarray,
    max_steps: int,
    coding: Coding,
    rng: np.random.Generator,
    learned: Learned,
    trace_decay: float,
    step_size: float,
    epsilon: float,
    discount: float,
) -> None:
    """Learn to drive Mountain Car from each first position, as in the box of section 12.7. Fills `learned`."""
    weights = learned.weights
    trace = np.empty_like(weights)
    tiles = np.empty(coding.tilings, np.int64)
    next_tiles = np.empty_like(tiles)
    values = np.empty(len(weights))
    for episode in range(len(positions)):
        position, velocity = positions[episode], 0.0
        active_tiles(coding, observe(position, velocity), tiles)
        action_values(weights, tiles, values)
        action = epsilon_greedy(values, epsilon, rng)
        trace[:] = 0.0
        learned.endings[episode] = TRUNCATED
        for t in range(1, max_steps + 1):
            position, velocity, reward, terminated = step(position, velocity, action)
            record(learned, episode, t, action, reward)
            mark(trace, tiles, action, traces)
            target, next_action = reward, 0
            if not terminated:
                active_tiles(coding, observe(position, velocity), next_tiles)
                action_values(weights, next_tiles, values)
                next_action = epsilon_greedy(values, epsilon, rng)
                target += discount * values[next_action]
            error = target - action_value(weights, tiles, action)
            if not follow(weights, trace, step_size * error, discount * trace_decay):
                learned.endings[episode] = DIVERGED
                return
            if terminated:
                learned.endings[episode] = TERMINATED
                break
            tiles, next_tiles, action = next_tiles, tiles, next_action


@njit(cache=True)
def mark(trace: np.ndarray, tiles: np.ndarray, action: int, traces: int) -> None:
    """Mark in the traces that `action` was taken with `tiles` active."""
    for tile in tiles:
        if traces == ACCUMULATING:
            trace[action, tile] += 1.0
        else:
            if traces == CLEARING:
                trace[:, tile] = 0.0
            trace[action, tile] = 1.0


@njit(cache=True)
def follow(weights: np.ndarray, trace: np.ndarray, change: float, decay: float) -> bool:
    """w <- w + change z; z <- decay z. False once a weight is beyond LIMIT or not a number."""
    sound = True
    for action in range(weights.shape[0]):
        for i in range(weights.shape[1]):
            weights[action, i] += change * trace[action, i]
            trace[action, i] *= decay
            sound &= abs(weights[action, i]) <= LIMIT
    return sound
