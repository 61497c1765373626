"""Actor-critic with eligibility traces, a softmax policy and state values over tiles (Sutton and Barto 2018, section
13.5, the episodic box). Without traces, both decays 0, it is the one-step actor-critic of the same section."""

import numpy as np
from numba import njit

from rlgames.agents.linear.core import DIVERGED, TERMINATED, TRUNCATED, Learned, action_value, record, update
from rlgames.agents.linear.policy import add_gradient, policy, sample
from rlgames.agents.linear.sarsa_lambda import follow
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
    policy_trace_decay: float,
    value_trace_decay: float,
    discount: float,
) -> None:
    """Learn to drive Mountain Car from each first position, as in the box of section 13.5. Fills `learned`."""
    weights = learned.weights
    trace = np.empty_like(weights)
    tiles = np.empty(coding.tilings, np.int64)
    next_tiles = np.empty_like(tiles)
    pi = np.empty(len(weights) - 1)
    for episode in range(len(positions)):
        position, velocity = positions[episode], 0.0
        active_tiles(coding, observe(position, velocity), tiles)
        trace[:] = 0.0
        power = 1.0  # gamma to the t, the book's I
        learned.endings[episode] = TRUNCATED
        for t in range(1, max_steps + 1):
            policy(weights[:-1], tiles, pi)
            action = sample(pi, rng)
            position, velocity, reward, terminated = step(position, velocity, action)
            record(learned, episode, t, action, reward)
            next_value = 0.0
            if not terminated:
                active_tiles(coding, observe(position, velocity), next_tiles)
                next_value = action_value(weights[-1:], next_tiles, 0)
            if not improve(
                weights, trace, tiles, action, pi, reward, next_value, power, policy_step_size, value_step_size,
                policy_trace_decay, value_trace_decay, discount,
            ):  # fmt: skip
                learned.endings[episode] = DIVERGED
                return
            if terminated:
                learned.endings[episode] = TERMINATED
                break
            power *= discount
            tiles, next_tiles = next_tiles, tiles


@njit(cache=True)
def improve(
    weights: np.ndarray,
    trace: np.ndarray,
    tiles: np.ndarray,
    action: int,
    pi: np.ndarray,
    reward: float,
    next_value: float,
    power: float,
    policy_step_size: float,
    value_step_size: float,
    policy_trace_decay: float,
    value_trace_decay: float,
    discount: float,
) -> bool:
    """The lines of the box from delta to theta, for `action` where `tiles` are active and the policy is `pi`.

    `next_value` is v(S', w), 0 in a terminal state; where an episode is cut off it is not, so that all before learns
    from the value of what would have followed. Changes `weights` and `trace`, both float64 of shape (actions + 1,
    features). The traces decay here after they were followed, and not before they are marked: the same sums. False once
    a weight is beyond LIMIT or not a number.
    """
    theta, w = weights[:-1], weights[-1:]
    z_theta, z_w = trace[:-1], trace[-1:]
    delta = reward + discount * next_value - action_value(w, tiles, 0)
    update(z_w, tiles, 0, 1.0)
    add_gradient(z_theta, tiles, action, pi, power)
    sound = follow(w, z_w, value_step_size * delta, discount * value_trace_decay)
    sound &= follow(theta, z_theta, policy_step_size * delta, discount * policy_trace_decay)
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
        discount: float,
        **settings: float,
    ) -> None:
        self.weights, self.rng, self.discount, self.settings = weights, rng, discount, settings
        self.trace = np.empty_like(weights)
        self.tiles = np.empty(tilings, np.int64)
        self.pi = np.empty(len(weights) - 1)

    def start(self, tiles: np.ndarray) -> None:
        self.trace[:] = 0.0
        self.power = 1.0
        self.tiles[:] = tiles

    def act(self) -> int:
        policy(self.weights[:-1], self.tiles, self.pi)
        self.action = sample(self.pi, self.rng)
        return self.action

    def learn(self, reward: float, next_tiles: np.ndarray | None) -> bool:
        next_value = 0.0 if next_tiles is None else action_value(self.weights[-1:], next_tiles, 0)
        sound = improve(
            self.weights, self.trace, self.tiles, self.action, self.pi, reward, next_value, self.power,
            discount=self.discount, **self.settings,
        )  # fmt: skip
        self.power *= self.discount
        if next_tiles is not None:
            self.tiles[:] = next_tiles
        return sound

    def end(self) -> bool:
        return True
