"""The end of a recorded episode, beside the learning curves of its seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rlgames.figures.learning_curves import draw_curve, summarise
from rlgames.figures.style import AXIS, colours, new_figure, set_scale
from rlgames.playing.recording import Recording


def make(tables: dict[str, Any], *, title: str, seed: int) -> tuple[Figure, pd.DataFrame]:
    """The figure and the numbers in it, from `tables["episodes"]` and `tables["recordings"]` of one variant."""
    episodes = tables["episodes"].assign(facet="")
    summary = summarise(episodes, ["steps", "return"], seed)
    (row,) = tables["recordings"][tables["recordings"]["seed"] == seed].to_dict("records")
    recording = Recording.of(row)
    *_, (_, _, last) = recording.replay(render=True)
    figure = new_figure(13, 4.2)
    car, *panels = figure.subplots(1, 3, width_ratios=[1.3, 1, 1])
    car.imshow(np.asarray(last))
    car.set_axis_off()
    car.set_title(f"Seed {seed}, end of episode {recording.episode}, after {recording.steps} steps", fontsize=11)
    (colour,) = colours(list(summary.curve.unique())).values()
    for quantity, axes in zip(["steps", "return"], panels, strict=True):
        part = summary[summary["quantity"] == quantity]
        draw_curve(axes, part, colour, f"seed {seed}")
        axes.set(xlabel="Episode", ylabel=AXIS[quantity], xlim=(1, summary.episode.max()))
        set_scale(axes, "log", quantity)
    figure.suptitle(title, fontsize=13)
    bands = " or ".join(summary.band.dropna().unique())
    figure.supxlabel(
        f"Line: seed {seed}. Band: {bands}. Both axes of steps and returns are logarithmic.", fontsize=9, color="0.35"
    )
    return figure, summary
