"""Pictures of an agent at play: the screen, and beside it the score, the action values and the action taken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from rlgames.environments.atari import Games, replay

SCALE = 3
PANEL = 330
"""Width of the part beside the screen, in pixels."""

TOP = 258
"""Where the bars begin, in pixels."""

HIGHLIGHT = 120
"""Steps of an animation: some eight seconds."""

INK, FAINT, BAR, CHOSEN = (235, 235, 235), (130, 130, 130), (0, 114, 178), (230, 159, 0)
"""Colours as red, green, blue; bars blue and orange, which a colour-blind reader can tell apart."""


def pictures(recording: dict[Any, Any], caption: list[str]) -> Iterator[np.ndarray]:
    """Every step of an evaluation episode: uint8, shape (630, 810, 3). The panel is what led to the next picture."""
    settings = json.loads(recording["environment"])
    names = Games(settings, 1).actions
    actions = recording["actions"]
    values, heading = None, "random actions" if recording["agent"] == "random" else "no values: weights diverged"
    if recording["values"] is not None:
        values, heading = np.frombuffer(recording["values"], "<f4").reshape(len(actions), len(names)), "action values Q"
    bounds = (0.0, 0.0) if values is None else (min(0.0, float(values.min())), max(0.0, float(values.max())))
    score = 0.0
    for step, (reward, _, screen) in enumerate(replay(recording, settings, render=True)):
        score += reward
        panel = np.full((screen.shape[0] * SCALE, PANEL, 3), 24, np.uint8)
        write_lines(panel, caption, score, step, len(actions))
        if step < len(actions):
            write(panel, heading, (18, TOP - 16), 0.5, FAINT)
            draw_values(panel, names, actions[step], None if values is None else values[step], bounds)
        large = cv2.resize(screen, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_NEAREST)
        yield np.hstack([large, panel])


def write_lines(panel: np.ndarray, caption: list[str], score: float, step: int, steps: int) -> None:
    for number, line in enumerate(caption):
        write(panel, shortened(line, PANEL - 36, 0.55), (18, 36 + 26 * number), 0.55, INK if number == 0 else FAINT)
    write(panel, f"Score {score:g}", (18, 170), 1.1, INK, 2)
    write(panel, f"step {step} of {steps}", (18, 200), 0.5, FAINT)


def shortened(text: str, width: int, size: float) -> str:
    """The text, or as much of it as fits into `width` pixels, and three dots."""
    fitting, dots = text, ""
    while cv2.getTextSize(fitting + dots, cv2.FONT_HERSHEY_SIMPLEX, size, 1)[0][0] > width:
        fitting, dots = fitting[:-1], "..."
    return fitting + dots


def draw_values(
    panel: np.ndarray, names: list[str], action: int, values: np.ndarray | None, bounds: tuple[float, float]
) -> None:
    """A bar for each action, from zero; the chosen one in orange, with a mark."""
    low, high = bounds
    left, right = 130, PANEL - 70
    height = min(44, (panel.shape[0] - TOP - 20) // len(names))
    zero = left + int((right - left) * (-low) / max(high - low, 1e-6))
    for number, name in enumerate(names):
        y, chosen = TOP + number * height, number == action
        colour = CHOSEN if chosen else BAR
        size = min(0.5, height / 50)
        write(
            panel, ("> " if chosen else "  ") + name.lower(), (10, y + height * 2 // 3), size, INK if chosen else FAINT
        )
        if values is None:
            continue
        end = left + int((right - left) * (float(values[number]) - low) / max(high - low, 1e-6))
        cv2.rectangle(panel, (min(zero, end), y + 4), (max(zero, end), y + height - 5), colour, -1)
        write(panel, f"{values[number]:.2f}", (right + 8, y + height * 2 // 3), size, INK if chosen else FAINT)
    if values is not None:
        cv2.line(panel, (zero, TOP), (zero, TOP + len(names) * height), FAINT, 1)


def write(
    panel: np.ndarray, text: str, place: tuple[int, int], size: float, colour: tuple[int, int, int], weight: int = 1
) -> None:
    cv2.putText(panel, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, weight, cv2.LINE_AA)


def highlight(recording: dict[Any, Any]) -> range:
    """The steps with the most points among so many in a row, for an animation.

    Of the first such stretches, one after the other, the one in the middle: it hardly ever ends with a point, where the
    screen shows the brighter of two frames and so two scores at once.
    """
    rewards = np.frombuffer(recording["rewards"], "<f4")
    length = min(HIGHLIGHT, len(rewards))
    points = np.convolve(rewards, np.ones(length, np.float32), "valid")
    best = np.flatnonzero(points == points.max())
    first = best[best - best[0] == np.arange(len(best))]
    start = int(first[len(first) // 2])
    return range(start + 1, start + length + 1)


def decisive(recording: dict[Any, Any], steps: range) -> int:
    """For a still: which of the steps comes before the choice in which action values differ most; or else the last."""
    if recording["values"] is None or steps.start == len(recording["actions"]):
        return len(steps) - 1
    values = np.frombuffer(recording["values"], "<f4").reshape(len(recording["actions"]), -1)
    return int(np.ptp(values[steps.start : steps.stop], axis=1).argmax())


def choose(recordings: Any, which: str) -> dict[Any, Any]:
    """The episode of best return or of median return of the trained agent, or the first of the random one.

    `recordings` is the DataFrame of an evaluation. Of equal returns the shorter episode is better.
    """
    if which == "random":
        return recordings[recordings["agent"] == "random"].iloc[0].to_dict()
    ranked = recordings[recordings["agent"] == "trained"].sort_values(
        ["return", "steps"], ascending=[True, False], kind="stable"
    )
    return ranked.iloc[-1 if which == "best" else (len(ranked) - 1) // 2].to_dict()
