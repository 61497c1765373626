"""What an agent sees: a picture of the game, the same in grey, resized, and the stack of the last few."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rlgames.environments.atari import replay
from rlgames.figures.style import entitle, new_figure
from rlgames.playing.composite import as_colours, composite
from rlgames.playing.recording import Recording

LESSON: dict[str, Any] = {"image_size": 84, "stack": 3, "stack_select": "first-last"}
"""What the agent of the lesson's picture sees."""

SEARCHED, USUAL = 500, 60
"""Steps from the beginning among which one that shows motion is looked for, and the step where none does."""

CHANGED, MOST = 10, 0.1
"""Grey levels by which a pixel has changed, and the share of pixels beyond which all of the screen has: a flash."""


def make(tables: dict[str, Any], *, title: str, step: int | None = None) -> tuple[Figure, pd.DataFrame]:
    """The figure and the numbers in it: the first of `tables["evaluation recordings"]`, at `step` or its end; by
    default, where motion is seen best."""
    recording = Recording.of(tables["evaluation recordings"].iloc[0].to_dict())
    settings = recording.environment
    step = moving_step(recording) if step is None else min(step, recording.steps)
    raw = picture_at(recording, step, render=True)
    grey = cv2.cvtColor(raw, cv2.COLOR_RGB2GRAY)
    stack = picture_at(recording, step, stack_select="all")
    seen, depth = picture_at(recording, step), len(stack)
    panels = {f"The screen\n{shape(raw)}": raw, f"Grey\n{shape(grey)}": grey, f"Resized\n{shape(stack[-1])}": stack[-1]}
    states = {"State": seen}
    if depth > 1:
        panels[composite_name("of the stack", depth)] = composite(stack)
    if LESSON.items() - settings.items():
        lesson = states["The lesson's state"] = picture_at(recording, step, **LESSON)
        panels["The lesson's state, 84 x 84 x 2\nframes 1, 3 of three as red, cyan"] = composite(lesson)
    figure = new_figure(3 * len(panels), 4.6)
    for axes, (name, picture) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        axes.imshow(picture, cmap="gray" if picture.ndim == 2 else None, vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(name, fontsize=9.5)
        axes.set_axis_off()
    height, width = seen.shape[1:]
    entitle(
        figure,
        title,
        f"Step {step} of an evaluation episode. With stack {depth} and stack_select {settings['stack_select']}, the "
        f"agent's state has shape ({height}, {width}, {len(seen)}).",
    )
    shown = {name.split("\n")[0]: picture for name, picture in panels.items() if not name.startswith("The lesson's")}
    numbers = [
        {"panel": name, "shape": shape(picture), "lowest": picture.min(), "mean": picture.mean(),
         "highest": picture.max()}
        for name, picture in (shown | {name: state.transpose(1, 2, 0) for name, state in states.items()}).items()
    ]  # fmt: skip
    return figure, pd.DataFrame(numbers)


def moving_step(recording: Recording) -> int:
    """The step at which most things move: that with most blobs (and then pixels) which each of the frames of a
    composite has for itself. A point changes the score, which is no motion."""
    depth = max(recording.environment["stack"], LESSON["stack"])
    best, most = min(USUAL, recording.steps), (1, 0)  # one blob of the background is no motion
    short = recording._replace(actions=recording.actions[:SEARCHED])
    scored = -depth
    for step, moment in enumerate(replay(short, stack=depth, stack_select="all")):
        scored = step if moment.reward else scored
        red, green, blue = np.moveaxis(composite(np.asarray(moment.picture)), -1, 0)
        unlike = [cv2.absdiff(*pair) > CHANGED for pair in ((red, green), (green, blue), (blue, red))]
        own = [(unlike[number - 1] & unlike[number]).astype(np.uint8) for number in range(3)]
        moved = min((cv2.connectedComponents(mask)[0], int(mask.sum())) for mask in own)
        if step - scored >= depth and moved > most and np.any(unlike, axis=0).mean() < MOST:
            best, most = step, moved
    return best


def composite_name(of: str, depth: int) -> str:
    numbers = ", ".join(str(number + 1) for number in dict.fromkeys(as_colours(depth)))
    return f"Frames {numbers} {of}\nas {'red, cyan' if depth == 2 else 'red, green, blue'}"


def picture_at(recording: Recording, step: int, *, render: bool = False, **changes: Any) -> np.ndarray:
    """The picture (see `replay`) before action `step` (from 0) of a recording; `changes` are of the settings."""
    *_, last = replay(recording._replace(actions=recording.actions[:step]), render=render, **changes)
    return np.asarray(last.picture)


def shape(picture: np.ndarray) -> str:
    return " x ".join(map(str, picture.shape))
