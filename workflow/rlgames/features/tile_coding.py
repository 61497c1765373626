"""Tile coding: binary features of a continuous state (Sutton and Barto 2018, section 9.5.4)."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numba import njit, types
from numba.extending import overload

Range = tuple[float, ...]
"""One bound per dimension."""


class Coding(NamedTuple):
    """Overlapping grids over a box of d dimensions. Each grid, or tiling, has one active tile: the feature

        grid[0, c[0], i] + grid[1, c[1], i] + ...   with cells c = floor(resolution * (state - low) / (high - low))

    for tiling i; with `modulo`, modulo the number of features. Shapes: low and high (d,), float64; grid (d,
    resolution + 1, tilings), int64.
    """

    low: np.ndarray
    high: np.ndarray
    tilings: int
    resolution: int
    grid: np.ndarray
    features: int
    modulo: bool

    @property
    def collisions(self) -> int:
        """Number of look-ups that found a table full: none, since this coding hands out no places."""
        return 0


class IndexHashed(NamedTuple):
    """A coding whose tiles get their places, `features` in all, in the order in which they are first seen.

    `places` has the place of each tile (-1: not seen yet); `taken` the number of places taken, and the number of
    look-ups that found none left.
    """

    tiles: Coding
    tilings: int
    features: int
    places: np.ndarray
    taken: np.ndarray

    @property
    def low(self) -> np.ndarray:
        return self.tiles.low

    @property
    def high(self) -> np.ndarray:
        return self.tiles.high

    @property
    def collisions(self) -> int:
        """Number of look-ups that found the table full."""
        return int(self.taken[1])


def tiled(low: Range, high: Range, tiles: int, tilings: int) -> Coding:
    """`tilings` grids of `tiles` per dimension, grid i displaced by i, 3i, 5i, ... / tilings of a tile.

    Two dimensions give tilings * (tiles + 2) * (tiles + 3) features: a displacement of 3 reaches tile number
    tiles + 2. The first dimension, displaced by 1, has a row more than it needs, as in the lesson.
    """
    odd = 2 * np.arange(len(low)) + 1
    extents = tiles + np.maximum(odd, 2)  # tiles of one grid in each dimension
    strides = np.array([np.prod(extents[d + 1 :]) for d in range(len(low))], np.int64)
    cells, tiling = np.arange(tilings * tiles + 1)[:, None], np.arange(tilings)
    grid = np.stack(
        [
            stride * ((cells + displacement * tiling) // tilings)
            for stride, displacement in zip(strides, odd, strict=True)
        ]
    )
    grid[0] += tiling * np.prod(extents)
    return coding(low, high, grid, tilings * int(np.prod(extents)))


def graded(low: Range, high: Range, tiles: Sequence[int], tilings: int) -> Coding:
    """`tilings` grids with a number of tiles of its own in each dimension, grid i displaced by i, 3i, 5i, ... / tilings
    of a tile, modulo a whole one: tilings * (tiles[0] + 1) * (tiles[1] + 1) * ... features."""
    extents, odd = np.array(tiles) + 1, 2 * np.arange(len(tiles)) + 1
    strides = np.array([np.prod(extents[d + 1 :]) for d in range(len(tiles))], np.int64)
    finest, tiling = math.lcm(*tiles), np.arange(tilings)
    cells = np.arange(tilings * finest + 1)[:, None]
    grid = np.stack(
        [
            stride * ((cells * count // finest + displacement * tiling % tilings) // tilings)
            for stride, count, displacement in zip(strides, tiles, odd, strict=True)
        ]
    )
    grid[0] += tiling * np.prod(extents)
    return coding(low, high, grid, tilings * int(np.prod(extents)))


def additive(low: Range, high: Range, tiles: int) -> Coding:
    """One bin of each dimension: d one-dimensional tilings, d * (tiles + 1) features. Values add up over dimensions."""
    bins, eye = np.arange(tiles + 1), np.eye(len(low), dtype=np.int64)
    grid = np.stack([np.outer(d * (tiles + 1) + bins, eye[d]) for d in range(len(low))])
    return coding(low, high, grid, len(low) * (tiles + 1))


def hashed(low: Range, high: Range, tiles: int, tilings: int, size: int) -> Coding:
    """`tiled`, each feature modulo `size`: tiles a multiple of `size` apart share a weight."""
    return tiled(low, high, tiles, tilings)._replace(features=size, modulo=True)


def index_hashed(low: Range, high: Range, tiles: int, tilings: int, size: int) -> IndexHashed:
    """`tiled`, with `size` places handed out to tiles in the order in which they are first seen.

    Once all are taken, a new tile gets the place that its number modulo `size` names, and so shares it: a collision.
    This is the index hash table of Sutton's tiles3, with the modulus in place of Python's hash.
    """
    whole = tiled(low, high, tiles, tilings)
    return IndexHashed(whole, tilings, size, np.full(whole.features, -1), np.zeros(2, np.int64))


def over_tiles(weights: np.ndarray, coding: IndexHashed, places: np.ndarray) -> np.ndarray:
    """Weights over all of `coding.tiles`, float64 of shape (actions, tiles), from those over places, (actions, size).

    `places` is the table in which they were learned. None is handed out any more: a tile without a place is worth 0
    while the table has room, and else what its number modulo the size names.
    """
    tiles, full = np.arange(len(places)), places.max() + 1 == coding.features
    taken = np.where(places >= 0, places, tiles % coding.features)
    return np.where((places >= 0) | full, weights[:, taken], 0.0)


def coding(low: Range, high: Range, grid: np.ndarray, features: int) -> Coding:
    return Coding(np.array(low), np.array(high), grid.shape[2], grid.shape[1] - 1, grid, features, False)


def make(low: Range, high: Range, *, name: str, defect: str | None = None, **settings: int) -> Coding | IndexHashed:  # noqa: ARG001 (of first states, and so the training's)
    """The coding that settings call `name`, over the box from `low` to `high`."""
    kinds: dict[str, Callable[..., Coding | IndexHashed]] = {
        "additive": additive,
        "tiled": tiled,
        "hashed": hashed,
        "index-hashed": index_hashed,
    }
    return kinds[name](low, high, **settings)


def active_tiles(coding: Coding | IndexHashed, state: Range, tiles: np.ndarray) -> None:
    """Write the active feature of every tiling for `state` into `tiles` (int64, shape (tilings,)), in order."""
    compiled(coding, state, tiles)


@overload(active_tiles, strict=False)
def _active_tiles(coding: types.NamedTuple, state: types.Type, tiles: types.Array) -> Callable[..., None]:  # noqa: ARG001
    """Choose when a caller is compiled: a choice at each step would cost more than the tiles themselves."""
    return number_by_sight if coding.instance_class is IndexHashed else number


def number(coding: Coding, state: Range, tiles: np.ndarray) -> None:
    """Number the active tile of every tiling."""
    for d in range(len(state)):
        # Unsigned, and without views of the grid: this loop is half of an agent's time.
        cell = np.uint64(coding.resolution * ((state[d] - coding.low[d]) / (coding.high[d] - coding.low[d])))
        for i in range(len(tiles)):
            if d == 0:
                tiles[i] = coding.grid[d, cell, i]
            else:
                tiles[i] += coding.grid[d, cell, i]
    if coding.modulo:
        for i in range(len(tiles)):
            tiles[i] %= coding.features


def number_by_sight(coding: IndexHashed, state: Range, tiles: np.ndarray) -> None:
    """Number the active tile of every tiling by the place that it has, or gets now, in the index hash table."""
    active_tiles(coding.tiles, state, tiles)
    for i in range(len(tiles)):
        tile = tiles[i]
        if coding.places[tile] < 0:
            if coding.taken[0] < coding.features:
                coding.places[tile] = coding.taken[0]
                coding.taken[0] += 1
            else:
                coding.taken[1] += 1
        tiles[i] = coding.places[tile] if coding.places[tile] >= 0 else tile % coding.features


@njit(cache=True)
def active_tiles_of(coding: Coding, states: np.ndarray, tiles: np.ndarray) -> None:
    """`active_tiles` for every row of `states` (float64, shape (rows, d)), into those of `tiles` (int64, shape (rows,
    tilings))."""
    for row in range(len(states)):
        active_tiles(coding, states[row], tiles[row])


@njit(cache=True)
def compiled(coding: Coding | IndexHashed, state: Range, tiles: np.ndarray) -> None:
    """`active_tiles` for callers that are not compiled."""
    active_tiles(coding, state, tiles)
