"""Tiles of what flies, as seen from what the actions move: from pixels, by a keypoint auto-encoder, in any game."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rlgames.features.tiled import TiledFeatures
from rlgames.networks import numerics
from rlgames.networks.keypoint_motion import Motion


class Features(TiledFeatures):
    """Which of the points is controlled, along which axis, and which others fly, is what their motion says in the data
    set that the encoder learned from (`rlgames.networks.keypoint_motion`)."""

    lag = 2  # the mean of two steps halves what errors of a point add to its motion

    def __init__(self, environment: dict[str, Any], settings: dict[str, Any], weights: Path) -> None:
        """`weights` is the weights.npz of a trained keypoint auto-encoder; `settings` have the number of pairs."""
        numerics.set_up()  # before TensorFlow is imported; on a processor, so that the bits are the same everywhere

        from rlgames.networks.keypoints import load

        self.encoder, motion = load(weights), Motion.read(weights)
        mine, along = motion.mine()
        others = motion.others(settings["pairs"])
        self.points = [mine, *others]
        self.presence = np.append(-np.inf, motion.presence[others])  # what is controlled is always there
        self.axes = [1 - along, along]
        super().__init__(environment, np.ones(2 * len(self.points)), pairs=len(others))

    def describe(self, states: np.ndarray) -> np.ndarray:
        """Of mine and each other one where it is across my axis, and along it, in halves of the frame from its middle;
        NaN for others that are not there. `states` are observations: uint8, shape (games, stack, size, size)."""
        points = self.encoder.encode(states[:, -1]).reshape(len(states), -1, 3)[:, self.points]
        places = (points[:, :, self.axes].astype(np.float64) + 0.5) * 2 / self.encoder.size - 1
        return np.where(points[:, :, 2:] > self.presence[:, None], places, np.nan).reshape(len(states), -1)

    def relations(self, newest: np.ndarray, previous: np.ndarray) -> np.ndarray:
        now, before = (moment.reshape(len(moment), -1, 2) for moment in (newest, previous))
        others, moves = now[:, 1:], (now - before)[:, 1:] / self.lag
        below = others[:, :, 1] - now[:, :1, 1]
        return np.stack([others[:, :, 0], below, moves[:, :, 0], moves[:, :, 1]], axis=2)
