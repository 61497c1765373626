"""Learning curves as numbers for a page that lets readers switch variants and seeds on and off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rlgames.figures import learning_curves, returns, style, tables
from rlgames.files import read_table

SEEDS = 10
"""Single seeds of a curve, at most; its mean is over all."""

POINTS = 120
"""Of a line, at most."""

DIGITS = 5
"""Significant ones of a number."""

CARDS = {"light": "#f5f7f9", "dark": "#1d2125"}
"""The ground of a chart in either scheme of page.css."""

CONTRAST = 3.0
"""Of a line with its ground, at least, as in success criterion 1.4.11 of the WCAG 2.2."""


def of_returns(figure: dict[str, Any]) -> list[dict[str, Any]]:
    """The panels of a figure of kind `returns`, a game each. `figure` has `curves` and `options` as the figure's job,
    and `paths` of episodes, evaluations and manifests."""
    found = tables.read(figure["paths"], figure["curves"])
    clocks = returns.clocks_of(found["timeline"]) if figure["options"]["x"] == "minutes" else None
    x = "steps" if clocks is None else "minutes"
    episodes, evaluations = found["episodes"], found["evaluation episodes"]
    runs, means = returns.runs_of(episodes, clocks), returns.summarise(episodes, clocks)
    evaluated = evaluations[evaluations["agent"].isin(["trained", "in training"])]
    single = evaluated.groupby(["game", "curve", "seed", "trained_steps"], observed=True)["return"].mean().reset_index()
    palette = style.colours(list(map(str, episodes["curve"].unique())))
    panels = []
    for game in episodes["game"].unique():
        curves = []
        for curve, played in episodes[episodes["game"] == game].groupby("curve", sort=False):
            of_curve = (means["game"] == game) & (means["curve"] == str(curve))
            seeds = []
            for seed in sorted(played["seed"].unique())[:SEEDS]:
                run = runs[(runs["game"] == game) & (runs["curve"] == str(curve)) & (runs["seed"] == seed)]
                points = single[(single["game"] == game) & (single["curve"] == curve) & (single["seed"] == seed)]
                places = points["trained_steps"].to_numpy(float)
                if clocks is not None:
                    places = np.interp(places, *clocks[game, curve, seed])
                variant = played["variant"].iloc[0]
                seeds.append(
                    {"seed": int(seed), "run": [played["experiment"].iloc[0], variant], **line(run[x], run["value"])}
                    | {"points": line(places, points["return"])}
                )
            curves.append({"name": str(curve), "mean": band(means[of_curve], x), "seeds": seeds})
        panels.append(
            {
                "title": returns.title(game), "x": returns.LABELS[x], "y": f"Return in {returns.title(game)}",
                "of": f"mean of the last {returns.WINDOW} returns", "log": False, "curves": coloured(curves, palette),
                "single": None, "seeds": int(episodes["seed"].nunique()), "limits": None,
            }
        )  # fmt: skip
    return panels


def of_learning_curves(figure: dict[str, Any], summary: pd.DataFrame) -> list[dict[str, Any]]:
    """The panels of a figure of kind `learning-curves`, by quantity and facet; `summary` has the numbers in it."""
    options, panels = figure["options"], []
    palette = style.colours(list(dict.fromkeys(str(columns["curve"]) for *_, columns in figure["curves"])))
    places = {(name, variant): columns for name, variant, columns in figure["curves"]}
    seeds = {key: first_seeds(paths) for key, paths in figure["episodes"].items()}
    drawn = summary[summary["quantity"].isin(options["quantities"])]
    for (quantity, facet), part in drawn.groupby(["quantity", "facet"], sort=False):
        curves = []
        for curve, rows in part.groupby("curve", sort=False):
            singles = [
                {"seed": seed, "run": list(key), **line(run["episode"], run[quantity]), "points": line([], [])}
                for key, table in seeds.items()
                if (str(places[key]["curve"]), str(places[key].get("facet", ""))) == (str(curve), str(facet))
                for seed in table["seed"].unique().tolist()
                for run in (table[table["seed"] == seed],)
            ]
            curves.append({"name": str(curve), "mean": band(rows[rows["value"].notna()], "episode"), "seeds": singles})
        panels.append(
            {
                "title": str(facet), "x": "Episode", "y": (label := learning_curves.AXIS[str(quantity)]), "of": label,
                "log": options["scale"] == "log" and quantity == "steps", "curves": coloured(curves, palette),
                "single": options["seed"], "seeds": figure["seeds"],
                "limits": options["limits"] if quantity == options["quantities"][0] else None,
            }
        )  # fmt: skip
    return panels


def first_seeds(paths: list[Path]) -> pd.DataFrame:
    """Episodes of the first seeds of a variant, from its first block."""
    episodes = read_table(paths[0])
    chosen = sorted(episodes["seed"].unique())[:SEEDS]
    return episodes[episodes["seed"].isin(chosen) & (episodes["ending"] != "diverged")]


def coloured(curves: list[dict[str, Any]], palette: dict[str, Any]) -> list[dict[str, Any]]:
    """Curves with the colours that they have in the picture, as far as these can be seen in either scheme."""
    return [
        curve | {"colours": {scheme: readable(palette[curve["name"]], card) for scheme, card in CARDS.items()}}
        for curve in curves
    ]


def readable(colour: Any, ground: str) -> str:
    """A colour as in CSS, mixed with as much black (on a dark ground, white) as it needs to stand out from it."""
    behind = luminance(np.array([int(ground[place : place + 2], 16) for place in (1, 3, 5)]) / 255)
    end = 0.0 if behind > 0.5 else 1.0
    for share in np.linspace(0, 1, 101):
        mixed = np.round(255 * ((1 - share) * np.array(colour[:3]) + share * end)).astype(int)
        low, high = sorted((luminance(mixed / 255), behind))
        if (high + 0.05) / (low + 0.05) >= CONTRAST:
            break
    return "#" + "".join(f"{part:02x}" for part in mixed)


def luminance(colour: np.ndarray) -> float:
    """Relative luminance of sRGB in 0 to 1, as the WCAG define it."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def band(rows: pd.DataFrame, x: str) -> dict[str, Any]:
    """A mean with its band."""
    rows = rows.iloc[kept(len(rows))]
    return {
        name: rounded(rows[column]) for name, column in (("x", x), ("y", "value"), ("low", "low"), ("high", "high"))
    }


def line(x: Any, y: Any) -> dict[str, Any]:
    x, y = np.asarray(x, float), np.asarray(y, float)
    chosen = kept(len(x))
    return {"x": rounded(x[chosen]), "y": rounded(y[chosen])}


def kept(count: int) -> np.ndarray:
    """Places of a line that are drawn: the first ones all, then ever fewer, as a learning curve needs them."""
    if count <= POINTS:
        return np.arange(count)
    even, early = np.linspace(0, count - 1, POINTS // 2), np.geomspace(1, count, POINTS // 2) - 1
    return np.unique(np.concatenate([even, early]).round().astype(int))


def rounded(values: Any) -> list[float | None]:
    """Numbers for JSON, which has none that is infinite or missing."""
    return [float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None for value in np.asarray(values, float)]
