"""From grey levels to numbers around zero: (pixel - pixel_centre) / pixel_scale."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf


class PixelConvolution(keras.layers.Conv2D):
    """A convolution of scaled pixels, with ReLU. It divides the kernel, which is smaller than the pictures."""

    def __init__(self, filters: int, size: int, settings: dict[str, Any]) -> None:
        super().__init__(filters, size)
        self.centre, self.factor = np.float32(settings["pixel_centre"]), np.float32(1 / settings["pixel_scale"])

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        sums = tf.nn.conv2d(tf.cast(inputs, tf.float32) - self.centre, self.kernel * self.factor, 1, "VALID")
        return tf.nn.relu(tf.nn.bias_add(sums, self.bias))


def scaled(pictures: keras.KerasTensor, settings: dict[str, Any]) -> keras.KerasTensor:
    """Scaled pixels, for bodies that begin with another layer."""
    return keras.layers.Rescaling(1 / settings["pixel_scale"], -settings["pixel_centre"] / settings["pixel_scale"])(
        pictures
    )
