"""Mountain Car with Gymnasium's dynamics, compiled (Moore 1990; Sutton and Barto 2018, example 10.1)."""

from math import cos
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Discrete
from numba import njit

ACTIONS = 3
"""Full throttle reverse, none, full throttle forward."""

LOW, HIGH = (-1.2, -0.07), (0.5, 0.07)
"""Range of the state (position, velocity) that features are scaled over; the goal is at 0.5."""

START = (-0.6, -0.4)
"""Range of the uniformly random first position; the first velocity is 0."""


@njit(cache=True)
def step(position: float, velocity: float, action: int) -> tuple[float, float, float, bool]:
    """One step: (position, velocity, reward, terminated), equal to the last bit to Gymnasium's MountainCarEnv.

    The order of the sum decides that bit: throttle and gravity are added to each other first, then to the velocity.
    """
    velocity += (action - 1) * 0.001 + cos(3 * position) * (-0.0025)
    velocity = min(max(velocity, -0.07), 0.07)
    position += velocity
    position = min(max(position, -1.2), 0.6)
    if position == -1.2 and velocity < 0:
        velocity = 0.0
    return position, velocity, -1.0, position >= 0.5 and velocity >= 0.0


@njit(cache=True)
def observe(position: float, velocity: float) -> tuple[float, float]:
    """The state as an agent gets it: rounded to float32, as Gymnasium hands it out, and clipped to [LOW, HIGH]."""
    position, velocity = np.float64(np.float32(position)), np.float64(np.float32(velocity))
    return min(max(position, LOW[0]), HIGH[0]), min(max(velocity, LOW[1]), HIGH[1])


def starts(rng: np.random.Generator, episodes: int, start: tuple[float, float] = START) -> np.ndarray:
    """First positions, float64 of shape (episodes,): what Gymnasium's `reset` draws from the same stream."""
    return rng.uniform(*start, size=episodes)


class MountainCar(gym.Env[np.ndarray, np.int64]):
    """The compiled dynamics behind Gymnasium's interface, without a time limit."""

    action_space = Discrete(ACTIONS)
    observation_space = Box(np.array([-1.2, -0.07], np.float32), np.array([0.6, 0.07], np.float32))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed, options=options)
        self.state = (self.np_random.uniform(*START), 0.0)
        return np.array(self.state, np.float32), {}

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict]:
        position, velocity, reward, terminated = step(*self.state, int(action))
        self.state = (position, velocity)
        return np.array(self.state, np.float32), reward, terminated, False, {}
