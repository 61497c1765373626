"""The network of Young and Tian (2019), "MinAtar: an Atari-inspired testbed": for pictures of 10 x 10 pixels."""

from __future__ import annotations

from typing import Any

import keras
from keras.layers import Conv2D, Dense, Flatten, Rescaling

BLOCK = 1
"""One, for plain pixels."""


def body(pictures: keras.KerasTensor, settings: dict[str, Any]) -> keras.KerasTensor:  # noqa: ARG001
    """Features of pictures whose channels are kinds of things, 1 where there is one."""
    #                                                         (10, 10, channels)
    x = Rescaling(1.0)(pictures)  #                             the same, as float32
    x = Conv2D(16, 3, activation="relu")(x)  #                  (8, 8, 16)
    x = Flatten()(x)  #                                         (1024,)
    return Dense(128, activation="relu")(x)  #                  (128,)
