"""How much games side by side bend training curves."""

import heapq
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rlgames.figures import returns, side_by_side

PLACE: dict[str, Any] = {
    "game": "pong",
    "curve": "a",
    "frame_skip": 4,
    "discount": 1.0,
    "reward_terminal": False,
    "clip_rewards": True,
}


def training(games: int, seed: int = 0, budget: int = 100_000) -> pd.DataFrame:
    """An agent that stays as it is: half of its episodes lose -20 in 100 steps, half end even after 1,900."""
    rng, number, rows = np.random.default_rng(seed), 0, []
    running: list[tuple[int, int, int, int]] = []
    while not running or running[0][0] <= budget:
        start = 0
        if number >= games:
            start, ended, steps, score = heapq.heappop(running)
            rows.append({"episode": ended, "steps": steps, "return": score, "ending": "terminated", "end_step": start})
        number += 1
        length = 1900 if rng.random() < 0.5 else 100
        heapq.heappush(running, (start + games * length, number, length, -20 if length == 100 else 0))
    return pd.DataFrame(rows).assign(**PLACE, games=games, seed=seed, budget=budget)


def test_the_size_of_the_bias_in_a_simulation() -> None:
    sizes = pd.DataFrame([side_by_side.bias(training(8, seed), 20) for seed in range(100)])
    assert sizes["begun"].mean() == pytest.approx(-10, abs=1)  # the truth
    assert sizes["ended"].mean() < -15  # what the curve begins with
    assert sizes["until"].max() == pytest.approx(8 * 1900, abs=8 * 500)  # every game had one
    assert sizes["back"].between(8 * 1900, 8 * 1900 * 4).all()
    alone = pd.DataFrame([side_by_side.bias(training(1, seed), 20) for seed in range(100)])
    assert (alone["ended"] == alone["begun"]).all()


def test_the_figure_says_it_where_games_were_side_by_side() -> None:
    evaluations = pd.DataFrame(
        [{**PLACE, "budget": 100_000, "seed": 0, "agent": "trained", "trained_steps": 100_000, "return": -10.0}]
    )
    said = {}
    for games in (1, 8):
        figure, _ = returns.make({"episodes": training(games), "evaluation episodes": evaluations}, title="T")
        said[games] = figure.get_supxlabel()
        figure.draw_without_rendering()
    assert "side by side" not in said[1]
    assert "8 games side by side: an episode counts when it ends" in said[8]
    words = side_by_side.words(training(8), 20)
    found = side_by_side.bias(training(8), 20)
    assert f"The first to end have a mean of {found['ended']:.3g}, the first to begin {found['begun']:.3g}" in words
    assert f"up to step {side_by_side.thousands(found['until'])}" in words


def test_a_training_too_short_for_numbers_has_words() -> None:
    assert side_by_side.words(training(8, budget=3000), 20).endswith("short ones end first.\n")
    assert side_by_side.words(training(8).drop(columns="games"), 20) == ""
    assert [side_by_side.thousands(steps) for steps in (0, 7, 15_249, 83_700)] == ["0", "7", "15,000", "84,000"]
