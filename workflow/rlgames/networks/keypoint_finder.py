"""The keypoint encoder after it has learned, compiled: the cost of a frame is set by the pixels that differ from the
typical picture.

The convolutions have no biases, so that all layers are zero where no pixel differs. Of a frame of Pong some 70 of 7,056
pixels do, and most of what a dense convolution multiplies is zero. Here each place that is not zero is added to those
around it. Every frame is computed by itself, so that its bits depend neither on the frames beside it nor on cores.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numba import njit

from rlgames.files import read_weights, reading
from rlgames.networks.foreground import SCALE

FILTERS = (8, 12)
"""Of the convolutions before the maps; the first has a stride of 2."""

LEAST = 1e-7
"""What every place of a map has at least, so that an empty map has a centre too."""

SOFTNESS = 0.5
"""Width of the edge of a drawn box, in pixels."""

MARGIN = 2.0
"""Pixels around a point's box in which its refined place is looked for."""

TAIL = 8.0
"""Pixels beyond which the soft edge of a box is zero to the last bits of a float32: e^-16."""


def shapes_of_weights(size: int, points: int) -> dict[str, tuple[int, ...]]:
    """Of the encoder's weights, by name and in their order, for frames of `size` x `size` pixels."""
    side = -(-size // 2)
    return {
        "kernel_1": (5, 5, 1, FILTERS[0]),
        "kernel_2": (3, 3, *FILTERS),
        "kernel_3": (3, 3, FILTERS[1], points),
        "columns": (side, points),
        "rows": (side, points),
        "presence": (2, points),
        "box": (3, points),
    }


class Finder(NamedTuple):
    """What the points of a frame are found by."""

    typical: np.ndarray
    """The typical picture: uint8, shape (size, size)."""
    kernels: tuple[np.ndarray, np.ndarray, np.ndarray]
    """Of each layer, what a channel of a place adds to the 3 x 3 places around it: float32, shape (inputs, 3,
    3 * outputs). Those of the first layer are blocks of 2 x 2 pixels, whose 4 channels are the pixels."""
    factors: np.ndarray
    """What the places of each map count: float32, shape (side, side, points)."""
    presence: np.ndarray
    """Slope and offset of each point's presence: float32, shape (2, points)."""
    halves: np.ndarray
    """Half the height and half the width of each point's box, with MARGIN: float32, shape (2, points)."""

    @classmethod
    def of(cls, typical: np.ndarray, weights: Sequence[np.ndarray]) -> Self:
        """From the weights of `rlgames.networks.keypoints.Encoder`, in their order. Raises `ValueError` for others."""
        kernel_1, kernel_2, kernel_3, columns, rows, presence, box = weights
        wanted = shapes_of_weights(len(typical), columns.shape[-1])
        if [weight.shape for weight in weights] != list(wanted.values()):
            raise ValueError("these are no weights of a keypoint encoder")
        kernels = (of_blocks(kernel_1, len(typical)), kernel_2, kernel_3)
        spread_1, spread_2, spread_3 = (
            np.ascontiguousarray(kernel[::-1, ::-1].transpose(2, 0, 1, 3)).reshape(kernel.shape[2], 3, -1)
            for kernel in kernels
        )
        factors, halves = np.exp(columns + rows[:, np.newaxis]), np.abs(box[1:]) + np.float32(MARGIN)
        return cls(typical, (spread_1, spread_2, spread_3), factors, presence.copy(), halves)

    @property
    def size(self) -> int:
        """Pixels on a side of a frame."""
        return len(self.typical)

    def encode(self, pictures: np.ndarray) -> np.ndarray:
        """Of every point in frames (uint8, shape (frames, size, size)) x, y (in pixels) and presence (from 0 to 1), one
        point after the other: float32, shape (frames, 3 * points)."""
        if pictures.shape[1:] != self.typical.shape:
            raise ValueError(
                f"The pictures are {pictures.shape[1:]} pixels: encode pictures of {self.typical.shape} pixels, as the "
                "encoder was trained on."
            )
        points = np.empty((len(pictures), self.factors.shape[2], 3), np.float32)
        find(self, np.ascontiguousarray(pictures), points)
        return points.reshape(len(pictures), -1)


def of_blocks(kernel: np.ndarray, size: int) -> np.ndarray:
    """A kernel of 5 x 5 pixels with a stride of 2, as one over blocks of 2 x 2 pixels: shape (3, 3, 4, outputs). With
    padding "SAME", it begins 1 pixel before a block where the size of the picture is even, and 2 where it is odd."""
    padded, first = np.zeros((6, 6, kernel.shape[3]), kernel.dtype), 1 - size % 2
    padded[first : first + 5, first : first + 5] = kernel[:, :, 0]
    return padded.reshape(3, 2, 3, 2, -1).transpose(0, 2, 1, 3, 4).reshape(3, 3, 4, -1)


@njit(cache=True)
def find(finder: Finder, pictures: np.ndarray, points: np.ndarray) -> None:
    """Write x, y and presence of every point of `pictures` into `points` (float32, shape (frames, points, 3))."""
    side = len(finder.factors) + 2  # with an edge on either side
    kernel_1, kernel_2, kernel_3 = finder.kernels
    blocks, layer_1, layer_2, maps = [
        np.empty((side, side, channels), np.float32)
        for channels in (4, kernel_2.shape[0], kernel_3.shape[0], points.shape[1])
    ]
    seen_0, seen_1, seen_2, seen_3 = [np.empty((side, side), np.bool_) for _ in range(4)]
    places, masses = np.empty((finder.typical.size, 2), np.int64), np.empty(finder.typical.size)
    for frame in range(len(pictures)):
        count = differences(pictures[frame], finder.typical, blocks, seen_0, places, masses)
        convolve(blocks, seen_0, kernel_1, layer_1, seen_1)
        rectify(layer_1, seen_1)
        convolve(layer_1, seen_1, kernel_2, layer_2, seen_2)
        rectify(layer_2, seen_2)
        convolve(layer_2, seen_2, kernel_3, maps, seen_3)
        centres(finder, maps, seen_3, points[frame])
        for point in range(points.shape[1]):
            refine(points[frame, point], finder.halves[:, point], places[:count], masses[:count])


@njit(cache=True)
def differences(
    picture: np.ndarray, typical: np.ndarray, blocks: np.ndarray, seen: np.ndarray, places: np.ndarray,
    masses: np.ndarray,
) -> int:  # fmt: skip
    """Write a picture's differences from the typical one, in units of SCALE, into `blocks` (float32, shape (side + 2,
    side + 2, 4)), which holds nothing of use where `seen` is False. Row and column of each pixel that differs go into
    `places`, and the size of its difference into `masses`. Returns how many pixels those are."""
    seen[:] = False
    count = 0
    for row in range(len(picture)):
        for column in range(len(picture)):
            if picture[row, column] != typical[row, column]:
                difference = (np.float32(picture[row, column]) - np.float32(typical[row, column])) / np.float32(SCALE)
                above, left = row // 2 + 1, column // 2 + 1
                if not seen[above, left]:
                    seen[above, left] = True
                    blocks[above, left] = 0
                blocks[above, left, 2 * (row % 2) + column % 2] = difference
                places[count, 0], places[count, 1], masses[count] = row, column, abs(difference)
                count += 1
    return count


@njit(cache=True)
def convolve(x: np.ndarray, seen: np.ndarray, kernel: np.ndarray, y: np.ndarray, reached: np.ndarray) -> None:
    """Write the convolution of x into y as far as it reaches, and how far that is into `reached`.

    x and y are float32, of shape (side + 2, side + 2, channels). Elsewhere y keeps what it held, as x does where `seen`
    is False: that counts as zero. Edges take what falls beyond the frame, and are not read.
    """
    reached[:] = False
    lines, outputs = y.reshape(len(y), -1), y.shape[2]
    run = np.uint64(3 * outputs)  # of three places side by side; unsigned indices need no test for negative ones
    for row in range(1, len(x) - 1):
        for column in range(1, len(x) - 1):
            if not seen[row, column]:
                continue
            for above in range(row - 1, row + 2):
                for left in range(column - 1, column + 2):
                    if not reached[above, left]:
                        reached[above, left] = True
                        y[above, left] = 0
            start = np.uint64((column - 1) * outputs)
            for channel in range(x.shape[2]):
                value = x[row, column, channel]
                if value != 0:
                    for line in range(3):
                        for number in range(run):
                            lines[row - 1 + line, start + number] += value * kernel[channel, line, number]


@njit(cache=True)
def rectify(y: np.ndarray, reached: np.ndarray) -> None:
    """Apply the ReLU to y, where it was reached."""
    for row in range(len(y)):
        for column in range(len(y)):
            if reached[row, column]:
                for channel in range(y.shape[2]):
                    y[row, column, channel] = max(y[row, column, channel], np.float32(0))


@njit(cache=True)
def centres(finder: Finder, maps: np.ndarray, seen: np.ndarray, points: np.ndarray) -> None:
    """Write the centre of mass of each map, and what its mass says of presence, into `points`."""
    side = len(finder.factors)
    middle = side - 0.5  # of the frame, and of an empty map
    mass = np.full(len(points), side * side * LEAST)
    moments = np.full((2, len(points)), side * side * LEAST * middle)
    for row in range(side):
        for column in range(side):
            if seen[row + 1, column + 1]:
                for point in range(len(points)):
                    share = maps[row + 1, column + 1, point] ** 2 * finder.factors[row, column, point]
                    mass[point] += share
                    moments[0, point] += share * (2 * column + 0.5)
                    moments[1, point] += share * (2 * row + 0.5)
    for point in range(len(points)):
        slope, offset = finder.presence[:, point]
        points[point, 0] = moments[0, point] / mass[point]
        points[point, 1] = moments[1, point] / mass[point]
        points[point, 2] = sigmoid(slope * (math.log(mass[point]) + 4) + offset)


@njit(cache=True)
def refine(point: np.ndarray, halves: np.ndarray, places: np.ndarray, masses: np.ndarray) -> None:
    """Move a point (x, y, presence) to the centre of mass of what differs from the typical picture in its box and
    MARGIN around it: a step of mean shift, which places a ball that lies wholly within to a fraction of a pixel.

    It stays where it is if next to nothing differs there. `places` (row and column) and `masses` are of all pixels that
    differ, and `halves` of the box."""
    mass = x = y = 0.0
    for number in range(len(masses)):
        right, down = places[number, 1] - point[0], places[number, 0] - point[1]
        if abs(down) < halves[0] + TAIL and abs(right) < halves[1] + TAIL:
            share = masses[number] * bar(down, halves[0]) * bar(right, halves[1])
            mass += share
            x += share * places[number, 1]
            y += share * places[number, 0]
    if mass > 0.5:
        point[0], point[1] = x / mass, y / mass


@njit(cache=True)
def bar(off: float, half: float) -> float:
    """1 less than `half` away from its middle, 0 beyond, with soft edges."""
    return sigmoid((off + half) / SOFTNESS) - sigmoid((off - half) / SOFTNESS)


@njit(cache=True)
def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def load(path: Path) -> Finder:
    """The finder of a run's weights.npz. Raises `UserError` for another file."""
    names = [f"weight_{number}" for number in range(7)]
    saved = read_weights(path, "typical", *names)
    with reading(path):
        return Finder.of(saved["typical"], [saved[name] for name in names])
