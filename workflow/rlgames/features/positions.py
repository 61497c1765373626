"""Positions of the things in a game as features, read from the console's memory: what pixels could tell at best."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlgames.environments.atari_ram import Memory, positions
from rlgames.environments.games import Moment
from rlgames.features import base as features

RATE = 10.0
"""In a step Pong's ball flies about a twentieth of the way from the middle of the screen to its edge, and the paddle up
to a fifth."""


class Features(features.Features):
    """Every position from -1 (left or top of the frame) to 1, zero for what is absent, and whether something is."""

    def __init__(self, environment: dict[str, Any], _settings: dict[str, Any]) -> None:
        """The game has to be one whose positions are known."""
        self.game = environment["game"]
        numbers = len(self.describe(np.zeros(128, np.uint8)))
        super().__init__(environment, np.full(numbers, RATE))

    def emulator(self) -> Any:
        """A game whose states are the console's memory."""
        return MemoryGame(self.environment)

    def describe(self, state: np.ndarray) -> np.ndarray:
        """`state` is the console's memory: uint8, shape (128,)."""
        found = positions(self.game, state[np.newaxis], 1).values()  # from -1/2 to 1/2 in a frame of one pixel
        places = 2 * np.concatenate(list(found))
        absent = np.isnan(places)
        return np.append(np.where(absent, 0.0, places), float(absent.any()))


class MemoryGame:
    """One game whose states are the console's memory."""

    def __init__(self, environment: dict[str, Any]) -> None:
        self.memory = Memory(environment, pictures=False)

    def reset(self, seed: int) -> np.ndarray:
        """Begin the episode of this seed."""
        return self.memory.reset(seed).state.memory

    def step(self, action: int) -> Moment:
        """Take an action. No game whose positions are known has lives to lose."""
        moment = self.memory.step(action)
        return moment._replace(state=moment.state.memory)
