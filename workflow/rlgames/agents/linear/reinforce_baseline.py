"""REINFORCE with baseline, a softmax policy and state values over tiles (Sutton and Barto 2018, section 13.4)."""

import numpy as np
from numba import njit

from rlgames.agents.linear.core import DIVERGED, TERMINATED, TRUNCATED, Learned, action_value, record, update
from rlgames.agents.linear.policy import add_gradient, policy, sample
from rlgames.environments.mountain_car import observe, step
from rlgames.features.tile_coding import Coding, active_tiles

VALUE_ROWS = 1
"""Rows of the weights in addition to those of the actions: one, for w."""


@njit(cache=True)
def learn(
    positions: np.ndarray,
    max_steps: int,
    coding: Coding,
    rng: np.random.Generator,
    learned: Learned,
    policy_step_size: float,
    value_step_size: float,
    discount: float,
) -> None:
    """Learn to drive Mountain Car from each first position, as in the box of section 13.4. Fills `learned`."""
    theta, w = learned.weights[:-1], learned.weights[-1:]
    tiles = np.empty((max_steps + 1, coding.tilings), np.int64)
    actions = np.empty(max_steps, np.int64)
    rewards = np.empty(max_steps)
    pi = np.empty(len(theta))
    for episode in range(len(positions)):
        position, velocity = positions[episode], 0.0
        active_tiles(coding, observe(position, velocity), tiles[0])
        learned.endings[episode] = TRUNCATED
        for t in range(max_steps):
            policy(theta, tiles[t], pi)
            actions[t] = sample(pi, rng)
            position, velocity, rewards[t], terminated = step(position, velocity, actions[t])
            record(learned, episode, t + 1, actions[t], rewards[t])
            if terminated:
                learned.endings[episode] = TERMINATED
                break
            active_tiles(coding, observe(position, velocity), tiles[t + 1])
        end = learned.steps[episode]  # the book's T
        if not improve(
            theta, w, tiles[: end + 1], actions[:end], rewards[:end], learned.endings[episode] == TERMINATED, pi,
            policy_step_size, value_step_size, discount,
        ):  # fmt: skip
            learned.endings[episode] = DIVERGED
            return


@njit(cache=True)
def improve(
    theta: np.ndarray,
    w: np.ndarray,
    tiles: np.ndarray,
    actions: np.ndarray,
    rewards: np.ndarray,
    terminated: bool,
    pi: np.ndarray,
    policy_step_size: float,
    value_step_size: float,
    discount: float,
) -> bool:
    """The inner loop of the box, for an episode of T steps. Changes `theta`, (actions, features), and `w`, (1,
    features). `tiles` has the shape (T + 1, tilings), `actions` and `rewards` (T,); `pi`, (actions,), is written over.

    The box knows terminal states only. Of an episode that was cut off, v(S_T, w) stands for the rewards that would have
    followed. False once a weight is beyond LIMIT or not a number.
    """
    returns = np.empty(len(rewards))
    following = 0.0 if terminated else action_value(w, tiles[-1], 0)
    for t in range(len(rewards) - 1, -1, -1):
        following = rewards[t] + discount * following
        returns[t] = following
    power, sound = 1.0, True  # gamma to the t
    for t in range(len(rewards)):
        delta = returns[t] - action_value(w, tiles[t], 0)
        sound &= update(w, tiles[t], 0, value_step_size * delta)
        policy(theta, tiles[t], pi)
        sound &= add_gradient(theta, tiles[t], actions[t], pi, policy_step_size * power * delta)
        power *= discount
    return sound


class Learner:
    """The algorithm step by step, for `rlgames.training.gymnasium`."""

    def __init__(
        self, weights: np.ndarray, rng: np.random.Generator, tilings: int, max_steps: int, **settings: float
    ) -> None:
        self.theta, self.w, self.rng, self.settings = weights[:-1], weights[-1:], rng, settings
        self.tiles = np.empty((max_steps + 1, tilings), np.int64)
        self.actions = np.empty(max_steps, np.int64)
        self.rewards = np.empty(max_steps)
        self.pi = np.empty(len(self.theta))

    def start(self, tiles: np.ndarray) -> None:
        self.t, self.terminated = 0, False
        self.tiles[0] = tiles

    def act(self) -> int:
        policy(self.theta, self.tiles[self.t], self.pi)
        self.actions[self.t] = sample(self.pi, self.rng)
        return int(self.actions[self.t])

    def learn(self, reward: float, next_tiles: np.ndarray | None) -> bool:
        self.rewards[self.t] = reward
        self.t += 1
        self.terminated = next_tiles is None
        if next_tiles is not None:
            self.tiles[self.t] = next_tiles
        return True

    def end(self) -> bool:
        tiles, actions, rewards = self.tiles[: self.t + 1], self.actions[: self.t], self.rewards[: self.t]
        return improve(self.theta, self.w, tiles, actions, rewards, self.terminated, self.pi, **self.settings)
