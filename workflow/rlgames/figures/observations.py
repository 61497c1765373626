"""What an agent sees: a picture of the game, the same in grey, resized, and the stack of the last few."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rlgames.environments.atari import replay
from rlgames.figures.style import new_figure
from rlgames.playing.recording import Recording


def make(tables: dict[str, Any], *, title: str, step: int) -> tuple[Figure, pd.DataFrame]:
    """The figure and the numbers in it: the first of `tables["evaluation recordings"]`, at `step` or its end."""
    recording = Recording.of(tables["evaluation recordings"].iloc[0].to_dict())
    settings = recording.environment
    step = min(step, recording.steps)
    raw = picture_at(recording, step, render=True)
    grey = cv2.cvtColor(raw, cv2.COLOR_RGB2GRAY)
    stack = picture_at(recording, step, stack_select="all")
    seen = picture_at(recording, step)
    depth = len(stack)
    chosen = [0, (depth - 1) // 2, depth - 1]
    panels = {
        f"The screen\n{shape(raw)}": raw,
        f"Grey\n{shape(grey)}": grey,
        f"Resized\n{shape(stack[-1])}": stack[-1],
        f"Frames {', '.join(str(n + 1) for n in chosen)} of the stack\nas red, green, blue":
            np.stack([stack[number] for number in chosen], axis=-1),
    }  # fmt: skip
    figure = new_figure(12, 4.6)
    figure.suptitle(title, fontsize=13)
    for axes, (name, picture) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        axes.imshow(picture, cmap="gray" if picture.ndim == 2 else None, vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(name, fontsize=9.5)
        axes.set_axis_off()
    height, width = seen.shape[1:]
    figure.supxlabel(
        f"Step {step} of an evaluation episode. With stack {depth} and stack_select {settings['stack_select']}, the "
        f"agent's state has shape ({height}, {width}, {len(seen)}).",
        fontsize=9,
        color="0.35",
    )  # fmt: skip
    numbers = [
        {"panel": name.split("\n")[0], "shape": shape(picture), "lowest": picture.min(), "mean": picture.mean(),
         "highest": picture.max()}
        for name, picture in (*panels.items(), ("State", seen.transpose(1, 2, 0)))
    ]  # fmt: skip
    return figure, pd.DataFrame(numbers)


def picture_at(recording: Recording, step: int, *, render: bool = False, **changes: Any) -> np.ndarray:
    """The picture (see `replay`) before action `step` (from 0) of a recording; `changes` are of the settings."""
    *_, last = replay(recording._replace(actions=recording.actions[:step]), render=render, **changes)
    return np.asarray(last.picture)


def shape(picture: np.ndarray) -> str:
    return " x ".join(map(str, picture.shape))
