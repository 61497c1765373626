"""What more latents buy: errors, balls found, and what can be read out, against the number of latents."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rlgames.encoders.readout import NEAR, QUANTITIES, encoder_scores
from rlgames.figures.style import bands, colours, entitle, new_figure, set_scale
from rlgames.statistics import over_seeds

READOUT = "Error of a linear readout (pixels)"

PANELS = {
    "Mean squared error per pixel": {"error": "all pixels", "moving_error": "moving pixels"},
    f"Share of balls found within {NEAR:g} pixels": {"ball_found": "in reconstructions"},
    READOUT: {f"pixels_{quantity}": quantity.replace("_", " ") for quantity in QUANTITIES},
}
"""Label of the vertical axis, and the scores along it with their names; errors on a log axis."""

CEILING = "ball_found_in_original"
FAMILY = ["moving_weight", "ignore_still", "split"]
"""What the variants of one line share."""

MARKERS = "os^Dv"


def make(tables: dict[str, Any], *, title: str) -> tuple[Figure, pd.DataFrame]:
    """The figure and the numbers in it, from `tables["encoding"]`: see `encoder_scores`, and the columns of FAMILY;
    `tables["manifest"]` has the seeds that diverged, if any."""
    summary = summarise(tables["encoding"], tables.get("manifest"))
    looks: dict[Any, dict[str, Any]] = {
        (weight, ignore_still, split): {
            "marker": MARKERS[number % len(MARKERS)],
            "mfc": "white" if weight == 1 else None,  # open: the plain loss
            "ls": "-." if split == "episode" else "-",
        }
        for number, (weight, ignore_still, split) in enumerate(
            summary[FAMILY].drop_duplicates().itertuples(index=False)
        )
    }
    known = summary.dropna(subset="value")
    panels = {label: names for label, names in PANELS.items() if summary["quantity"].isin(list(names)).any()}
    figure = new_figure(2 + 4.3 * len(panels), 5.2)
    for axes, (label, names) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        axes.set_xscale("log", base=2)
        palette = colours(list(names))
        handles = [Line2D([], [], color=palette[name], label=text) for name, text in names.items()]
        if "ball_found" in names:
            handles += draw_ceiling(axes, known[known["quantity"] == CEILING])
        for (name, *family), points in known.groupby(["quantity", *FAMILY], sort=False):
            if name in names:
                draw(axes, points, palette[str(name)], looks[tuple(family)])
        shown = known["value"][known["quantity"].isin(list(names))]
        finish(axes, label, sorted(summary["numbers"].unique()), "log" if (shown > 0).all() else "linear")
        axes.legend(handles=handles, fontsize=8.5, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False)
    families = [Line2D([], [], color="0.3", label=family_name(*family), **look) for family, look in looks.items()]
    figure.legend(handles=families, fontsize=8.5, loc="outside right center")
    band = bands(known["band"])
    missing = " No point is shown where seeds diverged." if len(tables.get("manifest", [])) else ""
    entitle(
        figure,
        title,
        f"All on test frames. Points: mean over seeds{f'; bars: {band}' if band else ''}. Squared errors: of "
        "pixels between 0 and 1. Readouts: root mean squared error of a linear regression from the latents, in pixels "
        f"of the frame.{missing}",
        8.5,
    )
    return figure, summary


def summarise(encoding: pd.DataFrame, lost: pd.DataFrame | None = None) -> pd.DataFrame:
    """Mean over seeds and band: columns quantity, those of FAMILY, numbers, value, low, high, band, seeds; blank
    where a seed diverged (`lost`), or has no number."""
    variant = ["experiment", "variant"]
    families = encoding[[*variant, *FAMILY]].drop_duplicates()
    scores = encoder_scores(encoding[encoding["part"] != "other"]).merge(families, on=variant)
    names = [name for names in PANELS.values() for name in names] + [CEILING]
    known = [name for name in names if name in scores]
    if lost is not None:
        keys = [*variant, "seed"]
        scores.loc[scores.set_index(keys).index.isin(lost.set_index(keys).index), known] = float("nan")
    by_seed = scores.melt([*FAMILY, "numbers"], known, "quantity")
    keys = ["quantity", *FAMILY, "numbers"]
    rows = [
        dict(zip(keys, places, strict=True)) | over_seeds(seeds["value"], len(seeds))
        for places, seeds in by_seed.groupby(keys)
    ]
    return pd.DataFrame(rows).astype({"value": float, "low": float, "high": float})


def draw(axes: Axes, points: pd.DataFrame, colour: Any, look: dict[str, Any]) -> None:
    bars = (points[["value", "value"]].to_numpy() - points[["low", "high"]].to_numpy()) * [1, -1]
    axes.errorbar(points["numbers"], points["value"], bars.T.clip(0), color=colour, elinewidth=1, lw=1.4, **look)


def draw_ceiling(axes: Axes, points: pd.DataFrame) -> list[Line2D]:
    """What the detector finds in the originals, the same for all encoders with one split; returns its legend."""
    handles = []
    for split, rows in points.groupby("split", sort=False):
        name = f"in originals{', split by episode' if split == 'episode' else ''}"
        line = ":" if split == "episode" else "--"
        handles.append(axes.axhline(rows["value"].mean(), color="0.4", lw=1.2, ls=line, label=name))
    return handles


def finish(axes: Axes, label: str, sizes: list[int], scale: str) -> None:
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.set_xlim(sizes[0] / 1.5, sizes[-1] * 1.5)
    axes.set(xlabel="Latents", ylabel=label)
    if label.startswith("Mean squared error"):
        set_scale(axes, scale, "error")
    else:
        axes.set_ylim(0, None if label == READOUT else 1.03)


def family_name(weight: float, ignore_still: bool, split: str) -> str:
    loss = "plain loss" if weight == 1 else f"moving pixels × {weight:g}"
    return loss + ",\nstill ones × 0" * ignore_still + ",\nsplit by episode" * (split == "episode")
