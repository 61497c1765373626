"""Pictures of an agent at play: the screen, and beside it the score, the action values and the action taken.

If the agent is one that sees where things are, rings show on the screen what it sees.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import repeat

import cv2
import numpy as np

from rlgames.playing.recording import Recording
from rlgames.videos.encoding import halved

SCALE, CONSOLE, HEIGHT = 3, (210, 160), 630
"""How much a console's screen, of this height and width, is enlarged; the height of a video, in pixels."""

NO_PREFERENCES, DIVERGED = {"random": "random actions"}, "no values: weights diverged"
"""Texts in place of missing preferences."""

PANEL = 330
"""Width of the part beside the screen, in pixels."""

TOP = 258
"""Top of the bars, in pixels."""

HIGHLIGHT = 120
"""Steps of an animation: some eight seconds."""

INK, FAINT, BAR, CHOSEN = (235, 235, 235), (130, 130, 130), (0, 114, 178), (230, 159, 0)
"""Colours as red, green, blue; bars blue and orange, which a colour-blind reader can tell apart."""

RING, CONTROLLED, OTHER = 16, (240, 228, 66), (86, 180, 233)
"""Radius of a ring, in pixels; yellow and sky blue, which differ from the bars and, to a colour-blind reader, from each
other."""

KEY = 12
"""How far above the bottom of the panel rings are explained, below the bars of any game, in pixels."""


def pictures(
    recording: Recording, caption: list[str], places: Iterable[np.ndarray] | None = None,
    insights: Iterable[dict[str, np.ndarray]] | None = None,
) -> Iterator[np.ndarray]:  # fmt: skip
    """Every step of an evaluation episode: uint8, shape (height, width, 3), both even. The panel is what led to the
    next picture.

    `places` says of each picture where the agent sees things, as `rlgames.features.base.Features.seen` does: they get
    rings. `insights` are what else the network says of each picture, as `rlgames.playing.deep.Player.insights` has it:
    a `value` of the state, or `distributions` of each action's return.
    """
    names, preferences = recording.action_names(), recording.preferences
    heading = recording.shown if preferences is not None else NO_PREFERENCES.get(recording.agent, DIVERGED)
    bounds = (0.0, 0.0)
    if preferences is not None:
        bounds = axis(float(preferences.min()), float(preferences.max()))
    score = 0.0
    count = len(recording.actions) + 1
    seen = repeat(np.empty((0, 2)), count) if places is None else places
    said: Iterable[dict[str, np.ndarray]] = repeat({}, count) if insights is None else insights
    shown_again = zip(recording.replay(render=True), seen, said, strict=True)
    for step, ((reward, _, screen), things, insight) in enumerate(shown_again):
        score += reward
        large = enlarged(np.asarray(screen))
        draw_rings(large, things)
        panel = np.full((len(large), PANEL, 3), 24, np.uint8)
        if places is not None:
            explain_rings(panel)
        write_lines(panel, caption, score, step, recording.steps)
        if step < recording.steps:
            write(panel, shortened(heading, PANEL - 36, 0.5), (18, TOP - 16), 0.5, FAINT)
            shown, action = None if preferences is None else preferences[step], recording.actions[step]
            if "value" in insight:
                write(panel, f"V(s) {insight['value']:.2f}", (PANEL - 130, 200), 0.5, INK)
            if shown is not None and "distributions" in insight:
                draw_distributions(panel, names, action, shown, **insight)
            else:
                draw_preferences(panel, names, action, shown, bounds)
        yield np.hstack([large, panel])


def axis(low: float, high: float) -> tuple[float, float]:
    """Ends of the axis of the bars: with zero, unless all values are so far from it that their differences would be
    lost."""
    return (low, high) if low > (high - low) or high < (low - high) else (min(0.0, low), max(0.0, high))


def enlarged(screen: np.ndarray) -> np.ndarray:
    """A picture of a game at the size of a video: a console's screen three times as large, others to its height."""
    height, width = screen.shape[:2]
    if (height, width) == CONSOLE:
        return cv2.resize(screen, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_NEAREST)
    factor = HEIGHT / height
    small = height < HEIGHT // 4  # blocks, as those of MinAtar, stay sharp
    wide = 2 * round(width * factor / 2)
    return cv2.resize(screen, (wide, HEIGHT), interpolation=cv2.INTER_NEAREST if small else cv2.INTER_AREA)


