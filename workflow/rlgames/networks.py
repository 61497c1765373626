"""The networks: from observations cut into patches (see `rlgames.environments.atari.patches`) to values."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf


class PatchConvolution(keras.layers.Conv2D):
    """A convolution of (pixels - centre) / scale. The kernel is divided, since it is smaller than the pictures."""

    def __init__(self, filters: int, size: int, centre: float, scale: float) -> None:
        super().__init__(filters, size)
        self.centre, self.factor = np.float32(centre), np.float32(1 / scale)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        sums = tf.nn.conv2d(tf.cast(inputs, tf.float32) - self.centre, self.kernel * self.factor, 1, "VALID")
        return tf.nn.relu(tf.nn.bias_add(sums, self.bias))


BODIES = {"nature": ([(32, 2, 1), (64, 4, 2), (64, 3, 1)], 512), "small": ([(16, 2, 1), (32, 4, 2)], 256)}
"""Filters, size and stride of each convolution, and units of the dense layer. Mnih et al. (2015): 32 8x8/4, 64 4x4/2,
64 3x3/1, 512. Mnih et al. (2013), a third of the cost: 16 8x8/4, 32 4x4/2, 256. The first convolution, of 8 x 8 pixels
with stride 4, is one of 2 x 2 patches here (see `rlgames.environments.atari.patches`)."""


def make(settings: dict[str, Any], shape: tuple[int, int, int], outputs: int) -> keras.Model:
    """The network that the settings of an agent name, with ReLU and linear outputs.

    `shape` is that of an observation in patches: (height / 4, width / 4, 16 stack). `outputs` is the number of actions,
    or 1 for the value of a state. Pixels enter as (pixel - pixel_centre) / pixel_scale.
    """
    ((filters, size, _), *convolutions), units = BODIES[settings["network"]]
    inputs = keras.Input(shape, dtype="uint8")
    x = PatchConvolution(filters, size, settings["pixel_centre"], settings["pixel_scale"])(inputs)
    for filters, size, stride in convolutions:
        x = keras.layers.Conv2D(filters, size, strides=stride, activation="relu")(x)
    x = keras.layers.Dense(units, activation="relu")(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(outputs)(x))


def initialise(network: keras.Model, rng: np.random.Generator) -> None:
    """Draw initial weights: kernels uniform with Glorot and Bengio's (2010) range, zero biases.

    The range is that of the layers as they stand: a filter of the first reads 4 patches, and each patch is read by 4
    filters of a kind. Counted in pixels, as if it had no stride, its weights would begin 2.4 times smaller.
    """
    for weight in network.trainable_variables:
        *field, inputs, outputs = (1, *weight.shape)[-4:] if weight.shape.rank != 1 else (0, 0)
        limit = np.sqrt(6 / (np.prod(field) * (inputs + outputs))) if field else 0.0
        weight.assign(rng.uniform(-limit, limit, weight.shape).astype(np.float32))


class WeightsError(ValueError):
    """Weights that do not fit the network."""


def load(network: keras.Model, saved: dict[str, np.ndarray], point: int = -1) -> None:
    """Set the weights kept at one point of a training, from its weights.npz as a mapping; the last by default.

    Raises `WeightsError` for those of another network.
    """
    for number, weight in enumerate(network.trainable_variables):
        found = saved.get(f"weight_{number}", np.empty((1, 0)))[point]
        if found.shape != weight.shape:
            raise WeightsError(
                f"weight_{number} has the shape {found.shape}, and the network needs {tuple(weight.shape)}. Weights "
                "come from a deep run with the same network, stack and image size, and as many actions."
            )
        weight.assign(found)
