"""Agents over several games: human-normalised scores, with intervals over seeds and games."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlgames.environments.atari57 import FEWEST, normalised
from rlgames.figures import tables as product_tables
from rlgames.figures.style import colours, draw_band, new_figure
from rlgames.playing import aggregates

COLUMNS = ["quantity", "curve", "versus", "game", "level", "value", "low", "high", "seeds", "games"]
LEVELS = 100
"""Number of scores at which the profile is drawn."""


def make(tables: dict[str, Any], *, title: str) -> tuple[Figure, pd.DataFrame]:
    """The figure and the numbers in it, from `tables["evaluation episodes"]`.

    Its columns are curve, game, seed, agent and return. Every curve has all games.
    """
    scores = scores_of(tables["evaluation episodes"])
    numbers = pd.concat([summarise(scores), profiles(scores)], ignore_index=True)
    return draw(numbers, title), numbers


def scores_of(evaluations: pd.DataFrame) -> pd.DataFrame:
    """The human-normalised score of each seed's last weights: columns curve, game, seed, value."""
    trained = evaluations[evaluations["agent"] == "trained"]
    keys = ["curve", "game", "seed"]
    means = trained.groupby(keys, sort=False, observed=True)["return"].mean().reset_index()
    pairs = zip(means["game"], means["return"], strict=True)
    return means[keys].assign(value=np.array([normalised(game, score) for game, score in pairs]))


def by_game(scores: pd.DataFrame) -> dict[str, aggregates.Scores]:
    """The scores of each curve: an array for each of the games that all curves play, in one order."""
    curves = {
        str(curve): dict(iter(rows.groupby("game")["value"])) for curve, rows in scores.groupby("curve", sort=False)
    }
    games = sorted(set.intersection(*(set(games) for games in curves.values())))
    return {curve: [played[game].to_numpy(float) for game in games] for curve, played in curves.items()}


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """The table: scores of each game, statistics over the games that all agents play, if these are three or more, and
    the probability that one agent beats another."""
    rows: list[dict[str, Any]] = []
    curves = {curve: each for curve, each in by_game(scores).items() if len(each) >= FEWEST}
    for (curve, game), seeds in scores.groupby(["curve", "game"], sort=False):
        values = seeds["value"].to_numpy(float)
        found = float(values.mean()), float(values.min()), float(values.max())
        rows.append(row("score", found, [values], curve=str(curve), game=str(game)))
    for name, statistic in aggregates.STATISTICS.items():
        for curve, each in curves.items():
            rows.append(row(name, aggregates.aggregate(each, statistic), each, curve=curve))
    for one, other in combinations(curves, 2):
        found = aggregates.improvement(curves[one], curves[other])
        rows.append(row("probability of improvement", found, curves[one], curve=one, versus=other))
    return pd.DataFrame(rows, columns=COLUMNS)


def row(quantity: str, found: tuple[float, float, float], scores: aggregates.Scores, **place: str) -> dict[str, Any]:
    value, low, high = found
    seeds = min(len(game) for game in scores)
    return {
        "quantity": quantity,
        "value": value,
        "low": low,
        "high": high,
        "seeds": seeds,
        "games": len(scores),
    } | place


def profiles(scores: pd.DataFrame) -> pd.DataFrame:
    """The performance profile of each curve: the share of runs above a score, at `level`."""
    levels = np.linspace(min(0.0, scores["value"].min()), max(1.0, scores["value"].max()), LEVELS + 1)
    parts = []
    for curve, each in by_game(scores).items():
        value, low, high = aggregates.profile(each, levels)
        known = {"quantity": "profile", "curve": curve, "level": levels, "value": value, "low": low, "high": high}
        parts.append(pd.DataFrame({**known, "seeds": min(map(len, each)), "games": len(each)}))
    return pd.concat(parts, ignore_index=True)


