"""Learning curves: the mean over seeds, its uncertainty as a band, and every single seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from rlgames.figures.style import AXIS, colours, draw_band, draw_seeds, legend_name, new_figure, set_scale
from rlgames.statistics import first_and_last, interval, spread

COLUMNS = 6
"""Panels of single seeds side by side."""


def make(
    tables: dict[str, Any],
    *,
    title: str,
    quantities: list[str],
    scale: str = "linear",
    limits: list[float] | None = None,
    facet: str | None = None,
    seed: int | None = None,
    levels: bool = False,
) -> tuple[Figure, pd.DataFrame]:
    """The figure and the numbers in it, from `tables["episodes"]`.

    Its columns are curve, seed, episode, steps, return and ending, and with a `facet` also facet.
    """
    episodes = tables["episodes"]
    if facet is None:
        episodes = episodes.assign(facet="")
    summary = summarise(episodes, quantities, seed)
    figure = draw(
        episodes, summary, title=title, quantities=quantities, scale=scale, limits=limits, seed=seed, levels=levels
    )
    if not levels:
        return figure, summary
    return figure, pd.concat([summary, level_table(episodes, quantities[0])], ignore_index=True)


def summarise(episodes: pd.DataFrame, quantities: list[str], seed: int | None = None) -> pd.DataFrame:
    """The numbers of the figure: a row for each quantity, facet, curve and episode.

    `value` is the mean over the seeds that completed the episode, or that of the one `seed`; `low` to `high` is the
    band; `seeds` counts them, `diverged` the seeds lost up to there, `truncated` those cut off.
    """
    parts = [
        summarise_curve(rows, quantity, seed).assign(quantity=quantity, facet=str(facet), curve=str(curve))
        for quantity in quantities
        for (facet, curve), rows in episodes.groupby(["facet", "curve"], sort=False)
    ]
    columns = [
        "quantity",
        "facet",
        "curve",
        "episode",
        "value",
        "low",
        "high",
        "band",
        "seeds",
        "diverged",
        "truncated",
    ]
    return pd.concat(parts, ignore_index=True)[columns]


def summarise_curve(rows: pd.DataFrame, quantity: str, seed: int | None) -> pd.DataFrame:
    lost = rows[rows.ending == "diverged"]
    values = rows[rows.ending != "diverged"].pivot(index="seed", columns="episode", values=quantity)
    count = values.notna().sum()
    bounds = []
    for _, columns in values.T.groupby(count):  # where seeds diverged, fewer are left: one bootstrap for each number
        complete = columns.dropna(axis="columns").T
        low, high, band = (interval if seed is None else spread)(complete.to_numpy(np.float64))
        bounds.append(pd.DataFrame({"low": low, "high": high, "band": band}, index=complete.columns))
    summary = pd.concat(bounds) if bounds else pd.DataFrame(columns=["low", "high", "band"])
    summary = summary.reindex(range(1, int(rows.episode.max()) + 1)).rename_axis("episode")
    summary["value"] = values.mean() if seed is None else values.T.get(seed)
    summary["seeds"] = count
    summary["seeds"] = summary.seeds.fillna(0).astype(int)
    summary["diverged"] = [int((lost.episode <= episode).sum()) for episode in summary.index]
    truncated = rows[rows.ending == "truncated"].groupby("episode").size()
    summary["truncated"] = truncated.reindex(summary.index, fill_value=0)
    return summary.reset_index()


def level_table(episodes: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """The means of the first and last 100 episodes of each curve, in the columns of `summarise`."""
    return pd.DataFrame(
        [
            {"quantity": f"{quantity}, {which}", "facet": facet, "curve": curve, **numbers}
            for (facet, curve), rows in episodes.groupby(["facet", "curve"], sort=False)
            for which, numbers in first_and_last(rows, quantity, 100).items()
        ]
    )


def draw(
    episodes: pd.DataFrame,
    summary: pd.DataFrame,
    *,
    title: str,
    quantities: list[str],
    scale: str = "linear",
    limits: list[float] | None = None,
    seed: int | None = None,
    levels: bool = False,
) -> Figure:
    """Above, a panel for each quantity or facet with all curves; below, one for each curve with its single seeds."""
    pairs = [(quantity, facet) for quantity in quantities for facet in summary.facet.unique()]
    groups: list[tuple[Any, pd.DataFrame]] = list(episodes.groupby(["facet", "curve"], sort=False))
    palette = colours(list(summary.curve.unique()))
    columns = min(len(groups), COLUMNS)
    rows = -(-len(groups) // columns)
    heights = (
        [4.4 + 0.22 * len(palette) * (len(palette) > COLUMNS - 1)] + [0.3 + 0.3 * len(groups)] * levels + [1.9] * rows
    )
    figure = new_figure(8 if len(pairs) == 1 else 5 + 3.5 * len(pairs), sum(heights))
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    above = grid[0].subgridspec(1, len(pairs))
    figure.suptitle(title, fontsize=13)
    last = max(int(summary.episode.max()), 2)

    shared: Axes | None = None
    for number, (quantity, facet) in enumerate(pairs):
        axes = figure.add_subplot(above[number], sharey=shared)
        shared = axes if len(quantities) == 1 else None
        for curve, part in summary[(summary["quantity"] == quantity) & (summary.facet == facet)].groupby(
            "curve", sort=False
        ):
            seeds = episodes[(episodes.curve == curve) & (episodes.facet == facet)]
            draw_curve(axes, part, palette[str(curve)], legend_name(curve, seeds))
        axes.set(
            title=facet,
            xlabel="Episode",
            ylabel=AXIS[quantity] if number == 0 or shared is None else "",
            xlim=(1, last),
        )
        set_scale(axes, scale, quantity)
        if limits and quantity == "steps":
            axes.set_ylim(*limits)
        if len(palette) > COLUMNS - 1:  # too many to lie on the curves
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), fontsize=9)
        else:
            axes.legend(loc="best", fontsize=9)
    if levels:
        draw_levels(figure.add_subplot(grid[1]), level_table(episodes, quantities[0]))

    panels: list[Axes] = []
    below = [grid[len(heights) - rows + row].subgridspec(1, columns) for row in range(rows)]
    for number, (key, seeds) in enumerate(groups):
        facet, curve = map(str, key)
        first = panels[0] if panels else None
        panel = figure.add_subplot(below[number // columns][number % columns], sharex=first, sharey=first)
        draw_seeds(panel, seeds, quantities[0], palette[curve])
        panel.set_title("\n".join(filter(None, [facet, curve])), fontsize=9, pad=4)
        panel.tick_params(labelsize=8, labelleft=number % columns == 0)
        panel.set_xlim(1, last)
        set_scale(panel, scale, quantities[0], subs=(1,))
        panels.append(panel)
    figure.supxlabel(explain(summary, seed), fontsize=9, color="0.35")
    return figure


def draw_curve(axes: Axes, part: pd.DataFrame, colour: Any, name: str) -> None:
    """A line and its band, dotted where seeds have diverged, a dot where there is one episode only."""
    marker = "o" if len(part) == 1 else None
    draw_band(axes, part.episode, part.low, part.high, colour)
    axes.plot(part.episode, part["value"].where(part.diverged == 0), color=colour, lw=1.3, label=name, marker=marker)
    axes.plot(part.episode, part["value"].where(part.diverged > 0), color=colour, lw=1.3, ls=":", marker=marker)


def draw_levels(axes: Axes, table: pd.DataFrame) -> None:
    """A table: for each curve, the mean of its first and of its last 100 episodes, with intervals."""
    names = table["quantity"].unique()
    cells = [
        [" ".join(map(str, key)), *(f"{row.value:.1f}  ({row.low:.1f} to {row.high:.1f})" for row in rows.itertuples())]
        for key, rows in table.groupby(["facet", "curve"], sort=False)
    ]
    axes.axis("off")
    drawn = axes.table(
        cells,
        colLabels=["", *names],
        loc="center",
        cellLoc="center",
        colWidths=[0.4, *[0.6 / len(names)] * len(names)],
        bbox=Bbox([[0, 0], [1, 1]]),
    )
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(9)
    for cell in drawn.get_celld().values():
        cell.set_edgecolor("0.8")


def explain(summary: pd.DataFrame, seed: int | None) -> str:
    """What lines and bands are."""
    line = "mean over seeds" if seed is None else f"seed {seed}"
    bands = " or ".join(summary.band.dropna().unique())
    lost = (summary.diverged > 0) & (summary.seeds > 0)
    dotted = " Dotted: over the seeds that have not diverged." if lost.any() else ""
    return (
        f"Above: {line}{f'; band: {bands}' if bands else ''}.\nBelow: every single seed, over its full range.{dotted}"
    )
