"""The cost to go on Mountain Car, -max over a of q(s, a): the textbook's figure 10.1."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rlgames.agents.linear.core import action_values
from rlgames.environments.mountain_car import HIGH, LOW
from rlgames.features.tile_coding import active_tiles
from rlgames.features.tile_coding import make as make_coding
from rlgames.figures.style import entitle, new_figure

POINTS = 40
"""Points of the surface in each dimension."""


def make(tables: dict[str, Any], *, title: str, seed: int) -> tuple[Figure, pd.DataFrame]:
    """The figure and the numbers in it, from `tables["weights"]`: each variant's curve, coding, seeds and weights."""
    surfaces = []
    for entry in tables["weights"]:
        costs = np.stack([surface(weights, entry["coding"]) for weights in entry["weights"]])
        surfaces.append((entry["curve"], costs[list(entry["seeds"]).index(seed)], costs.mean(axis=0)))
    return draw(surfaces, title=title, seed=seed), summarise(surfaces)


def surface(weights: np.ndarray, coding: dict[str, Any]) -> np.ndarray:
    """Cost to go of weights (actions, features) over a grid, shape (POINTS, POINTS): positions by velocities."""
    tiles_of = make_coding(LOW, HIGH, **coding)
    tiles = np.empty(tiles_of.tilings, np.int64)
    costs, values = np.empty((POINTS, POINTS)), np.empty(len(weights))
    for i, position in enumerate(np.linspace(LOW[0], HIGH[0], POINTS)):
        for j, velocity in enumerate(np.linspace(LOW[1], HIGH[1], POINTS)):
            active_tiles(tiles_of, (position, velocity), tiles)
            action_values(weights, tiles, values)
            costs[i, j] = -values.max()
    return costs


def summarise(surfaces: list[tuple[str, np.ndarray, np.ndarray]]) -> pd.DataFrame:
    """A row for each variant and point: the cost of the one seed and the mean over all."""
    positions, velocities = np.meshgrid(
        np.linspace(LOW[0], HIGH[0], POINTS), np.linspace(LOW[1], HIGH[1], POINTS), indexing="ij"
    )
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "curve": curve,
                    "position": positions.ravel(),
                    "velocity": velocities.ravel(),
                    "value": one.ravel(),
                    "mean": mean.ravel(),
                }
            )
            for curve, one, mean in surfaces
        ],
        ignore_index=True,
    )


def draw(surfaces: list[tuple[str, np.ndarray, np.ndarray]], *, title: str, seed: int) -> Figure:
    """Above, the surface of one seed for each variant; below, the mean over seeds as a map."""
    figure = new_figure(max(3.2 * len(surfaces), 6.4), 6.4, dpi=100)
    grid = figure.add_gridspec(2, len(surfaces), height_ratios=[1.25, 1])
    positions, velocities = np.meshgrid(
        np.linspace(LOW[0], HIGH[0], POINTS), np.linspace(LOW[1], HIGH[1], POINTS), indexing="ij"
    )
    for number, (curve, one, mean) in enumerate(surfaces):
        above: Any = figure.add_subplot(grid[0, number], projection="3d")
        above.plot_wireframe(positions, velocities, one, color="0.25", lw=0.5, rcount=POINTS // 2, ccount=POINTS // 2)
        above.set_title(f"{curve}\n(highest: {one.max():.0f})", fontsize=11)
        above.set_xlabel("Position", fontsize=9)
        above.set_ylabel("Velocity", fontsize=9)
        above.set_zlim(0, None)
        above.set(xticks=[-1.2, -0.5, 0.5], yticks=[-0.07, 0, 0.07])
        above.tick_params(labelsize=8)
        below = figure.add_subplot(grid[1, number])
        image = below.imshow(
            mean.T, origin="lower", aspect="auto", cmap="cividis", extent=(LOW[0], HIGH[0], LOW[1], HIGH[1])
        )
        below.set_xlabel("Position", fontsize=9)
        below.set_ylabel("Velocity" if number == 0 else "", fontsize=9)
        below.tick_params(labelsize=8, labelleft=number == 0)
        below.grid(visible=False)
        figure.colorbar(image, ax=below, orientation="horizontal", pad=0.02).ax.tick_params(labelsize=8)
    entitle(figure, title, f"Above: seed {seed}. Below: mean over seeds; each panel has its own scale.")
    return figure
