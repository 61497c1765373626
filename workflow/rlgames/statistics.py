"""Means over seeds, and how sure one can be of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

FEW = 10
"""With fewer seeds than this a bootstrap says little, and the range is shown instead."""


def interval(values: np.ndarray) -> tuple[Any, Any, str]:
    """Lower and upper bounds around the mean over the first axis (seeds), and what they are.

    `values` has shape (seeds, ...); the bounds have the shape of one seed. Ten seeds or more give the percentile
    bootstrap's 95% interval of the mean, with a fixed stream; fewer give minimum and maximum.
    """
    if len(values) < FEW:
        return values.min(axis=0), values.max(axis=0), "minimum to maximum"
    found = bootstrap(
        (values,), np.mean, axis=0, n_resamples=1000, batch=50, method="percentile", rng=np.random.default_rng(0)
    )
    return found.confidence_interval.low, found.confidence_interval.high, "bootstrap 95% interval of the mean"


def final_scores(episodes: pd.DataFrame, last: int) -> dict[str, object]:
    """Steps and return of each seed's `last` episodes, meaned over seeds, and what befell the seeds.

    `episodes` has the columns seed, episode, steps, return and ending. Seeds that diverged have no score; they are
    counted instead. With none left, the scores are missing.
    """
    lost = set(episodes.seed[episodes.ending == "diverged"])
    kept = episodes[~episodes.seed.isin(lost)].groupby("seed").tail(last)
    scores: dict[str, object] = {"last_episodes": min(last, int(episodes.episode.max()))}
    for quantity in ("steps", "return"):
        means = kept.groupby("seed")[quantity].mean().to_numpy()
        low, high, band = interval(means) if len(means) else (None, None, None)
        scores |= {quantity: means.mean() if len(means) else None, f"{quantity}_low": low, f"{quantity}_high": high}
    return scores | {
        "interval": band,
        "seeds": len(means),
        "diverged_seeds": len(lost),
        "truncated_episodes": int((episodes.ending == "truncated").sum()),
    }
