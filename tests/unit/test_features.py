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
from rlgames.agents.linear import (
    dense_true_online_sarsa_lambda,
    sparse_true_online_sarsa_lambda,
    true_online_sarsa_lambda,
)
from rlgames.environments.atari import Games
from rlgames.features import latents, pixels, positions, tiled, tiled_positions
from rlgames.features.base import FeatureGames
from rlgames.plan.plan import Plan
from rlgames.provenance import closure
from rlgames.settings import loading as settings
from rlgames.settings.environments import Atari

# The agent.


def test_binary_features_give_the_bits_of_tiles() -> None:
    """Dense and sparse alike, and over a save and a new episode."""
    rng = np.random.default_rng(0)
    weights, trace, dense_weights, sparse_weights = np.zeros((4, 3, 40))
    dense_trace = dense_true_online_sarsa_lambda.Trace.empty(3, 40)
    sparse_trace = sparse_true_online_sarsa_lambda.Trace.empty(3, 40, smallest=0.0)
    values, dense_values, sparse_values = np.empty((3, 3))
    old_value = 0.0
    for step in range(300):
        tiles = np.sort(rng.choice(40, 5, replace=False))
        x = np.zeros(40)
        x[tiles] = 1
        reward, next_value = rng.normal(size=2).tolist()
        numbers = (int(rng.integers(3)), reward, next_value, old_value, 0.05, 0.99, 0.9)
        assert true_online_sarsa_lambda.update(weights, trace, tiles, *numbers)
        assert dense_true_online_sarsa_lambda.update(dense_weights, dense_trace, x, *numbers)
        assert sparse_true_online_sarsa_lambda.update(sparse_weights, sparse_trace, tiles, *numbers)
        np.testing.assert_array_equal(dense_weights, weights)
        np.testing.assert_array_equal(sparse_weights, weights)
        np.testing.assert_array_equal(dense_trace.z, trace)
        np.testing.assert_array_equal(whole(sparse_trace), trace)
        linear.action_values(weights, tiles, values)
        dense_true_online_sarsa_lambda.action_values(dense_weights, x, dense_values)
        sparse_true_online_sarsa_lambda.action_values(sparse_weights, tiles, sparse_values)
        np.testing.assert_array_equal(dense_values, values)
        np.testing.assert_array_equal(sparse_values, values)
        old_value = next_value
        if step == 100:
            saved = sparse_trace.arrays()
            sparse_trace = sparse_true_online_sarsa_lambda.Trace.empty(3, 40, smallest=0.0)
            sparse_trace.assign(saved)
        if step == 200:
            trace[:] = 0.0
            dense_trace.clear()
            sparse_trace.clear()


def whole(trace: sparse_true_online_sarsa_lambda.Trace) -> np.ndarray:
    """The z that a sparse trace stands for."""
    z = np.zeros((3, 40))
    z.flat[trace.places[: trace.length[0]]] = trace.values[: trace.length[0]]
    return z


def test_with_one_action_the_box_is_that_of_true_online_td() -> None:
    """Values of a walk along five states, which ends on the right with a reward of 1, by the box of section 12.5."""
    rng, step_size, discount, trace_decay = np.random.default_rng(0), 0.1, 0.9, 0.8
    weights, trace = np.zeros((1, 5)), sparse_true_online_sarsa_lambda.Trace.empty(1, 5, smallest=0.0)
    w = np.zeros(5)
    for _ in range(20):
        trace.clear()
        state, z, old, old_value = 2, np.zeros(5), 0.0, 0.0
        while state in range(5):
            following = state + int(rng.choice([-1, 1]))
            x, next_x = (np.eye(7)[place + 1][1:-1] for place in (state, following))
            reward, next_value = float(following == 5), weights[0] @ next_x
            sparse_true_online_sarsa_lambda.update(
                weights, trace, np.array([state]), 0, reward, next_value, old_value, step_size, discount, trace_decay
            )
            v, next_v = w @ x, w @ next_x
            delta = reward + discount * next_v - v
            z = discount * trace_decay * z + (1 - step_size * discount * trace_decay * z @ x) * x
            w += step_size * (delta + v - old) * z - step_size * (v - old) * x
            old, old_value, state = next_v, next_value, following
    np.testing.assert_allclose(weights[0], w, rtol=1e-12)
    assert (np.diff(w) > 0).all()


