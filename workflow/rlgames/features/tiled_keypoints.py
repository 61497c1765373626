"""Tiles of what flies, as seen from what the actions move: from pixels, by a keypoint auto-encoder, in any game."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rlgames.features.tiled import TiledFeatures
from rlgames.messages import UserError, log
from rlgames.networks import keypoint_finder
from rlgames.networks.keypoint_motion import Motion


class Features(TiledFeatures):
    """Which of the points is controlled, along which axis, and which others fly, is what their motion says in the data
    set that the encoder learned from (`rlgames.networks.keypoint_motion`)."""

    def __init__(self, environment: dict[str, Any], settings: dict[str, Any], weights: Path) -> None:
        """`weights` is the weights.npz of a trained keypoint auto-encoder; `settings` have the number of pairs. There
        are fewer if fewer points fly. Raises `UserError` if the actions move all points, so that no pair is left."""
        self.finder, motion = keypoint_finder.load(weights), Motion.read(weights)
        self.mine, along = motion.mine()
        self.others = motion.others(settings["pairs"])
        if not self.others:
            raise UserError(
                f"{weights}: the actions move all {len(motion.presence)} keypoints, and leave none to be seen. "
                "Train the encoder with more points, or with another seed."
            )
        for doubt in motion.doubts(settings["pairs"]):
            log.warning(
                f"{weights}: {doubt}. Little will be learned from these points: train the encoder on more frames, with "
                "another seed, or with more trials."
            )
        self.presence, self.axes = motion.presence[self.others], [1 - along, along]
        super().__init__(environment, np.ones(2 + 2 * len(self.others)), pairs=len(self.others))

    def describe(self, states: np.ndarray) -> np.ndarray:
        """Of mine and each other one where it is across my axis, and along it, in halves of the frame from its middle;
        NaN for others that are not there. `states` are observations: uint8, shape (games, stack, size, size)."""
        points = self.finder.encode(states[:, -1]).reshape(len(states), -1, 3).astype(np.float64)
        mine, others = points[:, self.mine], points[:, self.others]
        most_present = mine[:, :, 2].argmax(axis=1)
        found = np.concatenate([mine[np.arange(len(mine)), most_present][:, np.newaxis], others], axis=1)[
            :, :, self.axes
        ]
        places = (found + 0.5) * 2 / self.finder.size - 1
        places[:, 1:][others[:, :, 2] <= self.presence] = np.nan
        return places.reshape(len(states), -1)

    def places(self, numbers: np.ndarray) -> np.ndarray:
        """Of mine, and of the others in their order."""
        return (numbers.reshape(len(numbers), -1, 2)[:, :, self.axes] + 1) / 2  # two axes: the swap is its own inverse

    def relations(self, newest: np.ndarray, previous: np.ndarray) -> np.ndarray:
        now, before = (moment.reshape(len(moment), -1, 2) for moment in (newest, previous))
        others, moves = now[:, 1:], (now - before)[:, 1:]
        below = others[:, :, 1] - now[:, :1, 1]
        return np.stack([others[:, :, 0], below, moves[:, :, 0], moves[:, :, 1]], axis=2)
