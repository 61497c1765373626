"""Frames, what an auto-encoder makes of them, and the difference: typical test frames, and the worst."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from rlgames.encoders.frames import decode
from rlgames.encoders.readout import NEAR
from rlgames.figures.style import entitle, new_figure
from rlgames.messages import UserError

THERE = 0.3
"""Presence above which a point is marked."""

EACH = 4
"""Typical frames, and worst ones, at most."""

COLUMNS = ["curve", "seed", "row", "shown", "episode", "step", "error", "moving_error", "ball_distance"]


def make(tables: dict[str, Any], *, title: str) -> tuple[Figure, pd.DataFrame]:
    """The figure and the numbers in it, from `tables["encoding"]`: a block of pictures for each curve.

    The columns are those of COLUMNS (ball_distance if it is known) and, as PNG, original and reconstruction. `shown`
    is "typical" or "worst", and null for frames without pictures.
    """
    encoding = tables["encoding"]
    blocks = [choose(rows) for _, rows in encoding[encoding["shown"].notna()].groupby("curve", sort=False)]
    widest = max(map(len, blocks))
    figure = new_figure(0.6 + 1.6 * widest, 0.8 + 5.6 * len(blocks), dpi=110)
    for part, frames in zip(figure.subfigures(len(blocks), 1, squeeze=False)[:, 0], blocks, strict=True):
        draw(part, frames, widest)
    balls = "ball_distance" in encoding and encoding["ball_distance"].notna().any()
    found = f"\nA ball is found if the reconstruction shows it within {NEAR:g} pixels of its place." if balls else ""
    rings = "\nRings: points of an encoder that it takes to be there." if (encoding["called"] == "points").any() else ""
    entitle(
        figure,
        title,
        "Test frames of the first seed, typical: of an error near the median. Error: mean squared, of pixels between "
        f"0 and 1.{found}{rings}",
        8.5,
    )
    numbers = pd.concat(blocks, ignore_index=True)
    return figure, numbers[[name for name in COLUMNS if name in numbers]]


def choose(rows: pd.DataFrame) -> pd.DataFrame:
    """The frames of the first seed to show: typical ones, then the worst."""
    rows = rows[rows["seed"] == rows["seed"].min()]
    return pd.concat([rows[rows["shown"] == which].head(EACH) for which in ("typical", "worst")])


def draw(figure: SubFigure, frames: pd.DataFrame, columns: int) -> None:
    """Three rows of pictures, a column for each frame."""
    figure.suptitle(frames["curve"].iloc[0], fontsize=10)
    panels = figure.subplots(3, columns, squeeze=False)
    for axes in panels.flat:
        axes.set(xticks=[], yticks=[])
    for axes in panels[:, len(frames) :].flat:
        axes.set_axis_off()
    for axes, name in zip(panels[:, 0], ("Original", "Reconstruction", "Difference"), strict=True):
        axes.set_ylabel(name, fontsize=9)
    for column, frame in zip(panels.T, frames.to_dict("records"), strict=False):
        original, reconstruction = decoded(frame, "original"), decoded(frame, "reconstruction")
        pictures = (original, reconstruction, cv2.absdiff(original, reconstruction))
        for axes, picture in zip(column, pictures, strict=True):
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        column[0].set_title(caption(frame), fontsize=7.5)
        if frame["called"] == "points":
            mark(column[0], frame["numbers"])


def mark(axes: Axes, points: np.ndarray) -> None:
    """Rings, each in its colour, around the points that are there in a frame, with their numbers."""
    x, y, presence = points.reshape(-1, 3).T
    for number in np.flatnonzero(presence > THERE).tolist():
        colour = f"C{number}"
        axes.plot(x[number], y[number], "o", ms=9, mfc="none", mec=colour, mew=1.4)
        axes.annotate(str(number), (x[number], y[number]), (5, 3), textcoords="offset points", color=colour, fontsize=7)


def caption(frame: dict[Any, Any]) -> str:
    """The error, and whether the ball was found."""
    lines = [frame["shown"], f"error {frame['error']:.2g}"]
    distance = frame.get("ball_distance")
    if distance is not None:
        lines.append(ball(distance))
    return "\n".join(lines)


def ball(distance: float) -> str:
    """In words, how far from its place (in pixels) a reconstruction shows the ball."""
    if np.isnan(distance):
        return "no ball"
    if np.isinf(distance):
        return "ball missing"
    return f"ball {'found' if distance <= NEAR else 'misplaced'} ({distance:.1f} px)"


def decoded(frame: dict[Any, Any], name: str) -> np.ndarray:
    """A picture in a row of the table. Raises `UserError` for a damaged one."""
    try:
        return decode(frame[name])
    except ValueError as error:
        where = "encoding.parquet of {experiment}/{variant}, seed {seed}".format(**frame)
        raise UserError(f"The {where}, is damaged ({error}): delete it and run the same make again.") from None
