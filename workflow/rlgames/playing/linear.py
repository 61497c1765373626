"""A linear agent over features as it plays, with weights that were kept during its training."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from rlgames.features.base import FeatureGames, Features


def prepare() -> None:
    """Nothing: linear agents need no TensorFlow; latent variables set it up themselves."""


class Player:
    """The weights of each action. Its states are features."""

    samples = False

    def __init__(
        self, saved: dict[str, np.ndarray], modules: dict[str, ModuleType], environment: dict[str, Any],
        _settings: dict[str, Any], features: Features,
    ) -> None:  # fmt: skip
        """`saved` is the weights.npz of a run."""
        self.saved, self.agent, self.features = saved["weight_0"], modules["agent"], features
        self.actions = modules["environment"].actions(environment)
        self.shown = "action values Q"

    def games(self, count: int) -> FeatureGames:
        """`count` games to play."""
        return FeatureGames(self.features, count)

    def preferences(self, states: np.ndarray, point: int) -> np.ndarray:
        """Action values of features, a row for each game (float64; of tiles int64), with the weights kept at a point
        (from 0) of the training: float64, shape (games, actions)."""
        values = np.empty((len(states), len(self.saved[point])))
        for x, row in zip(states, values, strict=True):
            self.agent.action_values(self.saved[point], x, row)
        return values
