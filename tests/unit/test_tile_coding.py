"""Codings against a slow and obvious reference."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from references import additive_reference, tiled_reference
from rlgames.environments.mountain_car import HIGH, LOW, observe
from rlgames.environments.tile_coding import Coding, active_tiles, additive, tiled


def active(coding: Coding, state: tuple[float, float]) -> list[int]:
    tiles = np.empty(len(coding.offsets), np.int64)
    active_tiles(coding, state, tiles)
    return [int(tile) for tile in tiles]


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
