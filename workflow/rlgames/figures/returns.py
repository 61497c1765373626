"""Learning curves of deep agents: training returns against steps, evaluations as points, published levels as lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlgames.figures import side_by_side
from rlgames.figures.style import colours, draw_band, new_figure
from rlgames.playing.published import SCORES, protocol
from rlgames.statistics import interval

WINDOW = 20
"""Episodes in the running mean of the training returns."""

POINTS = 200
"""Places along the steps."""

COLUMNS = 6
"""Panels side by side, at most."""


def make(tables: dict[str, Any], *, title: str) -> tuple[Figure, pd.DataFrame]:
    """The figure and the numbers in it, from `tables["episodes"]` and `tables["evaluation episodes"]`.

    Both have the columns curve, game, frame_skip, budget, seed and return; the first also ending and end_step, the
    second agent and trained_steps. A panel for each game.
    """
    episodes, evaluations = tables["episodes"], tables["evaluation episodes"]
    summary = pd.concat([summarise(episodes), summarise_evaluations(evaluations)], ignore_index=True)
    games = list(episodes["game"].unique())
    palette = colours(list(summary["curve"].unique()))
    columns = min(len(games), COLUMNS)
    rows = -(-len(games) // columns)
    figure = new_figure(7.5 * columns if columns > 1 else 9, 6 * rows)
    figure.suptitle(title, fontsize=13)
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for spare in panels[len(games) :]:
        spare.remove()
    for game, axes in zip(games, panels, strict=False):
        draw(axes, summary[summary["game"] == game], runs_of(episodes[episodes["game"] == game]), palette)
        finish(axes, game, episodes[episodes["game"] == game])
    bands = " or ".join(summary["band"].unique())
    figure.supxlabel(
        f"Curves: mean over seeds of each seed's mean of its last {WINDOW} training returns, where every seed has one; "
        f"faint: single seeds;\nband: {bands}. Points: mean return of evaluation episodes, with that band.\n"
        f"{side_by_side.words(episodes, WINDOW)}{protocol(games)}",
        fontsize=8.5,
        color="0.35",
    )  # fmt: skip
    return figure, summary


def runs_of(episodes: pd.DataFrame) -> pd.DataFrame:
    """Running mean of the returns of every seed on a grid of steps: columns game, curve, seed, steps, value."""
    parts = []
    for (game, curve, seed), run in episodes.groupby(["game", "curve", "seed"], sort=False):
        ended = run[run["ending"] != "unfinished"].sort_values("end_step", kind="stable")
        grid = np.linspace(0, run["budget"].iloc[0], POINTS + 1)
        place = np.searchsorted(ended["end_step"], grid, side="right") - 1
        means = np.append(ended["return"].rolling(WINDOW, min_periods=1).mean().to_numpy(float), np.nan)
        steps = np.where(grid <= last_step(run), grid, np.nan)  # a training that stopped early
        parts.append(
            pd.DataFrame({"game": game, "curve": str(curve), "seed": seed, "steps": steps, "value": means[place]})
        )
    return pd.concat(parts, ignore_index=True).dropna()


def last_step(run: pd.DataFrame) -> int:
    """Steps that a training took: those of all its episodes."""
    return int(run["steps"].sum())


def summarise(episodes: pd.DataFrame) -> pd.DataFrame:
    """Mean over seeds and band at each place: columns kind, game, curve, steps, value, low, high, band, seeds.

    Where a seed has no value yet, or diverged, there is no mean: one over the others would be flattered.
    """
    counts = episodes.groupby(["game", "curve"])["seed"].nunique().to_dict()
    rows = []
    for (game, curve, steps), seeds in runs_of(episodes).groupby(["game", "curve", "steps"], sort=False):
        if len(seeds) == counts[game, curve]:
            rows.append(point("training", game, curve, steps, seeds["value"].to_numpy()))
    return pd.DataFrame(rows, columns=["kind", "game", "curve", "steps", "value", "low", "high", "band", "seeds"])


def summarise_evaluations(evaluations: pd.DataFrame) -> pd.DataFrame:
    """The same for evaluations of trained weights: each seed's mean return."""
    trained = evaluations[evaluations["agent"] != "random"]
    keys = ["game", "curve", "trained_steps"]
    seeds = trained.groupby([*keys, "seed"], sort=False, observed=True)["return"].mean().reset_index()
    return pd.DataFrame(
        [
            point("evaluation", game, curve, steps, rows["return"].to_numpy())
            for (game, curve, steps), rows in seeds.groupby(keys, sort=False)
        ]
    )


def point(kind: str, game: object, curve: object, steps: object, values: np.ndarray) -> dict[str, Any]:
    low, high, band = interval(values)
    place = {"kind": kind, "game": game, "curve": str(curve), "steps": steps}
    return place | {"value": values.mean(), "low": low, "high": high, "band": band, "seeds": len(values)}


def draw(axes: Axes, summary: pd.DataFrame, runs: pd.DataFrame, palette: dict[str, Any]) -> None:
    for number, (curve, rows) in enumerate(summary.groupby("curve", sort=False)):
        colour = palette[str(curve)]
        training, evaluation = rows[rows["kind"] == "training"], rows[rows["kind"] == "evaluation"]
        draw_band(axes, training["steps"], training["low"], training["high"], colour)
        for _, run in runs[runs["curve"] == curve].groupby("seed"):
            axes.plot(run["steps"], run["value"], color=colour, lw=0.6, alpha=0.5)
        axes.plot(training["steps"], training["value"], color=colour, lw=1.8, label=str(curve))
        bars = (evaluation[["value", "value"]].to_numpy() - evaluation[["low", "high"]].to_numpy()) * [1, -1]
        axes.errorbar(
            evaluation["steps"], evaluation["value"], bars.T.clip(0), color=colour, fmt="os^Dv"[number % 5],
            ms=6, mec="white", elinewidth=1, clip_on=False, zorder=5, label=f"{curve}, evaluated",
        )  # fmt: skip


def title(game: str) -> str:
    """A game for people: Space Invaders; Gymnasium's ids stay what they are."""
    return game.replace("_", " ").title() if game.islower() else game


def finish(axes: Axes, game: str, episodes: pd.DataFrame) -> None:
    """Levels, labels, and frames on a second axis."""
    budget, frame_skip = int(episodes["budget"].max()), int(episodes["frame_skip"].iloc[0])
    for name, level in SCORES.get(game, {}).items():
        axes.axhline(level, color="0.4", lw=0.9, ls="--")
        axes.annotate(f"{name} {level:g}", (budget, level), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set(xlabel="Steps", ylabel=f"Return in {title(game)}", xlim=(0, budget))
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}")
    if frame_skip > 1:
        frames = axes.secondary_xaxis("top", (lambda x: np.multiply(x, frame_skip), lambda x: np.divide(x, frame_skip)))
        frames.set_xlabel("Frames of the emulator", fontsize=9)
        frames.tick_params(labelsize=8)
        frames.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}")
    axes.legend(fontsize=8.5, loc="upper left")  # where returns are not yet
