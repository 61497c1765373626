"""The cost to go on Mountain Car, -max over a of q(s, a): the textbook's figure 10.1."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rlgames.agents.linear.core import action_values
from rlgames.environments.mountain_car import HIGH, LOW
from rlgames.features.tile_coding import IndexHashed, active_tiles, over_tiles
from rlgames.features.tile_coding import make as make_coding
from rlgames.figures.style import entitle, new_figure

POINTS = 40
"""Number of points of the surface in each dimension."""


class Surfaces(NamedTuple):
    """The costs of a variant over the grid: of the one seed, and the mean over seeds; NaN where seeds diverged."""

    curve: str
    one: np.ndarray
    mean: np.ndarray
    seeds: int
    diverged: int


def make(tables: dict[str, Any], *, title: str, seed: int) -> tuple[Figure, pd.DataFrame]:
    """The figure and the numbers in it, from `tables["weights"]`: each variant's curve and coding, and the arrays of
    its weights.npz, a row for each seed: seeds, weights, diverged and, of index hash tables, places."""
    surfaces = [surfaces_of(entry, seed) for entry in tables["weights"]]
    return draw(surfaces, title=title, seed=seed), summarise(surfaces)


def surfaces_of(entry: dict[str, Any], seed: int) -> Surfaces:
    """The costs of a variant. Weights that diverged have none, and without them there is no mean."""
    costs = np.full((len(entry["seeds"]), POINTS, POINTS), np.nan)
    for row in np.flatnonzero(~entry["diverged"]):
        costs[row] = surface(
            entry["weights"][row], entry["coding"], entry["places"][row] if "places" in entry else None
        )
    one = costs[list(entry["seeds"]).index(seed)]
    return Surfaces(entry["curve"], one, costs.mean(axis=0), len(costs), int(entry["diverged"].sum()))


def surface(weights: np.ndarray, coding: dict[str, Any], places: np.ndarray | None = None) -> np.ndarray:
    """Cost to go of weights (actions, features) over a grid, shape (POINTS, POINTS): positions by velocities.

    `places` are those of the tiles in an index hash table, shape (tiles,).
    """
    tiles_of = make_coding(LOW, HIGH, **coding)
    if isinstance(tiles_of, IndexHashed):
        if places is None:
            raise ValueError("The weights of an index hash table need the places of its tiles.")
        weights, tiles_of = over_tiles(weights, tiles_of, places), tiles_of.tiles
    tiles = np.empty(tiles_of.tilings, np.int64)
    costs, values = np.empty((POINTS, POINTS)), np.empty(len(weights))
    for i, position in enumerate(np.linspace(LOW[0], HIGH[0], POINTS)):
        for j, velocity in enumerate(np.linspace(LOW[1], HIGH[1], POINTS)):
            active_tiles(tiles_of, (position, velocity), tiles)
            action_values(weights, tiles, values)
            costs[i, j] = -values.max()
    return costs


def summarise(surfaces: list[Surfaces]) -> pd.DataFrame:
    """A row for each variant and point: the cost of the one seed, the mean over all seeds, and how many diverged."""
    positions, velocities = np.meshgrid(
        np.linspace(LOW[0], HIGH[0], POINTS), np.linspace(LOW[1], HIGH[1], POINTS), indexing="ij"
    )
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "curve": each.curve,
                    "position": positions.ravel(),
                    "velocity": velocities.ravel(),
                    "value": each.one.ravel(),
                    "mean": each.mean.ravel(),
                    "seeds": each.seeds,
                    "diverged": each.diverged,
                }
            )
            for each in surfaces
        ],
        ignore_index=True,
    )


def draw(surfaces: list[Surfaces], *, title: str, seed: int) -> Figure:
    """Above, the surface of one seed for each variant; below, the mean over seeds as a map."""
    figure = new_figure(max(3.2 * len(surfaces), 6.4), 6.9, dpi=100)
    grid = figure.add_gridspec(2, len(surfaces), height_ratios=[1.25, 1], hspace=0.15)  # labels of the surfaces
    positions, velocities = np.meshgrid(
        np.linspace(LOW[0], HIGH[0], POINTS), np.linspace(LOW[1], HIGH[1], POINTS), indexing="ij"
    )
    for number, (curve, one, mean, seeds, diverged) in enumerate(surfaces):
        above: Any = figure.add_subplot(grid[0, number], projection="3d")
        known = not np.isnan(one).any()
        if known:
            above.plot_wireframe(
                positions, velocities, one, color="0.25", lw=0.5, rcount=POINTS // 2, ccount=POINTS // 2
            )
        above.set_title(f"{curve}\n(seed {seed}{f', highest: {one.max():.0f}' if known else ' diverged'})", fontsize=11)
        above.set_xlabel("Position", fontsize=9)
        above.set_ylabel("Velocity", fontsize=9)
        above.set_zlim(0, None)
        above.set(xticks=[-1.2, -0.5, 0.5], yticks=[-0.07, 0, 0.07], xlim=(LOW[0], HIGH[0]), ylim=(LOW[1], HIGH[1]))
        if not known:
            above.set_zticks([])
        above.tick_params(labelsize=8)
        below = figure.add_subplot(grid[1, number])
        image = below.imshow(
            mean.T, origin="lower", aspect="auto", cmap="cividis", extent=(LOW[0], HIGH[0], LOW[1], HIGH[1])
        )
        if diverged:
            lost = f"No mean:\n{diverged} of {seeds} seeds\ndiverged"
            below.text(0.5, 0.5, lost, transform=below.transAxes, ha="center", va="center", fontsize=10)
        below.set_xlabel("Position", fontsize=9)
        below.set_ylabel("Velocity" if number == 0 else "", fontsize=9)
        below.tick_params(labelsize=8, labelleft=number == 0)
        below.grid(visible=False)
        scale = figure.colorbar(image, ax=below, orientation="horizontal", pad=0.02, label="Steps to the goal").ax
        scale.xaxis.label.set_fontsize(9)
        scale.tick_params(labelsize=8, labelbottom=not diverged, bottom=not diverged)
    entitle(figure, title, f"Above: seed {seed}. Below: mean over seeds; each panel has its own scale.")
    return figure
