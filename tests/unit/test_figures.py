"""Statistics and the numbers behind figures; how figures mark what went wrong."""

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rlgames.figures import cost_to_go, learning_curves, sweep
from rlgames.statistics import final_scores, interval


def table(seeds: int, episodes: int = 4, curve: str = "a") -> pd.DataFrame:
    """Seed s takes 100 + 10 s + e steps in episode e."""
    rows = [
        {"curve": curve, "seed": s, "episode": e, "steps": 100 + 10 * s + e, "return": -100.0 - 10 * s - e,
         "ending": "terminated", "collisions": 0}
        for s in range(seeds) for e in range(1, episodes + 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_few_seeds_give_the_range() -> None:
    low, high, name = interval(np.array([[1.0, 5.0], [3.0, 4.0]]))
    assert (low.tolist(), high.tolist(), name) == (
        [1, 4],
        [3, 5],
        "minimum to maximum (holds the true median 50% of the time)",
    )


def test_bootstrap_covers_the_mean_as_often_as_it_says() -> None:
    values = np.random.default_rng(0).normal(size=(50, 1000))
    low, high, name = interval(values)
    assert name == "bootstrap 95% interval of the mean"
    assert 0.91 < ((low < 0) & (high > 0)).mean() < 0.97  # a percentile interval of 50 is a little narrow
    np.testing.assert_array_equal(interval(values)[0], low)  # and the same every time


def summarise(episodes: pd.DataFrame, quantity: str = "steps", seed: int | None = None) -> pd.DataFrame:
    return learning_curves.summarise(episodes.assign(facet=""), [quantity], seed)


def make(episodes: pd.DataFrame, **options: Any) -> Any:
    figure, _ = learning_curves.make({"episodes": episodes}, **({"title": "T", "quantities": ["steps"]} | options))
    figure.draw_without_rendering()
    return figure


def test_summary_of_few_seeds_by_hand() -> None:
    summary = summarise(table(3)).set_index("episode")
    assert summary["value"].tolist() == [111, 112, 113, 114]
    assert summary.low.tolist() == [101, 102, 103, 104]
    assert summary.high.tolist() == [121, 122, 123, 124]
    assert set(summary.seeds) == {3}
    assert summarise(table(3), "return")["value"].tolist() == [-111, -112, -113, -114]


def test_one_seed_over_the_band_of_all() -> None:
    summary = summarise(table(40), seed=1)
    assert summary["value"].tolist() == [111, 112, 113, 114]
    assert summary.band.iloc[0] == "95% of all seeds"
    assert summary.low.iloc[0] == pytest.approx(101 + 0.025 * 390)
    assert summary.high.iloc[0] == pytest.approx(101 + 0.975 * 390)


def lossy() -> pd.DataFrame:
    """Three seeds: 2 diverges in episode 3, 0 is cut off in episode 4."""
    episodes = table(3)
    episodes.loc[(episodes.seed == 2) & (episodes.episode == 3), "ending"] = "diverged"
    episodes.loc[(episodes.seed == 0) & (episodes.episode == 4), "ending"] = "truncated"
    return episodes[~((episodes.seed == 2) & (episodes.episode == 4))]


def test_what_diverged_or_was_cut_off_is_counted() -> None:
    summary = summarise(lossy())
    assert summary.seeds.tolist() == [3, 3, 2, 2]
    assert summary.diverged.tolist() == [0, 0, 1, 1]
    assert summary.truncated.tolist() == [0, 0, 0, 1]
    assert summary["value"].tolist() == pytest.approx([111, 112, np.nan, np.nan], nan_ok=True)
    assert summary[["low", "high", "band"]].iloc[2:].isna().all(axis=None)


def test_figure_marks_what_diverged_or_was_cut_off() -> None:
    figure = make(pd.concat([table(2, curve="fine"), lossy().assign(curve="lossy")]))
    above, fine, panel = figure.axes
    assert [text.get_text() for text in above.get_legend().get_texts()] == [
        "fine",
        "lossy (1 of 3 seeds diverged ×, 1 episode truncated ▲)",
    ]
    assert not fine.lines
    assert [(line.get_marker(), line.get_xydata().tolist()) for line in panel.lines] == [
        ("x", [[3, 123]]),
        ("^", [[4, 104]]),
    ]
    assert np.isfinite(above.lines[1].get_ydata()).tolist() == [True, True, False, False]
    assert "No mean is shown where seeds diverged" in figure.get_supxlabel()


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_figure_of_a_curve_that_diverged_altogether(scale: str) -> None:
    episodes = table(2, episodes=1).assign(ending="diverged")
    assert summarise(episodes).seeds.tolist() == [0]
    assert summarise(episodes)["value"].isna().all()
    figure = make(episodes, scale=scale)
    assert "2 of 2 seeds diverged" in figure.axes[0].get_legend().get_texts()[0].get_text()
    assert "band" not in figure.get_supxlabel()


def test_single_episode_is_a_dot() -> None:
    (line,) = make(table(3, episodes=1)).axes[0].lines
    assert line.get_marker() == "o"


def test_dollar_signs_are_text() -> None:
    make(table(2, curve="costs $1 and $\\alpha_{$"), title="$x^{")


def test_facets_quantities_and_levels() -> None:
    episodes = pd.concat([table(12, curve=curve).assign(facet=facet) for facet in ("f", "g") for curve in ("a", "b")])
    figure = make(episodes, facet="x", levels=True)
    assert [axes.get_title() for axes in figure.axes[:2]] == ["f", "g"]
    assert make(table(12), quantities=["steps", "return"], scale="log").axes[1].get_ylabel() == "Return per episode"
    _, numbers = learning_curves.make({"episodes": table(12)}, title="T", quantities=["steps"], levels=True)
    last = numbers[numbers["quantity"] == "steps, last 4 episodes"].iloc[0]
    assert last["value"] == 157.5
    assert last.low < 157.5 < last.high


def points() -> pd.DataFrame:
    """Curve a at x = 1 takes 100 steps, at 2 diverges with one of two seeds; curve b takes 200 at both."""
    rows = [
        {"curve": curve, "x": x, "seed": seed, "episode": episode, "steps": 100 if curve == "a" else 200,
         "ending": "diverged" if (curve, x, seed, episode) == ("a", 2, 1, 2) else "terminated"}
        for curve in "ab" for x in (1, 2) for seed in (0, 1) for episode in (1, 2)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_sweep_marks_what_diverged_and_what_is_above_the_axis() -> None:
    options: dict[str, Any] = {"x_label": "x", "episodes": 2}
    figure: Any
    figure, numbers = sweep.make({"episodes": points()}, title="T", limits=[50, 150], **options)
    figure.draw_without_rendering()
    assert numbers["value"].tolist() == pytest.approx([100, np.nan, 200, 200], nan_ok=True)
    assert numbers.diverged.tolist() == [0, 1, 0, 0]
    assert numbers.seeds.tolist() == [2, 1, 2, 2]
    (axes,) = figure.axes
    drawn = {(line.get_marker(), tuple(line.get_xdata())) for line in axes.lines if len(line.get_xdata())}
    assert drawn == {("o", (1,)), ("s", (1, 2)), ("x", (2,)), ("^", (1, 2))}
    assert "a (1 of 2 settings diverged ×)" in [text.get_text() for text in axes.get_legend().get_texts()]


def test_cost_to_go_by_hand() -> None:
    weights = np.zeros((3, 880))
    weights[:, :] = [[-1.0], [-2.0], [-3.0]]
    costs = cost_to_go.surface(weights, {"name": "tiled", "tiles": 8, "tilings": 8})
    np.testing.assert_array_equal(costs, np.full((40, 40), 8.0))  # eight tiles of the best action, each worth -1


def test_final_scores_by_hand() -> None:
    scores = final_scores(table(3), last=2)
    assert scores["steps"] == 113.5
    assert (scores["steps_low"], scores["steps_high"]) == (103.5, 123.5)
    assert scores["return"] == -113.5
    assert (scores["seeds"], scores["diverged_seeds"], scores["last_episodes"]) == (3, 0, 2)
    lossy_scores = final_scores(lossy(), last=2)
    assert (lossy_scores["steps"], lossy_scores["seeds"], lossy_scores["diverged_seeds"]) == (None, 2, 1)
    assert lossy_scores["truncated_episodes"] == 1
    assert final_scores(table(1).assign(ending="diverged"), last=2)["steps"] is None


def test_pixels_are_the_same_every_time() -> None:
    pictures = [io.BytesIO(), io.BytesIO()]
    for picture in pictures:
        make(table(12), quantities=["steps", "return"], scale="log").savefig(picture)
    assert pictures[0].getvalue() == pictures[1].getvalue()
