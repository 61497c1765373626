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


def spread(values: np.ndarray) -> tuple[Any, Any, str]:
    """Bounds that hold 95% of the seeds (the first axis of `values`), or all of them if they are few."""
    if len(values) < FEW:
        return values.min(axis=0), values.max(axis=0), "minimum to maximum of all seeds"
    low, high = np.quantile(values, [0.025, 0.975], axis=0)
    return low, high, "95% of all seeds"


def first_and_last(rows: pd.DataFrame, quantity: str, count: int) -> dict[str, dict[str, Any]]:
    """Means of the first and last `count` episodes (or all), over the seeds that did not diverge, with bounds."""
    kept = rows[~rows.seed.isin(rows.seed[rows.ending == "diverged"])]
    seeds = kept.sort_values("episode").groupby("seed")
    result = {}
    count = min(count, int(rows.episode.max()))
    for name, part in (("first", seeds.head(count)), ("last", seeds.tail(count))):
        means = part.groupby("seed")[quantity].mean().to_numpy()
        low, high, band = interval(means) if len(means) else (None, None, None)
        result[f"{name} {count} episodes"] = {
            "value": means.mean() if len(means) else None,
            "low": low,
            "high": high,
            "band": band,
            "seeds": len(means),
        }
    return result


def final_scores(episodes: pd.DataFrame, last: int) -> dict[str, object]:
    """Steps and return of each seed's `last` episodes, meaned over seeds, and what befell the seeds.

    `episodes` has the columns seed, episode, steps, return, ending and collisions. Seeds that diverged have no score;
    they are counted instead. With none left, the scores are missing. Collisions are look-ups of a full index hash
    table per seed.
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
        "collisions": episodes.groupby("seed").collisions.first().mean(),
    }


def evaluation_scores(evaluations: pd.DataFrame) -> pd.DataFrame:
    """What deep agents reached in evaluation: a row for each agent and seed, and one for all seeds if they are several.

    `evaluations` has the columns experiment, variant, agent, seed, return and ending. An interval of one seed is over
    its episodes, that of all over the seeds' means.
    """
    rows: list[dict[str, object]] = []
    final = evaluations[evaluations["agent"] != "in training"]
    keys = ["experiment", "variant", "agent"]
    for names, played in final.groupby(keys, sort=False, observed=True):
        cut_off = played["ending"] == "truncated"
        seeds = {str(seed): returns.to_numpy() for seed, returns in played.groupby("seed")["return"]}
        if len(seeds) > 1:
            seeds["all"] = np.array([returns.mean() for returns in seeds.values()])
        for seed, returns in seeds.items():
            low, high, band = interval(returns)
            rows.append(
                {
                    **dict(zip(keys, names, strict=True)),
                    "seed": seed,
                    "return": returns.mean(),
                    "low": low,
                    "high": high,
                    "interval": f"{band} over {len(returns)} {'seeds' if seed == 'all' else 'episodes'}",
                    "median": np.median(returns),
                    "best": returns.max(),
                    "truncated_episodes": int(
                        cut_off.sum() if seed == "all" else cut_off[played["seed"] == int(seed)].sum()
                    ),
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
