"""The network of Mnih et al. (2013), "Playing Atari with deep reinforcement learning": a third of the cost of 2015."""

from __future__ import annotations

from typing import Any

import keras
from keras.layers import Conv2D, Dense, Flatten

from rlgames.networks.pixels import PixelConvolution

BLOCK = 4
"""Pixels on a side of the blocks that space-to-depth makes channels of."""


def body(pictures: keras.KerasTensor, settings: dict[str, Any]) -> keras.KerasTensor:
    """Features of stacks of pictures of 84 x 84 pixels; other sizes change the shapes, and the dense layer."""
    #                                                         (21, 21, 16 stack)
    x = PixelConvolution(16, 2, settings)(pictures)  #          (20, 20, 16): of 8 x 8 pixels, with stride 4
    x = Conv2D(32, 4, strides=2, activation="relu")(x)  #       (9, 9, 32)
    x = Flatten()(x)  #                                         (2592,)
    return Dense(256, activation="relu")(x)  #                  (256,)
