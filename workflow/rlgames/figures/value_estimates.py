"""Value estimates against what followed, and the bias that double learning removes, where the truth is known."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlgames.agents.linear.maximisation_bias import left_shares
from rlgames.figures.style import bands, colours, draw_band, entitle, legend_below, line_over, new_figure
from rlgames.statistics import FEW, discounted, interval, over_seeds

BINS = 12
"""Number of bins of every seed's steps, by max Q."""

FLOATS = dict.fromkeys(("value", "low", "high"), float)


def make(tables: dict[str, Any], *, title: str) -> tuple[Figure, pd.DataFrame]:
    """The figure and the numbers in it, from `tables["evaluation recordings"]`, and `tables["manifest"]` if seeds
    diverged.

    The columns are curve, discount, reward_terminal, agent, seed, episode, ending, and as bytes values (float32, action
    values before every action) and rewards (float32).
    """
    recordings = tables["evaluation recordings"]
    trained = recordings[recordings["agent"] == "trained"]
    steps = estimates(without(trained, tables.get("manifest")))
    by_seed = seed_gaps(steps, trained)
    bins, gaps, bias = calibration(steps, trained), gap_table(by_seed), bias_table()
    palette = colours([*by_seed])
    figure = new_figure(13, 5.6)
    scatter, bars, toy = figure.subplots(1, 3, width_ratios=[1.25, 0.8, 1.1])
    draw_estimates(scatter, bins, palette)
    draw_gaps(bars, gaps, palette)
    draw_bias(toy, bias)
    cut = int((trained["ending"] != "terminated").sum())
    left_out = f" ({cut} of {len(trained)} were cut off, and are left out)" if cut else ""
    band = bands(pd.concat([bins["band"], gaps["band"]]))
    entitle(
        figure,
        title,
        f"{verdict(by_seed)}\nLeft, middle: evaluation episodes that ended by themselves{left_out}, rewards as in "
        f"learning, means over seeds{f'; bars: {band}' if band else ''}. Left: each seed's steps in {BINS} bins by "
        "max Q. Right: example 6.7 of Sutton and Barto (2018): 10 actions in B, rewards N(-0.1, 1), ε = α = .1, 10,000 "
        "runs; going left is never better.",
        8.5,
    )
    return figure, pd.concat([bins, gaps, bias], ignore_index=True)


def without(rows: pd.DataFrame, lost: pd.DataFrame | None) -> pd.DataFrame:
    """The rows of seeds whose training did not diverge."""
    keys = ["curve", "seed"]
    return rows if lost is None else rows[~rows.set_index(keys).index.isin(lost.set_index(keys).index)]


def estimates(recordings: pd.DataFrame) -> pd.DataFrame:
    """A row for every step of the trained agents: curve, seed, episode, estimate (max Q) and what followed."""
    parts = []
    trained = (recordings["agent"] == "trained") & recordings["values"].notna()  # none where weights diverged
    for row in recordings[trained & (recordings["ending"] == "terminated")].to_dict("records"):
        rewards = np.frombuffer(row["rewards"], "<f4")
        if row["clip_rewards"]:
            rewards = rewards.clip(-1, 1)
        values = np.frombuffer(row["values"], "<f4").reshape(len(rewards), -1)
        keys = {key: row[key] for key in ("curve", "seed", "episode")}
        followed = discounted(rewards, float(row["discount"]), ends=bool(row["reward_terminal"]))
        parts.append(pd.DataFrame({**keys, "estimate": values.max(axis=1), "followed": followed}))
    empty = pd.DataFrame(columns=["curve", "seed", "episode", "estimate", "followed"])
    return pd.concat(parts, ignore_index=True) if parts else empty


def seeds_of(trained: pd.DataFrame) -> dict[str, list[int]]:
    """The seeds of every curve, whether or not there are estimates of them."""
    return {str(curve): sorted(set(rows["seed"])) for curve, rows in trained.groupby("curve", sort=False)}


def seed_gaps(steps: pd.DataFrame, trained: pd.DataFrame) -> dict[str, pd.Series]:
    """Mean of max Q - G over the episodes of each seed, by curve: NaN for seeds without estimates."""
    gaps = (steps["estimate"] - steps["followed"]).astype(float)
    episodes = gaps.groupby([steps[key] for key in ("curve", "seed", "episode")]).mean()
    means = episodes.groupby(["curve", "seed"]).mean().to_dict()
    return {
        curve: pd.Series([means.get((curve, seed)) for seed in seeds], seeds, float)
        for curve, seeds in seeds_of(trained).items()
    }


def gap_table(by_seed: dict[str, pd.Series]) -> pd.DataFrame:
    """Their means over seeds: kind, curve, value, low, high, band, seeds; blank where a seed has none."""
    rows = [{"kind": "gap", "curve": str(curve), **over_seeds(gaps, len(gaps))} for curve, gaps in by_seed.items()]
    return pd.DataFrame(rows, columns=["kind", "curve", *FLOATS, "band", "seeds"]).astype(FLOATS)


