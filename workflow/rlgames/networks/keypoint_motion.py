"""What moves a keypoint: the actions, or a motion of its own."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from rlgames.files import read_weights


class Motion(NamedTuple):
    """Of every point, over frames of a data set, by axis (across the frame and down it)."""

    presence: np.ndarray
    """Presence above which the point is there, half of its 90% quantile: float32, shape (points,)."""
    controlled: np.ndarray
    """Share of the variance of its motion that the last action explains: float32, shape (points, 2)."""
    persistence: np.ndarray
    """Correlation of its motions in two steps one after the other: float32, shape (points, 2)."""

    def mine(self) -> tuple[list[int], int]:
        """The points that the actions move most, and their axis: what is controlled (Bellemare, Veness and Bowling
        2012). It is one thing, which more than one point may follow, each in a part of the frame."""
        axis = int(self.controlled.max(axis=0).argmax())
        along = self.controlled[:, axis]
        return np.flatnonzero(along >= along.max() / 2).tolist() if along.any() else [0], axis

    def others(self, count: int) -> list[int]:
        """The points besides whose motion is most persistent in both axes, those first: what flies, and can be met.
        Points whose motion was not seen to last are none of them, unless there is no other."""
        mine, _ = self.mine()
        lasting = self.persistence.min(axis=1)
        order = [point for point in np.argsort(-lasting, kind="stable").tolist() if point not in mine]
        return [point for point in order if lasting[point] > 0][:count] or order[:1]

    def doubts(self, count: int) -> list[str]:
        """What speaks against the points that were chosen, if something does."""
        mine, axis = self.mine()
        others = self.others(count)
        share, lasting = self.controlled[mine, axis].max(), self.persistence[others].min(axis=1, initial=1.0)
        found = []
        if share < CONTROLLED:
            found.append(
                f"the actions explain only {share:.1%} of the motion of the point that is taken for controlled"
            )
        if len(others) < count or lasting.min(initial=1.0) <= 0:
            found.append(f"points that fly: {(lasting > 0).sum()}, where {count} are wanted")
        return found

    @classmethod
    def read(cls, path: Path) -> Motion:
        """Of the points of a run, by its weights.npz. Raises `UserError` for another file."""
        saved = read_weights(path, *cls._fields)
        return cls(*(saved[name] for name in cls._fields))


CONTROLLED = 0.05
"""Share of its motion below which the actions do not move a point: in Pong that of the paddle is .16, and that of any
other point .002 at most."""

LEAST = 0.2
"""A point whose 90% quantile of presence is below it is not in use."""

FEWEST = 100
"""Steps below which nothing is said of a point."""


def measure(points: np.ndarray, actions: np.ndarray, follows: np.ndarray) -> Motion:
    """From `points` (float32, shape (frames, points, 3): x, y, presence) of frames in the order of play.

    `actions` (shape (frames,)) are those taken after each; `follows` says of which frames the next row is the next one
    of the same episode: bool, shape (frames,). A point that is not in use has no share and no persistence.
    """
    usual = np.quantile(points[:, :, 2], 0.9, axis=0)
    there = points[:, :, 2] > usual / 2
    moves = np.diff(points[:, :, :2].astype(np.float64), axis=0)
    taken = np.eye(int(actions.max()) + 1)[actions[:-1]]
    controlled, persistence = np.zeros((2, len(usual), 2), np.float32)
    for point in np.flatnonzero(usual >= LEAST):
        steps = follows[:-1] & there[:-1, point] & there[1:, point]
        twice = steps[:-1] & steps[1:]
        if twice.sum() < FEWEST:
            continue
        for axis in (0, 1):
            move = moves[:, point, axis]
            controlled[point, axis] = explained(taken[steps], move[steps])
            persistence[point, axis] = correlation(move[:-1][twice], move[1:][twice])
    return Motion((usual / 2).astype(np.float32), controlled, persistence)


def explained(taken: np.ndarray, move: np.ndarray) -> float:
    """R² of the best guess of a motion (shape (steps,)) by the action alone (one-hot, shape (steps, actions))."""
    if move.var() == 0:
        return 0.0
    counts = taken.sum(axis=0)
    means = np.divide(taken.T @ move, counts, out=np.zeros(len(counts)), where=counts > 0)
    return float(1 - ((move - taken @ means) ** 2).mean() / move.var())


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Of two motions (shape (steps,)); 0 where one never changes."""
    return float(np.corrcoef(first, second)[0, 1]) if min(first.std(), second.std()) > 0 else 0.0
