"""Figures and tables of the deep half, from small tables worked out by hand."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rlgames.agents.linear.maximisation_bias import left_shares
from rlgames.figures import observations, paired_differences, returns, value_estimates
from rlgames.playing.recording import Recording
from rlgames.statistics import discounted, steps_to_return
from rlgames.videos.gameplay import choose, decisive, highlight

PLACE = {"game": "pong", "frame_skip": 4, "budget": 1000, "discount": 0.5, "reward_terminal": False,
         "clip_rewards": True}  # fmt: skip


def training_episodes(curve: str, seed: int, values: list[float]) -> pd.DataFrame:
    """Ten-step episodes with these returns, and a last one that never ended."""
    return pd.DataFrame(
        [
            {**PLACE, "curve": curve, "seed": seed, "steps": 10, "return": value, "ending": "terminated",
             "end_step": 10 * number}
            for number, value in enumerate(values, start=1)
        ]
        + [{**PLACE, "curve": curve, "seed": seed, "steps": 5, "return": 99.0, "ending": "unfinished", "end_step": 0}]
    )  # fmt: skip


def evaluation_episodes(curve: str, seed: int, points: dict[int, float]) -> pd.DataFrame:
    rows = [{"agent": "in training", "trained_steps": step, "return": value} for step, value in points.items()]
    rows.append({"agent": "random", "trained_steps": 0, "return": -99.0})
    return pd.DataFrame([{**PLACE, "curve": curve, "seed": seed, **row} for row in rows])


def test_learning_curves_by_hand() -> None:
    tables = {
        "episodes": pd.concat([training_episodes("a", seed, [seed, seed + 2.0] * 50) for seed in (0, 1)]),
        "evaluation episodes": pd.concat([evaluation_episodes("a", seed, {500: seed, 1000: 4.0}) for seed in (0, 1)]),
    }
    figure, numbers = returns.make(tables, title="T")
    band = ["value", "low", "high"]
    training = numbers[numbers["kind"] == "training"].set_index("steps")
    assert list(training.loc[10, band]) == [0.5, 0.0, 1.0]  # the first episode of both
    assert list(training.loc[1000, band]) == [1.5, 1.0, 2.0]  # and the last 20: 1 and 2
    assert set(training["band"]) == {"minimum to maximum (holds the true median 50% of the time)"}
    evaluation = numbers[numbers["kind"] == "evaluation"].set_index("steps")
    assert list(evaluation.loc[500, band]) == [0.5, 0.0, 1.0]
    assert evaluation.loc[1000, "value"] == 4.0
    figure.draw_without_rendering()
    axes = figure.axes[0]
    texts = {text.get_text() for text in axes.texts}
    assert {"random -20.7", "human 9.3", "DQN 18.9", "Double DQN 20.9"} <= texts
    assert figure.axes[0].child_axes[0].get_xlabel() == "Frames of the emulator"


def timeline(curve: str, seed: int, *points: tuple[int, float], machine: str = "1 core of a Z80") -> pd.DataFrame:
    """The steps that a training had taken after so many minutes."""
    return pd.DataFrame(
        [{**PLACE, "curve": curve, "seed": seed, "steps": steps, "seconds": 60 * minutes, "machine": machine}
         for steps, minutes in points]
    )  # fmt: skip


def test_learning_curves_against_minutes_by_hand() -> None:
    """Seed 0 takes 100 steps a minute all the time, seed 1 twice as many in the first half."""
    tables = {
        "episodes": pd.concat([training_episodes("a", seed, [float(seed)] * 20 + [4.0] * 79) for seed in (0, 1)]),
        "evaluation episodes": pd.concat([evaluation_episodes("a", seed, {500: seed, 1000: 4.0}) for seed in (0, 1)]),
        "timeline": pd.concat(
            [timeline("a", 0, (0, 0), (500, 5), (1000, 10)), timeline("a", 1, (0, 0), (500, 2.5), (1000, 7.5))]
        ),
    }
    figure, numbers = returns.make(tables, title="T", x="minutes")
    assert "steps" not in numbers
    band = ["value", "low", "high"]
    training = numbers[numbers["kind"] == "training"].set_index("minutes")
    assert list(training.loc[0.1, band]) == [0.5, 0.0, 1.0]  # seed 0 ended its first episode, seed 1 its second
    assert list(training.loc[2.0, band]) == [2.0, 0.0, 4.0]  # the last 20 of 20 episodes, and of 40
    assert training.index.max() == pytest.approx(7.45)  # when seed 1 was done, but for what never ended
    evaluation = numbers[numbers["kind"] == "evaluation"]
    assert evaluation[["minutes", *band]].to_numpy().tolist() == [[3.75, 0.5, 0.0, 1.0], [8.75, 4.0, 4.0, 4.0]]
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_xlim()) == ("Minutes of training", (0, 10))
    assert not axes.child_axes  # frames belong to steps
    assert "on 1 core of a Z80, with whatever else ran there at the same time." in figure.get_supxlabel().replace(
        "\n", " "
    )


def test_minutes_of_several_machines_are_told_apart() -> None:
    told = returns.of_minutes(
        pd.concat([timeline("a", 0, (0, 0)), timeline("b", 0, (0, 0), machine="2 cores of a 6502")])
    )
    assert "on 1 core of a Z80 or 2 cores of a 6502" in told
    assert "do not compare" in told


def test_levels_that_are_close_are_labelled_apart() -> None:
    """In Freeway, DQN's 30.3 and the human tester's 29.6."""
    tables = {
        "episodes": training_episodes("a", 0, [0.0] * 3).assign(game="freeway"),
        "evaluation episodes": evaluation_episodes("a", 0, {500: 30.0}).assign(game="freeway"),
    }
    figure, _ = returns.make(tables, title="T")
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts if text.get_text()]
    assert len(boxes) >= 4
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_levels_far_above_are_named_without_pressing_the_curves() -> None:
    """In Breakout, DQN's 401.2 above curves that end at 25."""
    tables = {
        "episodes": training_episodes("a", 0, [1.0, 25.0] * 50).assign(game="breakout"),
        "evaluation episodes": evaluation_episodes("a", 0, {1000: 25.0}).assign(game="breakout"),
    }
    figure, _ = returns.make(tables, title="T")
    figure.draw_without_rendering()
    (axes,) = figure.axes
    texts = {text.get_text(): text.get_window_extent() for text in axes.texts if text.get_text()}
    assert set(texts) == {"random 1.7", "human 31.8", "↑ Double DQN 418.5\n↑ DQN 401.2"}
    assert not any(one.overlaps(other) for one, other in itertools.combinations(texts.values(), 2))
    assert axes.get_ylim()[1] < 40
    assert max(box.y1 for box in texts.values()) <= axes.bbox.y1 + 1