def draw(numbers: pd.DataFrame, title: str) -> Figure:
    """The profile; beside it, of two curves or more, interquartile means and which is likely to be better."""
    statistics = numbers[numbers["quantity"] == "interquartile mean"]
    pairs = numbers[numbers["quantity"] == "probability of improvement"]
    palette = colours(list(statistics["curve"]))
    compared = len(pairs) > 0
    widths = [1.0, 1.3, 1.0] if compared else [1.8]
    figure = new_figure(5 * sum(widths), max(4.2, 1.8 + 0.45 * max(len(statistics), len(pairs))))
    panels = figure.subplots(1, len(widths), width_ratios=widths, squeeze=False).flatten()
    shares = panels[len(panels) // 2]  # in the middle
    for curve, rows in numbers[numbers["quantity"] == "profile"].groupby("curve", sort=False):
        name = str(curve)
        if not compared:
            value, low, high = statistics[["value", "low", "high"]].iloc[0]
            name += f": interquartile mean {value:.2f} ({low:.2f} to {high:.2f})"
        draw_band(shares, rows["level"], rows["low"], rows["high"], palette[str(curve)])
        shares.plot(rows["level"], rows["value"], color=palette[str(curve)], lw=1.8, label=name)
    shares.axvline(1, color="0.4", lw=0.9, ls="--")
    shares.set(
        xlabel="Human-normalised score τ (dashed: the human tester)", ylabel="Share of runs above τ", ylim=(0, 1.02)
    )
    shares.legend(fontsize=9)
    if compared:
        means, _, axes = panels
        draw_intervals(means, statistics, [palette[curve] for curve in statistics["curve"]], list(statistics["curve"]))
        means.set_xlabel("Interquartile mean of human-normalised scores")
        names = [f"{pair.curve}\nabove {pair.versus}" for pair in pairs.itertuples()]
        draw_intervals(axes, pairs, [palette[curve] for curve in pairs["curve"]], names)
        axes.axvline(0.5, color="0.4", lw=0.9, ls="--")
        axes.set(xlabel="Probability of improvement", xlim=(0, 1))
    figure.suptitle(title, fontsize=13)
    figure.supxlabel(explain(statistics, compared=compared), fontsize=8.5, color="0.35")
    return figure


def draw_intervals(axes: Axes, rows: pd.DataFrame, tints: list[Any], names: list[str]) -> None:
    """A bar from `low` to `high` for each row, and its value as a line."""
    bounds = rows[["value", "low", "high"]].to_numpy(float)
    for place, ((value, low, high), tint) in enumerate(zip(bounds, tints, strict=True)):
        axes.barh(place, high - low, left=low, color=tint, alpha=0.5, height=0.6)
        axes.vlines(value, place - 0.3, place + 0.3, color=tint, lw=2.5)
    axes.use_sticky_edges = False  # bars end within the axes
    axes.autoscale_view(scaley=False)
    axes.set_yticks(range(len(names)), names, fontsize=9)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")


def explain(statistics: pd.DataFrame, *, compared: bool) -> str:
    """What is drawn, in words."""
    seeds, games = int(statistics["seeds"].min()), int(statistics["games"].max())
    few = f" (too narrow, with fewer than {aggregates.FEW} seeds a game)" if seeds < aggregates.FEW else ""
    better = " Improvement: a run of one beats a run of the other in a game drawn at random." if compared else ""
    return (
        f"Evaluations of the last weights in {games} games, {seeds} seeds each: 0 is random play, 1 a human tester "
        f"(Wang et al. 2016).\nBars and bands: {aggregates.BAND}{few}. Interquartile mean: without the best and the "
        f"worst quarter\nof runs.{better} All after Agarwal et al. (2021)."
    )


def several_games_csv(evaluations: list[Path], curves: list[list[Any]]) -> str:
    """The table over several games, from the evaluation episodes of all runs; `curves` are as for `tables.read`."""
    episodes = product_tables.read(evaluations, curves)["evaluation episodes"]
    parts = [
        summarise(scores_of(rows)).assign(experiment=name)
        for name, rows in episodes.groupby("experiment", sort=False, observed=True)
    ]
    found = pd.concat(parts, ignore_index=True).drop(columns="level")
    return found[["experiment", *found.columns.drop("experiment")]].to_csv(index=False, float_format="%.6g")
