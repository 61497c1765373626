"""Tiles of where Pong's ball is, as seen from the paddle, and of how it flies: local features of the positions in the
console's memory."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from rlgames.features import positions
from rlgames.features.tiled import TiledFeatures


class Features(TiledFeatures):
    """The ball and the paddle are the only pair."""

    reads_memory: ClassVar[bool] = True

    def __init__(self, environment: dict[str, Any], settings: dict[str, Any]) -> None:
        """The game must be Pong."""
        self.positions = positions.Features(environment, settings)
        super().__init__(environment, self.positions.rates, pairs=1)

    def emulators(self, count: int) -> Any:
        """Games whose states are the console's memory."""
        return self.positions.emulators(count)

    def describe(self, states: np.ndarray) -> np.ndarray:
        """`states` are the console's memories: uint8, shape (games, 128)."""
        return self.positions.describe(states)

    def relations(self, newest: np.ndarray, previous: np.ndarray) -> np.ndarray:
        ball_x, ball_y, player_y, _, absent = newest.T
        change_x, change_y, *_ = (newest - previous).T
        found = np.stack([ball_x, ball_y - player_y, change_x, change_y], axis=1)
        return np.where(absent[:, None] > 0, np.nan, found)[:, np.newaxis]
