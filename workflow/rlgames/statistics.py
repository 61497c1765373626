"""Means over seeds, and how sure one can be of them."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import bootstrap
from scipy.stats import t as student

FEW = 10
"""Number of values below which an interval says little, so that the range is shown instead."""

MANY = 30
"""Number of values below which percentile bootstrap intervals are too narrow, so that Student's t is used."""

SINGLE = "a single value"
"""Name of the interval of a single seed."""


def interval(values: np.ndarray) -> tuple[Any, Any, str]:
    """Lower and upper bounds around the mean over the first axis (seeds), and what they are.

    `values` has shape (seeds, ...); the bounds have the shape of one seed. Thirty or more give the percentile
    bootstrap's 95% interval of the mean, with a fixed stream; ten or more that of Student's t; fewer their range.
    """
    count = len(values)
    if count < FEW:
        return values.min(axis=0), values.max(axis=0), range_name(count)
    if count < MANY:
        mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(count)
        half = student.ppf(0.975, count - 1) * error
        return mean - half, mean + half, "Student's t 95% interval of the mean"
    found = bootstrap(
        (values,), np.mean, axis=0, n_resamples=1000, batch=50, method="percentile", rng=np.random.default_rng(0)
    )
    return found.confidence_interval.low, found.confidence_interval.high, "bootstrap 95% interval of the mean"


def range_name(count: int) -> str:
    """What the range of so many independent values is. The true median is outside it if all of them lie above, or all
    below, which has the probability 2 / 2ⁿ; of a symmetric distribution the median is the mean."""
    if count == 1:
        return SINGLE
    return f"minimum to maximum (holds the true median {100 * (1 - 2.0 ** (1 - count)):.3g}% of the time)"


def spread(values: np.ndarray) -> tuple[Any, Any, str]:
    """Bounds that hold 95% of the seeds (the first axis of `values`), or all of them if they are few."""
    if len(values) < FEW:
        return values.min(axis=0), values.max(axis=0), "minimum to maximum of all seeds"
    low, high = np.quantile(values, [0.025, 0.975], axis=0)
    return low, high, "95% of all seeds"


def over_seeds(values: Any, seeds: int) -> dict[str, Any]:
    """Mean over seeds and its bounds, from one number for each seed: value, low, high, band, seeds.

    All but the count are blank unless each of the `seeds` has a number: a mean over those that are left, while others
    diverged or ended early, would flatter.
    """
    numbers = np.asarray(values, np.float64)
    numbers = numbers[~np.isnan(numbers)]
    if len(numbers) < max(seeds, 1):
        return {"value": None, "low": None, "high": None, "band": None, "seeds": len(numbers)}
    low, high, band = interval(numbers)
    return {"value": numbers.mean(), "low": low, "high": high, "band": band, "seeds": len(numbers)}


def completed(episodes: pd.DataFrame) -> pd.DataFrame:
    """The episodes of seeds that neither diverged nor ended before others did."""
    diverged = episodes.seed.isin(episodes.seed[episodes.ending == "diverged"])
    last = episodes.groupby("seed").episode.transform("max")
    return episodes[~diverged & (last == episodes.episode.max())]


def first_and_last(rows: pd.DataFrame, quantity: str, count: int) -> dict[str, dict[str, Any]]:
    """Means over seeds of each seed's mean of its first and last `count` episodes (or all), as `over_seeds` has it."""
    count = min(count, int(rows.episode.max()))
    seeds = completed(rows).sort_values("episode").groupby("seed")
    parts = {"first": seeds.head(count), "last": seeds.tail(count)}
    return {
        f"{name} {count} episodes": over_seeds(part.groupby("seed")[quantity].mean(), rows.seed.nunique())
        for name, part in parts.items()
    }


def final_scores(episodes: pd.DataFrame, last: int) -> dict[str, object]:
    """Steps and return of each seed's `last` episodes, meaned over seeds, and what befell the seeds.

    `episodes` has the columns seed, episode, steps, return, ending and collisions. Where seeds diverged or ended early
    there are no scores, but `seeds` counts the others. Collisions are look-ups of a full index hash table per seed.
    """
    kept, count = completed(episodes), episodes.seed.nunique()
    scores: dict[str, object] = {"last_episodes": min(last, int(episodes.episode.max()))}
    for quantity in ("steps", "return"):
        found = over_seeds(kept.groupby("seed").tail(last).groupby("seed")[quantity].mean(), count)
        scores |= {quantity: found["value"], f"{quantity}_low": found["low"], f"{quantity}_high": found["high"]}
    return scores | {
        "interval": found["band"],
        "seeds": found["seeds"],
        "diverged_seeds": episodes.seed[episodes.ending == "diverged"].nunique(),
        "truncated_episodes": int((episodes.ending == "truncated").sum()),
        "collisions": over_seeds(kept.groupby("seed").collisions.first(), count)["value"],
    }


