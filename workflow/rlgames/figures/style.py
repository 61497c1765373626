"""The look of all figures, whatever fonts and settings the machine has."""

from __future__ import annotations

import textwrap
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import (
    Locator,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    StrMethodFormatter,
    SymmetricalLogLocator,
)
from matplotlib.transforms import ScaledTranslation

from rlgames.statistics import SINGLE

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

LINEAR = 10.0
"""Returns below it, up or down, lie on the linear part of a symmetric log axis."""

DASHES = ["-", (0, (4, 4)), (0, (1, 3))]
"""Lines of the first, the second and further ones of curves that are equal, so that none hides another."""


DISTINCT = [colour for number, colour in enumerate(sns.color_palette("colorblind")) if number not in (6, 8)]
"""Colours that a colour-blind reader can tell apart, without two that are too pale on white."""


def colours(curves: list[str]) -> dict[str, Any]:
    """A colour for each curve; a colour-blind reader can tell eight apart."""
    palette = DISTINCT if len(curves) <= len(DISTINCT) else sns.color_palette("viridis", len(curves))
    return dict(zip(curves, palette, strict=False))


def new_figure(width: float, height: float, dpi: int = 140) -> Figure:
    return Figure(figsize=(width, height), dpi=dpi, layout="constrained")


def entitle(figure: Figure, title: str, note: str, size: float = 9) -> None:
    """A heading, and small print below; lines that are too long for the figure's width are broken."""
    for text in (figure.suptitle(title, fontsize=13), figure.supxlabel(note, fontsize=size, color="0.35")):
        lines = text.get_text().split("\n")
        letters = max(map(len, lines))
        while letters > 10 and text.get_window_extent().width > 0.97 * figure.bbox.width:
            letters -= max(1, letters // 20)
            text.set_text("\n".join(textwrap.fill(line, letters) for line in lines))


def bands(names: pd.Series) -> str:
    """What the bands of a figure are, for its small print; nothing if there are none."""
    return " or ".join(name for name in names.dropna().unique() if name != SINGLE)


class LogTicks(Locator):
    """The roundest numbers of which `fewest` lie on a log axis, or on a symmetric one that is linear up to `linear`."""

    def __init__(self, fewest: int, linear: float = 0.0) -> None:
        self.fewest, self.linear = fewest, linear

    def __call__(self) -> Any:
        return self.tick_values(*self.axis.get_view_interval())  # type: ignore[union-attr]

    def tick_values(self, vmin: float, vmax: float) -> Any:
        low, high = sorted((vmin, vmax))
        for subs in ((1,), (1, 3), (1, 2, 5)) if max(-low, high) > self.linear else ():
            logs: Any = LogLocator(subs=subs)
            if self.linear:
                logs = SymmetricalLogLocator(linthresh=self.linear, base=10, subs=subs)
            ticks = np.asarray(logs.tick_values(low, high))
            shown = ticks[(ticks >= low) & (ticks <= high)]
            if len(shown) >= self.fewest:
                return shown
        return MaxNLocator(self.fewest + 1, steps=[1, 2, 5, 10]).tick_values(low, high)


def set_scale(axes: Axes, scale: str, quantity: str, ticks: int = 4) -> None:
    """A vertical axis that holds all that is drawn; "log" is symmetric for returns, which may be negative.

    A log axis has `ticks` ticks or more; one on which nothing is drawn, as if all seeds diverged, has none. To be
    called when all axes that share it are drawn.
    """
    highest = max(each.dataLim.y1 for each in axes.get_shared_y_axes().get_siblings(axes))
    if not np.isfinite(highest):
        axes.set_yticks([])
    elif scale == "log" and (quantity == "return" or highest > 0):
        linear = LINEAR if quantity == "return" else 0.0
        if linear:
            axes.set_yscale("symlog", linthresh=linear)
        else:
            axes.set_yscale("log")
        axes.autoscale_view(scalex=False)  # the margins were those of a linear axis
        axes.yaxis.set_major_locator(LogTicks(ticks, linear))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.12g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())


def whole_ticks() -> MaxNLocator:
    return MaxNLocator("auto", integer=True, steps=[1, 2, 2.5, 5, 10])


def set_counts(axes: Axes, first: int, last: int) -> None:
    """A horizontal axis of whole numbers, such as episodes."""
    axes.set_xlim(first, max(last, first + 1))
    axes.xaxis.set_major_locator(whole_ticks())


def legend_below(axes: Axes, width: float) -> None:
    """A legend below an axis of this width in inches, where it hides nothing; long names are broken."""
    handles, names = axes.get_legend_handles_labels()
    letters = max(10, int(12 * width) - 10)
    columns = 2 if max(map(len, names), default=0) <= letters // 2 else 1
    place = axes.transAxes + ScaledTranslation(0, -0.55, axes.figure.dpi_scale_trans)
    axes.legend(
        handles, [textwrap.fill(name, letters) for name in names], loc="upper center", bbox_to_anchor=(0.5, 0),
        bbox_transform=place, borderaxespad=0, fontsize=9, ncols=columns,
    )  # fmt: skip


def line_over(earlier: list[pd.Series], values: pd.Series) -> Any:
    """The line style of a curve (values by their places) over `earlier` ones, to which it is added: dashes, if it would
    hide an equal one."""
    hidden = sum(hides(values, other) for other in earlier)
    earlier.append(values)
    return DASHES[min(hidden, len(DASHES) - 1)]


def hides(values: pd.Series, other: pd.Series) -> bool:
    """Whether one curve lies on another, but for a tenth of their common places."""
    both = pd.concat([values, other], axis=1, join="inner").astype(float).dropna().to_numpy()
    return bool(len(both)) and float(np.isclose(both[:, 0], both[:, 1], rtol=2e-3).mean()) > 0.9


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
    last = seeds.groupby("seed").episode.max().drop(seeds.seed[seeds.ending == "diverged"])
    if early := (last < seeds.episode.max()).sum():
        notes.append(f"{early} of {seeds.seed.nunique()} seeds ended early")
    if cut := (seeds.ending == "truncated").sum():
        notes.append(f"{cut} {'episode' if cut == 1 else 'episodes'} truncated ▲")
    return f"{curve} ({', '.join(notes)})" if notes else str(curve)
