"""Losses of auto-encoders against epochs: of the frames that they learn from, and of frames held out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rlgames.figures.style import colours, entitle, new_figure, set_scale, whole_ticks

LINES = {"training": "-", "held_out": "--"}
MARKERS = "os^Dv"


def make(tables: dict[str, Any], *, title: str) -> tuple[Figure, pd.DataFrame]:
    """The figure and the numbers in it, from `tables["losses"]`.

    Its columns are curve, moving_weight, ignore_still, penalised, seed, epoch, training and held_out. The numbers tell
    by `kept` whose epoch's weights are kept; means over seeds have the seed "mean".
    """
    losses = tables["losses"]
    numbers = pd.concat([runs(losses), *means(losses)], ignore_index=True)
    palette = colours(list(numbers["curve"].unique()))
    figure = new_figure(10, 5.5)
    axes = figure.subplots()
    handles = []
    for number, (curve, colour) in enumerate(palette.items()):
        look = {"color": colour, "marker": MARKERS[number % len(MARKERS)], "ms": 7, "mec": "white"}
        draw(axes, numbers[numbers["curve"] == curve], look)
        handles.append(Line2D([], [], label=curve, **look))
    for quantity, line in LINES.items():
        handles.append(Line2D([], [], color="0.3", ls=line, label=f"{quantity.replace('_', '-')} frames"))
    set_scale(axes, "linear" if (numbers[list(LINES)] <= 0).any(axis=None) else "log", "loss")
    axes.set(xlabel="Epoch", ylabel="Loss")
    axes.xaxis.set_major_locator(whole_ticks())
    axes.legend(handles=handles, fontsize=8.5, loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0)
    entitle(figure, title, small_print(losses, numbers), 8.5)
    return figure, numbers


def runs(losses: pd.DataFrame) -> pd.DataFrame:
    """The losses of every seed. The weights kept are those of the first epoch with the lowest held-out loss."""
    rows = losses[["curve", "seed", "epoch", *LINES]].reset_index(drop=True)
    best = rows.sort_values("held_out", kind="stable").drop_duplicates(["curve", "seed"])
    return rows.assign(kept=rows.index.isin(best.index))


def means(losses: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Means over seeds of every curve that has several, at the epochs that all its seeds have."""
    for curve, rows in losses.groupby("curve", sort=False):
        if (count := rows["seed"].nunique()) > 1:
            epochs = rows.groupby("epoch")[list(LINES)]
            mean = epochs.mean(skipna=False)[epochs.size() == count]
            yield mean.reset_index().assign(curve=curve, seed="mean", kept=False)


def draw(axes: Axes, rows: pd.DataFrame, look: dict[str, Any]) -> None:
    for seed, run in rows.groupby("seed", sort=False):
        bold = seed == "mean" or len(set(rows["seed"])) == 1
        width, alpha = (1.8, 1.0) if bold else (0.6, 0.5)
        for quantity, line in LINES.items():
            axes.plot(run["epoch"], run[quantity], ls=line, color=look["color"], lw=width, alpha=alpha)
    kept = rows[rows["kept"]]
    axes.plot(kept["epoch"], kept["held_out"], ls="none", zorder=5, **look)


def small_print(losses: pd.DataFrame, numbers: pd.DataFrame) -> str:
    lines = ["Marker: the epoch whose weights are kept, that of the lowest held-out loss."]
    if (numbers["seed"] == "mean").any():
        lines.append("Bold: mean over seeds, where every seed has a loss; faint: single seeds.")
    if len(losses[["moving_weight", "ignore_still", "penalised"]].drop_duplicates()) > 1:
        lines.append("Losses that weigh pixels otherwise, or penalise more than errors, are different measures.")
    return "\n".join(lines)
