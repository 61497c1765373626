"""True online Sarsa(lambda) with binary features (van Seijen et al. 2016; Sutton and Barto 2018, section 12.7)."""

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


@njit(cache=True)
def learn(
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
        old_value = 0.0
        learned.endings[episode] = TRUNCATED
        for t in range(1, max_steps + 1):
            position, velocity, reward, terminated = step(position, velocity, action)
            record(learned, episode, t, action, reward)
            next_value, next_action = 0.0, 0
            if not terminated:
                active_tiles(coding, observe(position, velocity), next_tiles)
                action_values(weights, next_tiles, values)
                next_action = epsilon_greedy(values, epsilon, rng)
                next_value = values[next_action]
            if not update(
                weights, trace, tiles, action, reward, next_value, old_value, step_size, discount, trace_decay
            ):
                learned.endings[episode] = DIVERGED
                return
            old_value = next_value
            if terminated:
                learned.endings[episode] = TERMINATED
                break
            tiles, next_tiles, action = next_tiles, tiles, next_action


@njit(cache=True)
def update(
    weights: np.ndarray,
    trace: np.ndarray,
    tiles: np.ndarray,
    action: int,
    reward: float,
    next_value: float,
    old_value: float,
    step_size: float,
    discount: float,
    trace_decay: float,
) -> bool:
    """The lines of the box from delta to w, for the features x of `tiles` and `action` and trace z (the dutch trace).

    `next_value` is Q' (0 at the end of an episode), `old_value` is Q_old (0 at its start). Changes `weights` and
    `trace`, both float64 of shape (actions, features). False once a weight is beyond LIMIT or not a number.
    """
    value = action_value(weights, tiles, action)
    delta = reward + discount * next_value - value
    decay = discount * trace_decay
    boost = 1.0 - step_size * decay * action_value(trace, tiles, action)
    trace *= decay
    for tile in tiles:
        trace[action, tile] += boost
    change = step_size * (delta + value - old_value)
    sound = True
    for b in range(weights.shape[0]):
        for i in range(weights.shape[1]):
            weights[b, i] += change * trace[b, i]
            sound &= abs(weights[b, i]) <= LIMIT
    for tile in tiles:
        weights[action, tile] -= step_size * (value - old_value)
    return sound


class Learner:
    """The algorithm step by step, for `rlgames.training.gymnasium`."""

    def __init__(
        self,
        weights: np.ndarray,
        rng: np.random.Generator,
        tilings: int,
        max_steps: int,  # noqa: ARG002 (agents that learn at the end of an episode need it)
        *,
        epsilon: float,
        **settings: float,
    ) -> None:
        self.weights, self.rng, self.epsilon, self.settings = weights, rng, epsilon, settings
        self.trace = np.empty_like(weights)
        self.tiles = np.empty(tilings, np.int64)
        self.values = np.empty(len(weights))

    def start(self, tiles: np.ndarray) -> None:
        self.trace[:] = 0.0
        self.old_value = 0.0
        self.choose(tiles)

    def choose(self, tiles: np.ndarray) -> None:
        """Choose the next action, as Sarsa does before it learns."""
        action_values(self.weights, tiles, self.values)
        self.next_action = epsilon_greedy(self.values, self.epsilon, self.rng)
        self.tiles[:] = tiles

    def act(self) -> int:
        return self.next_action

    def learn(self, reward: float, next_tiles: np.ndarray | None) -> bool:
        tiles, action, next_value = self.tiles.copy(), self.next_action, 0.0
        if next_tiles is not None:
            self.choose(next_tiles)
            next_value = float(self.values[self.next_action])
        sound = update(self.weights, self.trace, tiles, action, reward, next_value, self.old_value, **self.settings)
        self.old_value = next_value
        return sound

    def end(self) -> bool:
        return True
