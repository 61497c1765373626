"""Atari games from pixels: several side by side, each episode a function of its seed and its actions.

The pictures are those of Mnih et al. (2015): frames of the emulator in grey, the larger of the last two of a step in
each pixel, resized, and a stack of the last few.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from ale_py import Action
from ale_py.vector_env import AtariVectorEnv

PATCH = 4
"""Side of the square patches that observations are cut into."""

COLOUR = {"grayscale": False, "img_height": 210, "img_width": 160, "stack_num": 1}
"""What the emulator shows to people."""


class Step(NamedTuple):
    """What a step of every game gave."""

    observations: np.ndarray
    """Stacked frames, oldest first: uint8, shape (games, stack, height, width). In colour: (games, 1, 210, 160, 3)."""
    rewards: np.ndarray
    """The game's own points: float64, shape (games,)."""
    terminated: np.ndarray
    """Whether the game is over: bool, shape (games,)."""
    truncated: np.ndarray
    """Whether the episode was cut off at its longest: bool, shape (games,)."""
    life_lost: np.ndarray
    """Whether a life was lost, and the game goes on: bool, shape (games,)."""


class Games:
    """So many games of one kind side by side. A finished one stands still until it is reset, by mask."""

    def __init__(self, settings: dict[str, Any], count: int, *, threads: int = 1, colour: bool = False) -> None:
        """`settings` are those of `rlgames.settings.environments.Atari`. Threads change no result."""
        picture = (
            COLOUR
            if colour
            else {
                "img_height": settings["image_size"],
                "img_width": settings["image_size"],
                "stack_num": settings["stack"],
            }
        )
        self.environment = AtariVectorEnv(
            settings["game"],
            count,
            num_threads=threads,
            frameskip=settings["frame_skip"],
            max_num_frames_per_episode=settings["max_steps"] * settings["frame_skip"],
            repeat_action_probability=settings["sticky"],
            noop_max=settings["noop_max"],
            use_fire_reset=settings["fire_reset"],
            full_action_space=settings["actions"] == "full",
            reward_clipping=False,  # raw returns are reported
            **picture,
        )
        available = self.environment.ale.get_action_set()
        wanted = [Action.NOOP, Action.RIGHT, Action.LEFT] if settings["actions"] == "three" else available
        self.actions = [action.name for action in wanted]
        """Names of the actions, by their numbers."""
        self.numbers = np.array([available.index(action) for action in wanted])
        first_last = settings["stack_select"] == "first-last" and not colour
        self.selected = [0, -1] if first_last and settings["stack"] > 1 else slice(None)
        self.lives = np.zeros(count, np.int32)

    def reset(self, seeds: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """Begin an episode in every game (or where `mask`), each with its own of `seeds`: observations of all."""
        options = None if mask is None else {"reset_mask": mask}
        observations, facts = self.environment.reset(seed=np.asarray(seeds, np.int64), options=options)
        self.lives = facts["lives"]
        return observations[:, self.selected]

    def step(self, actions: np.ndarray) -> Step:
        """Take an action (its number in `self.actions`) in every game."""
        observations, rewards, terminated, truncated, facts = self.environment.step(self.numbers[actions])
        life_lost = (facts["lives"] < self.lives) & ~terminated & ~truncated
        self.lives = facts["lives"]
        return Step(observations[:, self.selected], rewards.astype(np.float64), terminated, truncated, life_lost)


class Outcome(NamedTuple):
    """What a step of a single game gave."""

    state: np.ndarray
    """What the game shows: an observation or, of a game seen through features, their vector."""
    reward: float
    """The game's own points."""
    terminated: bool
    truncated: bool
    life_lost: bool


class Game:
    """One game by itself; its states are observations, uint8 of shape (stack, height, width)."""

    def __init__(self, settings: dict[str, Any]) -> None:
        """`settings` are those of `rlgames.settings.environments.Atari`."""
        self.games = Games(settings, 1)

    def reset(self, seed: int) -> np.ndarray:
        """Begin the episode of this seed: its first state."""
        return self.games.reset(np.array([seed]))[0]

    def step(self, action: int) -> Outcome:
        """Take an action (its number in `Games.actions`)."""
        observations, *facts = self.games.step(np.array([action]))
        return Outcome(observations[0], *(fact[0].item() for fact in facts))


def patches(observations: np.ndarray) -> np.ndarray:
    """Stacks of frames cut into patches of 4 x 4 pixels, which become channels.

    Shape (..., stack, height, width) to (..., height / 4, width / 4, 16 stack). A convolution of 8 x 8 pixels with
    stride 4 is one of 2 x 2 patches with stride 1: the same sums, in wider and so faster vectors.
    """
    *games, stack, height, width = observations.shape
    shape = (-1, stack, height // PATCH, PATCH, width // PATCH, PATCH)
    cut = observations.reshape(shape).transpose(0, 2, 4, 1, 3, 5)
    return cut.reshape(*games, height // PATCH, width // PATCH, stack * PATCH * PATCH)


def replay(
    recording: dict[Any, Any], settings: dict[str, Any], *, render: bool = False
) -> Iterator[tuple[float, bool, np.ndarray]]:
    """Play a recorded episode again: reward, whether the game was over, and the picture after each step.

    Pictures are observations (uint8, shape (stack, size, size)), or as people see them (uint8, shape (210, 160, 3))
    with `render`. The first comes before any action, with a reward of 0.
    """
    games = Games(settings, 1, colour=render)
    yield 0.0, False, games.reset(np.array([recording["reset_seed"]]))[0, 0 if render else slice(None)]
    for action in recording["actions"]:
        step = games.step(np.array([action]))
        picture = step.observations[0, 0 if render else slice(None)]
        yield float(step.rewards[0]), bool(step.terminated[0]), picture


def offsets(settings: dict[str, Any]) -> tuple[int, ...]:
    """How many steps before the newest frame the frames of an observation were seen, oldest first."""
    depth = settings["stack"]
    whole = tuple(range(depth - 1, -1, -1))
    return (depth - 1, 0) if settings["stack_select"] == "first-last" and depth > 1 else whole
