"""Axes hold all data, legends hide nothing, notes explain what is there, and a diverged seed fails no figure."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.text import Text

from rlgames.figures import cost_to_go, encoder_losses, first_steps, latent_sizes, learning_curves, sweep
from rlgames.figures.style import entitle, line_over, new_figure, set_scale


def episodes(values: Any, curve: str = "a", **changed: Any) -> pd.DataFrame:
    """A row for each seed (first axis) and episode (second): its return, and as many steps."""
    rows = [
        {"curve": curve, "seed": seed, "episode": episode, "steps": abs(value), "return": value, "ending": "terminated",
         "collisions": 0, **changed}
        for seed, returns in enumerate(np.atleast_2d(values)) for episode, value in enumerate(returns, start=1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def curves(*tables: pd.DataFrame, **options: Any) -> Any:
    options = {"title": "T", "quantities": ["steps"]} | options
    figure, _ = learning_curves.make({"episodes": pd.concat(tables, ignore_index=True)}, **options)
    figure.draw_without_rendering()
    return figure


def visible(ticks: Any, limits: tuple[float, float]) -> list[float]:
    return [tick for tick in ticks if limits[0] <= tick <= limits[1]]


@settings(max_examples=25)
@given(
    st.lists(st.floats(-1e5, 1e5) | st.integers(-30, 30).map(float), min_size=1, max_size=5), st.sampled_from([2, 4])
)
def test_a_log_axis_of_returns_holds_all_of_them(values: list[float], ticks: int) -> None:
    axes: Axes = new_figure(4, 3).subplots()
    axes.plot(values)
    set_scale(axes, "log", "return", ticks)
    low, high = axes.get_ylim()
    assert low < high
    assert low <= min(values)
    assert max(values) <= high
    assert len(visible(axes.get_yticks(), (low, high))) >= 2


@settings(max_examples=25)
@given(st.floats(1e-4, 1e6), st.floats(1, 1e4))
def test_a_log_axis_of_steps_holds_all_of_them(lowest: float, ratio: float) -> None:
    axes: Axes = new_figure(4, 3).subplots()
    axes.plot([lowest, lowest * ratio])
    set_scale(axes, "log", "steps", 2)
    low, high = axes.get_ylim()
    assert 0 < low < lowest
    assert lowest * ratio < high
    assert len(visible(axes.get_yticks(), (low, high))) >= 2


@pytest.mark.parametrize("returns", [[8.0, 500.0], [500.0, 500.0], [-500.0, -80.0], [-20.0, 20.0], [0.0, 0.0]])
def test_both_panels_of_returns_hold_the_data(returns: list[float]) -> None:
    figure = curves(episodes([returns] * 2), quantities=["return"], scale="log")
    for axes in figure.axes:
        low, high = axes.get_ylim()
        assert low < min(returns) <= max(returns) < high


def test_a_band_that_reaches_below_zero_leaves_a_log_axis_logarithmic() -> None:
    """Nine seeds of 100 steps and one of 100,000: Student's t gives bounds below 0."""
    (axes, *_) = curves(episodes([[100.0] * 3] * 9 + [[1e5] * 3]), scale="log").axes
    assert axes.get_yscale() == "log"
    assert axes.get_ylim()[0] > 0


def test_facets_of_which_the_first_is_lost_keep_their_axis() -> None:
    lost = episodes([[5.0]], ending="diverged", facet="f")
    figure = curves(lost, episodes([[20.0, 30.0]], facet="g"), facet="x", scale="log")
    low, high = figure.axes[1].get_ylim()
    assert low < 20 < 30 < high
    assert len(visible(figure.axes[1].get_yticks(), (low, high))) >= 2


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_episodes_are_whole(count: int) -> None:
    figure = curves(episodes([[5.0] * count]))
    for axes in figure.axes:
        assert axes.get_xlim() == (1, max(count, 2))
        assert all(tick == int(tick) for tick in axes.get_xticks())


def test_limits_are_those_of_the_first_quantity() -> None:
    above, right, *_ = curves(episodes([[5.0, 6.0]]), quantities=["return", "steps"], limits=[1.0, 9.0]).axes
    assert above.get_ylim() == (1, 9)
    assert right.get_ylim() != (1, 9)


