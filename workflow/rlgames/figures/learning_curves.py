"""Learning curves: the mean over seeds, its uncertainty as a band, and every single seed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from rlgames.figures.style import (
    AXIS,
    bands,
    colours,
    draw_band,
    draw_seeds,
    entitle,
    legend_below,
    legend_name,
    line_over,
    new_figure,
    set_counts,
    set_scale,
)
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

    `value` is the mean over seeds, or that of the one `seed`; `low` to `high` is the band; `seeds` counts those that
    completed the episode, `diverged` the seeds lost up to there, `truncated` those cut off. Mean and band are blank
    where a seed is missing: over the others they would flatter.
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
    values = values.reindex(index=sorted(rows.seed.unique()), columns=range(1, int(rows.episode.max()) + 1))
    complete = values.dropna(axis="columns")
    found: dict[str, Any] = dict.fromkeys(["value", "low", "high", "band"])
    if len(complete.columns):
        low, high, band = (interval if seed is None else spread)(complete.to_numpy(np.float64))
        found = {"value": complete.mean(), "low": low, "high": high, "band": band}
    summary = pd.DataFrame(found, index=complete.columns).reindex(values.columns).rename_axis("episode")
    if seed is not None:
        summary["value"] = values.loc[seed]
    summary["seeds"] = values.notna().sum()
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
    width = 8 if len(pairs) == 1 else 5 + 3.5 * len(pairs)
    letters = max(10, int(13 * width / columns) - 2)
    titles = ["\n".join(textwrap.fill(str(part), letters) for part in key if part) for key, _ in groups]
    longest = max(title.count("\n") for title in titles)
    heights = [4.4 + 0.22 * len(palette)] + [0.3 + 0.3 * len(groups)] * levels + [1.8 + 0.14 * longest] * rows
    figure = new_figure(width, sum(heights))
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    above = grid[0].subgridspec(1, len(pairs))
    entitle(figure, title, explain(summary, seed))
    last = int(summary.episode.max())

    shared: Axes | None = None
    uppers: list[Axes] = []
    for number, (quantity, facet) in enumerate(pairs):
        axes = figure.add_subplot(above[number], sharey=shared)
        shared = axes if len(quantities) == 1 else None
        earlier: list[pd.Series] = []
        for curve, part in summary[(summary["quantity"] == quantity) & (summary.facet == facet)].groupby(
            "curve", sort=False
        ):
            seeds = episodes[(episodes.curve == curve) & (episodes.facet == facet)]
            look = line_over(earlier, part.set_index("episode")["value"])
            draw_curve(axes, part, palette[str(curve)], legend_name(curve, seeds), look)
        label = AXIS[quantity] if number == 0 or shared is None else ""
        axes.set(title=facet, xlabel="Episode", ylabel=label)
        set_counts(axes, 1, last)
        legend_below(axes, width / len(pairs))
        uppers.append(axes)
    for axes, (quantity, _) in zip(uppers, pairs, strict=True):  # when all are drawn: facets share an axis
        set_scale(axes, scale, quantity)
        if limits and quantity == quantities[0]:
            axes.set_ylim(*limits)
    if levels:
        draw_levels(figure.add_subplot(grid[1]), level_table(episodes, quantities[0]))

    panels: list[Axes] = []
    below = [grid[len(heights) - rows + row].subgridspec(1, columns) for row in range(rows)]
    for number, (key, seeds) in enumerate(groups):
        first = panels[0] if panels else None
        panel = figure.add_subplot(below[number // columns][number % columns], sharex=first, sharey=first)
        draw_seeds(panel, seeds, quantities[0], palette[str(key[1])])
        panel.set_title(titles[number], fontsize=9, pad=4)
        panel.tick_params(labelsize=8, labelleft=number % columns == 0)
        set_counts(panel, 1, last)
        panels.append(panel)
    for panel in panels:
        set_scale(panel, scale, quantities[0], ticks=2)
    return figure


def draw_curve(axes: Axes, part: pd.DataFrame, colour: Any, name: str, look: Any = "-") -> None:
    """A line and its band, a dot where there is one episode only."""
    marker = "o" if len(part) == 1 else None
    draw_band(axes, part.episode, part.low, part.high, colour)
    axes.plot(part.episode, part["value"].astype(float), color=colour, lw=1.3, ls=look, label=name, marker=marker)


def draw_levels(axes: Axes, table: pd.DataFrame) -> None:
    """A table: for each curve, the mean of its first and of its last 100 episodes, with intervals."""
    names = table["quantity"].unique()
    groups = table.groupby(["facet", "curve"], sort=False)
    cells = [[" ".join(map(str, key)), *map(dict(level_cells(rows)).get, names)] for key, rows in groups]
    axes.axis("off")
    drawn = axes.table(
        [[cell or "" for cell in row] for row in cells],
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


def level_cells(rows: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """The levels of a curve as text, by what they are."""
    for row in rows.to_dict("records"):
        if pd.isna(row["value"]):
            yield row["quantity"], f"none: {row['seeds']} seeds got there"
        else:
            yield row["quantity"], f"{row['value']:.1f}  ({row['low']:.1f} to {row['high']:.1f})"


def explain(summary: pd.DataFrame, seed: int | None) -> str:
    """What lines and bands are, for the small print."""
    line = "mean over seeds" if seed is None else f"seed {seed}"
    band = bands(summary.band)
    what = "mean" if seed is None else "band"
    ends = f" No {what} is shown where seeds diverged or ended early." if summary.low.isna().any() else ""
    return f"Above: {line}{f'; band: {band}' if band else ''}.{ends}\nBelow: every single seed, over its full range."
