"""The network of Mnih et al. (2015), "Human-level control through deep reinforcement learning"."""

from __future__ import annotations

from typing import Any

import keras
from keras.layers import Conv2D, Dense, Flatten

from rlgames.networks.pixels import PixelConvolution

BLOCK = 4
"""Pixels on a side of the blocks that space-to-depth makes channels of."""


def body(pictures: keras.KerasTensor, settings: dict[str, Any]) -> keras.KerasTensor:
    """Features of stacks of pictures of 84 x 84 pixels; other sizes change the shapes, and the first dense layer."""
    #                                                         (21, 21, 16 stack)
    x = PixelConvolution(32, 2, settings)(pictures)  #          (20, 20, 32): of 8 x 8 pixels, with stride 4
    x = Conv2D(64, 4, strides=2, activation="relu")(x)  #       (9, 9, 64)
    x = Conv2D(64, 3, activation="relu")(x)  #                  (7, 7, 64)
    x = Flatten()(x)  #                                         (3136,)
    return Dense(512, activation="relu")(x)  #                  (512,)