@pytest.mark.parametrize("count", [3, 4, returns.COLUMNS + 2])
def test_many_games_stand_in_rows(count: int) -> None:
    games = [f"game_{number}" for number in range(count)]
    tables = {
        "episodes": pd.concat([training_episodes("a", 0, [1.0] * 3).assign(game=game) for game in games]),
        "evaluation episodes": pd.concat([evaluation_episodes("a", 0, {500: 1.0}).assign(game=game) for game in games]),
    }
    figure, _ = returns.make(tables, title="T")
    figure.draw_without_rendering()
    assert [axes.get_ylabel() for axes in figure.axes] == [f"Return in Game {n}" for n in range(len(games))]
    rows = [axes.get_position().y0 for axes in figure.axes]
    assert len(set(np.round(rows, 6))) == 2
    assert rows[-1] < rows[0]


def test_training_that_stopped_early_ends_its_curve() -> None:
    runs = returns.runs_of(training_episodes("a", 0, [1.0] * 30))
    assert runs["steps"].max() == 305


def test_mean_ends_where_a_seed_ends() -> None:
    """A seed at -20 that diverged must not lift the mean to the +20 of the other."""
    lost, kept = training_episodes("a", 0, [-20.0] * 30), training_episodes("a", 1, [20.0] * 100)
    summary = returns.summarise(pd.concat([lost, kept]))
    assert set(summary["value"]) == {0.0}
    assert summary["steps"].max() == 305


def test_steps_to_return_by_hand() -> None:
    episodes = training_episodes("a", 0, [0.0] * 20 + [10.0] * 20)
    assert steps_to_return(episodes, 0) == 200
    assert steps_to_return(episodes, 5) == 300
    assert steps_to_return(episodes, 10) == 400
    assert steps_to_return(episodes, 11) is None
    assert steps_to_return(episodes.iloc[:19], 0) is None


def test_returns_that_followed_by_hand() -> None:
    rewards = np.array([0.0, 1.0, 0.0, -1.0])
    assert discounted(rewards, 0.5).tolist() == [0.375, 0.75, -0.5, -1.0]
    assert discounted(rewards, 0.5, ends=True).tolist() == [0.5, 1.0, -0.5, -1.0]


def recording(curve: str, episode: int, excess: float, **changes: Any) -> dict[str, Any]:
    """An episode of 40 steps whose values, of two actions, are too large by `excess`."""
    rewards = np.array([0.0, 0.0, 0.0, 5.0] * 10, np.float32)
    best = discounted(rewards.clip(-1, 1), 0.5) + excess
    values = np.stack([best - 1, best], axis=1).astype(np.float32)
    return {**PLACE, "curve": curve, "seed": 0, "episode": episode, "agent": "trained", "ending": "terminated",
            "values": values.tobytes(), "rewards": rewards.tobytes(), **changes}  # fmt: skip