def calibration(steps: pd.DataFrame, trained: pd.DataFrame) -> pd.DataFrame:
    """What followed, in bins of each seed's steps by max Q: kind, curve, x (mean max Q), value, low, high, band, seeds.

    To bin by what followed would show even a calibrated estimator too low at the top, and too high at the bottom:
    regression dilution.
    """
    groups = steps.groupby(["curve", "seed"])["estimate"]
    share = (groups.rank() - 0.5) / groups.transform("size")
    places = [steps["curve"], (share.astype(float) * BINS).astype(int).rename("bin"), steps["seed"]]
    means = steps[["estimate", "followed"]].astype(float).groupby(places, sort=False).mean()
    rows = [
        {"kind": "estimate", "curve": curve, "x": part["estimate"].mean(), **over_seeds(part["followed"], len(seeds))}
        for curve, seeds in seeds_of(trained).items()
        for _, part in means.loc[means.index.get_level_values("curve") == curve].groupby("bin")
    ]
    columns = ["kind", "curve", "x", *FLOATS, "band", "seeds"]
    return pd.DataFrame(rows, columns=columns).astype({"x": float, **FLOATS})


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


def verdict(by_seed: Any) -> str:
    """In words, whether the gap of the first curve differs from those of the others, over the seeds that they share."""
    curves = list(by_seed)
    if not any(by_seed[curve].notna().any() for curve in curves):
        return "There are no estimates: weights diverged, or no evaluation episode ended by itself."
    if len(curves) < 2:
        return "One curve, nothing to compare."
    first, *others = curves
    return " ".join(compare(first, each, np.subtract(*by_seed[first].align(by_seed[each], "inner"))) for each in others)


def compare(one: object, other: object, differences: pd.Series) -> str:
    """The gap of one curve minus that of another, seed by seed, in words."""
    what = f"Overestimation of {one} minus that of {other}"
    if missing := differences.isna().sum():
        return f"{what}: none is given, since {missing} of {len(differences)} seeds have no estimates of both."
    if len(differences) < FEW:
        values = ", ".join(f"{difference:+.3f}" for difference in differences) or "none shared"
        same = (differences > 0).all() or (differences < 0).all()
        found = "too few seeds for a conclusion" if same else "the signs differ, so that no difference is established"
        return f"{what}, seed by seed: {values}; {found}."
    low, high, band = interval(differences.to_numpy())
    found = "no difference is established" if low <= 0 <= high else "they differ"
    return f"{what}: {differences.mean():+.3f} ({low:+.3f} to {high:+.3f}, {band}); {found}."


def draw_estimates(axes: Axes, bins: pd.DataFrame, palette: dict[str, Any]) -> None:
    """Mean outcome against max Q: a calibrated estimator lies on the diagonal."""
    earlier: list[pd.Series] = []
    for number, (curve, part) in enumerate(bins.dropna(subset="value").groupby("curve", sort=False)):
        colour, values = palette[str(curve)], part["value"]
        draw_band(axes, part["x"], part["low"], part["high"], colour)
        look = line_over(earlier, values.set_axis(part["x"]))
        axes.plot(part["x"], values, color=colour, ls=look, marker="os^D"[number % 4], label=str(curve))
    if earlier:
        low, high = axes.dataLim.intervalx
        axes.plot([low, high], [low, high], color="0.4", ls="--", lw=1, label="what followed = max Q")
        legend_below(axes, 5)
    else:
        axes.text(0.5, 0.5, "no estimates of every seed", ha="center", transform=axes.transAxes)
    axes.set(xlabel="max Q", ylabel="Discounted return that followed, mean", title="Are the estimates right?")


def draw_gaps(axes: Axes, gaps: pd.DataFrame, palette: dict[str, Any]) -> None:
    for row in gaps.dropna(subset="value").to_dict("records"):
        errors = [[row["value"] - row["low"]], [row["high"] - row["value"]]]
        where = gaps.index[gaps["curve"] == row["curve"]]
        axes.bar(where, row["value"], yerr=np.clip(errors, 0, None), capsize=4, color=palette[row["curve"]])
    axes.axhline(0, color="0.4", lw=1)
    names = [
        textwrap.fill(curve if known else f"{curve} (none: estimates of {seeds} seeds only)", max(8, 40 // len(gaps)))
        for curve, known, seeds in zip(gaps["curve"], gaps["value"].notna(), gaps["seeds"], strict=True)
    ]
    axes.set_xticks(gaps.index, names, fontsize=9)
    axes.set(title="Overestimation", ylabel="Mean of max Q minus what followed", xlim=(-0.6, len(gaps) - 0.4))


def draw_bias(axes: Axes, bias: pd.DataFrame) -> None:
    for (curve, rows), style in zip(bias.groupby("curve", sort=False), ("-", "-."), strict=True):
        axes.plot(rows["episode"], 100 * rows["value"], ls=style, color="black", lw=1.4, label=str(curve))
    axes.axhline(5, color="0.4", ls="--", lw=1, label="the best that ε-greedy allows")
    axes.set(xlabel="Episode", ylabel="Left actions from A (%)", ylim=(0, 100), xlim=(1, 300), title="A known truth")
    legend_below(axes, 4.4)
