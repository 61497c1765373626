"""A linear agent over features as it plays, with weights that were kept during its training."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from rlgames.features.base import FeatureGame, Features


def prepare() -> None:
    """Nothing: linear agents need no TensorFlow; encoders set it up themselves."""


class Player:
    """The weights of each action. Its states are features."""

    def __init__(
        self, saved: dict[str, np.ndarray], modules: dict[str, ModuleType], _environment: dict[str, Any],
        _settings: dict[str, Any], features: Features,
    ) -> None:  # fmt: skip
        """`saved` is the weights.npz of a run."""
        self.saved, self.agent, self.features = saved["weight_0"], modules["agent"], features
        self.shown = "action values Q"

    def game(self) -> FeatureGame:
        """A game to play."""
        return FeatureGame(self.features)

    def load(self, point: int) -> None:
        """Take the weights kept at a point (from 0) of the training."""
        self.weights = self.saved[point]

    def preferences(self, states: np.ndarray) -> np.ndarray:
        """Action values of features, float64 of shape (games, features): float64, shape (games, actions)."""
        values = np.empty((len(states), len(self.weights)))
        for x, row in zip(states, values, strict=True):
            self.agent.action_values(self.weights, x, row)
        return values
