"""A network for small pictures: that of Mnih et al. (2015) with half the filters in its first layers, and layer
normalisation (Ba, Kiros and Hinton 2016) before and within its dense layer.

Not within the convolutions: in small pictures a ball is a shade between two pixels, which a norm over channels would
take away.
"""

from __future__ import annotations

from typing import Any

import keras
from keras.layers import Conv2D, Dense, Flatten, LayerNormalization, ReLU

from rlgames.networks.pixels import PixelConvolution

BLOCK = 4
"""Pixels on a side of the blocks that space-to-depth makes channels of."""


def body(pictures: keras.KerasTensor, settings: dict[str, Any]) -> keras.KerasTensor:
    """Features of stacks of pictures of 48 x 48 pixels; other sizes change the shapes, and the dense layer."""
    #                                                         (12, 12, 16 stack)
    x = PixelConvolution(16, 2, settings)(pictures)  #          (11, 11, 16): of 8 x 8 pixels, with stride 4
    x = Conv2D(32, 4, strides=2, activation="relu")(x)  #       (4, 4, 32)
    x = Conv2D(64, 3, activation="relu")(x)  #                  (2, 2, 64)
    x = Flatten()(x)  #                                         (256,)
    x = LayerNormalization(center=False, scale=False, epsilon=1e-5)(x)
    x = Dense(512, use_bias=False)(x)  #                        (512,)
    return ReLU()(LayerNormalization(epsilon=1e-5)(x))
