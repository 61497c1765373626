"""A linear agent over tiles as it plays, with the weights of one seed of a block."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from rlgames.agents.linear.core import action_values
from rlgames.agents.linear.policy import policy
from rlgames.features.tile_coding import IndexHashed, active_tiles, make, over_tiles


class Player:
    """The weights of each action. Its states are those of the environment, float64, shape (games, dimensions)."""

    def __init__(
        self, saved: dict[str, np.ndarray], modules: dict[str, ModuleType], environment: dict[str, Any],
        settings: dict[str, Any], seed: int,
    ) -> None:  # fmt: skip
        """`saved` is the weights.npz of the block. Raises `IndexError` for a seed that it lacks."""
        (row,) = np.flatnonzero(saved["seeds"] == seed)[:1].tolist() or [len(saved["seeds"])]
        weights = saved["weights"][row]
        coding = make(*modules["training"].ranges(environment), **settings["coding"])
        if isinstance(coding, IndexHashed):
            weights, coding = over_tiles(weights, coding, saved["places"][row]), coding.tiles
        self.actions: list[str] = modules["environment"].actions(environment)
        self.samples = len(weights) > len(self.actions)
        """Whether the weights are those of a policy, with a last row for the state value."""
        self.shown = "policy: probabilities" if self.samples else "action values Q"
        self.weights, self.coding = weights[: len(self.actions)], coding

    def preferences(self, states: np.ndarray) -> np.ndarray:
        """Action values, or the policy's probabilities: float64, shape (games, actions)."""
        found = np.empty((len(states), len(self.actions)))
        tiles = np.empty(self.coding.tilings, np.int64)
        for state, row in zip(states.clip(self.coding.low, self.coding.high), found, strict=True):
            active_tiles(self.coding, tuple(state.tolist()), tiles)
            (policy if self.samples else action_values)(self.weights, tiles, row)
        return found
