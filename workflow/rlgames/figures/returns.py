"""Learning curves of deep agents: training returns against steps, or minutes, evaluations as points, published levels
as lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlgames.figures import side_by_side
from rlgames.figures.style import (
    bands,
    colours,
    draw_band,
    entitle,
    legend_below,
    line_over,
    new_figure,
    set_counts,
    whole_ticks,
)
from rlgames.playing.published import levels_of, protocol
from rlgames.statistics import over_seeds

WINDOW = 20
"""Episodes in the running mean of the training returns."""

POINTS = 200
"""Places along the horizontal axis."""

COLUMNS = 6
"""Panels side by side, at most."""


RUN = ["game", "curve", "seed"]
"""Columns that tell trainings apart."""

LABELS = {"steps": "Steps", "minutes": "Minutes of training"}

Clocks = dict[tuple[Any, ...], tuple[np.ndarray, np.ndarray]]
"""Of each training, by `RUN`: steps, and the minutes in which it had taken them; float64, shape (points,)."""


def make(
    tables: dict[str, Any], *, title: str, reference: str = "papers", x: str = "steps"
) -> tuple[Figure, pd.DataFrame]:
    """The figure and the numbers in it, from `tables["episodes"]`, `tables["evaluation episodes"]` and, if seeds
    diverged, `tables["manifest"]`; against minutes (`x`), `tables["timeline"]` as well.

    The first two have the columns curve, game, frame_skip, budget, seed and return; the first also ending and end_step,
    the second agent and trained_steps; the third game, curve, seed and steps; the last, besides these, seconds and
    machine. A panel for each game.
    """
    episodes, evaluations = tables["episodes"], tables["evaluation episodes"]
    lost = tables.get("manifest", pd.DataFrame(columns=["game", "curve", "seed", "steps"]))
    clocks = clocks_of(tables["timeline"]) if x == "minutes" else None
    training, points = summarise(episodes, clocks), summarise_evaluations(evaluations, lost, clocks)
    games = list(episodes["game"].unique())
    palette = colours(list(map(str, episodes["curve"].unique())))
    columns = 2 if len(games) in (3, 4) else min(len(games), COLUMNS)  # two by two can be read on a page
    rows = -(-len(games) // columns)
    width = 7.5 if columns > 1 else 9
    figure = new_figure(width * columns, 6 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for spare in panels[len(games) :]:
        spare.remove()
    for game, axes in zip(games, panels, strict=False):
        shown = episodes[episodes["game"] == game]
        found = training[training["game"] == game], points[points["game"] == game], lost[lost["game"] == game]
        draw(axes, shown, *found, palette, clocks)
        finish(axes, game, shown, levels_of(game, reference), clocks)
        legend_below(axes, width)
    summary = pd.concat([table for table in (training, points) if len(table)] or [training], ignore_index=True)
    how = " (of policies, by the most probable action)" if (evaluations["agent"] == "sampled").any() else ""
    note = small_print(episodes, training, points, summary, reference, how)
    if clocks is not None:
        note = f"{of_minutes(tables['timeline'])}\n{note}"
    entitle(figure, title, note, 8.5)
    return figure, summary


def clocks_of(timeline: pd.DataFrame) -> Clocks:
    """The clocks of trainings, from the points at which they kept weights."""
    return {
        key: (points["steps"].to_numpy(float), points["seconds"].to_numpy(float) / 60)
        for key, points in timeline.groupby(RUN, sort=False, observed=True)
    }


def of_minutes(timeline: pd.DataFrame) -> str:
    """What a minute is, for the small print."""
    machines = list(timeline["machine"].unique())
    several = ": these minutes are not the same, so do not compare the curves" if len(machines) > 1 else ""
    return (
        f"Minutes are wall time of training, on {' or '.join(machines)}, with whatever else ran there at the same "
        f"time{several}. Points lie at the mean of their seeds' minutes."
    )


def small_print(
    episodes: pd.DataFrame, training: pd.DataFrame, points: pd.DataFrame, summary: pd.DataFrame, reference: str,
    how: str,
) -> str:  # fmt: skip
    """What is drawn, as far as it is there; `how` says of what kind evaluated actions are."""
    band = bands(summary["band"])
    lines = []
    if len(training):
        faint = "; faint: single seeds" if len(set(episodes["seed"])) > 1 else ""
        lines.append(
            f"Curves: mean over seeds of each seed's mean of its last {WINDOW} training returns, where every seed has "
            f"one{faint}."
        )
    if points["value"].notna().any():
        lines.append(
            f"Points: mean over seeds of each seed's mean return in evaluation{how}, where every seed has one."
        )
    if band:
        lines.append(f"Bands and bars: {band}.")
    mixed = any(len(set(steps)) > 1 for _, steps in episodes.groupby("game")["frame_skip"])
    if mixed and "steps" in summary:
        lines.append("Curves differ in the frames of a step, so that there is no axis of frames.")
    beside = side_by_side.words(episodes, WINDOW)
    return "\n".join([" ".join(lines), beside + protocol(list(episodes["game"].unique()), reference)]).strip()


def runs_of(episodes: pd.DataFrame, clocks: Clocks | None = None) -> pd.DataFrame:
    """Running mean of the returns of every seed on a grid of steps, or of minutes by the `clocks`: columns game, curve,
    seed, steps or minutes, value."""
    x, ends, parts = "steps" if clocks is None else "minutes", lengths(episodes, clocks), []
    for (game, curve, seed), run in episodes.groupby(RUN, sort=False):
        ended = run[run["ending"] != "unfinished"].sort_values("end_step", kind="stable")
        grid = np.linspace(0, ends[game, curve], POINTS + 1)
        steps = ended["end_step"].to_numpy(), last_step(run)
        at, last = steps if clocks is None else (np.interp(each, *clocks[game, curve, seed]) for each in steps)
        place = np.searchsorted(at, grid, side="right") - 1
        means = np.append(ended["return"].rolling(WINDOW, min_periods=1).mean().to_numpy(float), np.nan)
        places = np.where(grid <= last, grid, np.nan)  # a training that stopped, or was done, earlier than others
        parts.append(pd.DataFrame({"game": game, "curve": str(curve), "seed": seed, x: places, "value": means[place]}))
    return pd.concat(parts, ignore_index=True).dropna()


def lengths(episodes: pd.DataFrame, clocks: Clocks | None) -> dict[Any, float]:
    """How far each curve may reach, by game and curve: its budget, or the minutes of its slowest seed."""
    if clocks is None:
        return episodes.groupby(["game", "curve"])["budget"].first().to_dict()
    found: dict[Any, float] = {}
    for (game, curve, _), (_, minutes) in clocks.items():
        found[game, curve] = max(found.get((game, curve), 0.0), minutes[-1])
    return found


def last_step(run: pd.DataFrame) -> int:
    """Steps that a training took: those of all its episodes."""
    return int(run["steps"].sum())


def summarise(episodes: pd.DataFrame, clocks: Clocks | None = None) -> pd.DataFrame:
    """Mean over seeds and band at each place: columns kind, game, curve, steps (or minutes), value, low, high, band,
    seeds.

    Where a seed has no value yet, or stopped early, there is no mean: one over the others would be flattered.
    """
    x = "steps" if clocks is None else "minutes"
    counts = episodes.groupby(["game", "curve"])["seed"].nunique().to_dict()
    rows = [
        point("training", game, curve, {x: place}, seeds["value"], counts[game, curve])
        for (game, curve, place), seeds in runs_of(episodes, clocks).groupby(["game", "curve", x], sort=False)
        if len(seeds) == counts[game, curve]
    ]
    return numbers(rows, x)


def summarise_evaluations(evaluations: pd.DataFrame, lost: pd.DataFrame, clocks: Clocks | None = None) -> pd.DataFrame:
    """The same for evaluations of trained weights, blank where a seed has none, or diverged (`lost`) before. Minutes
    are means over seeds, and so are the steps of the last weights, where trainings stopped at their target return."""
    trained = evaluations[evaluations["agent"].isin(["trained", "in training"])]
    curve, point_of = ["game", "curve"], ["game", "curve", "point"]
    counts = trained.groupby(curve, observed=True)["seed"].nunique().to_dict()
    by = [*curve, "trained_steps", "agent", "seed"]
    seeds = trained.groupby(by, sort=False, observed=True)["return"].mean().reset_index()
    ends = lost.set_index([*curve, "seed"])["steps"].to_dict()
    keys = list(seeds[RUN].itertuples(index=False, name=None))
    end = [ends.get(key, np.inf) for key in keys]
    seeds["return"] = seeds["return"].where(seeds["trained_steps"] < np.array(end, float))
    # The last weights are one point, wherever their seeds stopped; of those that diverged, they are not the last.
    at_end = (seeds["agent"] == "trained") & np.isinf(np.array(end, float))
    seeds["point"] = seeds["trained_steps"].where(~at_end, -1)
    x, seeds["place"] = "steps", seeds["trained_steps"]
    if clocks is not None:
        x = "minutes"
        seeds["place"] = [np.interp(at, *clocks[key]) for at, key in zip(seeds["trained_steps"], keys, strict=True)]
    rows = [
        point("evaluation", game, curve, {x: part["place"].mean()}, part["return"], counts[game, curve])
        for (game, curve, _), part in seeds.groupby(point_of, sort=False)
    ]
    return numbers(rows, x)


def numbers(rows: list[dict[str, Any]], x: str) -> pd.DataFrame:
    """Points as a table of numbers in the figure."""
    columns = ["kind", "game", "curve", x, "value", "low", "high", "band", "seeds"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys((x, "value", "low", "high"), float))


def point(kind: str, game: object, curve: object, place: dict[str, Any], values: Any, seeds: int) -> dict[str, Any]:
    return {"kind": kind, "game": game, "curve": str(curve), **place} | over_seeds(values, seeds)


def draw(
    axes: Axes, episodes: pd.DataFrame, training: pd.DataFrame, points: pd.DataFrame, lost: pd.DataFrame,
    palette: dict[str, Any], clocks: Clocks | None,
) -> None:  # fmt: skip
    """Curves and points of one game."""
    runs, earlier = runs_of(episodes, clocks), list[pd.Series]()
    x = "steps" if clocks is None else "minutes"
    for number, (curve, played) in enumerate(episodes.groupby("curve", sort=False)):
        colour = palette[str(curve)]
        means, evaluated = (table[table["curve"] == str(curve)] for table in (training, points.dropna(subset="value")))
        draw_band(axes, means[x], means["low"], means["high"], colour)
        at_target = stopped(played, lost[lost["curve"] == curve])
        for seed, run in runs[runs["curve"] == str(curve)].groupby("seed"):
            axes.plot(run[x], run["value"], color=colour, lw=0.6, alpha=0.5)
            if seed in at_target:
                axes.plot(*run[[x, "value"]].iloc[-1], color=colour, marker="*", ms=13, mec="white", zorder=6, ls="")
        look = line_over(earlier, means.set_index(x)["value"])
        name = legend_name(curve, played, lost[lost["curve"] == curve])
        axes.plot(means[x], means["value"], color=colour, lw=1.8, ls=look, label=name)
        if len(evaluated):
            bars = (evaluated[["value", "value"]].to_numpy() - evaluated[["low", "high"]].to_numpy()) * [
                1,
                -1,
            ]
            axes.errorbar(
                evaluated[x], evaluated["value"], bars.T.clip(0), color=colour,
                fmt="os^Dv"[number % 5], ms=max(4, 8 - number), mec="white", elinewidth=1, clip_on=False, zorder=5,
                label=f"{curve}, evaluated",
            )  # fmt: skip


def stopped(episodes: pd.DataFrame, lost: pd.DataFrame) -> set[Any]:
    """The seeds of a curve that reached their target return before their budget was spent."""
    early = {seed for seed, run in episodes.groupby("seed") if last_step(run) < run["budget"].iloc[0]}
    return early - set(lost["seed"])


def legend_name(curve: object, episodes: pd.DataFrame, lost: pd.DataFrame) -> str:
    """A curve's name, and how many of its seeds diverged, or stopped at their target return."""
    count, diverged, at_target = episodes["seed"].nunique(), set(lost["seed"]), stopped(episodes, lost)
    notes = [
        f"{len(seeds)} of {count} seeds {what}"
        for seeds, what in ((diverged, "diverged"), (at_target, "stopped at the target return ★"))
        if seeds
    ]
    return f"{curve} ({', '.join(notes)})" if notes else str(curve)


