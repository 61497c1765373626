"""What auto-encoders of a game's frames share: the typical picture, the loss, learning, and what is saved.

What hardly ever changes in a game is its background, the *typical picture*. Networks see and draw the difference from
it. A mean squared error would lose Pong's ball, a few of 7,056 pixels; so the error of a pixel that differs from the
typical picture counts more, the more the rarer it does.

That still spends much on what stands still: the digits of Pong's score are larger than its ball. With `ignore_still`
an error counts nothing in foreground that is as it was a step before, and only what moves is worth an encoder's
numbers. Frames in which more than a fifth of all pixels differ (a screen that changes its colours) count nothing then.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from rlgames.networks.foreground import MOVED, ODD, SCALE, PixelWeights
from rlgames.networks.optimiser import Adam


class Encoder(ABC):
    """A network that makes a few numbers of a frame, and draws the frame again from them."""

    called: ClassVar[str]
    """Name of its numbers in tables."""
    numbers: int
    """Number of numbers that a frame becomes."""
    weights: list[keras.Variable]
    """Set by each kind; to be drawn, or assigned."""

    def __init__(self, pixels: PixelWeights) -> None:
        """Compile. `weights` have to be there."""
        self.pixels, self.size, self.typical = pixels, len(pixels.typical), pixels.typical
        self.background, self.weight_of_moved = (
            tf.constant(self.arranged(array[np.newaxis]), tf.float32) for array in (pixels.typical, pixels.importance)
        )
        numbers = tf.TensorSpec((None, self.numbers), tf.float32)
        self.input = tf.TensorSpec((None, *self.background.shape[1:]), tf.uint8)  # arranged pictures
        self.drawing = tf.function(self._reconstruct, input_signature=[numbers]).get_concrete_function()
        self.judging = tf.function(self._losses, input_signature=[self.input, self.input]).get_concrete_function()

    @abstractmethod
    def initialise(self, rng: np.random.Generator) -> None:
        """Draw the initial weights."""

    @abstractmethod
    def arranged(self, pictures: np.ndarray) -> np.ndarray:
        """Pictures (shape (frames, size, size)) as the network reads them."""

    @abstractmethod
    def pictures(self, arranged: np.ndarray) -> np.ndarray:
        """The inverse of `arranged`."""

    @abstractmethod
    def encoded(self, differences: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | float]:
        """The numbers of frames, from their arranged differences from the typical picture in units of SCALE: float32,
        shape (frames, numbers); and what the loss of each frame has besides errors."""

    @abstractmethod
    def drawn(self, numbers: tf.Tensor) -> tf.Tensor:
        """The differences that are drawn from numbers."""

    @abstractmethod
    def measured(self, numbers: np.ndarray, actions: np.ndarray, follows: np.ndarray) -> dict[str, np.ndarray]:
        """What is to be known of the numbers of frames in the order of play (float32, shape (frames, numbers)), by the
        names under which it is saved. `actions` were taken after each frame; `follows` says whether the next row is the
        next frame of the same episode: bool, shape (frames,)."""

    @abstractmethod
    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """The numbers of frames (uint8, shape (frames, size, size)), as they are used after learning: float32, shape
        (frames, numbers)."""

    def reconstruct(self, pictures: np.ndarray) -> np.ndarray:
        """What is drawn from the numbers of frames: float32, as `pictures`, from 0 to 255."""
        return self.pictures(self.drawing(tf.constant(self.encode(pictures))).numpy()).clip(0, 255)

    def losses(self, pictures: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """The loss of each frame, given the one a step before it (itself, at the start of an episode): float32, shape
        (frames,)."""
        return self.judging(*(tf.constant(self.arranged(frames)) for frames in (pictures, previous))).numpy()

    def _differences(self, pictures: tf.Tensor) -> tf.Tensor:
        return (tf.cast(pictures, tf.float32) - self.background) / SCALE

    def _reconstruct(self, numbers: tf.Tensor) -> tf.Tensor:
        return self.background + SCALE * self.drawn(numbers)

    def _losses(self, pictures: tf.Tensor, previous: tf.Tensor) -> tf.Tensor:
        """Squared errors of pixels in [0, 1], weighted, meaned over the pixels of each frame, and the penalty."""
        differences, axes = self._differences(pictures), tuple(range(1, len(pictures.shape)))
        numbers, penalty = self.encoded(differences)
        errors = ((differences - self.drawn(numbers)) * SCALE / 255) ** 2
        return tf.reduce_mean(self._counts(differences, self._differences(previous)) * errors, axis=axes) + penalty

    def _counts(self, differences: tf.Tensor, previous: tf.Tensor) -> tf.Tensor:
        """Weight of the error of each pixel."""
        foreground = tf.abs(differences) > MOVED / SCALE
        counts = tf.where(foreground, self.weight_of_moved, 1.0)
        if not self.pixels.ignore_still:
            return counts
        still = tf.abs(differences - previous) <= MOVED / SCALE
        axes = tuple(range(1, len(differences.shape)))
        odd = [
            tf.reduce_mean(tf.cast(tf.abs(each) > MOVED / SCALE, tf.float32), axis=axes, keepdims=True) > ODD
            for each in (differences, previous)
        ]
        return tf.where((foreground & still) | odd[0] | odd[1], 0.0, counts)

    def assign(self, saved: Mapping[str, np.ndarray]) -> None:
        """Take the weights of `to_arrays`."""
        for number, variable in enumerate(self.weights):
            variable.assign(saved[f"weight_{number}"])

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Everything that it takes to load it, by name."""
        weights = {f"weight_{number}": variable.numpy() for number, variable in enumerate(self.weights)}
        pixels = {name: np.array(value) for name, value in self.pixels._asdict().items()}
        return {**pixels, "numbers": np.array(self.numbers), **weights}


class Learner:
    """An encoder that learns, by Adam."""

    def __init__(self, model: Encoder) -> None:
        self.model = model
        self.optimiser = Adam(model.weights, 1e-12)
        signature = [model.input, model.input, tf.TensorSpec((), tf.float32)]
        self.learn = tf.function(self._learn, input_signature=signature).get_concrete_function()

    def begin(self, rng: np.random.Generator) -> None:
        """Begin anew, with initial weights that `rng` draws."""
        self.model.initialise(rng)
        for variable in (*self.optimiser.first_moments, *self.optimiser.second_moments, self.optimiser.updates):
            variable.assign(tf.zeros_like(variable))

    def update(self, pictures: np.ndarray, previous: np.ndarray, step_size: float) -> float:
        """One step of stochastic gradient descent; the loss before it."""
        frames: list[Any] = [tf.constant(self.model.arranged(each)) for each in (pictures, previous)]
        return float(self.learn(*frames, tf.constant(step_size)).numpy())

    def _learn(self, pictures: tf.Tensor, previous: tf.Tensor, step_size: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self.model._losses(pictures, previous))
        self.optimiser.apply(tape.gradient(loss, self.model.weights), step_size)
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
