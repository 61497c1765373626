"""The typical picture of a game, and what in a frame differs from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

SCALE = 128
"""Grey levels that a network reads as one."""

MOVED = 8
"""Grey levels by which a pixel that moves differs from the typical picture, or from itself a step before."""

ODD = 0.2
"""Share of pixels that differ from the typical picture, above which a frame is an odd one."""


class PixelWeights(NamedTuple):
    """Weights of the errors of pixels."""

    typical: np.ndarray
    """The median of frames: uint8, shape (size, size)."""
    importance: np.ndarray
    """What a pixel's error counts where it differs from the typical picture: one over the share of frames in which it
    does, at least 1 and at most so much: float32, shape (size, size)."""
    ignore_still: bool
    """Whether errors in foreground that does not move have weight 0."""

    @classmethod
    def of(cls, pictures: np.ndarray, moving_weight: float, *, ignore_still: bool = False) -> PixelWeights:
        """By frames of a game: uint8, shape (frames, size, size). An importance is `moving_weight` at most."""
        typical = np.median(pictures, axis=0).astype(np.uint8)
        share = (np.abs(pictures.astype(np.int16) - typical) > MOVED).mean(axis=0)
        importance = np.minimum(moving_weight, 1 / np.maximum(share, 1 / len(pictures))).astype(np.float32)
        return cls(typical, importance, ignore_still)

    @classmethod
    def read(cls, saved: Mapping[str, np.ndarray]) -> PixelWeights:
        """From a run's weights.npz."""
        return cls(saved["typical"], saved["importance"], bool(saved["ignore_still"]))
