"""Value estimates against what followed, and the bias that double learning removes, where the truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlgames.agents.linear.maximisation_bias import left_shares
from rlgames.figures.style import colours, draw_band, new_figure
from rlgames.statistics import FEW, interval

BINS = 12


def make(tables: dict[str, Any], *, title: str) -> tuple[Figure, pd.DataFrame]:
    """The figure and the numbers in it, from `tables["evaluation recordings"]`.

    Its columns are curve, discount, reward_terminal, agent, seed, episode, ending, and as bytes values (float32, action
    values before every action) and rewards (float32).
    """
    steps = estimates(tables["evaluation recordings"])
    by_seed = seed_gaps(steps)
    gaps = gap_table(by_seed)
    bias = bias_table()
    palette = colours([*dict.fromkeys(steps["curve"])])
    figure = new_figure(13, 5.2)
    scatter, bars, toy = figure.subplots(1, 3, width_ratios=[1.25, 0.8, 1.1])
    bins = draw_estimates(scatter, steps, palette)
    if len(gaps):
        draw_gaps(bars, gaps, palette)
    draw_bias(toy, bias)
    figure.suptitle(title, fontsize=13)
    figure.supxlabel(
        f"{verdict(by_seed)}\nLeft, middle: evaluation episodes that ended by themselves, rewards clipped as in "
        f"learning; bars: mean over seeds,\n{' or '.join(gaps['band'].unique())}. Right: example 6.7 of Sutton and "
        "Barto (2018): 10 actions in B, rewards N(-0.1, 1), ε = α = .1, 10,000 runs; going left is never better.",
        fontsize=8.5,
        color="0.35",
    )  # fmt: skip
    return figure, pd.concat([bins, gaps, bias], ignore_index=True)


def estimates(recordings: pd.DataFrame) -> pd.DataFrame:
    """A row for every step of the trained agents: curve, seed, episode, estimate (max Q) and what followed."""
    parts = []
    judged = (recordings["ending"] == "terminated") & recordings["values"].notna()  # none where weights diverged
    trained = recordings[(recordings["agent"] == "trained") & judged]
    for row in trained.to_dict("records"):
        rewards = np.frombuffer(row["rewards"], "<f4")
        if row["clip_rewards"]:
            rewards = rewards.clip(-1, 1)
        values = np.frombuffer(row["values"], "<f4").reshape(len(rewards), -1)
        keys = {key: row[key] for key in ("curve", "seed", "episode")}
        followed = discounted(rewards, float(row["discount"]), ends=bool(row["reward_terminal"]))
        parts.append(pd.DataFrame({**keys, "estimate": values.max(axis=1), "followed": followed}))
    empty = pd.DataFrame(columns=["curve", "seed", "episode", "estimate", "followed"])
    return pd.concat(parts, ignore_index=True) if parts else empty


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


def seed_gaps(steps: pd.DataFrame) -> pd.DataFrame:
    """Mean of max Q - G over the episodes of each seed: a row for each seed, a column for each curve, in order."""
    gaps = (steps["estimate"] - steps["followed"]).astype(float)
    episodes = gaps.groupby([steps[key] for key in ("curve", "seed", "episode")]).mean()
    return episodes.groupby(["seed", "curve"]).mean().unstack("curve").reindex(columns=steps["curve"].unique())


def gap_table(by_seed: pd.DataFrame) -> pd.DataFrame:
    """Their means over seeds: kind, curve, value, low, high, band, seeds."""
    rows = []
    for curve, column in by_seed.items():
        gaps = column.dropna().to_numpy()
        low, high, band = interval(gaps)
        rows.append({"kind": "gap", "curve": str(curve), "value": gaps.mean(), "low": low, "high": high, "band": band,
                     "seeds": len(gaps)})  # fmt: skip
    return pd.DataFrame(rows, columns=["kind", "curve", "value", "low", "high", "band", "seeds"])


def bias_table() -> pd.DataFrame:
    """The toy: share of runs that go left, by episode."""
    shares = left_shares(np.random.default_rng(0))
    return pd.concat(
        [
            pd.DataFrame({"kind": "toy", "curve": curve, "episode": np.arange(1, len(share) + 1), "value": share})
            for curve, share in zip(("Q-learning", "double Q-learning"), shares, strict=True)
        ],
        ignore_index=True,
    )


def verdict(by_seed: pd.DataFrame) -> str:
    """In words, whether the gap of the first curve differs from those of the others, over the seeds that they share."""
    curves = list(by_seed)
    if len(curves) < 2:
        return "One curve, nothing to compare." if curves else "No evaluation episode ended by itself: no estimates."
    return " ".join(compare(curves[0], other, (by_seed[curves[0]] - by_seed[other]).dropna()) for other in curves[1:])


def compare(one: object, other: object, differences: pd.Series) -> str:
    """The gap of one curve minus that of another, seed by seed, in words."""
    what = f"Overestimation of {one} minus that of {other}"
    if len(differences) < FEW:
        values = ", ".join(f"{difference:+.3f}" for difference in differences) or "none shared"
        same = (differences > 0).all() or (differences < 0).all()
        found = "so few seeds settle nothing" if same else "the signs differ, so that no difference is seen"
        return f"{what}, seed by seed: {values}; {found}."
    low, high, band = interval(differences.to_numpy())
    found = "none is seen" if low <= 0 <= high else "they differ"
    return f"{what}: {differences.mean():+.3f} ({low:+.3f} to {high:+.3f}, {band}); {found}."


def draw_estimates(axes: Axes, steps: pd.DataFrame, palette: dict[str, Any]) -> pd.DataFrame:
    """Mean estimate in bins of equal counts of what followed; returns the bins."""
    rows = []
    for number, (curve, part) in enumerate(steps.groupby("curve", sort=False)):
        bins = part.groupby(pd.qcut(part["followed"], BINS, duplicates="drop"), observed=True)
        table = bins.agg(
            x=("followed", "mean"),
            value=("estimate", "mean"),
            low=("estimate", lambda values: values.quantile(0.025)),
            high=("estimate", lambda values: values.quantile(0.975)),
        )
        draw_band(axes, table["x"], table["low"], table["high"], palette[str(curve)])
        axes.plot(table["x"], table["value"], color=palette[str(curve)], marker="os^D"[number % 4], label=str(curve))
        rows.append(table.reset_index(drop=True).assign(kind="estimate", curve=str(curve), band="95% of the steps"))
    if rows:
        low, high = axes.dataLim.intervalx
        axes.plot([low, high], [low, high], color="0.4", ls="--", lw=1, label="estimate = what followed")
        axes.legend(fontsize=8.5)
    axes.set(xlabel="Discounted return that followed", ylabel="max Q before it", title="Estimates (band: 95% of steps)")
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def draw_gaps(axes: Axes, gaps: pd.DataFrame, palette: dict[str, Any]) -> None:
    places = np.arange(len(gaps))
    errors = np.abs(gaps[["low", "high"]].to_numpy(float).T - gaps["value"].to_numpy(float))
    axes.bar(places, gaps["value"], yerr=errors, capsize=4, color=[palette[curve] for curve in gaps["curve"]])
    axes.axhline(0, color="0.4", lw=1)
    axes.set_xticks(places, [curve.replace(": ", ":\n") for curve in gaps["curve"]], fontsize=9)
    axes.set(title="Overestimation", ylabel="Mean of max Q minus what followed")


def draw_bias(axes: Axes, bias: pd.DataFrame) -> None:
    for (curve, rows), style in zip(bias.groupby("curve", sort=False), ("-", "-."), strict=True):
        axes.plot(rows["episode"], 100 * rows["value"], ls=style, color="black", lw=1.4, label=str(curve))
    axes.axhline(5, color="0.4", ls="--", lw=1, label="the best that ε-greedy allows")
    axes.set(xlabel="Episode", ylabel="Left actions from A (%)", ylim=(0, 100), xlim=(1, 300), title="A known truth")
    axes.legend(fontsize=8.5)
