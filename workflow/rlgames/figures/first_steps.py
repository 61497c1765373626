"""The end of a recorded episode, beside the learning curves of its seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rlgames.figures.learning_curves import draw_curve, explain, summarise
from rlgames.figures.style import AXIS, colours, entitle, new_figure, set_counts, set_scale
from rlgames.playing.recording import Recording


def make(tables: dict[str, Any], *, title: str, seed: int) -> tuple[Figure, pd.DataFrame]:
    """The figure and the numbers in it, from `tables["episodes"]` and `tables["recordings"]` of one variant.

    A seed that diverged has no recording, and no picture.
    """
    episodes = tables["episodes"].assign(facet="")
    summary = summarise(episodes, ["steps", "return"], seed)
    figure = new_figure(13, 4.2)
    car, *panels = figure.subplots(1, 3, width_ratios=[1.3, 1, 1])
    car.set_axis_off()
    rows = tables["recordings"][tables["recordings"]["seed"] == seed].to_dict("records")
    if rows:
        recording = Recording.of(rows[0])
        *_, (_, _, last) = recording.replay(render=True)
        car.imshow(np.asarray(last))
        car.set_title(f"Seed {seed}, end of episode {recording.episode}, after {recording.steps} steps", fontsize=11)
    else:
        ended = episodes[episodes["seed"] == seed].sort_values("episode").iloc[-1]
        words = f"Seed {seed} {ended['ending']}\nin episode {ended['episode']}, after {int(ended['steps'])} steps"
        car.text(0.5, 0.5, f"{words}:\nthere is no picture of its last episode", ha="center", va="center")
    (colour,) = colours(list(summary.curve.unique())).values()
    for quantity, axes in zip(["steps", "return"], panels, strict=True):
        draw_curve(axes, summary[summary["quantity"] == quantity], colour, f"seed {seed}")
        axes.set(xlabel="Episode", ylabel=AXIS[quantity])
        set_counts(axes, 1, int(summary.episode.max()))
        set_scale(axes, "log", quantity)
    above, *_ = explain(summary, seed).removeprefix("Above: ").split("\n")
    entitle(figure, title, f"Line: {above} The vertical axes are logarithmic.")
    return figure, summary
