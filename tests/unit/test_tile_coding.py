"""Codings against a slow and obvious reference."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rlgames.environments.mountain_car import HIGH, LOW, observe
from rlgames.features.tile_coding import (
    Coding,
    IndexHashed,
    active_tiles,
    active_tiles_of,
    additive,
    graded,
    hashed,
    index_hashed,
    tiled,
)


def active(coding: Coding | IndexHashed, state: tuple[float, float]) -> list[int]:
    tiles = np.empty(coding.tilings, np.int64)
    active_tiles(coding, state, tiles)
    return [int(tile) for tile in tiles]


def scaled(state: tuple[float, float]) -> tuple[float, float]:
    return (state[0] + 1.2) / (0.5 + 1.2), (state[1] + 0.07) / (0.07 + 0.07)


def additive_reference(state: tuple[float, float], n: int) -> list[int]:
    x, v = scaled(state)
    return [floor(n * x), n + 1 + floor(n * v)]


def tiled_reference(state: tuple[float, float], n: int, tilings: int) -> list[int]:
    x, v = scaled(state)
    tiles = []
    for i in range(tilings):
        p = (floor(tilings * n * x) + i) // tilings
        q = (floor(tilings * n * v) + 3 * i) // tilings
        tiles.append(i * (n + 2) * (n + 3) + p * (n + 3) + q)
    return tiles


states = st.builds(observe, st.floats(-1.2, 0.6), st.floats(-0.07, 0.07))
corners = [(x, v) for x in (LOW[0], HIGH[0]) for v in (LOW[1], HIGH[1])]


@given(states, st.integers(1, 40))
@example(corners[0], 8)
@example(corners[3], 8)
def test_additive_equals_reference(state: tuple[float, float], n: int) -> None:
    coding = additive(LOW, HIGH, n)
    tiles = active(coding, state)
    assert tiles == additive_reference(state, n)
    assert coding.features == 2 * (n + 1)
    assert 0 <= tiles[0] <= n < tiles[1] < coding.features


@given(states, st.integers(1, 20), st.integers(1, 40))
@example(corners[0], 8, 8)
@example(corners[1], 8, 8)
@example(corners[2], 8, 8)
@example(corners[3], 8, 8)
def test_tiled_equals_reference(state: tuple[float, float], n: int, tilings: int) -> None:
    coding = tiled(LOW, HIGH, n, tilings)
    tiles = active(coding, state)
    assert tiles == tiled_reference(state, n, tilings)
    assert coding.features == tilings * (n + 2) * (n + 3)
    for i, tile in enumerate(tiles):  # one tile in the block of each tiling
        assert i * (n + 2) * (n + 3) <= tile < (i + 1) * (n + 2) * (n + 3)


def test_published_sizes() -> None:
    assert tiled(LOW, HIGH, 8, 8).features == 880
    assert additive(LOW, HIGH, 8).features == 18


@pytest.mark.parametrize("tilings", [1, 2, 8])
def test_neighbours_share_tiles(tilings: int) -> None:
    """Moving by 1/tilings of a tile in one dimension changes the tile of one tiling at most."""
    coding = tiled(LOW, HIGH, 8, tilings)
    width = (HIGH[0] - LOW[0]) / 8 / tilings
    here, there = active(coding, (-0.5, 0.01)), active(coding, (-0.5 + width, 0.01))
    assert sum(one != other for one, other in zip(here, there, strict=True)) == 1


def test_tilings_in_three_dimensions_are_displaced_by_1_3_5() -> None:
    coding = tiled((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), tiles=2, tilings=2)
    tiles = np.empty(2, np.int64)
    active_tiles(coding, (0.3, 0.3, 0.3), tiles)  # cell 1 of 4 in each dimension
    grid = (2 + 2) * (2 + 3) * (2 + 5)
    assert tiles.tolist() == [0, grid + ((1 + 1) // 2) * 5 * 7 + ((1 + 3) // 2) * 7 + (1 + 5) // 2]
    assert coding.features == 2 * grid


@given(states, st.sampled_from([1024, 512, 7, 1]))
def test_hashed_is_the_number_modulo_the_size(state: tuple[float, float], size: int) -> None:
    coding = hashed(LOW, HIGH, 8, 8, size)
    assert active(coding, state) == [tile % size for tile in tiled_reference(state, 8, 8)]
    assert coding.features == size


def tiles3(tiles: list[int], table: dict[int, int], size: int, full: list[int]) -> list[int]:
    """The index hash table of Sutton's tiles3, with the modulus for the hash of a tile that finds no place."""
    places = []
    for tile in tiles:
        if tile not in table and len(table) < size:
            table[tile] = len(table)
        if tile not in table:
            full[0] += 1
        places.append(table.get(tile, tile % size))
    return places


def test_index_hash_table_by_hand() -> None:
    """One tiling of 2 x 2 tiles, so that each state has one tile; two places."""
    coding = index_hashed((0.0, 0.0), (1.0, 1.0), tiles=2, tilings=1, size=2)
    first, second, third = (0.7, 0.7), (0.1, 0.1), (0.1, 0.7)  # tiles 1 * 5 + 1 = 6, 0 and 1
    assert active(coding, first) == [0]  # the first place goes to what is seen first
    assert active(coding, second) == [1]
    assert active(coding, first) == [0]  # and stays
    assert coding.taken.tolist() == [2, 0]
    assert active(coding, third) == [1]  # no place is left: 1 modulo 2, which second has too
    assert active(coding, third) == [1]
    assert coding.taken.tolist() == [2, 2]  # counted at every look-up, as tiles3 does


@given(st.lists(states, min_size=1, max_size=40), st.sampled_from([1024, 100, 13]))
def test_index_hash_table_equals_tiles3(visited: list[tuple[float, float]], size: int) -> None:
    coding = index_hashed(LOW, HIGH, 8, 8, size)
    table: dict[int, int] = {}
    full = [0]
    for state in visited:
        assert active(coding, state) == tiles3(tiled_reference(state, 8, 8), table, size, full)
    assert coding.taken.tolist() == [len(table), full[0]]


def test_grids_with_tiles_of_their_own_number_equal_exact_sums() -> None:
    """Cells of tiling i are floor(tiles * state + displacement), by fractions. No state lies on an edge."""
    tiles, tilings = (8, 10, 2, 4), 16
    coding = graded((0.0,) * 4, (1.0,) * 4, tiles, tilings)
    assert coding.features == tilings * 9 * 11 * 3 * 5
    rng = np.random.default_rng(0)
    numerators = rng.integers(1, 1001, (300, 4))
    found = np.empty((300, tilings), np.int64)
    active_tiles_of(coding, numerators / 1001, found)
    for state, numbers in zip(numerators.tolist(), found.tolist(), strict=True):
        for i, number in enumerate(numbers):
            cells = [
                floor(n * Fraction(x, 1001) + Fraction((2 * d + 1) * i % tilings, tilings))
                for d, (x, n) in enumerate(zip(state, tiles, strict=True))
            ]
            assert number == np.ravel_multi_index((i, *cells), (tilings, 9, 11, 3, 5))
    edge = np.empty((1, tilings), np.int64)
    active_tiles_of(coding, np.ones((1, 4)), edge)
    assert edge.max() < coding.features
