"""Steps per episode over the first episodes, against one setting of a sweep."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from rlgames.figures.style import (
    bands,
    colours,
    draw_band,
    entitle,
    legend_below,
    line_over,
    new_figure,
    set_scale,
    whole_ticks,
)
from rlgames.statistics import completed, over_seeds

MARKERS = "osDvPX*<"
"""Markers, so that curves can be told apart without their colours."""


def make(
    tables: dict[str, Any],
    *,
    title: str,
    x_label: str,
    episodes: int,
    limits: list[float] | None = None,
) -> tuple[Figure, pd.DataFrame]:
    """The figure and the numbers in it, from `tables["episodes"]`.

    Its columns are curve, x, seed, episode, steps and ending.
    """
    summary = summarise(tables["episodes"], episodes)
    return draw(summary, title=title, x_label=x_label, episodes=episodes, limits=limits), summary


def summarise(table: pd.DataFrame, episodes: int) -> pd.DataFrame:
    """A row for each curve and x: mean over seeds of each seed's mean steps over its first `episodes`, and its band.

    Where seeds diverged or ended early there is no mean, but a count of the others.
    """
    return pd.DataFrame(
        [
            {"curve": curve, "x": x, **summarise_point(rows, episodes)}
            for (curve, x), rows in table.groupby(["curve", "x"], sort=False)
        ]
    )


def summarise_point(rows: pd.DataFrame, episodes: int) -> dict[str, object]:
    kept = completed(rows)
    kept = kept[kept.episode <= episodes]
    return over_seeds(kept.groupby("seed").steps.mean(), rows.seed.nunique()) | {
        "diverged": rows.seed[rows.ending == "diverged"].nunique(),
        "truncated": int((kept.ending == "truncated").sum()),
    }


def draw(
    summary: pd.DataFrame, *, title: str, x_label: str, episodes: int, limits: list[float] | None = None
) -> Figure:
    """A curve for each group; settings without a mean, or with one outside the axis, are marked above it."""
    palette = colours(list(summary.curve.unique()))
    figure = new_figure(8, 6 + 0.2 * len(palette))
    axes = figure.subplots()
    marked = {"×": summary["value"].isna()}
    if limits:
        values = summary["value"].astype(float)
        marked |= {"▲": values > limits[1], "▼": values < limits[0]}
    earlier: list[pd.Series] = []
    for number, (curve, rows) in enumerate(summary.groupby("curve", sort=False)):
        colour, kept = palette[str(curve)], rows.dropna(subset="value").sort_values("x")
        draw_band(axes, kept.x, kept.low, kept.high, colour)
        values, marker = kept["value"].astype(float), MARKERS[number % len(MARKERS)]
        look = line_over(earlier, values.set_axis(kept.x))
        axes.plot(kept.x, values, color=colour, lw=1.4, ls=look, marker=marker, ms=4, label=legend_name(curve, rows))
        for mark, which in marked.items():
            x = rows.x[which[rows.index]]
            height = [1.02 + 0.025 * number] * len(x)  # one row of marks for each curve, above all values
            if len(x):  # no marks would still take space, in the figure's corner
                axes.plot(
                    x, height, MARKS[mark], color=colour, ms=5, transform=axes.get_xaxis_transform(), clip_on=False
                )
    if limits:
        axes.set_ylim(*limits)
    else:
        set_scale(axes, "linear", "steps")
    axes.set(
        xlabel=x_label, ylabel=f"Steps per episode, first {'episode' if episodes == 1 else f'{episodes} episodes'}"
    )
    if (summary.x == summary.x.round()).all():
        axes.xaxis.set_major_locator(whole_ticks())
    legend_below(axes, 7)
    band = bands(summary.band)
    notes = [f"{mark} {SAYS[mark]}" for mark, which in marked.items() if which.any()]
    above = f"\nAbove the axis: {'; '.join(notes)}." if notes else ""
    entitle(figure, title, f"Line: mean over seeds{f'; band: {band}' if band else ''}.{above}")
    return figure


MARKS = {"×": "x", "▲": "^", "▼": "v"}
SAYS = {
    "×": "some seeds diverged or ended early, so that no mean is shown",
    "▲": "the mean lies above it",
    "▼": "the mean lies below it",
}


def legend_name(curve: object, rows: pd.DataFrame) -> str:
    """A curve's name, and how many of its settings have no mean, or were cut off."""
    notes = []
    if lost := (rows.diverged > 0).sum():
        notes.append(f"{lost} of {len(rows)} settings diverged ×")
    if early := (rows["value"].isna() & (rows.diverged == 0)).sum():
        notes.append(f"{early} of {len(rows)} settings ended early ×")
    if cut := rows.truncated.sum():
        notes.append(f"{cut} {'episode' if cut == 1 else 'episodes'} truncated")
    return f"{curve} ({', '.join(notes)})" if notes else str(curve)
