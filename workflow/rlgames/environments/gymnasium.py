"""Gymnasium's environments with discrete actions, and with vectors or pictures for observations.

An episode is a function of its seed and its actions only if no environment remembers the one before. Not all are that
careful (MinAtar keeps the last action over a reset), so that each episode gets an environment of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np

from rlgames.environments.games import Frame, Playable, Replayed, Step
from rlgames.streams import Purpose, episode_seed

NAMES = {
    "CartPole-v1": ["left", "right"],
    "Acrobot-v1": ["torque -1", "torque 0", "torque +1"],
    "MountainCar-v0": ["reverse", "coast", "forward"],
    "LunarLander-v3": ["coast", "left engine", "main engine", "right engine"],
}
"""Names of actions, for environments that do not give them."""

MINATAR_NAMES = {"n": "stay", "l": "left", "u": "up", "r": "right", "d": "down", "f": "fire"}
"""Names of MinAtar's actions, by its letters for them."""


def make(settings: dict[str, Any], *, render: bool = False) -> gym.Env:
    """The environment that settings describe, with Gymnasium's own wrappers, its limit of steps among them."""
    register(settings["id"])
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # pictures need no screen
    return gym.make(
        settings["id"], max_episode_steps=settings["max_steps"], render_mode="rgb_array" if render else None,
        disable_env_checker=True, **settings["kwargs"],
    )  # fmt: skip


def register(name: str) -> None:
    """Let Gymnasium know of MinAtar's environments, which do not register themselves and take a second to load."""
    if name.startswith("MinAtar/") and name not in gym.registry:
        from minatar.gym import register_envs

        register_envs()


class Games:
    """`count` copies of an environment, see `rlgames.environments.games.Games`."""

    def __init__(self, settings: dict[str, Any], count: int, *, threads: int = 1) -> None:  # noqa: ARG002 (one thread)
        """`settings` are those of `rlgames.settings.environments.Gymnasium`."""
        self.settings = settings
        first = make(settings)
        self.actions, self.first_action = action_names(first, settings), int(first.action_space.start)  # type: ignore[attr-defined]
        self.frame = Frame(tuple(first.observation_space.shape or ()), frame_type(first.observation_space.dtype))
        first.close()
        self.own_limit = gym.spec(settings["id"].rpartition(":")[2]).max_episode_steps
        """Steps after which the environment itself ends an episode, as Gymnasium knows it."""
        self.environments: list[gym.Env | None] = [None] * count
        """The environments of the running episodes; None where an episode is over."""
        self.observations = np.zeros((count, 1, *self.frame.shape), self.frame.dtype)

    def reset(self, seeds: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """Begin an episode in every game (or where `mask`), each with its own of `seeds`: observations of all."""
        chosen = range(len(self.environments)) if mask is None else np.flatnonzero(mask).tolist()
        for game, seed in zip(chosen, seeds.tolist(), strict=True):
            environment = self.environments[game] = make(self.settings)
            self.observations[game, 0], _ = environment.reset(seed=seed)
        return self.observations.copy()

    def step(self, actions: np.ndarray) -> Step:
        """Take an action, by its number, in every game that is not over."""
        rewards, over = np.zeros(len(actions)), np.zeros((2, len(actions)), bool)
        for game, (environment, action) in enumerate(zip(self.environments, actions.tolist(), strict=True)):
            if environment is not None:
                found = environment.step(self.first_action + action)
                self.observations[game, 0], rewards[game], *over[:, game] = found[:4]
                if over[:, game].any():
                    self.environments[game] = None
        terminated, truncated = over
        return Step(self.observations.copy(), rewards, terminated, truncated & ~terminated, np.zeros_like(terminated))


def frame_type(dtype: Any) -> Any:
    """The dtype in which observations are kept: uint8 for bool and uint8, float32 for all others."""
    return np.uint8 if dtype in (np.bool_, np.uint8) else np.float32


def actions(settings: dict[str, Any]) -> list[str]:
    """Names of an environment's actions, in the order of their numbers."""
    return action_names(make(settings), settings)


def action_names(environment: gym.Env, settings: dict[str, Any]) -> list[str]:
    count = int(environment.action_space.n)  # type: ignore[attr-defined]
    known = NAMES.get(settings["id"], [])
    if settings["id"].startswith("MinAtar/"):
        inner: Any = environment.unwrapped
        known = [MINATAR_NAMES[inner.game.env.action_map[number]] for number in inner.action_set]
    return known if len(known) == count else [f"action {number}" for number in range(count)]


def replay(recording: Playable, *, render: bool = False) -> Iterator[Replayed]:
    """Play a recorded episode again, with the environment's own pictures."""
    environment = make(recording.environment, render=render)
    seed = recording.reset_seed or episode_seed(recording.seed, Purpose.ENVIRONMENT, recording.episode)
    environment.reset(seed=seed)
    first = int(environment.action_space.start)  # type: ignore[attr-defined]
    yield Replayed(0.0, False, picture(environment) if render else None)
    for action in recording.actions:
        _, reward, terminated, *_ = environment.step(first + action)
        yield Replayed(float(reward), bool(terminated), picture(environment) if render else None)
    environment.close()


def picture(environment: gym.Env) -> np.ndarray:
    """An environment's own rendering: uint8, shape (height, width, 3)."""
    drawn = np.asarray(environment.render())
    return drawn if drawn.dtype == np.uint8 else (255 * drawn).astype(np.uint8)
