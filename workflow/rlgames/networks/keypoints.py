"""A keypoint auto-encoder of a game's frames: where a few things are, and whether they are there.

As in Finn et al. (2016) and Jakab et al. (2018), convolutions make a map for each point, and the point is the map's
centre of mass. The decoder can only draw a box of a learned size and brightness around each point, so that a point has
to be where something is. Nothing says what a point should follow: the loss (see `rlgames.networks.encoder`) is that of
drawing what moves. A penalty on the spread of a map around its point keeps it from following two things at once, and
one on points that are close to each other (Zhang et al. 2018) keeps two from following one.

A map is weighted by a learned factor for each column and one for each row, since things like paddles keep to theirs;
and by them two points that see the same shape find different things.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rlgames.files import read_weights, reading
from rlgames.networks import encoder
from rlgames.networks.foreground import SCALE, PixelWeights
from rlgames.networks.keypoint_finder import LEAST, SOFTNESS, Finder, shapes_of_weights
from rlgames.networks.keypoint_motion import measure

SPREAD = 0.02
"""What the variance of a map around its point (squared pixels) counts, beside the sum of squared errors of pixels."""

NEAR, SEPARATION = 3.0, 20.0
"""Distance of two points that are there, in pixels, at which they hinder each other, and how much."""


class Encoder(encoder.Encoder):
    """Its numbers are x, y (in pixels of the frame) and presence (from 0 to 1) of every point, one after the other."""

    called = "points"

    def __init__(self, pixels: PixelWeights, settings: dict[str, Any]) -> None:
        """`settings` are those of `rlgames.settings.encoders.Keypoints`."""
        points = settings["points"]
        size, side = len(pixels.typical), -(-len(pixels.typical) // 2)
        self.points, self.numbers = points, 3 * points
        shapes = shapes_of_weights(size, points)
        self.weights = [keras.Variable(np.zeros(shape, np.float32), name=name) for name, shape in shapes.items()]
        self.centres = tf.constant(2 * np.arange(side) + 0.5, tf.float32)  # of the maps' places, in pixels
        self.places = tf.range(size, dtype=tf.float32)
        super().__init__(pixels)

    def initialise(self, rng: np.random.Generator) -> None:
        """Each point begins with columns of its own, from left to right, and with a box 6 pixels wide and 2 high, or 2
        wide and 6 high: a box of the wrong shape costs more than it draws, and a point would give its thing up."""
        side, points = len(self.centres), self.points
        kernels = [rng.normal(0, scale, w.shape) for scale, w in zip((0.2, 0.12, 0.1), self.weights[:3], strict=True)]
        own = np.linspace(0.1, 0.9, points) * side
        columns = -(((np.arange(side)[:, None] - own) / (0.3 * side)) ** 2) + rng.normal(0, 0.1, (side, points))
        rows = rng.normal(0, 0.3, (side, points))
        presence, wide, high = (
            np.array([[0.5], [0.0]]),
            np.array([[0.5], [1.0], [3.0]]),
            np.array([[0.5], [3.0], [1.0]]),
        )
        boxes = np.where(np.arange(points) % 2 == 0, wide, high)
        drawn = [*kernels, columns, rows, np.tile(presence, points), boxes]
        for variable, value in zip(self.weights, drawn, strict=True):
            variable.assign(value.astype(np.float32))

    def arranged(self, pictures: np.ndarray) -> np.ndarray:
        return pictures

    def pictures(self, arranged: np.ndarray) -> np.ndarray:
        return arranged

    def encoded(self, differences: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        kernel_1, kernel_2, kernel_3, columns, rows, presence, _ = (variable.value for variable in self.weights)
        x = tf.nn.relu(tf.nn.conv2d(differences[..., None], kernel_1, 2, "SAME"))  # (frames, side, side, 8)
        x = tf.nn.relu(tf.nn.conv2d(x, kernel_2, 1, "SAME"))  # (frames, side, side, 12)
        x = tf.nn.conv2d(x, kernel_3, 1, "SAME")  # (frames, side, side, points); squares, which no map can die of
        maps = x**2 * tf.exp(columns + rows[:, None]) + LEAST
        sums = tf.reduce_sum(maps, axis=(1, 2))  # (frames, points)
        of_columns, of_rows = (
            tf.reduce_sum(maps, axis=axis) / sums[:, None] for axis in (1, 2)
        )  # (frames, side, points)
        x, y = (tf.einsum("fsp,s->fp", shares, self.centres) for shares in (of_columns, of_rows))
        there = tf.sigmoid(presence[0] * (tf.math.log(sums) + 4) + presence[1])
        spread = sum(
            tf.reduce_sum(shares * (self.centres[:, None] - middle[:, None]) ** 2, axis=1)
            for shares, middle in ((of_columns, x), (of_rows, y))
        )
        numbers = tf.reshape(tf.stack([x, y, there], axis=2), (-1, self.numbers))
        unit = (SCALE / 255) ** 2 / self.size**2  # of the errors
        near = tf.exp(-((x[:, None] - x[..., None]) ** 2 + (y[:, None] - y[..., None]) ** 2) / (2 * NEAR**2))
        pairs = there[:, None] * there[..., None] * near * (1 - tf.eye(self.points))
        crowding = SEPARATION / 2 * tf.reduce_sum(pairs, axis=(1, 2))
        return numbers, unit * (SPREAD * tf.reduce_sum(there * spread, axis=1) + crowding)

    def encode(self, pictures: np.ndarray) -> np.ndarray:
        return Finder.of(self.typical, [variable.numpy() for variable in self.weights]).encode(pictures)

    def drawn(self, numbers: tf.Tensor) -> tf.Tensor:
        x, y, there = tf.unstack(tf.reshape(numbers, (-1, self.points, 3)), axis=2)
        rows, columns = self._bars(x, y)
        brightness = self.weights[6].value[0]
        return tf.matmul(rows * (there * brightness)[..., None], columns, transpose_a=True)

    def _bars(self, x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """1 within the rows, and within the columns, of the boxes around points at x, y (shape (frames, points)), with
        soft edges: shape (frames, points, size)."""
        halves = tf.abs(self.weights[6].value[1:])  # height and width

        def bar(middle: tf.Tensor, half: tf.Tensor) -> tf.Tensor:
            off = self.places - middle[..., None]
            return tf.sigmoid((off + half[:, None]) / SOFTNESS) - tf.sigmoid((off - half[:, None]) / SOFTNESS)

        return bar(y, halves[0]), bar(x, halves[1])

    def measured(self, numbers: np.ndarray, actions: np.ndarray, follows: np.ndarray) -> dict[str, np.ndarray]:
        return measure(numbers.reshape(len(numbers), -1, 3), actions, follows)._asdict()


def load(path: Path) -> Encoder:
    """The encoder in a run's weights.npz. Raises `UserError` for another file."""
    saved = read_weights(path, *PixelWeights._fields, "numbers")
    with reading(path):
        model = Encoder(PixelWeights.read(saved), {"points": int(saved["numbers"]) // 3})
        model.assign(saved)
    return model