def draw_rings(picture: np.ndarray, things: np.ndarray) -> None:
    """A ring around each thing that is there (shape (things, 2), shares of width and height, or NaN); the first one is
    what the agent controls, and lies on top."""
    height, width = picture.shape[:2]
    for number in reversed(np.flatnonzero(np.isfinite(things).all(axis=1)).tolist()):
        x, y = things[number] * [width, height]
        draw_ring(picture, (round(x), round(y)), RING, OTHER if number else CONTROLLED)


def explain_rings(panel: np.ndarray) -> None:
    """A small ring of each colour, and what it means."""
    y, radius = len(panel) - KEY, 6
    for x, text, colour in ((26, "controlled", CONTROLLED), (150, "other point", OTHER)):
        draw_ring(panel, (x, y), radius, colour)
        write(panel, text, (x + 14, y + 5), 0.5, FAINT)


def draw_ring(picture: np.ndarray, middle: tuple[int, int], radius: int, colour: tuple[int, int, int]) -> None:
    """With a dark edge, so that it is seen on any background."""
    for each, weight in (((0, 0, 0), 5), (colour, 2)):
        cv2.circle(picture, middle, radius, each, weight, cv2.LINE_AA)


def write_lines(panel: np.ndarray, caption: list[str], score: float, step: int, steps: int) -> None:
    for number, line in enumerate(caption):
        write(panel, shortened(line, PANEL - 36, 0.55), (18, 36 + 26 * number), 0.55, INK if number == 0 else FAINT)
    text = f"Score {points(score)}"
    write(panel, text, (18, 170), min(1.1, 16 / len(text)), INK, 2)
    write(panel, f"step {step} of {steps}", (18, 200), 0.5, FAINT)


def points(score: float) -> str:
    """A score in whole, to two places: 1,234,567 or -123.46."""
    return f"{round(score, 2):,.12g}"


def shortened(text: str, width: int, size: float) -> str:
    """The text, or as much of it as fits into `width` pixels, and three dots."""
    fitting, dots = text, ""
    while cv2.getTextSize(fitting + dots, cv2.FONT_HERSHEY_SIMPLEX, size, 1)[0][0] > width:
        fitting, dots = fitting[:-1], "..."
    return fitting + dots


