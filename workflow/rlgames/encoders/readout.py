"""What can be read out of an encoder's latents, and what of the picture survives in its reconstructions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score, root_mean_squared_error

from rlgames.files import read_table

QUANTITIES = ("ball_x", "ball_y", "player_y", "opponent_y")
"""Where things are, in pixels of the frame; a game of which they are not known lacks these columns."""

NEAR = 2.0
"""A ball is found if the reconstruction shows it within so many pixels of its true place."""

FEWEST = 10
"""Rows of either part below which no readout is fitted."""


THINGS = {"ball": ("ball_x", "ball_y"), "player": ("player_y",), "opponent": ("opponent_y",)}
"""What there is to be found, and the quantities that say where it is."""


def matrix(rows: pd.DataFrame) -> tuple[str, np.ndarray]:
    """Whether an encoder's numbers are latents or points, and those of the rows: float64, shape (rows, numbers)."""
    return rows["called"].iloc[0], np.stack(list(rows["numbers"])).astype(np.float64)


def predicted(
    latents: np.ndarray, quantity: np.ndarray, training: np.ndarray, test: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """A quantity on test rows, and what a linear regression from latents, fitted on training rows, makes of it.

    `latents` has shape (rows, latents), the others (rows,); `training` and `test` are masks. Rows without the quantity
    (NaN), or with latents that are not finite, are left out. None if too few remain.
    """
    known = ~np.isnan(quantity) & np.isfinite(latents).all(axis=1)
    training, test = training & known, test & known
    if min(training.sum(), test.sum()) < FEWEST:
        return None
    regression = LinearRegression().fit(latents[training], quantity[training])
    return quantity[test], regression.predict(latents[test])


def readout(latents: np.ndarray, quantity: np.ndarray, training: np.ndarray, test: np.ndarray) -> float:
    """R² of a linear readout, see `predicted`; NaN where that has none."""
    found = predicted(latents, quantity, training, test)
    return np.nan if found is None else float(r2_score(*found))


def readout_error(latents: np.ndarray, quantity: np.ndarray, training: np.ndarray, test: np.ndarray) -> float:
    """Root mean squared error of a linear readout, in the unit of the quantity; NaN where there is none."""
    found = predicted(latents, quantity, training, test)
    return np.nan if found is None else float(root_mean_squared_error(*found))


def encoder_scores_csv(encodings: Iterable[Path]) -> str:
    """The table of encoder scores, from the encodings of all runs."""
    return pd.concat([encoder_scores(read_table(path)) for path in encodings]).to_csv(index=False, float_format="%.5g")


def encoder_scores(encoding: pd.DataFrame) -> pd.DataFrame:
    """How good every trained encoder is: a row for each experiment, variant and seed, in the order of the table, and
    for the frames that it is judged on: "test", and "other", where it is judged on another data set as well.

    `encoding` has the columns experiment, variant, seed, part, called, numbers, error and moving_error and, of games
    whose positions are known, those of QUANTITIES, ball_distance and ball_distance_original. Errors are means over
    frames; `ball_found` is a share of the frames with a ball, `ball_found_in_original` what the same detector finds in
    the originals, and thus the most that can be expected. `pixels_...` is how far off a linear readout of a position
    is, in pixels of the frame (root mean squared error), and `r2_...` the share of its variance that is read out.
    `median_...` is how far off a thing is in the median, and `within_...` the share of frames in which it is no more
    than NEAR pixels off: where a linear readout puts it or, of keypoints, the point that is nearest in training.
    """
    keys = ["experiment", "variant", "seed"]
    scores: list[dict[str, object]] = []
    for names, rows in encoding.groupby(keys, sort=False, observed=True):
        training = (rows["part"] == "training").to_numpy()
        called, numbers = matrix(rows)
        known = {quantity: rows[quantity].to_numpy(float) for quantity in QUANTITIES if quantity in rows}
        for part in [part for part in ("test", "other") if (rows["part"] == part).any()]:
            judged = (rows["part"] == part).to_numpy()
            score: dict[str, object] = {
                **dict(zip(keys, names, strict=True)),
                "frames": part,
                "numbers": numbers.shape[1],
                "test_frames": int(judged.sum()),
                "error": rows["error"][judged].mean(),
                "moving_error": rows["moving_error"][judged].mean(),
                "training_error": rows["error"][training].mean(),
            }
            for name, column in (("ball_found", "ball_distance"), ("ball_found_in_original", "ball_distance_original")):
                if column in rows:
                    score[name] = (rows[column][judged].dropna() <= NEAR).mean()
            for quantity, values in known.items():
                score[f"r2_{quantity}"] = readout(numbers, values, training, judged)
                score[f"pixels_{quantity}"] = readout_error(numbers, values, training, judged)
            for thing, quantities in THINGS.items():
                if set(quantities) <= known.keys():
                    truth = np.stack([known[quantity] for quantity in quantities], axis=1)
                    off = (points_off if called == "points" else readout_off)(numbers, truth, training, judged)
                    score[f"median_{thing}"] = np.median(off) if len(off) else np.nan
                    score[f"within_{thing}"] = (off <= NEAR).mean() if len(off) else np.nan
            scores.append(score)
    return pd.DataFrame(scores)


def readout_off(latents: np.ndarray, truth: np.ndarray, training: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """How far off linear readouts put a thing in the frames that are judged, in pixels; none without a readout.

    `truth` has the shape (rows, quantities), `training` and `judged` are masks.
    """
    found = [predicted(latents, quantity, training, judged) for quantity in truth.T]
    return np.hypot.reduce([each[0] - each[1] for each in found if each], axis=0) if all(found) else np.empty(0)


def points_off(points: np.ndarray, truth: np.ndarray, training: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """How far a point is from a thing in the frames that are judged, in pixels: the point that is nearest to it in the
    median of training frames. A single quantity is the place down the frame."""
    places = points.reshape(len(points), -1, 3)[:, :, :2][:, :, -truth.shape[1] :]
    off = np.linalg.norm(places - truth[:, None], axis=2)
    known = ~np.isnan(truth).any(axis=1)
    if not (training & known).any():
        return np.empty(0)
    nearest = int(np.median(off[training & known], axis=0).argmin())
    return off[judged & known, nearest]