def test_small_traces_are_forgotten_and_cost_nothing() -> None:
    """γλ = .5: ten steps later a trace of 1 is below .001, and what the table holds besides does not matter."""
    trace = sparse_true_online_sarsa_lambda.Trace.empty(2, 10**6)
    weights = np.zeros((2, 10**6))
    for step in range(50):
        tiles = np.array([step, 1000 + step])
        sparse_true_online_sarsa_lambda.update(weights, trace, tiles, step % 2, 1.0, 0.0, 0.0, 0.1, 1.0, 0.5)
    assert trace.length[0] == 2 * 10
    assert trace.values[: trace.length[0]].min() > 0.001
    np.testing.assert_array_equal(np.flatnonzero(trace.line), np.sort(trace.places[: trace.length[0]]))


def test_a_step_of_the_box_by_hand() -> None:
    """Q = 1, δ = 1 + .5 · 2 - 1 = 1, γλ = .25, zᵀx = .5, so that z gains 1 - .1 · .25 · .5 = .9875 times x."""
    weights, z = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.5, 0.0], [0.0, 4.0]])
    trace = dense_true_online_sarsa_lambda.Trace(z)
    x = np.array([1.0, 2.0])
    assert dense_true_online_sarsa_lambda.update(weights, trace, x, 0, 1.0, 2.0, 0.5, 0.1, 0.5, 0.5)
    np.testing.assert_allclose(z, [[0.125 + 0.9875, 2 * 0.9875], [0.0, 1.0]], rtol=1e-15)
    # α(δ + Q - Q_old) = .15 times z, minus α(Q - Q_old) = .05 times x
    expected = [[1 + 0.15 * 1.1125 - 0.05, 0.15 * 1.975 - 0.1], [0.0, 1.15]]
    np.testing.assert_allclose(weights, expected, rtol=1e-14)


@pytest.mark.parametrize("weight", [1e13, np.inf, np.nan])
@pytest.mark.parametrize("agent", [dense_true_online_sarsa_lambda, sparse_true_online_sarsa_lambda])
def test_weights_beyond_all_bounds_are_seen(agent: Any, weight: float) -> None:
    weights, x = np.array([[weight, 0.0], [0.0, 0.0]]), {"dense": np.ones(2), "sparse": np.arange(2)}
    kind = agent.__name__.rpartition(".")[2].partition("_")[0]
    assert not agent.update(weights, agent.Trace.empty(2, 2), x[kind], 0, 0.0, 0.0, 0.0, 0.1, 0.9, 0.9)


# Features.


def environment(**changes: Any) -> dict[str, Any]:
    pong = {"name": "atari", "game": "pong", "actions": "three", "image_size": 48, "reward_terminal": True}
    return Atari.model_validate(pong | changes).model_dump()


PIXELS = {"name": "pixels", "side": 12, "background": 87}


def test_pixels_tell_how_much_stands_out() -> None:
    frames = np.full((2, 1, 48, 48), 87, np.uint8)
    frames[1, 0, 4:8, 8:12] = 255  # the field in row 1, column 2
    frames[1, 0, 40:42, 44:48] = 0  # half of the one in row 10, column 11
    features = pixels.Features(environment(), PIXELS)
    background, fields = features.describe(frames)
    assert fields.shape == (144,)
    assert fields.dtype == np.float64
    assert not background.any()
    assert np.flatnonzero(fields).tolist() == [12 + 2, 10 * 12 + 11]
    np.testing.assert_allclose(fields[[14, 131]], [168 / 255, 87 / 2 / 255], rtol=1e-6)
    assert features.count == 2 * 144 + 1


