"""Tiles of how things lie to each other as features: local, so that each moment learns from its like only."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from rlgames.features import base as features
from rlgames.features.tile_coding import active_tiles_of, graded

TILES, TILINGS = (8, 10, 2, 4), 16
"""Tiles in each dimension of `TiledFeatures.relations`, and tilings."""

HIGH = (1.0, 0.5, 0.15, 0.15)
"""Where the last tile of each dimension ends; the first begins at minus that. Beyond, a state counts as on the edge."""


class TiledFeatures(features.Features):
    """Tile coding (Sutton and Barto 2018, section 9.5.4) of pairs of things: the numbers of the active tiles.

    Of a pair that is not there, each tiling has one more tile, which then is the active one.
    """

    def __init__(self, environment: dict[str, Any], rates: np.ndarray, pairs: int) -> None:
        """`rates` have a place for each number that `describe` gives."""
        self.coding = graded(tuple(-bound for bound in HIGH), HIGH, TILES, TILINGS)
        self.pairs = pairs
        self.tiles_of_pair = self.coding.features + TILINGS
        super().__init__(environment, rates)
        self.count = pairs * self.tiles_of_pair

    @abstractmethod
    def relations(self, newest: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """Of every pair, where the other thing is from left (-1) to right (1), how far below mine it is, and how far it
        moved in a step, to the right and down, in halves of the frame: float64, shape (games, pairs, 4), with NaN for
        pairs that are not there."""

    def join(self, newest: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """The tiles of moments, given those before: int64, shape (games, pairs * TILINGS)."""
        relations = self.relations(newest, previous).reshape(-1, len(TILES))
        absent = np.isnan(relations).any(axis=1)
        tiles = np.empty((len(relations), TILINGS), np.int64)
        states = np.where(absent[:, None], 0.0, relations).clip(self.coding.low, self.coding.high)
        active_tiles_of(self.coding, states, tiles)
        tiles[absent] = self.coding.features + np.arange(TILINGS)
        tiles = tiles.reshape(-1, self.pairs, TILINGS) + self.tiles_of_pair * np.arange(self.pairs)[:, None]
        return tiles.reshape(len(newest), -1)
