"""The cost to go is drawn from the weights alone, with all that they need to be used; what diverged is said."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlgames.agents.linear import sarsa
from rlgames.environments.mountain_car import HIGH, LOW
from rlgames.features.tile_coding import active_tiles, index_hashed, over_tiles, tiled
from rlgames.figures import cost_to_go, tables
from rlgames.settings.loading import SettingsError, load
from rlgames.training import mountain_car
from rlgames.training.block import Block

TILED = {"name": "tiled", "tiles": 8, "tilings": 8}


def train(folder: Path, coding: dict[str, Any], seeds: range, step_size: float = 0.0625, episodes: int = 60) -> Path:
    """The weights.npz of a block of Sarsa."""
    agent = {"name": "sarsa", "coding": coding, "step_size": step_size, "epsilon": 0.0, "discount": 1.0}
    environment = {"name": "mountain-car", "max_steps": 2000, "start": [-0.6, -0.4]}
    block = Block(mountain_car, sarsa, {"agent": agent, "environment": environment, "episodes": episodes})
    for seed in seeds:
        block.train(seed)
    files = [folder / f"{seeds[0]}" / f"{name}" for name in ("weights.npz", "episodes.parquet", "recordings.parquet")]
    files[0].parent.mkdir(parents=True)
    block.write({"experiment": "e", "variant": "v"}, *files)
    return files[0]


def drawn(paths: list[Path], coding: dict[str, Any], seed: int) -> Any:
    found = tables.read(paths, [["e", "v", {"curve": "c", "coding": coding}]])
    figure, numbers = cost_to_go.make(found, title="T", seed=seed)
    figure.draw_without_rendering()
    return figure, numbers


def test_a_table_that_holds_all_tiles_gives_the_surface_of_tile_coding(tmp_path: Path) -> None:
    index = {**TILED, "name": "index-hashed", "size": 1024}
    weights = [train(tmp_path / "i", index, range(2, 4)), train(tmp_path / "i", index, range(2))]
    _, ours = drawn(weights, index, seed=1)
    _, theirs = drawn([train(tmp_path / "t", TILED, range(4))], TILED, seed=1)
    np.testing.assert_array_equal(ours["value"], theirs["value"])  # also where the car never was
    np.testing.assert_allclose(ours["mean"], theirs["mean"], rtol=1e-12)
    assert ours["value"].min() == 0


@pytest.mark.parametrize("size", [384, 1024])
def test_weights_mean_the_same_wherever_the_drawing_begins(tmp_path: Path, size: int) -> None:
    """A full table shares places by the number of the tile; before that, what was never seen is worth nothing."""
    index = {**TILED, "name": "index-hashed", "size": size}
    path = train(tmp_path, index, range(1))
    saved = np.load(path)
    places, weights = saved["places"][0], saved["weights"][0]
    grid, tiles = tiled(LOW, HIGH, 8, 8), np.empty(8, np.int64)
    assert ((places < 0).sum(), places.max() + 1 == size) == (880 - places.max() - 1, size == 384)
    costs = cost_to_go.surface(weights, index, places)
    for i in reversed(range(0, 40, 3)):
        for j in reversed(range(0, 40, 3)):
            state = (np.linspace(LOW[0], HIGH[0], 40)[i], np.linspace(LOW[1], HIGH[1], 40)[j])
            active_tiles(grid, state, tiles)
            values = np.zeros(3)
            for tile in tiles:
                if places[tile] >= 0 or size == 384:
                    values += weights[:, places[tile] if places[tile] >= 0 else tile % size]
            assert costs[i, j] == -values.max()


def test_a_learned_table_is_used_and_not_written_to() -> None:
    coding = index_hashed((0.0, 0.0), (1.0, 1.0), tiles=2, tilings=1, size=3)
    for state in ((0.7, 0.7), (0.1, 0.1)):  # tiles 6 and 0
        active_tiles(coding, state, np.empty(1, np.int64))
    weights = np.array([[5.0, 7.0, 0.0]])
    wide = over_tiles(weights, coding, coding.places)
    assert (wide[0, 6], wide[0, 0], wide[0].sum()) == (5, 7, 12)
    assert coding.taken.tolist() == [2, 0]
    active_tiles(coding, (0.1, 0.7), np.empty(1, np.int64))  # tile 1 takes the last place
    assert over_tiles(np.array([[5.0, 7.0, 9.0]]), coding, coding.places)[0, 2] == 9  # tile 2 shares place 2 modulo 3


def test_without_its_table_weights_are_refused() -> None:
    index = {**TILED, "name": "index-hashed", "size": 1024}
    with pytest.raises(ValueError, match="places"):
        cost_to_go.surface(np.zeros((3, 1024)), index)


def test_diverged_seeds_are_said_and_not_drawn(tmp_path: Path) -> None:
    good, bad = train(tmp_path / "a", TILED, range(2)), train(tmp_path / "b", TILED, range(2, 3), step_size=0.9)
    assert (np.load(good)["diverged"].tolist(), np.load(bad)["diverged"].tolist()) == ([False, False], [True])
    figure, numbers = drawn([good, bad], TILED, seed=1)
    assert numbers["value"].max() < 1000
    assert numbers["mean"].isna().all()  # one over the others would be flattered
    assert (numbers["seeds"].unique().tolist(), numbers["diverged"].unique().tolist()) == ([3], [1])
    assert "1 of 3 seeds" in " ".join(text.get_text() for axes in figure.axes for text in axes.texts)
    figure, numbers = drawn([good, bad], TILED, seed=2)
    assert numbers["value"].isna().all()
    assert "seed 2 diverged" in figure.axes[0].get_title()


@pytest.mark.parametrize("game", ["Acrobot-v1", "MountainCar-v0"])
def test_other_games_are_refused(game: str) -> None:
    dimensions = {"Acrobot-v1": 6, "MountainCar-v0": 2}[game]
    experiment = {
        "environment": {"name": "gymnasium", "id": game, "low": [-1.0] * dimensions, "high": [1.0] * dimensions},
        "agent": {"name": "true-online-sarsa-lambda", "trace_decay": 0.9, "step_size": 0.01, "coding": TILED},
        "episodes": 1, "seeds": 1,
    }  # fmt: skip
    figure = {"kind": "cost-to-go", "experiments": ["e"], "title": "T", "caption": "C.", "seed": 0}
    with pytest.raises(SettingsError, match=f"states of mountain-car, but e plays {game}"):
        load({"results": "results/x", "experiments": {"e": experiment}, "figures": {"f": figure}})
