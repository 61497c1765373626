"""Figures that would average over anything but seeds, or that nobody could read, are refused with a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rlgames.plan.plan import Plan
from rlgames.settings.loading import SettingsError, load

SWEEP = {"kind": "sweep", "x": "step_size", "x_label": "α", "curves": "n", "episodes": 5}
GRID = {"n": [4], "step_size": [0.05, 0.1]}
CAR = {"environment": {"name": "mountain-car"}, "episodes": 5, "seeds": 2,
       "agent": {"name": "n-step-sarsa", "coding": {"name": "tiled"}, "step_size": 0.05, "n": 4}}  # fmt: skip
FRAMES = {"environment": {"name": "frames", "dataset": "d"}, "agent": {"name": "auto-encoder"}, "epochs": 1, "seeds": 1}
SIZES = {"kind": "latent-sizes"}


def config(figure: dict[str, Any], base: dict[str, Any] = CAR, **sweeps: Any) -> dict[str, Any]:
    data = {"environment": {"name": "atari", "game": "pong", "actions": "three"}, "size": 2000}
    return {
        "results": "results/x",
        "datasets": {"d": data, "other": data},
        "experiments": {name: base | ({"sweep": sweep} if sweep else {}) for name, sweep in sweeps.items()},
        "figures": {"f": {"title": "T", "caption": "C", "experiments": list(sweeps)} | figure},
    }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (config(SWEEP, a=GRID | {"epsilon": [0.0, 0.5]}), ["averaged into one point", "they differ in epsilon"]),
        (config(SWEEP, a=[{"n": 4, "step_size": 0.1, "tiles": tiles} for tiles in (4, 8)]), ["they differ in tiles"]),
        (config(SWEEP, a=GRID, b=GRID), ["a and b both have a curve called 'n = 4'", "figures of their own"]),
        (config(SWEEP, a=GRID, b={"n": [4], "step_size": [0.2]}), ["a and b both have a curve called 'n = 4'"]),
        (config(SWEEP | {"episodes": 50}, a=GRID), ["figures.f.episodes", "have 5 episodes; give at most 5"]),
        (config(SWEEP | {"limits": [500.0, 100.0]}, a=GRID), ["figures.f.limits: give two ascending numbers"]),
        (config(SWEEP, a={"n": list(range(1, 10)), "step_size": [0.1]}), ["9 curves", "draw at most 8"]),
        (config({"kind": "learning-curves"}, a={"n": [1, 2, 4], "step_size": [0.05, 0.1, 0.2]}),
         ["9 curves in one panel", "facet: n or step_size"]),
        (config({"kind": "learning-curves", "limits": [5.0, 5.0]}, a=GRID), ["figures.f.limits", "ascending"]),
        (config({"kind": "learning-curves", "limits": [0.0, 5.0], "scale": "log"}, a=None), ["must begin above 0"]),
        (config({"kind": "first-steps", "seed": 0}, a=GRID), ["draws one variant, not 2", "without a sweep"]),
        (config(SIZES, FRAMES, a={"latents": [2, 4]}, b={"latents": [8]}), ["one line would join their points"]),
        (config(SIZES, FRAMES, a=[{"latents": 2}, {"latents": 4, "dataset": "other"}]), ["several data sets"]),
        (config(SIZES, FRAMES, a={"latents": [2], "moving_weight": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}), ["6 lines"]),
    ],
)  # fmt: skip
def test_refused(given: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(SettingsError) as error:
        load(given)
    for word in ["figures.f", *words]:
        assert word in str(error.value)


@pytest.mark.parametrize(
    "given",
    [
        config(SWEEP, a={"n": [1, 2, 4, 8, 16], "step_size": [0.05, 0.1]}),
        config(SWEEP | {"x": "tilings"}, a=[{"n": 4, "tilings": t, "step_size": 0.5 / t} for t in (2, 4)]),
        config({"kind": "learning-curves", "facet": "n"}, a={"n": [1, 2, 4], "step_size": [0.05, 0.1, 0.2]}),
        config({"kind": "learning-curves", "limits": [-9.0, 5.0], "scale": "log", "quantities": ["return"]}, a=None),
        config(SIZES, FRAMES, a={"latents": [2, 4], "moving_weight": [1.0, 9.0]}),
        config({"kind": "reconstructions"}, FRAMES, a={"latents": list(range(1, 12))}),
    ],
)
def test_accepted(given: dict[str, Any]) -> None:
    load(given)


def test_a_curve_of_a_sweep_is_named_by_its_setting() -> None:
    loaded = load(config(SWEEP, a=GRID))
    (first, _) = loaded.experiments["a"].variants
    assert loaded.figures["f"].columns("a", first)["curve"] == "n = 4"
    loaded = load(config(SWEEP | {"curve_label": "{} steps"}, a=GRID))
    assert loaded.figures["f"].columns("a", first)["curve"] == "4 steps"


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "config").glob("*.yaml")), ids=lambda path: path.stem
)
def test_configs_that_come_along_are_accepted(path: Path) -> None:
    assert Plan.read(path).config.figures
