"""Games as Gymnasium environments: what an agent sees, and pictures for people."""

from __future__ import annotations

import os
import re
from importlib import import_module
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.wrappers import TimeLimit, TransformAction

from rlgames.environments.games import Games
from rlgames.environments.mountain_car import starts
from rlgames.messages import UserError
from rlgames.streams import Purpose, stream

CONSOLE_FPS = 60
"""Frames per second of the Atari console."""

KEYS = {
    "UP": r"up|main",
    "DOWN": r"down",
    "LEFT": r"left|reverse|torque -1",
    "RIGHT": r"right|forward|torque \+1",
    "SPACE": r"fire",
}
"""Keys of the keyboard, and the words in an action's name that they stand for."""


def environment(settings: dict[str, Any], games: Games | None = None) -> gym.Env:
    """The environment that settings describe, with render mode rgb_array.

    `games` are those that an agent plays on Atari, where it sees features instead of pictures.
    """
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # pictures need no screen
    if settings["name"] == "atari":
        return Checked(Atari(settings, games))
    if settings["name"] == "mountain-car":
        return Checked(MountainCar(settings))
    made = import_module("rlgames.environments.gymnasium").make(settings, render=True)
    first = int(made.action_space.start)
    numbered = TransformAction(made, lambda action: action + first, Discrete(made.action_space.n)) if first else made
    return Checked(numbered)


class Checked(gym.Wrapper):
    """An environment that refuses an action that it does not have, and all but `reset` before its first episode.

    Games here take actions as indices, of which -1 would be the last.
    """

    began = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.began = True
        return super().reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take an action. Raises `UserError` for one that is none of `action_space`."""
        self._demand_reset("step")
        if not self.action_space.contains(action):
            last = self.action_space.n - 1  # type: ignore[attr-defined]
            raise UserError(f"step takes the number of an action, from 0 to {last}, not {action}.")
        return super().step(action)

    def render(self) -> Any:
        self._demand_reset("render")
        return super().render()

    def _demand_reset(self, called: str) -> None:
        if not self.began:
            raise UserError(f"{called} needs an episode: call reset first.")


class Atari(gym.Env):
    """An Atari game as an agent sees it, with the game's own points as rewards.

    Observations are stacked grey frames, uint8 of shape (stack, height, width), or the features of a linear agent.
    """

    def __init__(self, settings: dict[str, Any], games: Games | None = None) -> None:
        from rlgames.environments import atari

        self.screen = atari.Games(settings, 1, colour=True)
        self.games = games or atari.Games(settings, 1)
        self.action_names = self.screen.actions
        self.action_space = Discrete(len(self.action_names))
        seen = self.games.reset(np.zeros(1, np.int64))[0]
        low, high = (0, 255) if seen.dtype == np.uint8 else (-np.inf, np.inf)
        self.observation_space = Box(low, high, seen.shape, seen.dtype.type)
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": max(1, CONSOLE_FPS // settings["frame_skip"])}
        self.render_mode = "rgb_array"

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin the episode of `seed`, or of a random seed."""
        super().reset(seed=seed, options=options)
        number = np.array([self.np_random.integers(2**31) if seed is None else seed % 2**31])
        self.picture = self.screen.reset(number)[0, 0]
        return self.games.reset(number)[0], {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        chosen = np.array([action])
        self.picture = self.screen.step(chosen).observations[0, 0]
        observations, rewards, terminated, truncated, life_lost = self.games.step(chosen)
        facts = {"life_lost": bool(life_lost[0])}
        return observations[0], float(rewards[0]), bool(terminated[0]), bool(truncated[0]), facts

    def render(self) -> np.ndarray:
        """The screen: uint8, shape (210, 160, 3)."""
        return self.picture


class MountainCar(TimeLimit):
    """Gymnasium's Mountain Car with the cap of the settings and their range of first positions.

    `reset(seed=...)` begins where the first training episode of that seed did.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        from gymnasium.envs.classic_control.mountain_car import MountainCarEnv

        self.game, self.start = MountainCarEnv(render_mode="rgb_array"), settings["start"]
        super().__init__(self.game, settings["max_steps"])

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        _, facts = super().reset(seed=seed, options=options)
        rng = self.game.np_random if seed is None else stream(seed, Purpose.ENVIRONMENT)
        self.game.state = (starts(rng, 1, self.start)[0], 0.0)
        return np.array(self.game.state, np.float32), facts


def keys(names: list[str]) -> dict[tuple[int, ...], int]:
    """The action for each combination of keys, from the names of the actions, as `gymnasium.utils.play` takes it.

    Where no action goes up or down, those keys stand for right and left: `right` moves Pong's paddle up.
    """
    import pygame

    found = {}
    for action, name in enumerate(names):
        held = tuple(getattr(pygame, f"K_{key}") for key, words in KEYS.items() if re.search(words, name.lower()))
        if held:
            found[held] = action
    if not any({pygame.K_UP, pygame.K_DOWN} & set(held) for held in found):
        upright = {pygame.K_RIGHT: pygame.K_UP, pygame.K_LEFT: pygame.K_DOWN}
        found |= {tuple(upright.get(key, key) for key in held): action for held, action in found.items()}
    return found


def idle(names: list[str]) -> int:
    """The action while no key is held: the one that no key means, or else the first."""
    unused = set(range(len(names))) - set(keys(names).values())
    return min(unused, default=0)
