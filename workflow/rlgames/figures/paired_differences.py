"""Evaluation returns of the trained agents minus those of the first curve, seed by seed.

Seeds of one number share their first weights, as far as the networks are alike, and their evaluation episodes. What all
curves owe to the seed cancels in the difference.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rlgames.figures.returns import title as game_title
from rlgames.figures.style import bands, colours, entitle, new_figure
from rlgames.statistics import FEW, over_seeds


def make(tables: dict[str, Any], *, title: str) -> tuple[Figure, pd.DataFrame]:
    """The figure and the numbers in it, from `tables["evaluation episodes"]` and, if seeds diverged,
    `tables["manifest"]`.

    The columns are curve, game, seed, agent and return; the numbers are those of `differences`. A panel for each game.
    """
    numbers = differences(tables["evaluation episodes"], tables.get("manifest"))
    games, curves = list(numbers["game"].unique()), list(numbers["curve"].unique())
    first = numbers["minus"].iloc[0]
    palette = colours([first, *curves])  # as in other figures of the same curves
    figure = new_figure(max(8.0, 2 + 5.0 * len(games)), 2.6 + 0.5 * len(curves))
    for axes, game in zip(np.atleast_1d(figure.subplots(1, len(games))), games, strict=True):
        rows = numbers[numbers["game"] == game]
        for row in rows[rows["kind"] == "seed"].dropna(subset="value").to_dict("records"):
            axes.plot(row["value"], curves.index(row["curve"]) + 0.18, "o", color=palette[row["curve"]], alpha=0.5)
        for row in rows[rows["kind"] == "mean"].dropna(subset="value").to_dict("records"):
            bar = np.clip([[row["value"] - row["low"]], [row["high"] - row["value"]]], 0, None)
            place, colour = curves.index(row["curve"]) - 0.12, palette[row["curve"]]
            axes.errorbar(row["value"], place, xerr=bar, color=colour, fmt="D", ms=8, capsize=4)
        axes.axvline(0, color="0.4", lw=1)
        axes.set(
            title=game_title(game), xlabel=f"Return minus that of {rows['minus'].iloc[0]}", yticks=range(len(curves)),
            yticklabels=curves if game == games[0] else [], ylim=(len(curves) - 0.5, -0.5),
        )  # fmt: skip
    means = numbers[numbers["kind"] == "mean"]
    band = bands(means["band"])
    entitle(
        figure,
        title,
        f"Mean return of the evaluation episodes at the end of training. Circles: single seeds; diamonds: means over "
        f"seeds{f'; bars: {band}' if band else ''}. {verdict(means)}",
        8.5,
    )
    return figure, numbers


def differences(evaluations: pd.DataFrame, lost: pd.DataFrame | None = None) -> pd.DataFrame:
    """Rows of kind seed (with its number) and mean: kind, game, curve, minus, seed, value, low, high, band, seeds.

    There is none of a seed of which a training diverged, and no mean then.
    """
    played = evaluations[evaluations["agent"] == "trained"]
    returns = played.groupby(["game", "curve", "seed"], sort=False, observed=True)["return"].mean()
    if lost is not None:
        returns[returns.index.isin(lost.set_index(["game", "curve", "seed"]).index)] = np.nan
    rows: list[dict[str, Any]] = []
    for game in returns.index.unique("game"):
        curves = list(returns[game].index.unique("curve"))
        for curve in curves[1:]:
            apart = (returns[game, curve] - returns[game, curves[0]]).dropna()
            keys = {"game": game, "curve": str(curve), "minus": str(curves[0])}
            rows += [{"kind": "seed", **keys, "seed": seed, "value": value} for seed, value in apart.items()]
            rows.append({"kind": "mean", **keys, **over_seeds(apart, returns[game, curve].index.size)})
    columns = ["kind", "game", "curve", "minus", "seed", "value", "low", "high", "band", "seeds"]
    return pd.DataFrame(rows, columns=columns).astype({"seed": "Int64", "value": float, "low": float, "high": float})


def verdict(means: pd.DataFrame) -> str:
    """What is seen: which intervals leave out zero."""
    blank = named(means[means["value"].isna()])
    lost = f" No mean where seeds diverged: {', '.join(blank)}." if blank else ""
    apart = means[(means["low"] > 0) | (means["high"] < 0)]
    if apart.empty:
        return f"No difference is established: every bar includes 0.{lost}"
    settled = "; too few seeds for a conclusion" if apart["seeds"].min() < FEW else ""
    return f"Bars that exclude 0: {', '.join(named(apart))}{settled}.{lost}"


def named(means: pd.DataFrame) -> list[str]:
    """Curves by name, with their game."""
    return [f"{curve} ({game_title(game)})" for curve, game in zip(means["curve"], means["game"], strict=True)]