@pytest.mark.parametrize(
    ("excess", "words"),
    [
        (0.5, "of DQN minus that of Double, seed by seed: +0.500, +0.500; too few seeds for a conclusion."),
        (-0.05, "seed by seed: -0.050, +0.050; the signs differ, so that no difference is established."),
    ],
)
def test_overestimation_by_hand(excess: float, words: str) -> None:
    second = excess + 0.1 if excess > 0 else excess + 0.2
    rows = [recording("DQN", 1, excess), recording("DQN", 2, excess), recording("DQN", 1, second, seed=1)]
    rows += [recording("Double", 1, 0.0), recording("Double", 1, 0.1, seed=1)]
    rows += [recording("DQN", 3, 100.0, ending="truncated"), recording("DQN", 4, 100.0, agent="random")]
    figure, numbers = value_estimates.make({"evaluation recordings": pd.DataFrame(rows)}, title="T")
    gaps = numbers[numbers["kind"] == "gap"].set_index("curve")
    assert gaps["value"].to_dict() == pytest.approx({"DQN": (excess + second) / 2, "Double": 0.05}, abs=1e-6)
    assert gaps["low"].to_dict() == pytest.approx({"DQN": excess, "Double": 0.0}, abs=1e-6)
    assert gaps["seeds"].to_dict() == {"DQN": 2, "Double": 2}
    assert words in figure.get_supxlabel()


def test_differences_to_the_first_curve_by_hand() -> None:
    """Over two seeds: 3 and 1, whose mean is 2; without the seed that diverged there is no mean."""
    returned = {"a": [1.0, 5.0], "b": [4.0, 6.0], "c": [0.0, 9.0]}
    played = [
        {**PLACE, "game": "pong", "curve": curve, "seed": seed, "agent": agent, "return": value + off}
        for curve, values in returned.items() for seed, value in enumerate(values)
        for agent, off in (("trained", -1), ("trained", 1), ("sampled", 50), ("random", 99), ("in training", 99))
    ]  # fmt: skip
    lost = pd.DataFrame([{"game": "pong", "curve": "c", "seed": 1, "steps": 10}])
    tables = {"evaluation episodes": pd.DataFrame(played), "manifest": lost}
    figure, numbers = paired_differences.make(tables, title="T")
    assert numbers.loc[numbers["kind"] == "seed", ["curve", "seed", "value"]].to_numpy().tolist() == [
        ["b", 0, 3.0], ["b", 1, 1.0], ["c", 0, -1.0],
    ]  # fmt: skip
    means = numbers.loc[numbers["kind"] == "mean", ["value", "low", "high", "seeds"]].to_numpy(float)
    assert means[0].tolist() == [2, 1, 3, 2]
    assert np.isnan(means[1]).tolist() == [True, True, True, False]
    said = " ".join(figure.get_supxlabel().split())
    assert "exclude 0: b (Pong); too few seeds for a conclusion. No mean where seeds diverged: c (Pong)." in said


@pytest.mark.parametrize(("clipped", "gap"), [(True, 0.5), (False, -3.5)])
def test_rewards_are_clipped_as_in_learning(clipped: bool, gap: float) -> None:
    """The last action of the episode earns five points, of which an agent on Atari learns one."""
    row = recording("DQN", 1, 0.5, clip_rewards=clipped)
    steps = value_estimates.estimates(pd.DataFrame([row]))
    assert (steps["estimate"] - steps["followed"]).iloc[-1] == pytest.approx(gap)


@pytest.mark.parametrize(("shift", "words"), [(0.1, "they differ."), (0.0, "no difference is established.")])
def test_ten_seeds_settle_it(shift: float, words: str) -> None:
    noise = np.linspace(-0.01, 0.01, 11)
    by_seed = pd.DataFrame({"DQN": noise + shift, "Double": np.zeros(11)})
    assert value_estimates.verdict(by_seed).endswith(words)
    assert value_estimates.verdict(by_seed[["DQN"]]) == "One curve, nothing to compare."


def test_maximisation_bias_is_that_of_the_textbook() -> None:
    """Figure 6.5: Q-learning soon goes left in most episodes; in the end both come down towards 5%, double first."""
    q_learning, double = left_shares(np.random.default_rng(1), runs=4000)
    assert 0.45 < q_learning[0] < 0.55
    assert q_learning.max() > 0.65
    assert double.max() < 0.6
    assert q_learning[-20:].mean() > double[-20:].mean() > 0.05


