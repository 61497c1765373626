"""A convolutional auto-encoder of a game's frames: a few latent variables, from which the frame is drawn again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rlgames.files import read_weights, reading
from rlgames.networks import encoder
from rlgames.networks.building import initialise
from rlgames.networks.foreground import PixelWeights
from rlgames.networks.space_to_depth import depth_to_space, space_to_depth

BLOCK = 4
"""Pixels on a side of the blocks that space-to-depth makes channels of."""

FILTERS = (32, 64, 64)
"""Of the encoder's convolutions, each but the first with half the height and width of the one before."""


class Encoder(encoder.Encoder):
    """Encoder and decoder. Its numbers are latent variables."""

    called = "latents"

    def __init__(self, pixels: PixelWeights, settings: dict[str, Any]) -> None:
        """`settings` are those of `rlgames.settings.encoders.AutoEncoder`."""
        self.numbers = settings["latents"]
        self.encoder, self.decoder = networks(len(pixels.typical) // BLOCK, self.numbers)
        self.weights = [*self.encoder.trainable_variables, *self.decoder.trainable_variables]
        super().__init__(pixels)
        self.encoding = tf.function(self._encode, input_signature=[self.input]).get_concrete_function()

    def initialise(self, rng: np.random.Generator) -> None:
        for network in (self.encoder, self.decoder):
            initialise(network.trainable_variables, rng)

    def arranged(self, pictures: np.ndarray) -> np.ndarray:
        return space_to_depth(pictures[:, None], BLOCK)

    def pictures(self, arranged: np.ndarray) -> np.ndarray:
        return depth_to_space(arranged, BLOCK)

    def encoded(self, differences: tf.Tensor) -> tuple[tf.Tensor, float]:
        return self.encoder(differences), 0.0

    def encode(self, pictures: np.ndarray) -> np.ndarray:
        return self.encoding(tf.constant(self.arranged(pictures))).numpy()

    def _encode(self, pictures: tf.Tensor) -> tf.Tensor:
        return self.encoder(self._differences(pictures))

    def drawn(self, numbers: tf.Tensor) -> tf.Tensor:
        return self.decoder(numbers)

    def measured(self, numbers: np.ndarray, actions: np.ndarray, follows: np.ndarray) -> dict[str, np.ndarray]:  # noqa: ARG002
        """Of each latent variable the mean, the standard deviation, and that of its change in a step."""
        changes = np.diff(numbers, axis=0)[follows[:-1]]
        return {
            "latent_mean": numbers.mean(axis=0),
            "latent_deviation": numbers.std(axis=0),
            "latent_change": changes.std(axis=0) if len(changes) else np.zeros_like(numbers[0]),
        }


def networks(side: int, latents: int) -> tuple[keras.Model, keras.Model]:
    """Encoder and decoder of pictures of `side` x `side` blocks: 16 channels to `latents` numbers, and back."""
    sides = [side, -(-side // 2), -(-side // 4)]
    inputs = x = keras.Input((side, side, BLOCK**2))
    for filters, stride in zip(FILTERS, (1, 2, 2), strict=True):
        x = keras.layers.Conv2D(filters, 3, strides=stride, padding="same", activation="relu")(x)
    encoder = keras.Model(inputs, keras.layers.Dense(latents)(keras.layers.Flatten()(x)))

    inputs = x = keras.Input((latents,))
    x = keras.layers.Dense(sides[2] ** 2 * FILTERS[2], activation="relu")(x)
    x = keras.layers.Reshape((sides[2], sides[2], FILTERS[2]))(x)
    for filters, wanted, smaller in ((FILTERS[1], sides[1], sides[2]), (FILTERS[0], side, sides[1])):
        x = keras.layers.Conv2DTranspose(filters, 4, strides=2, padding="same", activation="relu")(x)
        x = keras.layers.Cropping2D(((0, 2 * smaller - wanted), (0, 2 * smaller - wanted)))(x)
    decoder = keras.Model(inputs, keras.layers.Conv2D(BLOCK**2, 1)(x))
    return encoder, decoder


def load(path: Path) -> Encoder:
    """The auto-encoder in a run's weights.npz. Raises `UserError` for another file."""
    saved = read_weights(path, *PixelWeights._fields, "numbers")
    with reading(path):
        model = Encoder(PixelWeights.read(saved), {"latents": int(saved["numbers"])})
        model.assign(saved)
    return model