def title(game: str) -> str:
    """A game for people: Space Invaders; Gymnasium's ids stay what they are."""
    return game.replace("_", " ").title() if game.islower() else game


def out_of_reach(axes: Axes, levels: dict[str, float]) -> list[str]:
    """The levels so far above the curves, random play and a human tester that lines at them would press all that
    together."""
    drawn = [*axes.dataLim.intervaly, *(levels[name] for name in ("random", "human", "solved") if name in levels)]
    known = [height for height in drawn if np.isfinite(height)]
    if not known:
        return []
    highest = 2 * max(known) - min(known)  # those above would take more than half of the axis
    return sorted((name for name, level in levels.items() if level > highest), key=lambda name: -levels[name])


def finish(axes: Axes, game: str, episodes: pd.DataFrame, levels: dict[str, float], clocks: Clocks | None) -> None:
    """Levels, labels, and frames on a second axis of steps, if all curves have as many in a step."""
    ends, frame_skips = lengths(episodes, clocks), episodes["frame_skip"].unique().tolist()
    end = max(ends[key] for key in ends if key[0] == game)
    above = out_of_reach(axes, levels)
    within = {name: level for name, level in levels.items() if name not in above}
    for level in within.values():
        axes.axhline(level, color="0.4", lw=0.9, ls="--")
    if above:
        axes.set_ylim(top=axes.get_ylim()[1] + 0.1 * float(np.ptp(axes.get_ylim())))  # for their names
        names = "\n".join(f"↑ {name} {levels[name]:,.12g}" for name in above)
        axes.annotate(names, (1, 1), (4, 0), xycoords="axes fraction", textcoords="offset points", va="top", fontsize=8)
    near = 0.04 * float(np.ptp(axes.get_ylim()))
    for name, level in within.items():
        gaps = [other - level for other in within.values() if 0 < abs(other - level) < near]
        side = "center" if not gaps else "top" if max(gaps) > 0 else "bottom"  # away from a level that is close
        axes.annotate(f"{name} {level:,.12g}", (end, level), (4, 0), textcoords="offset points", va=side, fontsize=8)
    axes.set(xlabel=LABELS["steps" if clocks is None else "minutes"], ylabel=f"Return in {title(game)}")
    if clocks is not None:
        axes.set_xlim(0, end)
        return
    set_counts(axes, 0, int(end))
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}")
    if len(frame_skips) == 1 and (frame_skip := frame_skips[0]) > 1:
        frames = axes.secondary_xaxis("top", (lambda x: np.multiply(x, frame_skip), lambda x: np.divide(x, frame_skip)))
        frames.set_xlabel("Frames of the emulator", fontsize=9)
        frames.tick_params(labelsize=8)
        frames.xaxis.set_major_locator(whole_ticks())
        frames.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}")