def test_features_are_of_the_newest_frame_and_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames of all games are described at once, also when one begins anew: an encoder's bits depend on how many."""
    features = pixels.Features(environment(max_steps=40), PIXELS)
    games, plain, seeds = FeatureGames(features, 2), Games(environment(max_steps=40), 2), np.array([3, 4])
    x, seen = games.reset(seeds), plain.reset(seeds)
    describe = features.describe
    previous = newest = describe(seen)
    moved, rng = 0, np.random.default_rng(0)
    sizes: list[int] = []

    def noted(states: np.ndarray) -> np.ndarray:
        sizes.append(len(states))
        return describe(states)

    monkeypatch.setattr(games.features, "describe", noted)
    for now in range(60):
        np.testing.assert_array_equal(x, np.hstack([newest, newest - previous, np.ones((2, 1))]))
        actions = rng.integers(3, size=2)
        step, expected = games.step(actions), plain.step(actions)
        x, previous, newest = step.observations, newest, describe(expected.observations)
        for found, fact in zip(step[1:], expected[1:], strict=True):
            np.testing.assert_array_equal(found, fact)
        if now == 20:  # one begins anew, and in it nothing has moved
            seen = plain.reset(seeds[:1], np.array([True, False]))
            x = games.reset(seeds[:1], np.array([True, False]))
            newest[0] = previous[0] = describe(seen)[0]
        moved += int((newest != previous).any())
    assert moved > 30
    assert set(sizes) == {2}


def test_positions_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"ball_x": 0.25, "ball_y": np.nan, "player_y": -0.5, "opponent_y": 0.0}
    monkeypatch.setattr(positions, "positions", lambda *_: {name: np.array([value]) for name, value in found.items()})
    features = positions.Features(environment(), {})
    (described,) = features.describe(np.zeros((1, 128), np.uint8))
    assert described.tolist() == [0.5, 0.0, -1.0, 0.0, 1.0]  # the last since the ball is away
    (x,) = features.join(described[np.newaxis], np.array([[0.25, 0.0, 1.0, 0.0, 1.0]]))
    assert x.tolist() == [*described, 2.5, 0.0, -3.0, 0.0, 0.0, 1.0]  # changes tenfold, three at most
    assert features.count == len(x)


def test_tiles_are_of_the_ball_as_the_paddle_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiled, "TILINGS", 1)
    features = tiled_positions.Features(environment(), {})
    assert features.count == 9 * 11 * 3 * 5 + 1  # the last one is active while there is no ball

    def active(newest: list[float], previous: list[float]) -> int:
        ((tile,),) = features.join(np.array([newest]), np.array([previous])).tolist()
        return tile

    def tile(*cells: int) -> int:
        return int(np.ravel_multi_index(cells, (9, 11, 3, 5)))

    # Ten tiles from -.5 to .5 for how far the ball is below the paddle; eight, two and four for the others.
    assert active([0.55, -0.33, 0.2, 0.0, 0.0], [0.5, -0.32, 0.0, 0.0, 0.0]) == tile(6, 0, 1, 1)
    assert active([0.55, -0.33, 0.2, 0.9, 0.0], [0.5, -0.32, 0.8, 0.0, 0.0]) == tile(6, 0, 1, 1)  # whoever else moves
    assert active([-0.55, 0.33, 0.2, 0.0, 0.0], [-0.5, 0.2, 0.0, 0.0, 0.0]) == tile(1, 6, 0, 3)
    assert active([-0.55, 2.0, -0.2, 0.0, 0.0], [0.9, 0.0, 0.0, 0.0, 0.0]) == tile(1, 10, 0, 4)  # cut off at the edges
    assert active([0.0, 0.0, 0.2, 0.0, 1.0], [0.9, 0.0, 0.0, 0.0, 0.0]) == features.count - 1


def test_every_tiling_has_one_tile_of_its_own() -> None:
    features = tiled_positions.Features(environment(), {})
    rng = np.random.default_rng(0)
    newest = np.column_stack([rng.uniform(-1, 1, (500, 4)), rng.random(500) < 0.2])
    tiles = features.join(newest, newest + rng.normal(0, 0.05, newest.shape))
    assert tiles.shape == (500, 16)
    assert tiles.dtype == np.int64
    there, absent = tiles[newest[:, 4] == 0], tiles[newest[:, 4] == 1]
    np.testing.assert_array_equal(there // (9 * 11 * 3 * 5), np.broadcast_to(np.arange(16), there.shape))
    assert (absent == np.arange(features.count - 16, features.count)).all()
    assert len(np.unique(there[:, 0])) > 100


def test_positions_move_with_the_game() -> None:
    features = positions.Features(environment(), {})
    games, rng = FeatureGames(features, 1), np.random.default_rng(0)
    games.reset(np.array([5]))
    seen = np.array([games.step(rng.integers(3, size=1)).observations[0] for _ in range(200)])
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
    (described,) = features.describe(np.zeros((1, 1, 48, 48), np.uint8))
    assert described.tolist() == [0.5, 100.0, 0.0]
    (x,) = features.join(described[np.newaxis], np.array([[0.0, 99.0, 0.0]]))
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
            ["agent.features.name", "not in breakout", "choose 'pixels' or 'latents'"],
        ),
        ({"name": "positions"}, {"fire_reset": True}, ["environment.fire_reset", "set this to false"]),
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


