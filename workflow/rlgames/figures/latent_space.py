"""Where an encoder puts frames: the first two principal components of its latents, coloured by where the ball is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from rlgames.encoders.readout import matrix
from rlgames.figures.style import entitle, new_figure

POINTS = 800
"""Test frames that are drawn of each curve, at most."""

SHOWN = [0.005, 0.995]
"""Quantiles between which axes and colours lie: a screen unlike all others, as before a game begins, is far outside."""

LABELS = {"ball_x": "Ball x (pixels)", "ball_y": "Ball y (pixels)", "step": "Step in the episode"}


def make(tables: dict[str, Any], *, title: str) -> tuple[Figure, pd.DataFrame]:
    """The figure and the numbers in it, from `tables["encoding"]`: a row of panels for each curve.

    The columns are curve, seed, row, part, episode, step, called, numbers, and ball_x and ball_y if they are known.
    """
    groups = tables["encoding"].groupby("curve", sort=False)
    numbers = pd.concat([components(rows) for _, rows in groups], ignore_index=True)
    curves = list(numbers["curve"].unique())
    quantities = [name for name in ("ball_x", "ball_y") if name in numbers and numbers[name].notna().any()] or ["step"]
    # With so many points in each panel, a larger picture is a large file.
    figure = new_figure(0.5 + 4.5 * len(quantities), 1 + 3.3 * len(curves), dpi=75)
    panels = figure.subplots(len(curves), len(quantities), squeeze=False)
    for column, quantity in zip(panels.T, quantities, strict=True):
        scale = Normalize(*numbers[quantity].quantile(SHOWN))
        for axes, curve in zip(column, curves, strict=True):
            draw(axes, numbers[numbers["curve"] == curve], quantity, scale)
            axes.set_title(curve, fontsize=10)
        figure.colorbar(ScalarMappable(scale, "viridis"), ax=list(column), label=LABELS[quantity])
    grey = (
        "; grey: no ball on the screen" if quantities != ["step"] and numbers[quantities].isna().any(axis=None) else ""
    )
    entitle(
        figure,
        title,
        "Components: of the training frames' latents, with their shares of the variance. Points: up to\n"
        f"{POINTS:,} test frames, evenly spread over all that were judged, of the first seed{grey}.\n"
        "Axes and colours: without the outermost hundredth.",
        8.5,
    )
    return figure, numbers


def components(rows: pd.DataFrame) -> pd.DataFrame:
    """Places of a curve's test frames on the first two components, and the components' shares of the variance."""
    rows = rows[rows["seed"] == rows["seed"].min()]
    training, test = (rows[rows["part"] == part] for part in ("training", "test"))
    test = test.iloc[np.linspace(0, len(test) - 1, min(POINTS, len(test))).astype(int)]
    with np.errstate(invalid="ignore"):  # latents that never vary
        analysis = PCA(2, svd_solver="covariance_eigh").fit(matrix(training)[1])
    places, shares = analysis.transform(matrix(test)[1]), np.nan_to_num(analysis.explained_variance_ratio_)
    known = [name for name in ("curve", "seed", "row", "episode", *LABELS) if name in test]
    return test[known].assign(first=places[:, 0], second=places[:, 1], first_share=shares[0], second_share=shares[1])


def draw(axes: Axes, rows: pd.DataFrame, quantity: str, scale: Normalize) -> None:
    known = rows[quantity].notna()
    with_ball, without = rows[known], rows[~known]
    axes.scatter(without["first"], without["second"], s=5, lw=0, color="0.8", rasterized=True)
    axes.scatter(
        with_ball["first"], with_ball["second"], s=5, lw=0, c=with_ball[quantity], cmap="viridis", norm=scale,
        rasterized=True,
    )  # fmt: skip
    axes.set(
        xlim=limits(rows["first"]),
        ylim=limits(rows["second"]),
        xlabel=f"First component ({rows['first_share'].iloc[0]:.0%})",
        ylabel=f"Second component ({rows['second_share'].iloc[0]:.0%})",
    )


def limits(places: pd.Series) -> tuple[float, float]:
    """Limits of an axis: the range shown, with a margin."""
    low, high = places.quantile(SHOWN)
    margin = 0.1 * (high - low) or 1.0  # an encoder that tells no frames apart
    return low - margin, high + margin
