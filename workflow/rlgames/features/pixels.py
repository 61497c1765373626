"""Raw pixels as features: what stands out from the background, in few large pixels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from rlgames.features import base as features


class Features(features.Features):
    """The difference of each pixel from the background, shrunk: the mean of each field of the frame, in [0, 1]."""

    def __init__(self, environment: dict[str, Any], settings: dict[str, Any]) -> None:
        """`settings` have the side of the small picture, and the grey level of the background."""
        self.side, self.background = settings["side"], settings["background"]
        super().__init__(environment, np.ones(self.side**2))

    def describe(self, states: np.ndarray) -> np.ndarray:
        """`states` are observations: uint8, shape (games, stack, size, size)."""
        differences = np.abs(states[:, -1].astype(np.float32) - self.background)
        small = [cv2.resize(each, (self.side, self.side), interpolation=cv2.INTER_AREA).ravel() for each in differences]
        return np.stack(small).astype(np.float64) / 255