def encoders(**changes: Any) -> dict[str, Any]:
    """A config with an auto-encoder and a linear agent over keypoints of it, which it does not have."""
    features = {"name": "tiled-keypoints", "encoder": {"experiment": "encoder"}}
    made = config(features)
    made["experiments"]["pong"]["agent"]["name"] = "sparse-true-online-sarsa-lambda"
    frames = {"name": "atari", "game": "pong", "image_size": 48}
    made["datasets"] = {
        "frames": {"environment": frames, "size": 500},
        "large": {"environment": frames | {"image_size": 84}, "size": 500},
    }
    made["experiments"]["encoder"] = {
        "environment": {"name": "frames", "dataset": "frames", **changes},
        "agent": {"name": "keypoints"},
        "epochs": 1,
        "seeds": 1,
    }
    return made


def test_features_need_an_encoder_of_their_kind() -> None:
    good = encoders()
    settings.load(good)
    good["experiments"]["encoder"]["agent"] = {"name": "auto-encoder", "latents": 4}
    with pytest.raises(
        settings.SettingsError, match="encoder/default was trained by auto-encoder; name a run of keypoints"
    ):
        settings.load(good)


def test_encoders_are_judged_on_data_sets_that_are_there_with_frames_of_the_same_size() -> None:
    with pytest.raises(settings.SettingsError, match=r"judged_on: the agent already learns from frames; name another"):
        settings.load(encoders(judged_on="frames"))
    with pytest.raises(settings.SettingsError, match=r"judged_on: there is no data set 'frame'; did you mean 'frames'"):
        settings.load(encoders(judged_on="frame"))
    with pytest.raises(
        settings.SettingsError, match=r"its image_size is 84, but that of frames is 48; make them equal"
    ):
        settings.load(encoders(judged_on="large"))


def test_an_encoder_has_to_see_the_game_and_to_have_a_point_besides_the_controlled_one() -> None:
    wrong = encoders()
    wrong["experiments"]["encoder"]["agent"]["points"] = 4
    wrong["experiments"]["pong"]["agent"]["features"]["pairs"] = 4
    with pytest.raises(
        settings.SettingsError, match="has 4 points, and at least one of them is controlled; give at most 3"
    ):
        settings.load(wrong)
    wrong = encoders()
    wrong["experiments"]["pong"]["environment"] = {"name": "atari", "game": "breakout", "image_size": 48}
    with pytest.raises(settings.SettingsError, match="encoder encodes frames of pong, not of breakout"):
        settings.load(wrong)


def test_tiles_of_positions_are_for_pong_and_point_to_keypoints() -> None:
    wrong = config({"name": "tiled-positions"}, game="breakout")
    wrong["experiments"]["pong"]["agent"]["name"] = "sparse-true-online-sarsa-lambda"
    with pytest.raises(settings.SettingsError, match="not in breakout; choose 'tiled-keypoints'"):
        settings.load(wrong)


def test_figures_over_steps_are_for_agents_that_count_them() -> None:
    wrong = config({"name": "pixels"})
    figure = {"kind": "returns", "title": "It", "caption": "Shows it."}
    wrong["figures"] = {"it": {**figure, "experiments": ["pong"]}}
    settings.load(wrong)
    wrong["figures"]["it"]["experiments"] = ["car"]
    with pytest.raises(
        settings.SettingsError,
        match="draws agents that learn in steps, but those of car learn in episodes; draw another experiment",
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
