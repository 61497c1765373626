"""Tile coding: binary features of a continuous state (Sutton and Barto 2018, section 9.5.4)."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit


class Coding(NamedTuple):
    """Overlapping grids over a box. In d dimensions, tiling i is active at one tile, the feature

        offsets[i] + sum over d of strides[i, d] * ((floor(resolution * s[d]) + displacements[i, d]) // divisor)

    where s[d] in [0, 1] is the state scaled over [low[d], high[d]]. Shapes: low and high (d,), float64; offsets
    (tilings,), strides and displacements (tilings, d), int64.
    """

    low: np.ndarray
    high: np.ndarray
    resolution: int
    divisor: int
    displacements: np.ndarray
    strides: np.ndarray
    offsets: np.ndarray
    features: int


def tiled(low: tuple[float, ...], high: tuple[float, ...], tiles: int, tilings: int) -> Coding:
    """`tilings` grids of `tiles` per dimension, grid i displaced by i, 3i, 5i, ... / tilings of a tile.

    Two dimensions give tilings * (tiles + 2) * (tiles + 3) features: a displacement of 3 reaches tile number
    tiles + 2. The first dimension, displaced by 1, has a row more than it needs, as in the lesson.
    """
    dimensions = len(low)
    odd = 2 * np.arange(dimensions) + 1
    extents = tiles + np.maximum(odd, 2)  # tiles of one grid in each dimension
    strides = np.array([np.prod(extents[d + 1 :]) for d in range(dimensions)], np.int64)
    return Coding(
        low=np.array(low),
        high=np.array(high),
        resolution=tilings * tiles,
        divisor=tilings,
        displacements=np.outer(np.arange(tilings), odd),
        strides=np.tile(strides, (tilings, 1)),
        offsets=np.arange(tilings) * int(np.prod(extents)),
        features=tilings * int(np.prod(extents)),
    )


def additive(low: tuple[float, ...], high: tuple[float, ...], tiles: int) -> Coding:
    """One bin of each dimension: d one-dimensional grids, d * (tiles + 1) features. Values add up over dimensions."""
    dimensions = len(low)
    return Coding(
        low=np.array(low),
        high=np.array(high),
        resolution=tiles,
        divisor=1,
        displacements=np.zeros((dimensions, dimensions), np.int64),
        strides=np.eye(dimensions, dtype=np.int64),
        offsets=np.arange(dimensions) * (tiles + 1),
        features=dimensions * (tiles + 1),
    )


CODINGS: dict[str, Callable[..., Coding]] = {"additive": additive, "tiled": tiled}
"""Codings by the names that settings use."""


@njit(cache=True)
def active_tiles(coding: Coding, state: tuple[float, ...], tiles: np.ndarray) -> None:
    """Write the active feature of every tiling for `state` into `tiles` (int64, shape (tilings,)), in order."""
    tiles[:] = coding.offsets
    for d in range(len(state)):
        scaled = (state[d] - coding.low[d]) / (coding.high[d] - coding.low[d])
        cell = int(coding.resolution * scaled)
        for i in range(len(tiles)):
            tiles[i] += coding.strides[i, d] * ((cell + coding.displacements[i, d]) // coding.divisor)
