"""A convolutional auto-encoder of a game's frames: a few latent variables, from which the frame is drawn again.

What hardly ever changes in a game is its background, the *typical picture*. The network sees and draws the difference
from it. A mean squared error would lose Pong's ball, a few of 7,056 pixels; so the error of a pixel that differs from
the typical picture counts more, the more the rarer it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from rlgames.files import read_weights, reading
from rlgames.networks.building import initialise
from rlgames.networks.optimiser import Adam
from rlgames.networks.space_to_depth import depth_to_space, space_to_depth

BLOCK = 4
"""Pixels on a side of the blocks that space-to-depth makes channels of."""

SCALE = 128
"""Grey levels that the network takes for one."""

MOVED = 8
"""Grey levels by which a pixel that moves differs from the typical picture."""

FILTERS = (32, 64, 64)
"""Of the encoder's convolutions, each but the first with half the height and width of the one before."""


class AutoEncoder:
    """Encoder and decoder, and the typical picture."""

    def __init__(self, typical: np.ndarray, importance: np.ndarray, latents: int) -> None:
        """`typical` and `importance` are what `typical_picture` gives. Weights are to be drawn, or loaded."""
        self.size, self.latents = len(typical), latents
        self.typical, self.importance = typical, importance
        self.encoder, self.decoder = networks(self.size // BLOCK, latents)
        self.weights = [*self.encoder.trainable_variables, *self.decoder.trainable_variables]
        pictures = tf.TensorSpec((None, self.size // BLOCK, self.size // BLOCK, BLOCK**2), tf.uint8)
        self.background = tf.constant(space_to_depth(typical[None], BLOCK), tf.float32)
        self.weight_of_moved = tf.constant(space_to_depth(importance[None], BLOCK), tf.float32)
        self.encoding = tf.function(self._encode, input_signature=[pictures]).get_concrete_function()
        self.drawing = tf.function(self._draw, input_signature=[pictures]).get_concrete_function()
        self.judging = tf.function(self._losses, input_signature=[pictures]).get_concrete_function()

    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """Latent variables of frames (uint8, shape (frames, size, size)): float32, shape (frames, latents)."""
        return self.encoding(tf.constant(space_to_depth(pictures[:, None], BLOCK))).numpy()

    def reconstruct(self, pictures: np.ndarray) -> np.ndarray:
        """What the decoder draws from the latent variables of frames: float32, as `pictures`, from 0 to 255."""
        drawn = self.drawing(tf.constant(space_to_depth(pictures[:, None], BLOCK))).numpy()
        return depth_to_space(drawn, BLOCK).clip(0, 255)

    def losses(self, pictures: np.ndarray) -> np.ndarray:
        """The loss of each frame: float32, shape (frames,)."""
        return self.judging(tf.constant(space_to_depth(pictures[:, None], BLOCK))).numpy()

    def _encode(self, pictures: tf.Tensor) -> tf.Tensor:
        return self.encoder((tf.cast(pictures, tf.float32) - self.background) / SCALE)

    def _draw(self, pictures: tf.Tensor) -> tf.Tensor:
        return self.background + SCALE * self.decoder(self._encode(pictures))

    def _losses(self, pictures: tf.Tensor) -> tf.Tensor:
        """Squared errors of pixels in [0, 1], weighted, meaned over the pixels of each frame."""
        originals = tf.cast(pictures, tf.float32)
        weight = tf.where(tf.abs(originals - self.background) > MOVED, self.weight_of_moved, 1.0)
        return tf.reduce_mean(weight * ((originals - self._draw(pictures)) / 255) ** 2, axis=(1, 2, 3))

    def assign(self, saved: Mapping[str, np.ndarray]) -> None:
        """Take the weights of `to_arrays`."""
        for number, variable in enumerate(self.weights):
            variable.assign(saved[f"weight_{number}"])

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Everything that `load` needs, by name."""
        weights = {f"weight_{number}": variable.numpy() for number, variable in enumerate(self.weights)}
        return {"typical": self.typical, "importance": self.importance, "latents": np.array(self.latents), **weights}


class Learner:
    """An auto-encoder that learns, by Adam."""

    def __init__(self, model: AutoEncoder, step_size: float, rng: np.random.Generator) -> None:
        """`rng` draws the initial weights."""
        self.model = model
        for network in (model.encoder, model.decoder):
            initialise(network.trainable_variables, rng)
        self.optimiser, self.step_size = Adam(model.weights, 1e-7), step_size
        self.learn = tf.function(
            self._learn, input_signature=model.encoding.structured_input_signature[0]
        ).get_concrete_function()

    def update(self, pictures: np.ndarray) -> float:
        """One step of stochastic gradient descent; the loss before it."""
        return float(self.learn(tf.constant(space_to_depth(pictures[:, None], BLOCK))).numpy())

    def _learn(self, pictures: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self.model._losses(pictures))
        self.optimiser.apply(tape.gradient(loss, self.model.weights), self.step_size)
        return loss

    def is_finite(self) -> bool:
        """Whether no weight has diverged to infinity or to what is no number."""
        return all(np.isfinite(variable.numpy()).all() for variable in self.model.weights)

    def variables(self) -> dict[str, tf.Variable]:
        """All that an update changes, by name."""
        kinds = {
            "weight": self.model.weights,
            "first_moment": self.optimiser.first_moments,
            "second_moment": self.optimiser.second_moments,
            "updates": [self.optimiser.updates],
        }
        return {f"{kind}.{number}": v for kind, variables in kinds.items() for number, v in enumerate(variables)}


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


def typical_picture(pictures: np.ndarray, moving_weight: float) -> tuple[np.ndarray, np.ndarray]:
    """The median of frames (uint8, shape (size, size)), and what a pixel's error counts where it differs from it.

    That is one over the share of frames in which it does, at least 1 and at most `moving_weight`: float32, shape (size,
    size).
    """
    typical = np.median(pictures, axis=0).astype(np.uint8)
    share = (np.abs(pictures.astype(np.int16) - typical) > MOVED).mean(axis=0)
    return typical, np.minimum(moving_weight, 1 / np.maximum(share, 1 / len(pictures))).astype(np.float32)


def load(path: Path) -> AutoEncoder:
    """The auto-encoder in a run's weights.npz. Raises `UserError` for another file."""
    saved = read_weights(path, "typical", "importance", "latents")
    with reading(path):
        model = AutoEncoder(saved["typical"], saved["importance"], int(saved["latents"]))
        model.assign(saved)
    return model
