"""Where encoders put the things in a game: how far off, and how often near, on random and on other play."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rlgames.encoders.readout import NEAR, THINGS, encoder_scores
from rlgames.figures.style import bands, colours, entitle, new_figure
from rlgames.messages import UserError
from rlgames.statistics import over_seeds

PANELS = {"median": "Median error (pixels)", "within": f"Share of frames within {NEAR:g} pixels"}
"""The scores of each panel, by the first word of their names, and its label."""

MARKERS = {"test": ("o", "test frames", -0.15), "other": ("D", "frames of another data set", 0.15)}
"""A marker for each kind of frames, its name, and how far below the middle of its row it lies."""

PADDLE = 8 / 210
"""Half the height of Pong's paddles, as a share of the frame's."""


def make(tables: dict[str, Any], *, title: str) -> tuple[Figure, pd.DataFrame]:
    """The figure and the numbers in it, from `tables["encoding"]`: see `encoder_scores`, and the columns curve and
    size."""
    encoding = tables["encoding"]
    summary = summarise(encoding)
    if summary.empty:
        raise UserError(
            "The positions of the objects are known only in data sets of Pong, and this figure has none: drop it, or "
            "name experiments on such data sets."
        )
    curves, things = list(encoding["curve"].unique()), list(summary["thing"].unique())
    palette = colours(curves)
    figure = new_figure(10.5, 1.8 + (0.6 + 0.24 * len(curves)) * len(things))
    panels = figure.subplots(len(things), len(PANELS), sharex="col", sharey=True, squeeze=False)
    for row in summary.to_dict("records"):
        axes = panels[things.index(row["thing"]), [*PANELS].index(row["score"])]
        marker, _, shift = MARKERS[row["frames"]]
        bar, colour = [[row["value"] - row["low"]], [row["high"] - row["value"]]], palette[row["curve"]]
        inside, place = colour if row["frames"] == "test" else "white", curves.index(row["curve"]) + shift
        axes.errorbar(row["value"], place, xerr=bar, color=colour, fmt=marker, ms=6, elinewidth=1, mfc=inside)
    for thing, (medians, shares) in zip(things, panels, strict=True):
        for axes in (medians, shares):
            axes.set_title(thing.capitalize(), fontsize=10.5)
        for size in encoding["size"].unique():
            medians.axvline(PADDLE * size, color="0.4", ls="--", lw=1.2)
        medians.set_yticks(range(len(curves)), curves, fontsize=9)
        medians.set_ylim(len(curves) - 0.5, -0.5)
        medians.set_xlim(0)
        shares.set_xlim(-0.02, 1.02)
    for axes, label in zip(panels[-1], PANELS.values(), strict=True):
        axes.set_xlabel(label)
    handles = [
        Line2D([], [], color="0.3", marker=marker, ls="", mfc="0.3" if frames == "test" else "white", label=name)
        for frames, (marker, name, _) in MARKERS.items()
        if (summary["frames"] == frames).any()
    ]
    handles.append(Line2D([], [], color="0.4", ls="--", label="half a paddle's height"))
    figure.legend(handles=handles, fontsize=9, loc="outside right center")
    band = bands(summary["band"])
    entitle(
        figure,
        title,
        f"Mean over seeds{f'; bars: {band}' if band else ''}. Latent variables: by a linear regression. Keypoints: for "
        "each object, the point that is nearest to it in the training frames. Only frames that show the object count.",
        8.5,
    )
    return figure, summary


def summarise(encoding: pd.DataFrame) -> pd.DataFrame:
    """Columns curve, frames, thing, score, value, low, high, band, seeds."""
    curves = encoding[["experiment", "variant", "curve"]].drop_duplicates()
    scores = encoder_scores(encoding).merge(curves, on=["experiment", "variant"])
    rows: list[dict[str, Any]] = []
    for (curve, frames), seeds in scores.groupby(["curve", "frames"], sort=False):
        for thing in THINGS:
            for score in PANELS:
                if f"{score}_{thing}" in seeds and seeds[f"{score}_{thing}"].notna().all():
                    found = over_seeds(seeds[f"{score}_{thing}"], len(seeds))
                    rows.append({"curve": curve, "frames": frames, "thing": thing, "score": score, **found})
    return pd.DataFrame(rows)