def draw_preferences(
    panel: np.ndarray, names: list[str], action: int, values: np.ndarray | None, bounds: tuple[float, float]
) -> None:
    """A bar for each action's value or probability, from zero or the end of the axis that is nearest to it; the chosen
    one in orange, with a mark."""
    low, high = bounds
    left, right = 130, PANEL - 70
    height = min(44, (panel.shape[0] - TOP - 20) // len(names))
    zero = left + int((right - left) * (min(max(0.0, low), high) - low) / max(high - low, 1e-6))
    for number, name in enumerate(names):
        y, chosen = TOP + number * height, number == action
        colour = CHOSEN if chosen else BAR
        size = min(0.5, height / 50)
        write(panel, ">" if chosen else "", (10, y + height * 2 // 3), size, INK)
        write(panel, name.lower(), (26, y + height * 2 // 3), size, INK if chosen else FAINT)
        if values is None:
            continue
        end = left + int((right - left) * (float(values[number]) - low) / max(high - low, 1e-6))
        cv2.rectangle(panel, (min(zero, end), y + 4), (max(zero, end), y + height - 5), colour, -1)
        write(panel, f"{values[number]:.2f}", (right + 8, y + height * 2 // 3), size, INK if chosen else FAINT)
    if values is not None:
        cv2.line(panel, (zero, TOP), (zero, TOP + len(names) * height), FAINT, 1)


def draw_distributions(
    panel: np.ndarray, names: list[str], action: int, means: np.ndarray, distributions: np.ndarray, returns: np.ndarray
) -> None:
    """The distribution of each action's return, with a line at its mean; the chosen one in orange, with a mark.

    Shapes: means (actions,), distributions (actions, atoms), returns (atoms,). All have one scale, so that the most
    probable return of all is as high as a row.
    """
    left, right, low, high = 110, PANEL - 70, float(returns[0]), float(returns[-1])
    bottom = panel.shape[0] - 2 * KEY - 14
    height = min(90, (bottom - TOP) // len(names))
    edges = np.linspace(left, right, len(returns) + 1).round().astype(int)

    def across(value: float) -> int:
        """Where a return stands: the middle of the bar of an atom."""
        return round((edges[0] + edges[1]) / 2 + (right - left) * (1 - 1 / len(returns)) * (value - low) / (high - low))

    for number, name in enumerate(names):
        foot, chosen = TOP + (number + 1) * height - 4, number == action
        size = min(0.5, height / 40)
        ink = INK if chosen else FAINT
        write(panel, ">" if chosen else "", (10, foot), size, INK)
        write(panel, name.lower(), (26, foot), size, ink)
        heights = (distributions[number] / distributions.max() * (height - 8)).round().astype(int)
        for start, end, tall in zip(edges, edges[1:], heights, strict=False):
            cv2.rectangle(panel, (start, foot - tall), (max(start, end - 1), foot), CHOSEN if chosen else BAR, -1)
        mean = across(float(means[number]))
        cv2.line(panel, (mean, foot - height + 8), (mean, foot), INK, 1)
        write(panel, f"{means[number]:.2f}", (right + 8, foot), size, ink)
    for value in (low, (low + high) / 2, high):
        text = f"{value:.3g}"
        width = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)[0][0]
        write(panel, text, (across(value) - width // 2, TOP + len(names) * height + 14), 0.4, FAINT)


def write(
    panel: np.ndarray, text: str, place: tuple[int, int], size: float, colour: tuple[int, int, int], weight: int = 1
) -> None:
    cv2.putText(panel, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, weight, cv2.LINE_AA)


def notice(*lines: str) -> np.ndarray:
    """A picture with nothing but words, where there is nothing to show: uint8, shape (height, width, 3)."""
    panel = np.full((160, 640, 3), 24, np.uint8)
    for number, line in enumerate(lines):
        write(panel, shortened(line, 600, 0.6), (20, 50 + 40 * number), 0.6, INK if number == 0 else FAINT)
    return panel


def highlight(recording: Recording) -> range:
    """The steps with the most points among so many in a row, for an animation.

    Of the first such stretches, one after the other, the one in the middle: it hardly ever ends with a point, where an
    Atari's screen shows the brighter of two frames and so two scores at once.
    """
    rewards = np.asarray(recording.rewards)
    length = min(HIGHLIGHT, len(rewards))
    points = np.convolve(rewards, np.ones(length, np.float32), "valid")
    best = np.flatnonzero(points == points.max())
    first = best[best - best[0] == np.arange(len(best))]
    start = int(first[len(first) // 2])
    return range(start + 1, start + length + 1)


def decisive(recording: Recording, steps: range) -> int:
    """For a still: which of the steps comes before the choice in which preferences differ most; or else the last."""
    if recording.preferences is None or steps.start == recording.steps:
        return len(steps) - 1
    return int(np.ptp(recording.preferences[steps.start : steps.stop], axis=1).argmax())


def choose(recordings: list[Recording], which: str) -> Recording:
    """The episode of best return or of median return of the trained agent, or the first of the random one.

    Of equal returns the shorter episode is better.
    """
    if which == "random":
        return next(each for each in recordings if each.agent == "random")
    trained = (each for each in recordings if each.agent == "trained")
    ranked = sorted(trained, key=lambda each: (each.score, -each.steps))
    return ranked[-1 if which == "best" else (len(ranked) - 1) // 2]


class Highlight:
    """Keeps the pictures of the highlight while a whole episode is watched."""

    def __init__(self, recording: Recording) -> None:
        self.steps = highlight(recording)
        self.kept: list[np.ndarray] = []
        """Pictures of the highlight, at half their height and width."""

    def watch(self, pictures: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """The pictures, as they come."""
        for step, picture in enumerate(pictures):
            if step in self.steps:
                self.kept.append(halved(picture))
            yield picture


def agent_name(recording: Recording, which: str) -> str:
    return "random play" if which == "random" else f"{recording.trained_steps} steps of training"


def caption(recording: Recording, which: str) -> list[str]:
    """The lines above the score: what is shown."""
    lines = [
        f"{recording.experiment}, seed {recording.seed}",
        "" if recording.variant == "default" else re.sub(r"[a-z.]*name=", "", recording.variant),
        agent_name(recording, which),
        f"episode of {which} return" if which != "random" else "a baseline to compare with",
    ]
    return [line for line in lines if line]


def title(recording: Recording, which: str) -> str:
    """Title of the page of a video, in a sentence."""
    return (
        f"{recording.experiment}, {recording.variant}, seed {recording.seed}: {agent_name(recording, which)}; "
        f"evaluation episode {recording.episode} ({which}), return {points(recording.score)} after {recording.steps} "
        "steps"
    )
