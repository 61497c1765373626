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


def latent_matrix(rows: pd.DataFrame) -> np.ndarray:
    """The latents of the rows: float64, shape (rows, latents)."""
    return np.stack(list(rows["latents"])).astype(np.float64)


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
    """How good every trained encoder is: a row for each experiment, variant and seed, in the order of the table.

    `encoding` has the columns experiment, variant, seed, part, latents, error and moving_error and, of games whose
    positions are known, those of QUANTITIES, ball_distance and ball_distance_original. Errors are means over frames;
    `ball_found` is a share of the test frames with a ball, `ball_found_in_original` what the same detector finds in
    the originals, and thus the most that can be expected. `pixels_...` is how far off a linear readout of a position
    is, in pixels of the frame (root mean squared error), and `r2_...` the share of its variance that is read out.
    """
    keys = ["experiment", "variant", "seed"]
    scores: list[dict[str, object]] = []
    for names, rows in encoding.groupby(keys, sort=False, observed=True):
        training, test = (rows["part"] == part for part in ("training", "test"))
        latents = latent_matrix(rows)
        score: dict[str, object] = {
            **dict(zip(keys, names, strict=True)),
            "latents": latents.shape[1],
            "test_frames": int(test.sum()),
            "error": rows["error"][test].mean(),
            "moving_error": rows["moving_error"][test].mean(),
            "training_error": rows["error"][training].mean(),
        }
        for name, column in (("ball_found", "ball_distance"), ("ball_found_in_original", "ball_distance_original")):
            if column in rows:
                score[name] = (rows[column][test].dropna() <= NEAR).mean()
        for quantity in QUANTITIES:
            if quantity in rows:
                known = rows[quantity].to_numpy(float)
                halves = training.to_numpy(), test.to_numpy()
                score[f"r2_{quantity}"] = readout(latents, known, *halves)
                score[f"pixels_{quantity}"] = readout_error(latents, known, *halves)
        scores.append(score)
    return pd.DataFrame(scores)
