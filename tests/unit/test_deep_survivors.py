"""Figures of deep agents of which seeds diverged, ended early or had all episodes cut off; and calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from rlgames.figures import returns, value_estimates


@pytest.fixture(autouse=True)
def _no_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The textbook's example takes seconds, and is the same in all figures."""
    toy = [{"kind": "toy", "curve": curve, "episode": 1, "value": 0.5} for curve in ("Q-learning", "double Q-learning")]
    monkeypatch.setattr(value_estimates, "bias_table", lambda: pd.DataFrame(toy))


PLACE = {"game": "pong", "frame_skip": 4, "budget": 1000, "discount": 0.0, "reward_terminal": False,
         "clip_rewards": False}  # fmt: skip


def training(seed: int, count: int, curve: str = "a", **changed: Any) -> pd.DataFrame:
    """Episodes of ten steps, with the seed as their return."""
    rows = [
        {**PLACE, "curve": curve, "seed": seed, "steps": 10, "return": float(seed), "end_step": 10 * number,
         "ending": "terminated", **changed}
        for number in range(1, count + 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def evaluation(seed: int, points: list[int], curve: str = "a", **changed: Any) -> pd.DataFrame:
    rows = [{"agent": "in training", "trained_steps": step, "return": float(seed)} for step in points]
    return pd.DataFrame([{**PLACE, "curve": curve, "seed": seed, **row, **changed} for row in rows])


def lost(seed: int, steps: int, curve: str = "a") -> pd.DataFrame:
    return pd.DataFrame([{**PLACE, "curve": curve, "seed": seed, "steps": steps}])


def note(figure: Any) -> str:
    """The small print, without its line breaks."""
    return " ".join(figure.get_supxlabel().split())


def drawn(module: Any, **tables: pd.DataFrame) -> Any:
    figure, numbers = module.make({name.replace("_", " "): table for name, table in tables.items()}, title="T")
    figure.draw_without_rendering()
    return figure, numbers


def test_evaluation_points_of_some_seeds_are_blank() -> None:
    """Seed 0 has no weights at 1000, and seed 2, whose weights diverged at 600, plays with garbage there."""
    episodes = pd.concat([training(0, 60), training(1, 100), training(2, 100)])
    played = pd.concat([evaluation(0, [300, 600]), evaluation(1, [300, 600, 1000]), evaluation(2, [300, 600, 1000])])
    figure, numbers = drawn(returns, episodes=episodes, evaluation_episodes=played, manifest=lost(2, 600))
    points = numbers[numbers["kind"] == "evaluation"].set_index("steps")
    assert points["value"].tolist() == pytest.approx([1, np.nan, np.nan], nan_ok=True)
    assert points["seeds"].tolist() == [3, 2, 1]
    assert points["band"].isna().tolist() == [False, True, True]
    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert names == ["a (1 of 3 seeds diverged, 1 of 3 seeds stopped at the target return ★)", "a, evaluated"]
    assert [line.get_xdata()[-1] for line in figure.axes[0].lines if line.get_marker() == "*"] == [600]


@pytest.mark.parametrize("all_of_them", [True, False])
def test_returns_of_seeds_that_diverged_at_once(all_of_them: bool) -> None:
    kept = training(1, 0 if all_of_them else 100)
    episodes = pd.concat([training(0, 1, ending="unfinished", end_step=0), kept])
    played = pd.concat([evaluation(0, [10]), evaluation(1, [] if all_of_them else [10, 1000])])
    figure, numbers = drawn(returns, episodes=episodes, evaluation_episodes=played, manifest=lost(0, 10))
    assert numbers["value"].isna().all()
    assert "Bands" not in note(figure)
    assert "Points" not in note(figure)
    assert f"1 of {1 if all_of_them else 2} seeds diverged" in figure.axes[0].get_legend().get_texts()[0].get_text()


def test_steps_of_unlike_frames_have_no_axis_of_frames() -> None:
    episodes = pd.concat([training(0, 100), training(0, 100, "b", frame_skip=8)])
    played = pd.concat([evaluation(0, [1000]), evaluation(0, [1000], "b", frame_skip=8)])
    figure, _ = drawn(returns, episodes=episodes, evaluation_episodes=played)
    assert not figure.axes[0].child_axes
    assert "no axis of frames" in note(figure)
    alike, _ = drawn(returns, episodes=episodes.assign(frame_skip=8), evaluation_episodes=played)
    (frames,) = alike.axes[0].child_axes
    assert frames.get_xlim() == pytest.approx((0, 8000))


def test_small_budgets_count_whole_steps() -> None:
    episodes = training(0, 1, budget=3, steps=3, end_step=3)
    figure, _ = drawn(returns, episodes=episodes, evaluation_episodes=evaluation(0, [3]))
    ticks = figure.axes[0].get_xticks()
    assert (ticks == ticks.astype(int)).all()


def test_a_curve_over_an_equal_one_is_dashed() -> None:
    episodes = pd.concat([training(0, 100), training(0, 100, "b")])
    played = pd.concat([evaluation(0, [1000]), evaluation(0, [1000], "b")])
    figure, _ = drawn(returns, episodes=episodes, evaluation_episodes=played)
    styles = {line.get_label(): line.get_linestyle() for line in figure.axes[0].lines}
    assert (styles["a"], styles["b"]) == ("-", "--")


def recording(curve: str, seed: int, estimates: np.ndarray, rewards: np.ndarray, **changes: Any) -> dict[str, Any]:
    """An episode of single-step returns (γ = 0), with one action."""
    return {**PLACE, "curve": curve, "seed": seed, "episode": 1, "agent": "trained", "ending": "terminated",
            "values": estimates.astype("<f4").tobytes(), "rewards": rewards.astype("<f4").tobytes(),
            **changes}  # fmt: skip


def noisy(curve: str, seed: int, bias: float = 0.0, **changes: Any) -> dict[str, Any]:
    """What follows is the estimate less a bias, and noise three times as wide as the estimates are."""
    rng = np.random.default_rng(seed)
    estimates = rng.normal(size=10_000)
    return recording(curve, seed, estimates, estimates - bias + 3 * rng.normal(size=len(estimates)), **changes)


@pytest.mark.parametrize("bias", [0.0, 0.5])
def test_a_calibrated_estimator_lies_on_the_diagonal(bias: float) -> None:
    _, numbers = drawn(value_estimates, evaluation_recordings=pd.DataFrame([noisy("a", s, bias) for s in range(3)]))
    bins = numbers[numbers["kind"] == "estimate"]
    assert len(bins) == value_estimates.BINS
    assert (bins["value"] - bins["x"]).to_numpy(float) == pytest.approx(-bias, abs=0.2)
    assert bins["x"].max() > 1.5  # all along it
    assert set(bins["seeds"]) == {3}
    assert numbers[numbers["kind"] == "gap"]["value"].item() == pytest.approx(bias, abs=0.05)


@pytest.mark.parametrize("estimates", [np.linspace(-1, 1, 100), np.zeros(100)])
def test_games_without_points_are_drawn(estimates: np.ndarray) -> None:
    table = pd.DataFrame([recording("a", 0, estimates, np.zeros(100))])
    figure, numbers = drawn(value_estimates, evaluation_recordings=table)
    bins = numbers[numbers["kind"] == "estimate"]
    assert set(bins["value"]) == {0}
    assert bins["x"].min() == pytest.approx(estimates[:1].mean(), abs=0.1)
    assert len(figure.axes[0].lines) == 2  # the curve and the diagonal


@pytest.mark.parametrize(
    ("changes", "manifest"),
    [({"values": None}, None), ({"ending": "truncated"}, None), ({}, lost(2, 1000))],
    ids=["no values", "cut off", "diverged"],
)
def test_no_gap_over_the_seeds_that_are_left(changes: dict[str, Any], manifest: pd.DataFrame | None) -> None:
    rows = [noisy("a", 0), noisy("a", 1), noisy("a", 2, **changes), *(noisy("b", seed) for seed in range(3))]
    more = {} if manifest is None else {"manifest": manifest}
    figure, numbers = drawn(value_estimates, evaluation_recordings=pd.DataFrame(rows), **more)
    gaps = numbers[numbers["kind"] == "gap"].set_index("curve")
    assert gaps["value"].isna().to_dict() == {"a": True, "b": False}
    assert gaps["seeds"].to_dict() == {"a": 2, "b": 3}
    assert numbers[(numbers["kind"] == "estimate") & (numbers["curve"] == "a")]["value"].isna().all()
    assert "1 of 3 seeds have no estimates of both" in note(figure)


def test_value_estimates_of_nothing() -> None:
    table = pd.DataFrame([noisy("a", 0, values=None), noisy("a", 1, ending="truncated")])
    figure, numbers = drawn(value_estimates, evaluation_recordings=table)
    assert "no estimates" in note(figure)
    assert "bars" not in note(figure)
    assert numbers[numbers["kind"] != "toy"]["value"].isna().all()
