"""Mountain Car with Gymnasium's dynamics, compiled (Moore 1990; Sutton and Barto 2018, example 10.1)."""

import os
from collections.abc import Iterator
from math import cos
from typing import Any

import numpy as np
from numba import njit

from rlgames.environments.games import Playable, Replayed
from rlgames.streams import Purpose, stream

ACTIONS = 3
"""Number of actions: full throttle reverse, none, full throttle forward."""

LOW, HIGH = (-1.2, -0.07), (0.5, 0.07)
"""Range of the state (position, velocity) that features are scaled over; the goal is at 0.5."""

START = (-0.6, -0.4)
"""Range of the initial position, which is uniformly random; the initial velocity is 0."""


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
    """Initial positions, float64 of shape (episodes,): those that Gymnasium's `reset` draws from the same stream."""
    return rng.uniform(*start, size=episodes)


def replay(recording: Playable, *, render: bool = False) -> Iterator[Replayed]:
    """Play a recorded episode in Gymnasium's own MountainCarEnv."""
    from gymnasium.envs.classic_control.mountain_car import MountainCarEnv

    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # pictures need no screen
    game = MountainCarEnv(render_mode="rgb_array" if render else None)
    game.reset()
    start = recording.environment["start"]
    game.state = (starts(stream(recording.seed, Purpose.ENVIRONMENT), recording.episode, start)[-1], 0.0)
    yield Replayed(0.0, False, np.asarray(game.render()) if render else None)
    for action in recording.actions:
        _, reward, terminated, *_ = game.step(action)
        yield Replayed(float(reward), bool(terminated), np.asarray(game.render()) if render else None)
    game.close()


def actions(_settings: dict[str, Any]) -> list[str]:
    """Names of the actions, in the order of their numbers."""
    return ["reverse", "coast", "forward"]
