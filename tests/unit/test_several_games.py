"""Scores over several games, against numbers worked out by hand, SciPy and the definitions of their paper."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu

from rlgames.environments.atari57 import REFERENCES, normalised
from rlgames.figures import several_games
from rlgames.plan import several
from rlgames.plan.plan import Plan
from rlgames.playing import aggregates
from rlgames.settings.environments import Atari
from rlgames.settings.loading import SettingsError, load

GAMES = ["pong", "breakout", "asterix", "seaquest"]


def test_there_are_57_games_all_of_them_known_to_the_emulator() -> None:
    assert len(REFERENCES) == 57
    for game, (random, human) in REFERENCES.items():
        assert Atari(name="atari", game=game).game == game
        assert random < human
    assert (REFERENCES["pong"], REFERENCES["skiing"]) == ((-20.7, 14.6), (-17098.1, -4336.9))
    assert (normalised("breakout", 1.7), normalised("breakout", 30.5)) == (0, 1)
    assert normalised("pong", 21.0) == pytest.approx(41.7 / 35.3)


def test_statistics_by_hand() -> None:
    scores = [np.array([0.0, 1.0]), np.array([2.0, 3.0]), np.array([4.0, 5.0]), np.array([6.0, 100.0])]
    value = {name: aggregates.aggregate(scores, statistic)[0] for name, statistic in aggregates.STATISTICS.items()}
    assert value == {"interquartile mean": (2 + 3 + 4 + 5) / 4, "mean": 121 / 8, "optimality gap": 1 / 8}


def test_intervals_are_stratified() -> None:
    """Games differ, and seeds do not: nothing is left to chance, as it would be if games were drawn as well."""
    scores = [np.full(5, float(game)) for game in range(4)]
    assert aggregates.aggregate(scores, aggregates.STATISTICS["mean"]) == (1.5, 1.5, 1.5)
    apart = aggregates.aggregate([np.arange(10.0), np.arange(10.0)], aggregates.STATISTICS["mean"])
    assert apart[1] == pytest.approx(4.5 - 1.96 * np.sqrt(8.25 / 20), abs=0.1)  # the variance of 0 to 9 is 8.25
    assert apart[2] == pytest.approx(4.5 + 1.96 * np.sqrt(8.25 / 20), abs=0.1)
    assert apart == aggregates.aggregate([np.arange(10.0), np.arange(10.0)], aggregates.STATISTICS["mean"])


def test_probability_of_improvement_is_that_of_mann_and_whitney() -> None:
    rng = np.random.default_rng(0)
    one, other = ([rng.integers(0, 5, size).astype(float) for size in (4, 5, 6)] for _ in range(2))
    value, low, high = aggregates.improvement(one, other)
    pairs = zip(one, other, strict=True)
    assert value == pytest.approx(np.mean([mannwhitneyu(x, y).statistic / (len(x) * len(y)) for x, y in pairs]))
    assert low < value < high
    assert aggregates.improvement(other, one)[0] == pytest.approx(1 - value)
    same = [np.arange(9.0)] * 3
    assert aggregates.improvement(same, same)[0] == 0.5
    assert aggregates.improvement(same, same)[1] < 0.5  # two samples, each with its own chance
    assert aggregates.improvement([np.ones(3)] * 3, [np.zeros(3)] * 3) == (1, 1, 1)


def test_profile_by_hand() -> None:
    value, low, high = aggregates.profile([np.array([0.0, 1.0]), np.array([2.0, 2.0])], np.array([-1.0, 0.0, 1.5, 2.0]))
    assert value.tolist() == [1, 0.75, 0.5, 0]
    assert (low.tolist(), high.tolist()) == ([1, 0.5, 0.5, 0], [1, 1, 0.5, 0])


def evaluations(curves: dict[str, float], seeds: int = 5, games: list[str] = GAMES) -> pd.DataFrame:
    """Seed s of a curve has its level plus s/10 in every game, in two episodes; random play has nothing to say."""
    return pd.DataFrame(
        [
            {"experiment": "e", "curve": curve, "game": game, "seed": seed, "agent": agent,
             "return": REFERENCES[game][0] + (level + seed / 10 + off) * (REFERENCES[game][1] - REFERENCES[game][0])}
            for curve, level in curves.items() for game in games for seed in range(seeds)
            for agent, off in (("trained", -0.1), ("trained", 0.1), ("random", 99.0))
        ]
    )  # fmt: skip


def test_figure_and_table_by_hand() -> None:
    table = evaluations({"DQN": 0.0, "Double DQN": 1.0})
    figure, numbers = several_games.make({"evaluation episodes": table}, title="T")
    figure.draw_without_rendering()
    means = numbers[numbers["quantity"] == "interquartile mean"].set_index("curve")
    assert means["value"].to_dict() == pytest.approx({"DQN": 0.2, "Double DQN": 1.2})
    assert (means["low"] < means["value"]).all()
    (pair,) = numbers[numbers["quantity"] == "probability of improvement"].to_dict("records")
    assert (pair["curve"], pair["versus"], pair["value"], pair["games"], pair["seeds"]) == (
        "DQN",
        "Double DQN",
        0,
        4,
        5,
    )
    profile = numbers[(numbers["quantity"] == "profile") & (numbers["curve"] == "Double DQN")]
    assert (profile["value"].iloc[0], profile["value"].iloc[-1]) == (1, 0)
    score = numbers[(numbers["quantity"] == "score") & (numbers["curve"] == "DQN") & (numbers["game"] == "pong")]
    assert score[["value", "low", "high"]].to_numpy().tolist() == [pytest.approx([0.2, 0.0, 0.4])]
    assert len(figure.axes) == 3
    assert "too narrow" not in figure.get_supxlabel()


def test_a_single_agent_has_its_profile_alone() -> None:
    figure, _ = several_games.make({"evaluation episodes": evaluations({"DQN": 0.0}, seeds=2)}, title="T")
    figure.draw_without_rendering()
    assert "too narrow, with fewer than 5 seeds" in figure.get_supxlabel()
    (axes,) = figure.axes
    (name,) = axes.get_legend_handles_labels()[1]
    assert name.startswith("DQN: interquartile mean 0.05 (")


def test_a_table_has_statistics_over_the_games_that_all_agents_play() -> None:
    parts = [evaluations({"a": 0.0}), evaluations({"b": 0.0}, games=GAMES[:3])]
    numbers = several_games.summarise(several_games.scores_of(pd.concat(parts)))
    assert set(numbers["games"][numbers["quantity"] == "mean"]) == {3}
    few = several_games.summarise(several_games.scores_of(evaluations({"a": 0.0}, games=GAMES[:2])))
    assert set(few["quantity"]) == {"score"}


def config(games: list[str], **changes: Any) -> dict[str, Any]:
    experiment = {
        "environment": {"name": "atari", "game": "pong"}, "agent": {"name": "dqn", "capacity": 2000, "warm_up": 500},
        "steps": 1000, "seeds": 5, "sweep": {"game": games, "agent.name": ["dqn", "double-dqn"]},
    }  # fmt: skip
    figure = {"kind": "several-games", "experiments": ["e"], "title": "T", "caption": "C."}
    return {"results": "results/x", "experiments": {"e": experiment | changes}, "figures": {"f": figure}}


def test_three_games_with_reference_scores_make_a_table() -> None:
    plan = Plan(config(GAMES[:3]))
    assert "results/x/tables/several-games.csv" in plan.targets()
    assert len(several.evaluations(plan)) == 3 * 2 * 5
    assert several.spec(plan).count('"curve": "double-dqn"') == 3
    two = Plan({**config(GAMES[:2]), "figures": {}})
    assert "results/x/tables/several-games.csv" not in two.targets()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sweep": {"game": GAMES[:2]}}, "several-games needs at least 3 games, not 2; add games to the sweep"),
        ({"sweep": {"game": [*GAMES[:2], "adventure"]}}, "plays adventure, which has no reference scores"),
        (
            {"sweep": [{"game": game} for game in GAMES] + [{"game": "pong", "agent.name": "double-dqn"}]},
            "does not play",
        ),
        ({"sweep": {"game": GAMES[:3], "n": [1, 2], "steps": [1000]}}, ""),
    ],
)
def test_what_cannot_be_judged_over_games_is_refused(changes: dict[str, Any], words: str) -> None:
    if not words:
        load(config(GAMES, **changes))
        return
    with pytest.raises(SettingsError, match=words):
        load(config(GAMES, **changes))