def test_a_curve_over_equal_ones_is_dashed() -> None:
    """Expected Sarsa and Q-learning without exploration."""
    same = [[50.0, 40.0, 30.0]]
    figure = curves(episodes(same, "sarsa"), episodes(same, "expected"), episodes([[9.0, 8.0, 7.0]], "other"))
    assert [line.get_linestyle() for line in figure.axes[0].lines] == ["-", "--", "-"]
    earlier = [pd.Series([1.0, 2.0], [1, 2]), pd.Series([1.0, 2.0, 3.0], [1, 2, 3])]
    assert line_over(earlier, pd.Series([1.0, 2.0], [1, 2])) not in ("-", (0, (4, 4)))
    assert line_over(earlier, pd.Series([np.nan, np.nan], [1, 2])) == "-"


def test_legends_lie_below_their_panels_and_titles_do_not_overlap() -> None:
    names = [f"agent = sarsa, step_size = 0.0125, number = {number}" for number in range(8)]
    figure = curves(*(episodes([[5.0 + number] * 3], name) for number, name in enumerate(names)))
    above, *panels = figure.axes
    assert above.get_legend().get_window_extent().y1 < above.get_window_extent().y0
    boxes = [panel.title.get_window_extent() for panel in panels]
    assert not any(one.overlaps(other) for one in boxes for other in boxes if one is not other)


@pytest.mark.parametrize("title", ["A title of words, too long for its figure " * 5, "W" * 200, "short"])
def test_titles_and_notes_are_not_cut(title: str) -> None:
    figure = new_figure(4, 3)
    entitle(figure, title, title)
    for text in figure.findobj(Text):
        assert text.get_window_extent().width <= figure.bbox.width
    assert "".join(figure.get_suptitle().split()) == "".join(title.split())


def test_one_surface_of_the_cost_to_go_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_to_go, "POINTS", 4)
    weights = {"curve": "Step 428", "coding": {"name": "tiled", "tiles": 8, "tilings": 8}, "seeds": np.arange(1),
               "diverged": np.zeros(1, bool), "weights": np.zeros((1, 3, 880))}  # fmt: skip
    figure: Any
    figure, _ = cost_to_go.make({"weights": [weights]}, title="Cost to go, -max over a of q(s, a) " * 2, seed=0)
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    assert box.x0 >= 0
    assert box.x1 <= figure.get_figwidth()


def points(**changed: Any) -> pd.DataFrame:
    """Two curves over two places, of two seeds."""
    tables = [episodes([[5.0, 5.0], [7.0, 7.0]], curve, x=x) for curve in "ab" for x in (1, 2)]
    return pd.concat(tables, ignore_index=True).assign(**changed)


@pytest.mark.parametrize("limits", [None, [1.0, 6.5]])
def test_a_sweep_of_which_all_points_diverged(limits: list[float] | None) -> None:
    figure: Any
    table = points(ending="diverged")
    figure, numbers = sweep.make({"episodes": table}, title="T", x_label="x", episodes=2, limits=limits)
    figure.draw_without_rendering()
    assert numbers["value"].isna().all()
    assert numbers["diverged"].tolist() == [2] * 4
    assert "band" not in figure.get_supxlabel()


def test_a_sweep_marks_what_is_outside_above_its_axis_and_explains_no_more() -> None:
    figure: Any
    for limits, mark in (([1.0, 4.0], "▲"), ([9.0, 20.0], "▼"), (None, "")):
        figure, _ = sweep.make({"episodes": points()}, title="T", x_label="x", episodes=2, limits=limits)
        figure.draw_without_rendering()
        (axes,) = figure.axes
        outside = [line for line in axes.lines if line.get_marker() in "x^v" and len(line.get_xdata())]
        assert bool(outside) == bool(mark)
        assert all(min(line.get_ydata()) > 1 for line in outside)  # 1 is the top of the axis
        note = figure.get_supxlabel()
        assert [sign for sign in "×▲▼" if sign in note] == [*mark]
        (title,) = [text for text in figure.texts if text.get_text() == "T"]
        highest = max([line.get_window_extent().y1 for line in outside], default=axes.bbox.y1)
        assert title.get_window_extent().y0 > highest
        below = figure.texts[-1].get_window_extent().y1
        assert (
            axes.get_legend().get_window_extent().y0 - below < 0.2 * figure.dpi
        )  # no room for marks that are not there


def test_whole_settings_have_whole_ticks() -> None:
    figure: Any
    figure, _ = sweep.make({"episodes": points()}, title="T", x_label="n", episodes=2)
    figure.draw_without_rendering()
    ticks = figure.axes[0].get_xticks()
    assert (ticks == ticks.round()).all()


