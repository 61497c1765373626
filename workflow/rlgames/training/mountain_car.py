"""Mountain Car: compiled training, and recorded episodes played again in Gymnasium's own environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from rlgames.agents.linear import Run
from rlgames.environments import mountain_car
from rlgames.environments.tile_coding import Coding, Range
from rlgames.streams import Purpose, stream


def ranges(environment: dict[str, Any]) -> tuple[Range, Range]:  # noqa: ARG001 (one for every environment)
    """The box that features are scaled over."""
    return mountain_car.LOW, mountain_car.HIGH


def train(agent: Any, seed: int, coding: Coding, environment: dict[str, Any], *, episodes: int, **settings: Any) -> Run:
    """Let the module `agent` learn from zero weights, with the random streams of `seed`.

    `environment` has `max_steps`, and the range `start` of the first position; `settings` are those of `agent.learn`.
    """
    max_steps = environment["max_steps"]
    run = Run.empty(mountain_car.ACTIONS, coding.features, episodes, max_steps)
    positions = mountain_car.starts(stream(seed, Purpose.ENVIRONMENT), episodes, environment["start"])
    agent.learn(positions, max_steps, coding, stream(seed, Purpose.EXPLORATION), run, **settings)
    return run


def replay(
    recording: dict[Any, Any], environment: dict[str, Any], *, render: bool = False
) -> Iterator[tuple[float, bool, np.ndarray | None]]:
    """Play a recorded episode in Gymnasium's MountainCarEnv: reward, end and picture of each step.

    With pictures (uint8, shape (height, width, 3)), the first comes before any action, with a reward of 0.
    """
    from gymnasium.envs.classic_control.mountain_car import MountainCarEnv

    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # pictures need no screen
    game = MountainCarEnv(render_mode="rgb_array" if render else None)
    game.reset()
    seed, episode = int(recording["seed"]), int(recording["episode"])
    game.state = (mountain_car.starts(stream(seed, Purpose.ENVIRONMENT), episode, environment["start"])[-1], 0.0)
    yield 0.0, False, np.asarray(game.render()) if render else None
    for action in recording["actions"]:
        _, reward, terminated, *_ = game.step(action)
        yield reward, bool(terminated), np.asarray(game.render()) if render else None
    game.close()
