"""Tiles of where Pong's ball is, as seen from the paddle, and of how it flies: local features of the positions in the
console's memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlgames.features import positions
from rlgames.features.tile_coding import active_tiles, hashed

TILES, TILINGS, SIZE = 12, 8, 4096
"""Tiles in each dimension, tilings, and places in the table that tiles share."""

HIGH = (1.0, 1.0, 0.15, 0.15)
"""Where the last tile of each dimension ends; the first begins at minus that. The dimensions are the ball's place from
left (-1) to right, how far below the paddle it is, and how far it moved in a step, to the right and down."""


class Features(positions.Features):
    """Hashed tile coding (Sutton and Barto 2018, section 9.5.4): the number of active tiles that share each place."""

    def __init__(self, environment: dict[str, Any], settings: dict[str, Any]) -> None:
        """The game has to be Pong."""
        self.coding = hashed(tuple(-bound for bound in HIGH), HIGH, TILES, TILINGS, SIZE)
        self.tiles = np.empty(TILINGS, np.int64)
        super().__init__(environment, settings)

    def join(self, newest: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """The tiles of a moment, given the one before, and a constant; the constant alone while there is no ball:
        float64, shape (count,)."""
        x = np.zeros(self.coding.features + 1)
        x[-1] = 1.0
        ball_x, ball_y, player_y, _, absent = newest
        if not absent:
            seen = np.array([ball_x, ball_y - player_y, *(newest - previous)[:2]])
            active_tiles(self.coding, tuple(seen.clip(self.coding.low, self.coding.high).tolist()), self.tiles)
            np.add.at(x, self.tiles, 1.0)
        return x
