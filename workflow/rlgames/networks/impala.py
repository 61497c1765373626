"""The residual network of Espeholt et al. (2018), "IMPALA": the large one, in figure 3 on the right, without LSTM.

Layers and filters are theirs. It is scaled down by where it begins: at blocks of 2 x 2 pixels as channels, so that
all convolutions run over a quarter of the places. Its dense layer is that of `compact`, with layer normalisation (Ba,
Kiros and Hinton 2016) before and within.

No batch normalisation (Ioffe and Szegedy 2015), whose statistics are those of a minibatch. Here targets move with what
is learned, the steps of a minibatch are correlated, and a game that acts by itself, or the target network, which lags
behind, would see other statistics than those that were learned with.
"""

from __future__ import annotations

from typing import Any

import keras
from keras.layers import Add, Conv2D, Dense, Flatten, LayerNormalization, MaxPooling2D, ReLU

from rlgames.networks.pixels import scaled

BLOCK = 2
"""Pixels on a side of the blocks that space-to-depth makes channels of."""


def body(pictures: keras.KerasTensor, settings: dict[str, Any]) -> keras.KerasTensor:
    """Features of stacks of pictures of 48 x 48 pixels; other sizes change the shapes, and the dense layer."""
    #                                                         (24, 24, 4 stack)
    x = scaled(pictures, settings)  #                           before the padding, so that zeros are background
    x = stack(x, 16)  #                                         (12, 12, 16)
    x = stack(x, 32)  #                                         (6, 6, 32)
    x = stack(x, 32)  #                                         (3, 3, 32)
    x = Flatten()(ReLU()(x))  #                                 (288,)
    x = LayerNormalization(center=False, scale=False, epsilon=1e-5)(x)
    x = Dense(512, use_bias=False)(x)  #                        (512,)
    return ReLU()(LayerNormalization(epsilon=1e-5)(x))


def stack(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    """Half as high and wide, rounded up: shape (height, width, channels) to (height / 2, width / 2, filters)."""
    x = Conv2D(filters, 3, padding="same")(x)  #                (height, width, filters)
    x = MaxPooling2D(3, strides=2, padding="same")(x)  #        (height / 2, width / 2, filters)
    return residual(residual(x))


def residual(x: keras.KerasTensor) -> keras.KerasTensor:
    """Two convolutions, whose result is added to x: the same shape. The second has no bias, since what it is added to
    has one."""
    filters = x.shape[-1]
    y = Conv2D(filters, 3, padding="same", activation="relu")(ReLU()(x))
    return Add()([x, Conv2D(filters, 3, padding="same", use_bias=False)(y)])
