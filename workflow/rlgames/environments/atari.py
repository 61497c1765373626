"""Atari games from pixels: several side by side, each episode a function of its seed and its actions.

The pictures are those of Mnih et al. (2015): frames of the emulator in grey, the larger of the last two of a step in
each pixel, resized, and a stack of the last few.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from ale_py import Action, ALEInterface, LoggerMode, roms
from ale_py.vector_env import AtariVectorEnv

from rlgames.environments.games import Frame, Playable, Replayed, Step

COLOUR = {"grayscale": False, "img_height": 210, "img_width": 160, "stack_num": 1}
"""Settings of the emulator for pictures for people."""


class Games:
    """`count` copies of an Atari game, see `rlgames.environments.games.Games`. Observations are stacked grey frames:
    uint8, shape (games, stack, height, width), or in colour (games, 1, 210, 160, 3)."""

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
        available, wanted = self.environment.ale.get_action_set(), chosen_actions(settings)
        self.actions = [action.name for action in wanted]
        side = settings["image_size"]
        self.frame = Frame((side, side), np.uint8, offsets(settings))
        self.numbers = np.array([available.index(action) for action in wanted])
        first_last = settings["stack_select"] == "first-last" and not colour
        self.selected = [0, -1] if first_last and settings["stack"] > 1 else slice(None)
        self.lives = np.zeros(count, np.int32)
        fires = settings.get("fire_each_life") and Action.FIRE in available  # older recordings lack it
        self.fire = available.index(Action.FIRE) if fires else None
        self.life_begins = np.ones(count, bool)

    def reset(self, seeds: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """Begin an episode in every game (or where `mask`), each with its own of `seeds`: observations of all."""
        options = None if mask is None else {"reset_mask": mask}
        observations, facts = self.environment.reset(seed=np.asarray(seeds, np.int64), options=options)
        self.lives = facts["lives"]
        self.life_begins[slice(None) if mask is None else mask] = True
        return observations[:, self.selected]

    def step(self, actions: np.ndarray) -> Step:
        """Take an action (its number in `self.actions`) in every game."""
        self.send(actions)
        return self.receive()

    def send(self, actions: np.ndarray) -> None:
        """Begin a step of every game, in the emulator's threads."""
        numbers = self.numbers[actions]
        self.environment.send(numbers if self.fire is None else np.where(self.life_begins, self.fire, numbers))

    def receive(self) -> Step:
        """The result of the step that `send` began."""
        observations, rewards, terminated, truncated, facts = self.environment.recv()
        life_lost = (facts["lives"] < self.lives) & ~terminated
        self.lives, self.life_begins = facts["lives"], life_lost.copy()
        return Step(observations[:, self.selected], rewards.astype(np.float64), terminated, truncated, life_lost)


def replay(recording: Playable, *, render: bool = False, **changes: Any) -> Iterator[Replayed]:
    """Play a recorded episode again.

    Pictures are observations (uint8, shape (stack, size, size)), or as people see them (uint8, shape (210, 160, 3))
    with `render`. `changes` of the settings may show it otherwise.
    """
    games, shown = Games(recording.environment | changes, 1, colour=render), 0 if render else slice(None)
    yield Replayed(0.0, False, games.reset(np.array([recording.reset_seed]))[0, shown])
    for action in recording.actions:
        step = games.step(np.array([action]))
        yield Replayed(float(step.rewards[0]), bool(step.terminated[0]), step.observations[0, shown])


def actions(settings: dict[str, Any]) -> list[str]:
    """Names of a game's actions, in the order of their numbers."""
    return [action.name for action in chosen_actions(settings)]


def chosen_actions(settings: dict[str, Any]) -> list[Action]:
    """The actions of the console that an agent may take."""
    if settings["actions"] == "three":
        return [Action.NOOP, Action.RIGHT, Action.LEFT]
    ALEInterface.setLoggerMode(LoggerMode.Error)
    console: Any = ALEInterface()
    console.loadROM(roms.get_rom_path(settings["game"]))
    return list(console.getLegalActionSet() if settings["actions"] == "full" else console.getMinimalActionSet())


def offsets(settings: dict[str, Any]) -> tuple[int, ...]:
    """How many steps before the newest frame the frames of an observation were seen, oldest first."""
    depth = settings["stack"]
    whole = tuple(range(depth - 1, -1, -1))
    return (depth - 1, 0) if settings["stack_select"] == "first-last" and depth > 1 else whole
