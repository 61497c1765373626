"""Scores over several games, after Agarwal et al. (2021), "Deep reinforcement learning at the edge of the statistical
precipice". Scores are human-normalised, float64 of shape (seeds,), one array for each game."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy.stats import trim_mean

RESAMPLES = 2000
BAND = "stratified bootstrap 95% interval"
FEW = 5
"""Number of seeds per game below which intervals are too narrow to be trusted."""

Scores = list[np.ndarray]
Statistic = Callable[[np.ndarray], np.ndarray]
"""A statistic of runs along the last axis."""

STATISTICS: dict[str, Statistic] = {
    "interquartile mean": lambda runs: trim_mean(runs, 0.25, axis=-1),
    "mean": lambda runs: runs.mean(axis=-1),
    "optimality gap": lambda runs: np.maximum(1 - runs, 0).mean(axis=-1),
}
"""The interquartile mean leaves out the best and the worst quarter of all runs; the optimality gap is how far runs are
below the human tester on average."""


def resampled(scores: Scores, stream: int = 0) -> Iterator[np.ndarray]:
    """Each game's seeds, drawn anew with replacement: shape (RESAMPLES, seeds). Games are strata; streams are fixed."""
    rng = np.random.default_rng(stream)
    for game in scores:
        yield game[rng.integers(0, len(game), (RESAMPLES, len(game)))]


def interval(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The middle 95% of `samples`, over their first axis."""
    low, high = np.quantile(samples, [0.025, 0.975], axis=0)
    return low, high


def aggregate(scores: Scores, statistic: Statistic) -> tuple[float, float, float]:
    """A statistic over all runs of all games, with its interval."""
    low, high = interval(statistic(np.concatenate(list(resampled(scores)), axis=1)))
    return float(statistic(np.concatenate(scores))), float(low), float(high)


def profile(scores: Scores, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The share of runs that score above each of `levels`, with its interval: shape (levels,)."""
    runs, samples = np.concatenate(scores), np.concatenate(list(resampled(scores)), axis=1)
    shares = np.stack([(samples > level).mean(axis=1) for level in levels], axis=1)
    return ((runs[:, None] > levels).mean(axis=0), *interval(shares))


def improvement(one: Scores, other: Scores) -> tuple[float, float, float]:
    """The probability that a run of `one` beats a run of `other` in a game drawn at random, with its interval: the mean
    over games of the Mann-Whitney statistic, in which a tie counts half. Games are in the same order."""

    def better(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        above = np.sign(x[..., :, None] - y[..., None, :])
        return (above.mean(axis=(-2, -1)) + 1) / 2

    value = np.mean([better(x, y) for x, y in zip(one, other, strict=True)])
    pairs = zip(resampled(one), resampled(other, stream=1), strict=True)
    low, high = interval(np.mean([better(x, y) for x, y in pairs], axis=0))
    return float(value), float(low), float(high)