def watched(**known: Any) -> Recording:
    """A recording for videos."""
    facts = {"episode": 1, "steps": 10, "score": 0.0, "ending": "terminated", "actions": bytes(10), "environment": {}}
    return Recording(**{**facts, **known})


def test_animation_shows_the_most_points() -> None:
    rewards = np.zeros(500, np.float32)
    rewards[[3, 300, 419]] = 1
    assert 300 + 1 in (steps := highlight(watched(rewards=rewards)))  # the picture after action 300
    assert 419 + 1 in steps
    assert len(steps) == 120
    assert highlight(watched(rewards=rewards[:5])) == range(1, 6)
    rewards[[3, 419]] = 0
    assert highlight(watched(rewards=rewards)) == range(242, 362)  # in the middle, not at the end


def test_still_is_before_the_choice_that_matters() -> None:
    preferences = np.zeros((10, 3), np.float32)
    preferences[[2, 6], 1] = 9, 5
    chosen = watched(preferences=preferences)
    assert decisive(chosen, range(3, 11)) == 3  # the picture after action 5, before action 6
    assert decisive(chosen._replace(preferences=None), range(3, 11)) == 7
    assert decisive(watched(steps=1, actions=bytes(1), preferences=preferences[:1]), range(1, 2)) == 0


def test_videos_show_best_median_and_random() -> None:
    returned = [("trained", 3.0, 50), ("trained", 7.0, 60), ("trained", 7.0, 40), ("trained", -1.0, 10)]
    returned += [("random", 9.0, 1), ("in training", 20.0, 1)]
    recordings = [watched(agent=agent, score=score, steps=steps) for agent, score, steps in returned]
    best = choose(recordings, "best")
    assert (best.score, best.steps) == (7.0, 40)  # of two equal ones the shorter
    assert choose(recordings, "median").score == 3.0
    assert choose(recordings, "random").score == 9.0


def test_observations_show_the_steps_from_screen_to_state() -> None:
    from rlgames.settings.environments import Atari

    settings = {"name": "atari", "game": "pong", "stack": 3, "stack_select": "first-last"}
    environment = Atari.model_validate(settings).model_dump_json()
    episode = {"episode": 1, "steps": 30, "return": 0.0, "ending": "unfinished", "environment": environment,
               "reset_seed": 1, "actions": bytes([0] * 30)}  # fmt: skip
    _, numbers = observations.make({"evaluation recordings": pd.DataFrame([episode])}, title="T", step=25)
    assert numbers["shape"].tolist() == ["210 x 160 x 3", "210 x 160", "84 x 84", "84 x 84 x 3", "84 x 84 x 2"]


@pytest.fixture(scope="module")
def rally() -> dict[str, Any]:
    """The first 120 steps of Pong, with an agent that moves up and down."""
    from rlgames.settings.environments import Atari

    environment = Atari.model_validate({"name": "atari", "game": "pong", "actions": "three", "image_size": 48})
    actions = bytes([1, 1, 1, 2, 2, 2] * 20)
    return {"episode": 1, "steps": 120, "return": 0.0, "ending": "unfinished", "actions": actions, "reset_seed": 1,
            "environment": environment.model_dump_json()}  # fmt: skip


def test_observations_show_a_ball_in_all_channels(rally: dict[str, Any]) -> None:
    """Between the paddles nothing but the ball moves: each colour shows it, and nothing else, at a place of its own."""
    figure, numbers = observations.make({"evaluation recordings": pd.DataFrame([rally])}, title="T")
    composite = np.asarray(figure.axes[3].images[0].get_array()).astype(int)[8:45, 8:40]
    for colour in range(3):
        others = np.delete(composite, colour, axis=-1)
        assert ((composite[..., colour] - others.max(axis=-1)) > observations.CHANGED).any()
    assert numbers.set_index("panel")["shape"].loc[["State", "The lesson's state"]].tolist() == [
        "48 x 48 x 4",
        "84 x 84 x 2",
    ]
    assert "84 x 84 x 2" in figure.axes[4].get_title()


@pytest.mark.parametrize(("stack", "name"), [(1, None), (2, "Frames 1, 2 of the stack\nas red, cyan")])
def test_observations_of_short_stacks(rally: dict[str, Any], stack: int, name: str | None) -> None:
    import json

    environment = json.dumps(json.loads(rally["environment"]) | {"stack": stack})
    table = pd.DataFrame([rally | {"environment": environment}])
    figure, _ = observations.make({"evaluation recordings": table}, title="T", step=9)
    titles = [axes.get_title() for axes in figure.axes]
    assert (name in titles) == (name is not None)
    assert len(titles) == 4 + (name is not None)
