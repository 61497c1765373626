"""Learning curves: the mean over seeds, its uncertainty as a band, and every seed faint."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from rlgames.statistics import interval

COLUMNS = 5
"""Panels side by side."""

sns.set_theme(context="notebook", style="whitegrid")

AXIS = {"steps": "Steps per episode", "return": "Return per episode"}


def summarise(episodes: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """The numbers of the figure: a row for each curve and episode.

    `episodes` has the columns curve, seed, episode, steps, return and ending. Mean and band are over the seeds that
    completed the episode; `seeds` counts them, `diverged` the seeds lost up to there, `truncated` those cut off.
    """
    return pd.concat(
        [summarise_curve(rows, quantity).assign(curve=curve) for curve, rows in episodes.groupby("curve", sort=False)],
        ignore_index=True,
    )[["curve", "episode", "mean", "low", "high", "band", "seeds", "diverged", "truncated"]]


def summarise_curve(rows: pd.DataFrame, quantity: str) -> pd.DataFrame:
    lost = rows[rows.ending == "diverged"]
    values = rows[rows.ending != "diverged"].pivot(index="seed", columns="episode", values=quantity)
    count = values.notna().sum()
    bounds = []
    for _, columns in values.T.groupby(count):  # where seeds diverged, fewer are left: one bootstrap for each number
        complete = columns.dropna(axis="columns").T
        low, high, band = interval(complete.to_numpy(np.float64))
        bounds.append(pd.DataFrame({"low": low, "high": high, "band": band}, index=complete.columns))
    summary = pd.concat(bounds) if bounds else pd.DataFrame(columns=["low", "high", "band"])
    summary = summary.reindex(range(1, int(rows.episode.max()) + 1)).rename_axis("episode")
    summary["mean"] = values.mean()
    summary["seeds"] = count
    summary["seeds"] = summary.seeds.fillna(0).astype(int)
    summary["diverged"] = [int((lost.episode <= episode).sum()) for episode in summary.index]
    truncated = rows[rows.ending == "truncated"].groupby("episode").size()
    summary["truncated"] = truncated.reindex(summary.index, fill_value=0)
    return summary.reset_index()


def draw(
    episodes: pd.DataFrame,
    summary: pd.DataFrame,
    *,
    title: str,
    quantity: str = "steps",
    scale: str = "linear",
    limits: list[float] | None = None,
) -> Figure:
    """Means and bands of all curves above; below, a panel for each curve with its single seeds, unclipped."""
    curves = list(summary.curve.unique())
    colours = dict(zip(curves, sns.color_palette("colorblind", len(curves)), strict=True))
    columns = min(len(curves), COLUMNS)
    rows = -(-len(curves) // columns)
    figure = Figure(figsize=(8, 4.4 + 1.9 * rows), dpi=140, layout="constrained")
    grid = figure.add_gridspec(1 + rows, columns, height_ratios=[4.4] + [1.9] * rows)
    axes = figure.add_subplot(grid[0, :])
    panels: list[Axes] = []
    for number, curve in enumerate(curves):
        share = panels[0] if panels else None
        panel = figure.add_subplot(grid[1 + number // columns, number % columns], sharex=share, sharey=share)
        panels.append(panel)
        mean, seeds = summary[summary.curve == curve], episodes[episodes.curve == curve]
        axes.fill_between(
            mean.episode, mean.low.astype(float), mean.high.astype(float), color=colours[curve], alpha=0.3, lw=0
        )
        intact = mean["mean"].where(mean.diverged == 0)
        axes.plot(mean.episode, intact, color=colours[curve], lw=1.3, label=legend(curve, seeds))
        axes.plot(mean.episode, mean["mean"].where(mean.diverged > 0), color=colours[curve], lw=1.3, ls=":")
        draw_seeds(panel, seeds, quantity, colours[curve])
        panel.set_title(str(curve), fontsize=10, pad=4)
        panel.tick_params(labelsize=9, labelleft=number % columns == 0)

    axes.set(title=title, xlabel="Episode", ylabel=AXIS[quantity])
    if limits:
        axes.set_ylim(*limits)
    axes.legend(loc="best", fontsize=10)
    for each in (axes, *panels):
        each.set_xlim(1, max(summary.episode.max(), 2))
        each.set_yscale(scale)
        each.grid(lw=0.5)
        if scale == "log":
            each.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if each is axes else (1,)))
            each.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            each.yaxis.set_minor_formatter(NullFormatter())
    figure.supxlabel(explain(summary), fontsize=9, color="0.35")
    return figure


def draw_seeds(axes: Axes, seeds: pd.DataFrame, quantity: str, colour: object) -> None:
    """Every seed as a faint line; crosses where one diverged, triangles where an episode was cut off."""
    lines = [run[["episode", quantity]].to_numpy(float) for _, run in seeds.groupby("seed")]
    alpha = max(0.06, min(1, 2 / len(lines)))
    axes.add_collection(LineCollection(lines, colors=[colour], alpha=alpha, linewidths=0.6, rasterized=True))
    for ending, marker in (("diverged", "x"), ("truncated", "^")):
        rows = seeds[seeds.ending == ending]
        axes.plot(rows.episode, rows[quantity], marker, color="black", ms=5, zorder=3)
    axes.autoscale_view()


def legend(curve: object, seeds: pd.DataFrame) -> str:
    """A curve's name, and what befell its seeds."""
    notes = []
    if lost := (seeds.ending == "diverged").sum():
        notes.append(f"{lost} of {seeds.seed.nunique()} seeds diverged ×")
    if cut := (seeds.ending == "truncated").sum():
        notes.append(f"{cut} {'episode' if cut == 1 else 'episodes'} truncated ▲")
    return f"{curve} ({', '.join(notes)})" if notes else str(curve)


def explain(summary: pd.DataFrame) -> str:
    """What lines and bands are."""
    bands = " or ".join(summary.band.dropna().unique())
    dotted = " Dotted: over the seeds that have not diverged." if (summary.diverged > 0).any() else ""
    return f"Above: mean over seeds; band: {bands}.\nBelow: every single seed, over its full range.{dotted}"