def test_a_setting_of_which_a_seed_ended_early_has_no_mean() -> None:
    table = points()
    table = table[~((table.curve == "a") & (table.x == 1) & (table.seed == 1) & (table.episode == 2))]
    _, numbers = sweep.make({"episodes": table}, title="T", x_label="x", episodes=2)
    assert numbers["value"].tolist() == pytest.approx([np.nan, 6, 6, 6], nan_ok=True)
    assert numbers["seeds"].tolist() == [1, 2, 2, 2]


def test_curves_of_seeds_that_ended_early_end_there() -> None:
    table = episodes([[5.0, 6.0, 7.0], [7.0, 8.0, 9.0]])
    table = table[~((table.seed == 1) & (table.episode == 3))]
    for seed in (None, 0):
        summary = learning_curves.summarise(table.assign(facet=""), ["steps"], seed)
        assert summary["low"].isna().tolist() == [False, False, True]
        assert summary["seeds"].tolist() == [2, 2, 1]
        figure = curves(table, seed=seed, levels=True)
        assert "1 of 2 seeds ended early" in figure.axes[0].get_legend().get_texts()[0].get_text()
        assert "none: 1 seeds" in figure.axes[1].tables[0].get_celld()[1, 1].get_text().get_text()


def recordings() -> pd.DataFrame:
    environment = json.dumps({"name": "mountain-car", "max_steps": 5, "start": [-0.6, -0.4]})
    row = {"seed": 1, "episode": 3, "steps": 5, "return": -5.0, "ending": "truncated", "actions": bytes(5),
           "environment": environment}  # fmt: skip
    return pd.DataFrame([row])


@pytest.mark.parametrize(("seed", "pictures"), [(1, 1), (0, 0)])
def test_first_steps_of_a_seed_that_diverged_or_is_left(seed: int, pictures: int) -> None:
    table = episodes([[-5.0, -6.0, -7.0], [-5.0, -6.0, -7.0]])
    table = table[~((table.seed == 0) & (table.episode == 3))].assign(experiment="e", variant="v")
    table.loc[(table.seed == 0) & (table.episode == 2), "ending"] = "diverged"
    figure: Any
    figure, numbers = first_steps.make({"episodes": table, "recordings": recordings()}, title="T", seed=seed)
    figure.draw_without_rendering()
    assert len(figure.axes[0].images) == pictures
    assert ("diverged\nin episode 2" in "".join(text.get_text() for text in figure.axes[0].texts)) != bool(pictures)
    assert numbers["low"].isna().tolist() == [False, True, True] * 2


def test_first_steps_of_nothing_but_diverged_seeds() -> None:
    table = episodes([[-5.0], [-6.0]], ending="diverged")
    figure, _ = first_steps.make({"episodes": table, "recordings": recordings().iloc[:0]}, title="T", seed=0)
    figure.draw_without_rendering()
    assert "band" not in figure.get_supxlabel().lower().replace("no band", "")


@pytest.mark.parametrize("loss", [np.nan, 0.0])
def test_losses_that_have_no_logarithm(loss: float) -> None:
    table = pd.DataFrame({"curve": "a", "moving_weight": 1.0, "ignore_still": False, "penalised": False, "seed": 0,
                          "epoch": [1, 2], "training": [loss, loss], "held_out": [loss, 0.5]})  # fmt: skip
    figure, _ = encoder_losses.make({"losses": table}, title="T")
    figure.draw_without_rendering()
    low, high = figure.axes[0].get_ylim()
    assert low < np.nan_to_num(loss, nan=0.5) < high


def test_encoders_that_diverged_have_no_point() -> None:
    latents = np.random.default_rng(0).normal(size=(40, 2))
    rows = pd.DataFrame({"experiment": "e", "variant": "v", "part": ["training", "test"] * 20,
                         "called": "latents", "numbers": list(latents), "error": 0.1, "moving_error": 0.2,
                         "split": "random", "moving_weight": 1.0, "ignore_still": False})  # fmt: skip
    table = pd.concat([rows.assign(seed=seed) for seed in (0, 1)], ignore_index=True)
    lost = pd.DataFrame([{"experiment": "e", "variant": "v", "seed": 1, "steps": 9}])
    figure, numbers = latent_sizes.make({"encoding": table, "manifest": lost}, title="T")
    figure.draw_without_rendering()
    assert numbers["value"].isna().all()
    assert set(numbers["seeds"]) == {1}
    assert "No point is shown where seeds diverged" in " ".join(figure.get_supxlabel().split())
    assert latent_sizes.make({"encoding": table}, title="T")[1]["value"].tolist() == pytest.approx([0.1, 0.2])
