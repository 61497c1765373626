"""Positions of the objects in a game as features, read from the console's memory: the best that pixels could give."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from rlgames.environments.atari_ram import Memory, positions
from rlgames.environments.games import Step
from rlgames.features import base as features

RATE = 10.0
"""In a step Pong's ball flies about a twentieth of the way from the middle of the screen to its edge, and the paddle up
to a fifth."""


class Features(features.Features):
    """Every position from -1 (left or top of the frame) to 1, zero for what is absent, and whether something is."""

    reads_memory: ClassVar[bool] = True

    def __init__(self, environment: dict[str, Any], _settings: dict[str, Any]) -> None:
        """The game must be one whose positions are known (`rlgames.environments.atari_ram.PLACES`)."""
        self.game = environment["game"]
        numbers = self.describe(np.zeros((1, 128), np.uint8)).shape[1]
        super().__init__(environment, np.full(numbers, RATE))

    def emulators(self, count: int) -> Any:
        """Games whose states are the console's memory."""
        return MemoryGames(self.environment, count)

    def describe(self, states: np.ndarray) -> np.ndarray:
        """`states` are the console's memories: uint8, shape (games, 128)."""
        found = positions(self.game, states, 1).values()  # from -1/2 to 1/2 in a frame of one pixel
        places = 2 * np.stack(list(found), axis=1)
        absent = np.isnan(places)
        return np.column_stack([np.where(absent, 0.0, places), absent.any(axis=1)])


class MemoryGames:
    """Games whose states are the console's memories: uint8, shape (games, 128)."""

    def __init__(self, environment: dict[str, Any], count: int) -> None:
        self.memories = [Memory(environment, pictures=False) for _ in range(count)]
        self.states = np.zeros((count, 128), np.uint8)

    def reset(self, seeds: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """Begin an episode in every game (or where `mask`), each with its own of `seeds`: the states of all."""
        begun = range(len(self.memories)) if mask is None else np.flatnonzero(mask).tolist()
        for game, seed in zip(begun, seeds.tolist(), strict=True):
            self.states[game] = self.memories[game].reset(seed).state.memory
        return self.states.copy()

    def step(self, actions: np.ndarray) -> Step:
        """Take an action in every game. No game whose positions are known has lives to lose."""
        moments = [memory.step(action) for memory, action in zip(self.memories, actions.tolist(), strict=True)]
        states, *facts = zip(*moments, strict=True)
        self.states = np.stack([view.memory for view in states])
        return Step(self.states.copy(), *map(np.array, facts))
