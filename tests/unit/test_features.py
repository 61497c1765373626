"""Features of Atari games for linear agents: the box by hand, every kind of features, and their settings."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rlgames.agents.linear import core as linear
from rlgames.agents.linear import dense_true_online_sarsa_lambda, true_online_sarsa_lambda
from rlgames.environments.atari import Games
from rlgames.features import latents, pixels, positions, tiled_positions
from rlgames.features.base import FeatureGame
from rlgames.plan.plan import Plan
from rlgames.provenance import closure
from rlgames.settings import loading as settings
from rlgames.settings.environments import Atari

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
        moment, step = game.step(action), frames.step(np.array([action]))
        x, previous, newest = moment.state, newest, features.describe(step.observations[0])
        assert moment[1:] == (step.rewards[0], step.terminated[0], step.truncated[0], step.life_lost[0])
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

    encoders: Any = ModuleType("rlgames.networks.autoencoder")
    encoders.load = lambda _: SimpleNamespace(encode=encode)
    monkeypatch.setitem(sys.modules, "rlgames.networks.autoencoder", encoders)
    monkeypatch.setattr(latents.numerics, "set_up", lambda: None)
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
    modules = set(closure(["rlgames.commands.train_agent", *spec.agent.modules(spec.environment).values()]))
    assert {"rlgames.training.linear_atari", "rlgames.features.pixels", spec.agent.module} <= modules
    deep = {each for each in modules if each.startswith(("rlgames.networks.", "rlgames.agents.deep."))}
    assert deep <= {"rlgames.networks.numerics"}  # which sets TensorFlow up, and holds no network
    assert not {"rlgames.training.off_policy", "rlgames.features.latents"} & modules
    run = SimpleNamespace(experiment="pong", variant="default", seeds="0")
    assert json.loads(plan.run_modules(run))["features"] == "rlgames.features.pixels"
    assert json.loads(plan.evaluation_modules(run))["player"] == "rlgames.playing.linear"
    assert plan.encoder(run) == []
    assert '"features": {"background": 0, "name": "pixels", "side": 16}' in plan.evaluation_spec(run)
