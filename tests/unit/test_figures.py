"""Statistics and the numbers behind figures; how figures mark what went wrong."""

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rlgames.figures import learning_curves
from rlgames.statistics import final_scores, interval


def table(seeds: int, episodes: int = 4, curve: str = "a") -> pd.DataFrame:
    """Seed s takes 100 + 10 s + e steps in episode e."""
    rows = [
        {"curve": curve, "seed": s, "episode": e, "steps": 100 + 10 * s + e, "return": -100.0 - 10 * s - e,
         "ending": "terminated"}
        for s in range(seeds) for e in range(1, episodes + 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_few_seeds_give_the_range() -> None:
    low, high, name = interval(np.array([[1.0, 5.0], [3.0, 4.0]]))
    assert (low.tolist(), high.tolist(), name) == ([1, 4], [3, 5], "minimum to maximum")


def test_bootstrap_covers_the_mean_as_often_as_it_says() -> None:
    values = np.random.default_rng(0).normal(size=(50, 1000))
    low, high, name = interval(values)
    assert name == "bootstrap 95% interval of the mean"
    assert 0.91 < ((low < 0) & (high > 0)).mean() < 0.97  # a percentile interval of 50 is a little narrow
    np.testing.assert_array_equal(interval(values)[0], low)  # and the same every time


def test_summary_of_few_seeds_by_hand() -> None:
    summary = learning_curves.summarise(table(3), "steps").set_index("episode")
    assert summary["mean"].tolist() == [111, 112, 113, 114]
    assert summary.low.tolist() == [101, 102, 103, 104]
    assert summary.high.tolist() == [121, 122, 123, 124]
    assert set(summary.seeds) == {3}
    assert learning_curves.summarise(table(3), "return")["mean"].tolist() == [-111, -112, -113, -114]


def lossy() -> pd.DataFrame:
    """Three seeds: 2 diverges in episode 3, 0 is cut off in episode 4."""
    episodes = table(3)
    episodes.loc[(episodes.seed == 2) & (episodes.episode == 3), "ending"] = "diverged"
    episodes.loc[(episodes.seed == 0) & (episodes.episode == 4), "ending"] = "truncated"
    return episodes[~((episodes.seed == 2) & (episodes.episode == 4))]


def test_what_diverged_or_was_cut_off_is_counted() -> None:
    summary = learning_curves.summarise(lossy(), "steps")
    assert summary.seeds.tolist() == [3, 3, 2, 2]
    assert summary.diverged.tolist() == [0, 0, 1, 1]
    assert summary.truncated.tolist() == [0, 0, 0, 1]
    assert summary["mean"].tolist() == [111, 112, 108, 109]


def test_figure_marks_what_diverged_or_was_cut_off() -> None:
    episodes = pd.concat([table(2, curve="fine"), lossy().assign(curve="lossy")])
    figure = learning_curves.draw(episodes, learning_curves.summarise(episodes, "steps"), title="T")
    above, fine, panel = figure.axes
    legend: Any = above.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [
        "fine",
        "lossy (1 of 3 seeds diverged ×, 1 episode truncated ▲)",
    ]
    assert all(np.size(line.get_xydata()) == 0 for line in fine.lines)
    assert [(line.get_marker(), np.array(line.get_xydata()).tolist()) for line in panel.lines] == [
        ("x", [[3, 123]]),
        ("^", [[4, 104]]),
    ]
    assert [line.get_linestyle() for line in above.lines[2:]] == ["-", ":"]


def test_figure_of_a_curve_that_diverged_altogether() -> None:
    episodes = table(2, episodes=1).assign(ending="diverged")
    summary = learning_curves.summarise(episodes, "steps")
    assert summary.seeds.tolist() == [0]
    assert summary["mean"].isna().all()
    learning_curves.draw(episodes, summary, title="T", scale="log", limits=[1.0, 10.0]).draw_without_rendering()


def test_final_scores_by_hand() -> None:
    scores = final_scores(table(3), last=2)
    assert scores["steps"] == 113.5
    assert (scores["steps_low"], scores["steps_high"]) == (103.5, 123.5)
    assert scores["return"] == -113.5
    assert (scores["seeds"], scores["diverged_seeds"], scores["last_episodes"]) == (3, 0, 2)
    lossy_scores = final_scores(lossy(), last=2)
    assert (lossy_scores["steps"], lossy_scores["seeds"], lossy_scores["diverged_seeds"]) == (108.5, 2, 1)
    assert lossy_scores["truncated_episodes"] == 1
    assert final_scores(table(1).assign(ending="diverged"), last=2)["steps"] is None


@pytest.mark.parametrize("quantity", ["steps", "return"])
def test_pixels_are_the_same_every_time(quantity: str) -> None:
    episodes = table(12)
    summary = learning_curves.summarise(episodes, quantity)
    pictures = [io.BytesIO(), io.BytesIO()]
    for picture in pictures:
        learning_curves.draw(episodes, summary, title="T", quantity=quantity).savefig(picture)
    assert pictures[0].getvalue() == pictures[1].getvalue()
