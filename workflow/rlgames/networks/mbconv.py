"""The blocks of EfficientNetV2 (Tan and Le 2021, "Smaller models and faster training"), for small pictures.

As in their table 4, early blocks are Fused-MBConv, whose convolution of 3 x 3 also widens, and later ones MBConv
(Sandler et al. 2018), which widens by 1 x 1 first, so that the 3 x 3 can be depthwise, with squeeze-and-excitation (Hu,
Shen and Sun 2018). SiLU, widening and squeezing are theirs; stages and filters are fewer. Their last layer is a mean
over all places, which would lose where the ball is: here the places that are left go to the dense layer of `compact`,
with layer normalisation (Ba, Kiros and Hinton 2016) before and within.

Their batch normalisation is left out, for the reasons that `impala` has.
"""

from __future__ import annotations

from typing import Any

import keras
from keras.layers import (
    Add,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    GlobalAveragePooling2D,
    LayerNormalization,
    Multiply,
    ReLU,
)

from rlgames.networks.pixels import scaled

BLOCK = 2
"""Pixels on a side of the blocks that space-to-depth makes channels of."""


def body(pictures: keras.KerasTensor, settings: dict[str, Any]) -> keras.KerasTensor:
    """Features of stacks of pictures of 48 x 48 pixels; other sizes change the shapes, and the dense layer."""
    #                                                         (24, 24, 4 stack)
    x = scaled(pictures, settings)  #                           before the padding, so that zeros are background
    x = Conv2D(16, 3, strides=2, padding="same", activation="silu")(x)  # (12, 12, 16)
    x = fused(x, 16, widening=1)  #                             (12, 12, 16)
    x = fused(x, 32, widening=4, stride=2)  #                   (6, 6, 32)
    x = fused(x, 32, widening=4)  #                             (6, 6, 32)
    x = separable(x, 64, widening=4, stride=2)  #               (3, 3, 64)
    x = separable(x, 64, widening=4)  #                         (3, 3, 64)
    x = Flatten()(x)  #                                         (576,)
    x = LayerNormalization(center=False, scale=False, epsilon=1e-5)(x)
    x = Dense(512, use_bias=False)(x)  #                        (512,)
    return ReLU()(LayerNormalization(epsilon=1e-5)(x))


def fused(x: keras.KerasTensor, filters: int, widening: int, stride: int = 1) -> keras.KerasTensor:
    """Fused-MBConv (figure 2): shape (height, width, channels) to (height / stride, width / stride, filters)."""
    wide = widening * x.shape[-1]
    y = Conv2D(wide, 3, strides=stride, padding="same", activation="silu")(x)  # (height / stride, width / stride, wide)
    if widening > 1:  # without, the convolution itself is the block
        y = Conv2D(filters, 1)(y)  #                            (height / stride, width / stride, filters)
    return Add()([x, y]) if y.shape == x.shape else y


def separable(x: keras.KerasTensor, filters: int, widening: int, stride: int = 1) -> keras.KerasTensor:
    """MBConv (figure 2), with a quarter of the channels of x in the squeeze: the same shapes."""
    channels = x.shape[-1]
    wide = widening * channels
    y = Conv2D(wide, 1, activation="silu")(x)  #                (height, width, wide)
    y = DepthwiseConv2D(3, strides=stride, padding="same", activation="silu")(y)  # (height / stride, ..., wide)
    s = GlobalAveragePooling2D(keepdims=True)(y)  #             (1, 1, wide)
    s = Conv2D(channels // 4, 1, activation="silu")(s)  #       (1, 1, channels / 4)
    s = Conv2D(wide, 1, activation="sigmoid")(s)  #             (1, 1, wide): how much each channel counts
    y = Conv2D(filters, 1)(Multiply()([y, s]))  #               (height / stride, width / stride, filters)
    return Add()([x, y]) if y.shape == x.shape else y
