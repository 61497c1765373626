"""The interface of every game, for training, evaluation and videos."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np


class Frame(NamedTuple):
    """A single frame of a game, and how frames make up an observation."""

    shape: tuple[int, ...]
    """(height, width) of grey pictures, (height, width, channels), or (numbers,)."""
    dtype: Any
    offsets: tuple[int, ...] = (0,)
    """How many steps before the newest frame the frames of an observation were seen, oldest first."""


class Step(NamedTuple):
    """The result of a step in every game."""

    observations: np.ndarray
    """Stacked frames, oldest first: shape (games, stack, *frame)."""
    rewards: np.ndarray
    """The game's own points: float64, shape (games,)."""
    terminated: np.ndarray
    """Whether the game is over: bool, shape (games,)."""
    truncated: np.ndarray
    """Whether the episode was cut off at its maximum length: bool, shape (games,)."""
    life_lost: np.ndarray
    """Whether a life was lost, and the game is not over; it may be cut off in the same step: bool, shape (games,)."""


class Games(Protocol):
    """`count` copies of a game, stepped together. A finished game stays frozen until its mask entry resets it.

    An episode is a function of its seed and its actions: neither the other games nor earlier episodes change it.

    Besides what is here, games may have an `own_limit` (see `ending`); those with threads of their own have `send` and
    `receive`, the two halves of `step`.
    """

    actions: list[str]
    """Names of the actions, in the order of their numbers."""
    frame: Frame

    def reset(self, seeds: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """Begin an episode in every game (or where `mask`), each with its own of `seeds`: observations of all."""

    def step(self, actions: np.ndarray) -> Step:
        """Take an action, by its number, in every game."""


def ending(games: Any, *, terminated: bool, steps: int, max_steps: int) -> str:
    """How an episode of `games` ended after `steps`: "terminated"; at a limit that belongs to the environment, "time
    limit"; or "truncated", cut off by a cap of ours, `max_steps`.

    Games that may end an episode by themselves have an `own_limit`: after how many steps, or None if that is not known.
    """
    if terminated:
        return "terminated"
    its_own = hasattr(games, "own_limit") and (steps < max_steps or max_steps == games.own_limit)
    return "time limit" if its_own else "truncated"


class Moment(NamedTuple):
    """The result of a step in a single game."""

    state: Any
    """What the game shows: an observation or, of a game seen through features, their vector."""
    reward: float
    """The game's own points."""
    terminated: bool
    truncated: bool
    life_lost: bool


class Replayed(NamedTuple):
    """A step of a replayed episode; the first comes before any action and has a reward of 0."""

    reward: float
    terminated: bool
    picture: np.ndarray | None
    """What people see: uint8, shape (height, width, 3). Without rendering, Atari's observation, or None."""


class Playable(Protocol):
    """What it takes to play an episode again."""

    @property
    def seed(self) -> int:
        """Seed of the run."""

    @property
    def episode(self) -> int:
        """Number of the episode, from 1."""

    @property
    def reset_seed(self) -> int: ...

    @property
    def actions(self) -> bytes: ...

    @property
    def environment(self) -> dict[str, Any]:
        """Settings of the environment."""
