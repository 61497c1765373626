"""Linear agents over features of Atari games: the box by hand, features, going on from a save, evaluation, settings."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rlgames import evaluation, settings
from rlgames.agents import dense_true_online_sarsa_lambda, linear, true_online_sarsa_lambda
from rlgames.environments.atari import Games, Outcome, replay
from rlgames.features import FeatureGame, Features, latents, pixels, positions, tiled_positions
from rlgames.linear_player import Player
from rlgames.plan import Plan
from rlgames.provenance import closure
from rlgames.settings.agents import DenseTrueOnlineSarsaLambda
from rlgames.settings.environments import Atari
from rlgames.training.atari import ReplayError
from rlgames.training.features import Training

# The agent.


def test_binary_features_give_the_bits_of_tiles() -> None:
    rng = np.random.default_rng(0)
    weights, trace, dense_weights, dense_trace = np.zeros((4, 3, 40))
    values, dense_values = np.empty((2, 3))
    old_value = 0.0
    for _ in range(300):
        tiles = np.sort(rng.choice(40, 5, replace=False))
        x = np.zeros(40)
        x[tiles] = 1
        reward, next_value = rng.normal(size=2).tolist()
        numbers = (int(rng.integers(3)), reward, next_value, old_value, 0.05, 0.99, 0.9)
        assert true_online_sarsa_lambda.update(weights, trace, tiles, *numbers)
        assert dense_true_online_sarsa_lambda.update(dense_weights, dense_trace, x, *numbers)
        np.testing.assert_array_equal(dense_weights, weights)
        np.testing.assert_array_equal(dense_trace, trace)
        linear.action_values(weights, tiles, values)
        dense_true_online_sarsa_lambda.action_values(dense_weights, x, dense_values)
        np.testing.assert_array_equal(dense_values, values)
        old_value = next_value


def test_a_step_of_the_box_by_hand() -> None:
    """Q = 1, δ = 1 + .5 · 2 - 1 = 1, γλ = .25, zᵀx = .5, so that z gains 1 - .1 · .25 · .5 = .9875 times x."""
    weights, trace = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.5, 0.0], [0.0, 4.0]])
    x = np.array([1.0, 2.0])
    assert dense_true_online_sarsa_lambda.update(weights, trace, x, 0, 1.0, 2.0, 0.5, 0.1, 0.5, 0.5)
    np.testing.assert_allclose(trace, [[0.125 + 0.9875, 2 * 0.9875], [0.0, 1.0]], rtol=1e-15)
    # α(δ + Q - Q_old) = .15 times z, minus α(Q - Q_old) = .05 times x
    expected = [[1 + 0.15 * 1.1125 - 0.05, 0.15 * 1.975 - 0.1], [0.0, 1.15]]
    np.testing.assert_allclose(weights, expected, rtol=1e-14)


@pytest.mark.parametrize("weight", [1e13, np.inf, np.nan])
def test_weights_beyond_all_bounds_are_seen(weight: float) -> None:
    weights = np.array([[0.0, 0.0], [weight, 0.0]])
    assert not dense_true_online_sarsa_lambda.update(
        weights, np.zeros((2, 2)), np.ones(2), 0, 0.0, 0.0, 0.0, 0.1, 0.9, 0.9
    )


# Features.


def environment(**changes: Any) -> dict[str, Any]:
    pong = {"name": "atari", "game": "pong", "actions": "three", "image_size": 48, "reward_terminal": True}
    return Atari.model_validate(pong | changes).model_dump()


PIXELS = {"name": "pixels", "side": 12, "background": 87}


def test_pixels_tell_how_much_stands_out() -> None:
    frame = np.full((1, 48, 48), 87, np.uint8)
    frame[0, 4:8, 8:12] = 255  # the field in row 1, column 2
    frame[0, 40:42, 44:48] = 0  # half of the one in row 10, column 11
    features = pixels.Features(environment(), PIXELS)
    fields = features.describe(frame)
    assert fields.shape == (144,)
    assert fields.dtype == np.float64
    assert np.flatnonzero(fields).tolist() == [12 + 2, 10 * 12 + 11]
    np.testing.assert_allclose(fields[[14, 131]], [168 / 255, 87 / 2 / 255], rtol=1e-6)
    assert features.count == 2 * 144 + 1


def test_features_are_of_the_newest_frame_and_the_one_before() -> None:
    features = pixels.Features(environment(), PIXELS)
    game, frames = FeatureGame(features), Games(environment(), 1)
    x, seen = game.reset(3), frames.reset(np.array([3]))
    previous = newest = features.describe(seen[0])
    moved, rng = 0, np.random.default_rng(0)
    for action in rng.integers(3, size=60).tolist():
        np.testing.assert_array_equal(x, [*newest, *(newest - previous), 1.0])
        outcome, step = game.step(action), frames.step(np.array([action]))
        x, previous, newest = outcome.state, newest, features.describe(step.observations[0])
        assert outcome[1:] == (step.rewards[0], step.terminated[0], step.truncated[0], step.life_lost[0])
        moved += int((newest != previous).any())
    assert moved > 30


def test_positions_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"ball_x": 0.25, "ball_y": np.nan, "player_y": -0.5, "opponent_y": 0.0}
    monkeypatch.setattr(positions, "positions", lambda *_: {name: np.array([value]) for name, value in found.items()})
    features = positions.Features(environment(), {})
    described = features.describe(np.zeros(128, np.uint8))
    assert described.tolist() == [0.5, 0.0, -1.0, 0.0, 1.0]  # the last since the ball is away
    x = features.join(described, np.array([0.25, 0.0, 1.0, 0.0, 1.0]))
    assert x.tolist() == [*described, 2.5, 0.0, -3.0, 0.0, 0.0, 1.0]  # changes tenfold, three at most
    assert features.count == len(x)


def test_tiles_are_of_the_ball_as_the_paddle_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TILES", 2), ("TILINGS", 1), ("SIZE", 10_000)):
        monkeypatch.setattr(tiled_positions, name, value)
    features = tiled_positions.Features(environment(), {})

    def active(newest: list[float], previous: list[float]) -> list[int]:
        x = features.join(np.array(newest), np.array(previous))
        assert set(x) <= {0.0, 1.0}
        return np.flatnonzero(x).tolist()

    # A grid has two tiles per dimension, and 2, 3, 5 and 7 more for its displacement: 4, 5, 7 and 9.
    def tile(*cells: int) -> list[int]:
        return [int(np.ravel_multi_index(cells, (4, 5, 7, 9))), features.count - 1]

    assert active([0.5, -0.3, 0.2, 0.0, 0.0], [0.4, -0.2, 0.0, 0.0, 0.0]) == tile(1, 0, 1, 0)
    assert active([0.5, -0.3, 0.2, 0.9, 0.0], [0.4, -0.2, 0.8, 0.0, 0.0]) == tile(1, 0, 1, 0)  # whatever the others do
    assert active([-0.5, 0.3, 0.2, 0.0, 0.0], [-0.4, 0.2, 0.0, 0.0, 0.0]) == tile(0, 1, 0, 1)
    assert active([-0.5, 2.0, -0.2, 0.0, 0.0], [0.9, 0.0, 0.0, 0.0, 0.0]) == tile(0, 2, 0, 2)  # cut off at the edges
    assert active([0.0, 0.0, 0.2, 0.0, 1.0], [0.9, 0.0, 0.0, 0.0, 0.0]) == [features.count - 1]  # no ball


def test_tiles_that_meet_in_a_place_of_the_table_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiled_positions, "SIZE", 3)
    features = tiled_positions.Features(environment(), {})
    assert features.count == 4
    assert features.join(np.zeros(5), np.zeros(5)).sum() == 8 + 1


def test_positions_move_with_the_game() -> None:
    features = positions.Features(environment(), {})
    game, rng = FeatureGame(features), np.random.default_rng(0)
    game.reset(5)
    seen = np.array([game.step(int(rng.integers(3))).state for _ in range(200)])
    assert np.abs(seen[:, :5]).max() < 1.1
    assert (np.ptp(seen[:, :4], axis=0) > 0.3).all()
    assert set(seen[:, 4]) == {0.0, 1.0}
    np.testing.assert_array_equal(seen[1:, 5:10], (10 * (seen[1:, :5] - seen[:-1, :5])).clip(-3, 3))
    flying = (seen[1:, 4] == 0) & (seen[:-1, 4] == 0)
    assert 0.4 < np.median(np.abs(seen[1:, 5][flying])) < 2  # the ball's way in a step


def test_latents_are_scaled_and_cut_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Any] = []

    def encode(frames: np.ndarray) -> np.ndarray:
        asked.append((frames.shape, frames.dtype))
        return np.array([[3.0, 100.0, 7.0]], np.float32)

    encoders: Any = ModuleType("rlgames.autoencoder")
    encoders.load = lambda _: SimpleNamespace(encode=encode)
    monkeypatch.setitem(sys.modules, "rlgames.autoencoder", encoders)
    monkeypatch.setattr(latents, "prepare", lambda *_: None)
    path = tmp_path / "weights.npz"
    mean, deviation, change = np.array([[1, 0, 7], [4, 1, 0], [2, 0.5, 0]], np.float32)
    np.savez(path, latent_mean=mean, latent_deviation=deviation, latent_change=change)
    features = latents.Features(environment(), {}, path)
    described = features.describe(np.zeros((1, 48, 48), np.uint8))
    assert described.tolist() == [0.5, 100.0, 0.0]
    x = features.join(described, np.array([0.0, 99.0, 0.0]))
    assert x.tolist() == [0.5, 3.0, 0.0, 1.0, 2.0, 0.0, 1.0]  # three at most; changes in their own deviations
    assert asked == [((1, 48, 48), np.uint8)]
    assert features.count == 7


# Training.

KINDS: dict[str, Any] = {
    "pixels": (pixels.Features, PIXELS),
    "positions": (positions.Features, {"name": "positions"}),
    "tiled-positions": (tiled_positions.Features, {"name": "tiled-positions"}),
}


def agent_settings(**changes: Any) -> dict[str, Any]:
    agent = {
        "name": "dense-true-online-sarsa-lambda", "features": PIXELS, "step_size": 0.01, "trace_decay": 0.8,
        "epsilon_steps": 100,
    }  # fmt: skip
    return DenseTrueOnlineSarsaLambda.model_validate(agent | changes).model_dump()


def training(kind: str, budget: int = 400) -> Training:
    make, options = KINDS[kind]
    game = environment(max_steps=120)
    return Training(dense_true_online_sarsa_lambda, make(game, options), 3, game, agent_settings(), budget)


def advance(run: Training, steps: int) -> dict[int, np.ndarray]:
    """So many steps, or to the end: the weights kept on the way."""
    kept = {}
    for _ in range(steps):
        if run.finished:
            break
        if run.advance():
            kept[run.steps] = run.weights()["weight_0"]
    return kept


@pytest.mark.parametrize("kind", KINDS)
def test_going_on_from_a_save_gives_the_same_bits(kind: str) -> None:
    """In the middle of an episode, right after one ended, and again later."""
    whole = training(kind)
    whole.begin()
    expected = advance(whole, 1000)
    assert list(expected) == list(range(40, 401, 40))
    kept: dict[int, np.ndarray] = {}
    told: list[tuple[int, int]] = []
    run = training(kind)
    run.begin()
    for steps in (150, 90, 1000):
        kept |= advance(run, steps)
        state, run = run.state(), training(kind)
        run.restore(state, lambda done, total: told.append((done, total)))
    assert told == [(done, 30) for done in range(1, 31)]  # at 150; at 240 the episode has just begun
    assert run.episodes == whole.episodes
    assert [episode.ending for episode in run.episodes] == ["truncated"] * 3 + ["unfinished"]
    assert list(kept) == list(expected)
    for step, weights in expected.items():
        np.testing.assert_array_equal(kept[step], weights)
    again = run.state()
    for name, array in whole.state().items():
        np.testing.assert_array_equal(again[name], array)
    assert expected[400].any()


def test_an_episode_that_plays_otherwise_is_noticed() -> None:
    run = training("pixels")
    run.begin()
    advance(run, 10)
    state = run.state()
    state["episodes.score"] = state["episodes.score"] + 1
    with pytest.raises(ReplayError, match=r"episode 1 had a return of 1\.0, now 0\.0"):
        training("pixels").restore(state, lambda _done, _total: None)


class Scripted(Features):
    """A game of four steps whose state is the number of the step; five points after the second."""

    def __init__(self, ending: str) -> None:
        self.ending, self.now = ending, 0
        super().__init__({}, np.ones(1))

    def emulator(self) -> Any:
        return self

    def describe(self, state: np.ndarray) -> np.ndarray:
        return state

    def reset(self, _seed: int) -> np.ndarray:
        self.now = 0
        return np.array([0.0])

    def step(self, _action: int) -> Outcome:
        self.now += 1
        ends = {name: self.now == 4 and self.ending == name for name in ("terminated", "truncated")}
        return Outcome(np.array([float(self.now)]), 5.0 if self.now == 2 else 0.0, life_lost=False, **ends)


@pytest.mark.parametrize(("ending", "after_the_last"), [("terminated", 0.0), ("truncated", 5.0)])
def test_what_ends_a_return_and_what_does_not(ending: str, after_the_last: float) -> None:
    """With weights of one, the value of every action is the sum of x: the step (3 at most), its change, 1."""
    calls: list[Any] = []

    def update(_w: Any, z: Any, x: Any, _a: int, reward: float, next_value: float, old_value: float, *_: float) -> bool:
        calls.append((x.tolist(), reward, next_value, old_value, bool(z.any())))
        z[:] = 1.0
        return True

    agent: Any = SimpleNamespace(action_values=dense_true_online_sarsa_lambda.action_values, update=update)
    run = Training(agent, Scripted(ending), 0, environment(), agent_settings(), 100)
    run.w[:] = 1.0
    run.begin()
    advance(run, 5)
    assert calls == [
        ([0.0, 0.0, 1.0], 0.0, 3.0, 0.0, False),
        ([1.0, 1.0, 1.0], 1.0, 0.0, 3.0, True),  # a point, clipped: nothing follows, and the game goes on
        ([2.0, 1.0, 1.0], 0.0, 5.0, 0.0, False),
        ([3.0, 1.0, 1.0], 0.0, after_the_last, 5.0, True),
        ([0.0, 0.0, 1.0], 0.0, 3.0, 0.0, False),  # a new episode
    ]
    assert [(episode.score, episode.ending, episode.end_step) for episode in run.episodes] == [
        (5.0, ending, 4),
        (0.0, "unfinished", 0),
    ]


def test_weights_that_diverge_end_a_training() -> None:
    options = agent_settings(step_size=10.0)
    run = Training(dense_true_online_sarsa_lambda, Scripted("terminated"), 0, environment(), options, 10_000)
    run.begin()
    kept = advance(run, 10_000)
    assert run.diverged
    assert run.steps < 500
    assert list(kept) == [run.steps]


class Catch(Features):
    """A ball falls down one of three columns in four steps, and a paddle below must be there: 1 or -1 at the end."""

    def __init__(self) -> None:
        super().__init__({}, np.ones(5))

    def emulator(self) -> Any:
        return self

    def describe(self, state: np.ndarray) -> np.ndarray:
        """From which side the paddle sees the ball, and how far: one of five features is on."""
        return np.eye(5)[state[0] + 2]

    def reset(self, seed: int) -> np.ndarray:
        self.column, self.paddle, self.height = seed % 3, seed // 3 % 3, 0
        return np.array([self.column - self.paddle])

    def step(self, action: int) -> Outcome:
        self.paddle = min(max(self.paddle + (0, 1, -1)[action], 0), 2)
        self.height += 1
        over, caught = self.height == 4, self.paddle == self.column
        reward = float(over) * (1.0 if caught else -1.0)
        return Outcome(np.array([self.column - self.paddle]), reward, over, truncated=False, life_lost=False)


def test_agent_learns_to_catch() -> None:
    options = agent_settings(step_size=0.05, discount=0.9, epsilon_steps=2000)
    run = Training(dense_true_online_sarsa_lambda, Catch(), 0, environment(), options, 8000)
    run.begin()
    advance(run, 8000)
    returns = [episode.score for episode in run.ended]
    assert np.mean(returns[:50]) < 0.3
    assert np.mean(returns[-200:]) >= 0.9


def test_evaluation_plays_with_the_weights_of_a_point() -> None:
    game = environment(max_steps=40)
    features = pixels.Features(game, PIXELS)
    saved = np.random.default_rng(0).normal(size=(2, 3, features.count))
    player = Player({"weight_0": saved}, game, {}, features)
    player.load(1)
    states = np.random.default_rng(1).random((4, features.count))
    np.testing.assert_allclose(player.q(states), states @ saved[1].T, rtol=1e-9, atol=1e-9)
    (played,) = evaluation.play(player.game, player.q, range(1, 2), seed=0, epsilon=0.0)
    assert (played.q.shape, played.ending) == ((40, 3), "truncated")
    assert bytes(played.q.argmax(axis=1).tolist()) == played.actions
    again = replay({"reset_seed": played.reset_seed, "actions": played.actions}, game)
    assert [reward for reward, _, _ in again][1:] == played.rewards.tolist()


# Settings.


def config(features: dict[str, Any], **changes: Any) -> dict[str, Any]:
    pong = {"name": "atari", "game": "pong", "image_size": 48, **changes}
    agent = {"name": "dense-true-online-sarsa-lambda", "step_size": 0.01, "trace_decay": 0.8, "features": features}
    car = {
        "environment": {"name": "mountain-car"},
        "agent": {"name": "sarsa", "coding": {"name": "tiled"}, "step_size": 0.1},
        "episodes": 5,
        "seeds": 1,
    }
    pong_experiment = {"environment": pong, "agent": agent, "steps": 500, "seeds": 1}
    return copy.deepcopy({"results": "results/x", "experiments": {"pong": pong_experiment, "car": car}})


@pytest.mark.parametrize(
    ("features", "changes", "words"),
    [
        ({"name": "pixel"}, {}, ["pong.agent.features", "'pixel'", "did you mean 'pixels'"]),
        ({"side": 16}, {}, ["pong.agent.features", "needs a 'name'"]),
        ({"name": "pixels", "side": 50}, {}, ["pong: agent.features.side", "give at most 48"]),
        (
            {"name": "positions"},
            {"game": "breakout"},
            ["agent.features.name", "not of breakout", "choose 'pixels' or 'latents'"],
        ),
        ({"name": "positions"}, {"fire_reset": True}, ["environment.fire_reset", "set it to false"]),
        ({"name": "latents"}, {}, ["pong.agent.features.encoder", "is missing"]),
        (
            {"name": "latents", "encoder": {"experiment": "care"}},
            {},
            ["experiments.pong.agent.features.encoder.experiment", "no experiment 'care'", "did you mean 'car'"],
        ),
        (
            {"name": "latents", "encoder": {"experiment": "car"}},
            {},
            [
                "experiments.pong.agent.features.encoder.experiment",
                "car learns in episodes; name one that learns in epochs",
            ],
        ),
    ],
)
def test_bad_features_are_named_with_their_remedy(
    features: dict[str, Any], changes: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(settings.SettingsError) as error:
        settings.load(config(features, **changes))
    for word in words:
        assert word in str(error.value)


def test_figures_over_steps_are_for_agents_that_count_them() -> None:
    wrong = config({"name": "pixels"})
    figure = {"kind": "returns", "title": "It", "caption": "Shows it."}
    wrong["figures"] = {"it": {**figure, "experiments": ["pong"]}}
    settings.load(wrong)
    wrong["figures"]["it"]["experiments"] = ["car"]
    with pytest.raises(
        settings.SettingsError, match="draws agents that learn in steps, and those of car learn in episodes"
    ):
        settings.load(wrong)


def test_code_behind_pixels_holds_no_network() -> None:
    plan = Plan(config({"name": "pixels"}))
    (spec,) = (variant.spec for variant in plan.config.experiments["pong"].variants)
    modules = set(closure(["rlgames.commands.train_atari", *spec.modules]))
    assert {"rlgames.training.features", "rlgames.features.pixels", spec.agent.module} <= modules
    assert not {"rlgames.networks", "rlgames.training.deep", "rlgames.replay", "rlgames.features.latents"} & modules
    run = SimpleNamespace(experiment="pong", variant="default", seeds="0")
    assert plan.feature_module(run) == "rlgames.features.pixels"
    assert plan.encoder(run) == []
    assert '"features": {"background": 0, "name": "pixels", "side": 16}' in plan.evaluation_spec(run)
