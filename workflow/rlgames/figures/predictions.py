"""Predicted returns of fixed policies: errors on test episodes, and values beside the return along one of them."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from rlgames.figures.style import bands, colours, entitle, new_figure
from rlgames.statistics import over_seeds, prediction_scores

SHOWN = 250
"""Moments of an episode along which values are drawn."""


def make(tables: dict[str, Any], *, title: str) -> tuple[Figure, pd.DataFrame]:
    """The figure and the numbers in it, from `tables["predictions"]`: see `summarise`. A column for each data set."""
    predictions = tables["predictions"]
    summary = summarise(predictions)
    datasets, curves = list(predictions["dataset"].unique()), list(predictions["curve"].unique())
    palette = colours(curves)
    figure = new_figure(max(8.5, 2 + 5.0 * len(datasets)), 4.4 + 0.3 * len(curves))
    axes = figure.subplots(2, len(datasets), squeeze=False, height_ratios=[0.3 * len(curves) + 0.6, 2.6])
    for panel, dataset in enumerate(datasets):
        errors, course = axes[:, panel]
        rows = summary[summary["dataset"] == dataset]
        for row in rows.dropna(subset="value").to_dict("records"):
            bar = [[row["value"] - row["low"]], [row["high"] - row["value"]]]
            errors.errorbar(row["value"], curves.index(row["curve"]), xerr=bar, color=palette[row["curve"]], fmt="o")
        of_mean = errors.axvline(
            rows["error_of_mean"].iloc[0], color="0.4", ls="--", lw=1.2, label="always the mean return"
        )
        errors.set(
            title=f"The policy of {dataset}",
            xlabel="Root mean squared error",
            yticks=range(len(curves)),
            yticklabels=curves if panel == 0 else [],
            ylim=(len(curves) - 0.5, -0.5),
        )
        found = predictions[predictions["dataset"] == dataset]
        found = found[found["seed"] == found.groupby("curve")["seed"].transform("min")]
        found = found[(found["episode"] == found["episode"].min()) & (found["step"] < SHOWN)]
        for curve, values in found.groupby("curve", sort=False, observed=True):
            if curve == found["curve"].iloc[0]:
                course.plot(values["step"], values["return"], color="0.6", lw=2.5, label="return that followed")
            course.plot(values["step"], values["value"], color=palette[curve], lw=1.2, label=curve)
        course.set(xlabel="Step of the first test episode", ylabel="Return, value" if panel == 0 else "")
    lines = {line.get_label(): line for course in axes[1] for line in course.lines} | {of_mean.get_label(): of_mean}
    figure.legend(lines.values(), lines.keys(), fontsize=9, loc="outside right center")
    band, discount = bands(summary["band"]), predictions["discount"].iloc[0]
    entitle(
        figure,
        title,
        f"Mean over seeds{f'; bars: {band}' if band else ''}. Below: the first seed. Discount: {discount:g}.",
        8.5,
    )
    return figure, summary


def summarise(predictions: pd.DataFrame) -> pd.DataFrame:
    """A row for each curve of each data set: curve, dataset, error_of_mean, test_episodes, and of the error value, low,
    high, band and seeds; blank where a seed diverged."""
    columns = predictions[["experiment", "variant", "curve", "dataset"]].drop_duplicates()
    scores = prediction_scores(predictions).merge(columns, on=["experiment", "variant"])
    rows = []
    for (dataset, curve), seeds in scores.groupby(["dataset", "curve"], sort=False):
        facts: dict[Any, Any] = seeds[["error_of_mean", "test_episodes"]].iloc[0].to_dict()
        found: dict[str, Any] = over_seeds(seeds["error"], len(seeds))
        rows.append({"dataset": dataset, "curve": curve, **facts, **found})
    return pd.DataFrame(rows)
