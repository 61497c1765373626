"""Intervals hold what they say they hold, and nothing is averaged over the seeds that are left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rlgames.statistics import evaluation_scores, final_scores, first_and_last, interval, over_seeds

Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
TRIALS = 20_000


def covered(seeds: int, draw: Draw, truth: float) -> float:
    """How often the interval of so many seeds holds the truth."""
    low, high, _ = interval(draw(np.random.default_rng(18), (seeds, TRIALS)))
    return float(((low <= truth) & (truth <= high)).mean())


@pytest.mark.parametrize("seeds", [10, 15, 29])
def test_ten_seeds_or_more_hold_the_mean_95_times_in_100(seeds: int) -> None:
    """Normal values: exactly 95%. The percentile bootstrap, at 10 seeds, holds it 90 times."""
    assert covered(seeds, lambda rng, shape: rng.normal(size=shape), 0.0) == pytest.approx(0.95, abs=0.005)
    assert covered(seeds, lambda rng, shape: rng.uniform(size=shape), 0.5) == pytest.approx(0.95, abs=0.01)
    assert 0.89 < covered(seeds, lambda rng, shape: rng.exponential(size=shape), 1.0) < 0.95  # skewed, as steps are


def test_ten_seeds_give_what_scipy_gives() -> None:
    values = np.random.default_rng(0).normal(size=12)
    low, high, name = interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (low, high) == pytest.approx((expected.low, expected.high))
    assert name == "Student's t 95% interval of the mean"
    assert interval(np.full(12, 3.0))[:2] == (3, 3)


@pytest.mark.parametrize(("seeds", "says", "share"), [(2, "50%", 0.5), (3, "75%", 0.75), (5, "93.8%", 0.9375)])
def test_range_of_few_seeds_says_what_it_holds(seeds: int, says: str, share: float) -> None:
    assert f"holds the true median {says} of the time" in interval(np.zeros(seeds))[2]
    assert covered(seeds, lambda rng, shape: rng.normal(size=shape), 0.0) == pytest.approx(share, abs=0.01)
    skewed = covered(seeds, lambda rng, shape: rng.exponential(size=shape), np.log(2))
    assert skewed == pytest.approx(share, abs=0.01)


def test_one_seed_has_no_interval() -> None:
    assert interval(np.array([4.0])) == (4.0, 4.0, "a single value")


def test_no_mean_over_the_seeds_that_are_left() -> None:
    assert over_seeds([1.0, 3.0], 2)["value"] == 2
    for values, seeds in (([1.0, 3.0], 3), ([1.0, np.nan, 3.0], 3), ([], 1), ([], 0)):
        found = over_seeds(values, seeds)
        count = int(np.isfinite(values).sum())
        assert found == {"value": None, "low": None, "high": None, "band": None, "seeds": count}


def episodes(lengths: list[int], **changed: object) -> pd.DataFrame:
    """Seed s takes 100 s steps in each of its episodes."""
    rows = [
        {"seed": s, "episode": e, "steps": 100 * s, "return": -100.0 * s, "ending": "terminated", "collisions": s}
        for s, length in enumerate(lengths) for e in range(1, length + 1)
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(**changed)  # type: ignore[arg-type]


def test_tables_blank_what_some_seeds_did_not_complete() -> None:
    """One of a hundred seeds is left: its score is not that of the setting."""
    table = episodes([4] + [2] * 99)
    table.loc[(table.seed > 0) & (table.episode == 2), "ending"] = "diverged"
    scores = final_scores(table, 2)
    assert [scores[name] for name in ("steps", "steps_low", "return", "return_high", "interval", "collisions")] == [
        None
    ] * 6
    assert (scores["seeds"], scores["diverged_seeds"]) == (1, 99)
    stopped = final_scores(episodes([4, 4, 3]), 2)
    assert (stopped["steps"], stopped["seeds"], stopped["diverged_seeds"]) == (None, 2, 0)
    for level in first_and_last(table, "steps", 100).values():
        assert (level["value"], level["seeds"]) == (None, 1)
    assert first_and_last(episodes([4, 4]), "steps", 100)["last 4 episodes"]["value"] == 50


def test_evaluation_scores_blank_what_diverged() -> None:
    rows = [
        {"experiment": "e", "variant": variant, "agent": agent, "seed": seed, "return": 10.0 * seed,
         "ending": "truncated"}
        for variant in ("a", "b") for agent in ("trained", "random") for seed in (0, 1, 2)
    ]  # fmt: skip
    scores: Any = evaluation_scores(pd.DataFrame(rows), {("e", "a", "2")}).set_index(["variant", "agent", "seed"])
    assert scores.loc[("a", "trained", "1"), "return"] == 10
    for seed in ("2", "all"):
        lost = scores.loc[("a", "trained", seed)]
        assert lost[["return", "low", "high", "interval", "median", "best"]].isna().all()
        assert lost["diverged_seeds"] == 1
    assert scores.loc[("a", "random", "all"), "return"] == 10  # it did not learn
    assert scores.loc[("b", "trained", "all"), ["return", "best", "diverged_seeds", "truncated_episodes"]].tolist() == [
        10,
        20,
        0,
        3,
    ]
    assert scores.loc[("b", "trained", "all"), "interval"].endswith("over 3 seeds")