def evaluation_scores(evaluations: pd.DataFrame, lost: Container[tuple[str, str, str]] = ()) -> pd.DataFrame:
    """What deep agents reached in evaluation: a row for each agent and seed, and one for all seeds if they are several.

    `evaluations` has the columns experiment, variant, agent, seed, return and ending. An interval of one seed is over
    its episodes, that of all over the seeds' means. Of trainings that diverged, which `lost` names by experiment,
    variant and seed, there are no scores, nor of all seeds if one of them did.
    """
    rows: list[dict[str, object]] = []
    final = evaluations[evaluations["agent"] != "in training"]
    keys = ["experiment", "variant", "agent"]
    for names, played in final.groupby(keys, sort=False, observed=True):
        experiment, variant, agent = names
        returns = {str(seed): each.to_numpy() for seed, each in played.groupby("seed")["return"]}
        diverged = [seed for seed in returns if agent != "random" and (experiment, variant, seed) in lost]
        cut_off = (played["ending"] == "truncated").groupby(played["seed"].astype(str)).sum().to_dict()
        if len(returns) > 1:
            returns["all"] = np.array([np.nan if seed in diverged else r.mean() for seed, r in returns.items()])
        for seed, found in returns.items():
            missing = len(diverged) if seed == "all" else int(seed in diverged)
            scores = over_seeds(found, len(found) + (seed in diverged))
            known = scores["value"] is not None
            unit = "seeds" if seed == "all" else "episodes"
            rows.append(
                {
                    **dict(zip(keys, names, strict=True)),
                    "seed": seed,
                    "return": scores["value"],
                    "low": scores["low"],
                    "high": scores["high"],
                    "interval": f"{scores['band']} over {scores['seeds']} {unit}" if known else None,
                    "median": np.median(found) if known else None,
                    "best": found.max() if known else None,
                    "truncated_episodes": int(sum(cut_off.values()) if seed == "all" else cut_off[seed]),
                    "diverged_seeds": missing,
                }
            )
    return pd.DataFrame(rows)


def steps_to_return(episodes: pd.DataFrame, level: float, window: int = 20) -> int | None:
    """The step of a training at which the mean of its last `window` returns first reached `level`; None if never.

    `episodes` has the columns return, ending and end_step.
    """
    ended = episodes[episodes.ending != "unfinished"].sort_values("end_step", kind="stable")
    reached = ended.end_step[(ended["return"].rolling(window).mean() >= level)]
    return None if reached.empty else int(reached.iloc[0])


def prediction_scores(predictions: pd.DataFrame) -> pd.DataFrame:
    """How good predictions of returns are: a row for each experiment, variant and seed, in the order of the table.

    `predictions` has the columns experiment, variant, seed, episode, return, value and mean. `error` is the root of the
    mean squared error of values, `error_of_mean` that of `mean` in their place, and `explained` the share of the mean
    squared error that values spare.
    """
    keys, rows = ["experiment", "variant", "seed"], []
    for names, found in predictions.groupby(keys, sort=False, observed=True):
        error, of_mean = (((found[guess] - found["return"]) ** 2).mean(skipna=False) for guess in ("value", "mean"))
        rows.append(
            {
                **dict(zip(keys, names, strict=True)),
                "test_episodes": found["episode"].nunique(),
                "test_moments": len(found),
                "error": error**0.5,
                "error_of_mean": of_mean**0.5,
                "explained": 1 - error / of_mean if of_mean else None,
            }
        )
    return pd.DataFrame(rows)


def discounted(rewards: np.ndarray, discount: float, *, ends: bool = False) -> np.ndarray:
    """G_t = R_{t+1} + γ G_{t+1} at every step (Sutton and Barto 2018, equation 3.9): float64, shape (steps,).

    With `ends`, a reward ends the return, as it does for an agent that learns with `reward_terminal`.
    """
    returns, following = np.empty(len(rewards)), 0.0
    for t in reversed(range(len(rewards))):
        if ends and rewards[t] != 0:
            following = 0.0
        following = returns[t] = float(rewards[t]) + discount * following
    return returns
