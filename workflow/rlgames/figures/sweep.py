"""Steps per episode over the first episodes, against one setting of a sweep."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlgames.figures.style import colours, draw_band, new_figure
from rlgames.statistics import interval

MARKERS = "osDvPXh"
"""So that curves can be told apart without their colours."""


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

    Seeds that diverged have no mean; they are counted.
    """
    return pd.DataFrame(
        [
            {"curve": curve, "x": x, **summarise_point(rows, episodes)}
            for (curve, x), rows in table.groupby(["curve", "x"], sort=False)
        ]
    )


def summarise_point(rows: pd.DataFrame, episodes: int) -> dict[str, object]:
    lost = set(rows.seed[rows.ending == "diverged"])
    kept = rows[~rows.seed.isin(lost) & (rows.episode <= episodes)]
    means = kept.groupby("seed").steps.mean().to_numpy()
    low, high, band = interval(means) if len(means) else (None, None, None)
    return {
        "value": means.mean() if len(means) else None,
        "low": low,
        "high": high,
        "band": band,
        "seeds": len(means),
        "diverged": len(lost),
        "truncated": int((kept.ending == "truncated").sum()),
    }


def draw(
    summary: pd.DataFrame, *, title: str, x_label: str, episodes: int, limits: list[float] | None = None
) -> Figure:
    """A curve for each group; what diverged, or lies above the axis, is marked at the top."""
    figure = new_figure(8, 6.6)
    axes = figure.subplots()
    palette = colours(list(summary.curve.unique()))
    sound = summary[summary.diverged == 0]
    top = limits[1] if limits else float(sound.high.astype(float).max())
    axes.set_ylim(*(limits or (float(sound.low.astype(float).min()) * 0.98, top * 1.02)))
    for curve, rows in summary.groupby("curve", sort=False):
        colour, kept = palette[str(curve)], rows[rows.diverged == 0].sort_values("x")
        draw_band(axes, kept.x, kept.low, kept.high, colour)
        marker, name = MARKERS[list(palette).index(str(curve)) % len(MARKERS)], legend_name(curve, rows)
        axes.plot(kept.x, kept["value"].astype(float), color=colour, lw=1.4, marker=marker, ms=4, label=name)
    mark(axes, summary[summary.diverged > 0], "x", palette)
    if limits:
        mark(axes, sound[sound["value"].astype(float) > limits[1]], "^", palette)
    axes.set(title=title, xlabel=x_label, ylabel=f"Steps per episode, first {episodes} episodes")
    names = [legend_name(curve, rows) for curve, rows in summary.groupby("curve", sort=False)]
    figure.legend(loc="outside upper center", fontsize=9, ncols=1 if max(map(len, names)) > 45 else 2)
    bands = " or ".join(sound.band.unique())
    figure.supxlabel(
        f"Line: mean over seeds; band: {bands}.\n"
        "At the top: ▲ above the axis; × some seeds diverged, so that no mean is shown.",
        fontsize=9,
        color="0.35",
    )
    return figure


def mark(axes: Axes, rows: pd.DataFrame, marker: str, palette: dict[str, Any]) -> None:
    """Markers at the top, a row for each curve, so that none hides another."""
    for level, (curve, colour) in enumerate(palette.items()):
        x = rows.x[rows.curve == curve]
        height = [0.99 - 0.022 * level] * len(x)
        axes.plot(x, height, marker, color=colour, ms=5, transform=axes.get_xaxis_transform(), ls="none")


def legend_name(curve: object, rows: pd.DataFrame) -> str:
    """A curve's name, and how many of its settings diverged or were cut off."""
    notes = []
    if lost := (rows.diverged > 0).sum():
        notes.append(f"{lost} of {len(rows)} settings diverged ×")
    if cut := rows.truncated.sum():
        notes.append(f"{cut} {'episode' if cut == 1 else 'episodes'} truncated")
    return f"{curve} ({', '.join(notes)})" if notes else str(curve)
