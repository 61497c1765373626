"""The look of all figures, whatever fonts and settings the machine has."""

from __future__ import annotations

from typing import Any

import matplotlib
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter, SymmetricalLogLocator

matplotlib.rcdefaults()
sns.set_theme(
    context="notebook",
    style="whitegrid",
    rc={
        "font.sans-serif": ["DejaVu Sans"],  # it comes with matplotlib
        "text.parse_math": False,  # a dollar sign in a label is a dollar sign
        "grid.linewidth": 0.5,
    },
)

AXIS = {"steps": "Steps per episode", "return": "Return per episode"}


def colours(curves: list[str]) -> dict[str, Any]:
    """A colour for each curve; a colour-blind reader can tell ten apart."""
    palette = sns.color_palette("colorblind" if len(curves) <= 10 else "viridis", len(curves))
    return dict(zip(curves, palette, strict=True))


def new_figure(width: float, height: float, dpi: int = 140) -> Figure:
    return Figure(figsize=(width, height), dpi=dpi, layout="constrained")


def set_scale(axes: Axes, scale: str, quantity: str, subs: tuple[int, ...] = (1, 2, 5)) -> None:
    """A vertical axis; "log" is symmetric for returns, which may be negative."""
    if scale == "linear":
        return
    if quantity == "return":
        axes.set_yscale("symlog", linthresh=10)
        axes.yaxis.set_major_locator(SymmetricalLogLocator(linthresh=10, base=10, subs=subs))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        low, high = axes.dataLim.intervaly
        axes.set_ylim(low * (1.2 if low < 0 else 0.8), high * (0.8 if high < 0 else 1.2))
        return
    if not 0 < axes.dataLim.intervaly.max() < float("inf"):  # nothing is drawn: all seeds diverged
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=subs))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.12g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def draw_band(axes: Axes, x: Any, low: Any, high: Any, colour: Any) -> None:
    axes.fill_between(x, low.astype(float), high.astype(float), color=colour, alpha=0.25, lw=0)


def draw_seeds(axes: Axes, seeds: pd.DataFrame, quantity: str, colour: Any) -> None:
    """Every seed as a faint line; crosses where one diverged, triangles where an episode was cut off."""
    lines = [run[["episode", quantity]].to_numpy(float) for _, run in seeds.groupby("seed")]
    alpha = max(0.06, min(1, 2 / len(lines)))
    axes.add_collection(LineCollection(lines, colors=[colour], alpha=alpha, linewidths=0.6, rasterized=True))
    for ending, marker in (("diverged", "x"), ("truncated", "^")):
        rows = seeds[seeds.ending == ending]
        if len(rows):
            axes.plot(rows.episode, rows[quantity], marker, color="black", ms=5, clip_on=False, zorder=3)
    axes.autoscale_view()


def legend_name(curve: object, seeds: pd.DataFrame) -> str:
    """A curve's name, and what befell its seeds."""
    notes = []
    if lost := (seeds.ending == "diverged").sum():
        notes.append(f"{lost} of {seeds.seed.nunique()} seeds diverged ×")
    if cut := (seeds.ending == "truncated").sum():
        notes.append(f"{cut} {'episode' if cut == 1 else 'episodes'} truncated ▲")
    return f"{curve} ({', '.join(notes)})" if notes else str(curve)
