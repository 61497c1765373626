"""A linear agent over features as it plays, with weights that were kept during its training."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from rlgames.agents.dense_true_online_sarsa_lambda import action_values
from rlgames.features import FeatureGame, Features


class Player:
    """The weights of each action. Its states are features."""

    def __init__(
        self, saved: dict[str, np.ndarray], _environment: dict[str, Any], _settings: dict[str, Any], features: Features
    ) -> None:
        """`saved` is the weights.npz of a run."""
        self.saved = saved["weight_0"]
        self.game = partial(FeatureGame, features)

    def load(self, point: int) -> None:
        """Take the weights kept at a point (from 0) of the training."""
        self.weights = self.saved[point]

    def q(self, states: np.ndarray) -> np.ndarray:
        """Action values of features, float64 of shape (games, features): float64, shape (games, actions)."""
        q = np.empty((len(states), len(self.weights)))
        for x, row in zip(states, q, strict=True):
            action_values(self.weights, x, row)
        return q
