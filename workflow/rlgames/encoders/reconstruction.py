"""How good reconstructions are: errors, overall and where something moves, and whether Pong's ball is where it was."""

from __future__ import annotations

import cv2
import numpy as np

from rlgames.environments.atari_ram import HEIGHT, WIDTH
from rlgames.networks.foreground import MOVED

FIELD = {"pong": (34, 194, 20, 140)}
"""Where the ball is looked for, in pixels of the console's screen: rows from, to, columns from, to. Below the score,
between the walls, between the paddles."""

FAINTEST = 20
"""Grey levels above the typical picture, below which nothing is taken for a ball."""


def errors(originals: np.ndarray, reconstructions: np.ndarray, typical: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean squared errors of pictures (shape (frames, size, size)) with pixels in [0, 1]: float64, shape (frames,).

    Over all pixels, and over those that differ from the typical picture: NaN where none does.
    """
    squares = ((originals - reconstructions.astype(np.float64)) / 255) ** 2
    moved = np.abs(originals.astype(np.int16) - typical) > MOVED
    count = moved.sum(axis=(1, 2))
    moving = np.divide((squares * moved).sum(axis=(1, 2)), count, out=np.full(len(count), np.nan), where=count > 0)
    return squares.mean(axis=(1, 2)), moving


def find_ball(picture: np.ndarray, typical: np.ndarray, game: str) -> tuple[float, float] | None:
    """Column and row of the middle of the brightest moving blob in the game's field, in pixels; None if there is none.

    A blob is a connected region at least half as bright, above the typical picture, as the brightest pixel; the
    brightest one has the largest sum.
    """
    top, bottom, left, right = inner(game, len(picture))
    light = (picture.astype(np.float32) - typical)[top:bottom, left:right]
    if light.max() < FAINTEST:
        return None
    _, labels = cv2.connectedComponents((light >= light.max() / 2).astype(np.uint8))
    sums = np.bincount(labels.ravel(), light.ravel())
    sums[0] = -np.inf  # label 0 is everything outside the blobs
    rows, columns = np.nonzero(labels == sums.argmax())
    weights = light[rows, columns]
    return float(left + np.average(columns, weights=weights)), float(top + np.average(rows, weights=weights))


def inner(game: str, size: int) -> tuple[int, int, int, int]:
    """The pixels of a frame that lie wholly in the game's field: rows from, below, columns from, below."""
    top, bottom, left, right = FIELD[game]
    return -(-top * size // HEIGHT), bottom * size // HEIGHT, -(-left * size // WIDTH), right * size // WIDTH


def ball_distance(pictures: np.ndarray, typical: np.ndarray, game: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How far the ball that `find_ball` finds is from where it truly is, in pixels: float64, shape (frames,).

    Infinite if it finds none, NaN where `x` and `y` are.
    """
    found = [find_ball(picture, typical, game) or (np.inf, np.inf) for picture in pictures]
    return np.where(np.isnan(x), np.nan, np.hypot(*(np.array(found) - np.stack([x, y], axis=1)).T))
