"""Gymnasium's environments: episodes as functions of their seed and actions, held against plain Gymnasium."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlgames.environments.games import Step
from rlgames.environments.gymnasium import Games, actions, make, register
from rlgames.playing.recording import Recording
from rlgames.settings.environments import Gymnasium

VECTORS, PICTURES = ["CartPole-v1", "Acrobot-v1", "MountainCar-v0", "LunarLander-v3"], ["MinAtar/Breakout-v1"]


def settings(name: str, **changes: Any) -> dict[str, Any]:
    if name.startswith("MinAtar/"):  # whose games have no limit of their own
        changes = {"max_steps": 1000} | changes
    return Gymnasium.model_validate({"name": "gymnasium", "id": name, **changes}).model_dump()


def plain(name: str, seed: int, taken: list[int], **kwargs: Any) -> list[Any]:
    """An episode of a fresh environment, in plain Gymnasium: (observation, reward, terminated, truncated) of each step
    until its end, the first without an action."""
    register(name)
    environment = gym.make(name, **kwargs)
    observation, _ = environment.reset(seed=seed)
    steps: list[Any] = [(np.array(observation), 0.0, False, False)]
    for action in taken:
        observation, *facts, _ = environment.step(action)
        steps.append((np.array(observation), *facts))
        if any(facts[1:]):
            break
    environment.close()
    return steps


def facts(step: Step, game: int) -> tuple[Any, ...]:
    return step.rewards[game], step.terminated[game], step.truncated[game]


def random_actions(name: str, count: int, seed: int = 0) -> list[int]:
    return np.random.default_rng(seed).integers(0, len(actions(settings(name))), count).tolist()


@pytest.mark.parametrize("name", [*VECTORS, *PICTURES])
def test_an_episode_is_that_of_a_fresh_environment(name: str) -> None:
    """Whatever was played before, beside it, and in how many games: MinAtar keeps the last action over a reset."""
    taken = random_actions(name, 600)
    expected = plain(name, 77, taken)
    games, rng = Games(settings(name), 3), np.random.default_rng(1)
    games.reset(np.array([1, 2, 3]))
    for _ in range(40):
        games.step(rng.integers(0, len(games.actions), 3))
    seen = games.reset(np.array([77]), np.array([False, True, False]))
    np.testing.assert_array_equal(seen[1, 0], expected[0][0])
    for action, (observation, *said) in zip(taken, expected[1:], strict=False):
        chosen = rng.integers(0, len(games.actions), 3)
        chosen[1] = action
        step = games.step(chosen)
        np.testing.assert_array_equal(step.observations[1, 0], observation)
        assert (step.observations.shape, step.observations.dtype) == ((3, 1, *games.frame.shape), games.frame.dtype)
        assert facts(step, 1) == tuple(said)
        assert not step.life_lost.any()
    assert any(said[1:])


@pytest.mark.parametrize("name", ["CartPole-v1", *PICTURES])
def test_one_game_alone_plays_the_same_episode(name: str) -> None:
    taken, game = random_actions(name, 300), Games(settings(name), 1)
    expected = plain(name, 5, taken)
    for _ in range(2):
        np.testing.assert_array_equal(game.reset(np.array([5]))[0, 0], expected[0][0])
        for action, (observation, *said) in zip(taken, expected[1:], strict=False):
            step = game.step(np.array([action]))
            np.testing.assert_array_equal(step.observations[0, 0], observation)
            assert facts(step, 0) == tuple(said)


def test_last_action_of_the_episode_before_does_not_matter() -> None:
    """With sticky actions MinAtar may repeat it in the first step of the next one."""
    name = PICTURES[0]
    found = set()
    for last in range(len(actions(settings(name)))):
        game = Games(settings(name, kwargs={"sticky_action_prob": 0.9}), 1)
        game.reset(np.array([1]))
        game.step(np.array([last]))
        game.reset(np.array([2]))
        found.add(game.step(np.array([1])).observations.tobytes())
    assert len(found) == 1


@pytest.mark.parametrize("name", ["CartPole-v1", *PICTURES])
def test_a_finished_game_stays_frozen_until_it_is_reset(name: str) -> None:
    games = Games(settings(name), 2)
    games.reset(np.array([1, 2]))
    taken = random_actions(name, 1000)
    over = None
    for action in taken:
        step = games.step(np.array([action, 0]))
        if over is not None:
            np.testing.assert_array_equal(step.observations[0], over)
            assert facts(step, 0) == (0.0, False, False)
        elif step.terminated[0]:
            over = step.observations[0].copy()
    assert over is not None
    seen = games.reset(np.array([1]), np.array([True, False]))
    np.testing.assert_array_equal(seen[0, 0], plain(name, 1, [])[0][0])
    np.testing.assert_array_equal(seen[1], step.observations[1])


def balanced(observation: np.ndarray) -> int:
    """An action that keeps the pole of CartPole up."""
    _, _, angle, speed = observation
    return int(angle + 0.3 * speed > 0)


def test_a_limit_of_steps_truncates_and_does_not_terminate() -> None:
    games = Games(settings("CartPole-v1"), 1)
    seen, total = games.reset(np.array([0])), 0.0
    for number in range(500):
        step = games.step(np.array([balanced(seen[0, 0])]))
        seen, total = step.observations, total + step.rewards[0]
        assert facts(step, 0) == (1.0, False, number == 499)
    assert total == 500


@pytest.mark.parametrize(
    ("name", "changes", "limit"),
    [
        ("MountainCar-v0", {}, 200),
        ("MountainCar-v0", {"max_steps": 30}, 30),
        ("MountainCar-v0", {"max_steps": 250}, 250),
        ("Acrobot-v1", {"max_steps": 7}, 7),
        ("MinAtar/Freeway-v1", {"max_steps": 20}, 20),
    ],
)
def test_the_limit_is_the_environments_own_or_that_of_the_settings(
    name: str, changes: dict[str, Any], limit: int
) -> None:
    chosen = settings(name, **changes)
    assert chosen["max_steps"] == limit
    games = Games(chosen, 2)
    games.reset(np.array([3, 4]))
    ends = [games.step(np.ones(2, int)) for _ in range(limit)]
    assert [step.truncated.tolist() for step in ends] == [[False, False]] * (limit - 1) + [[True, True]]
    assert not any(step.terminated.any() for step in ends)


def test_a_game_that_ends_at_its_limit_is_over_and_not_cut_off() -> None:
    taken = random_actions("CartPole-v1", 300)
    length = len(plain("CartPole-v1", 3, taken)) - 1
    games = Games(settings("CartPole-v1", max_steps=length), 1)
    games.reset(np.array([3]))
    steps = [games.step(np.array([action])) for action in taken[:length]]
    assert facts(steps[-1], 0) == (1.0, True, False)


def test_keyword_arguments_reach_the_environment() -> None:
    calm, windy = (
        settings("LunarLander-v3", kwargs=kwargs) for kwargs in ({}, {"enable_wind": True, "wind_power": 9.5})
    )
    inside: Any = make(windy).unwrapped
    assert (inside.enable_wind, inside.wind_power) == (True, 9.5)
    taken = random_actions("LunarLander-v3", 30)
    expected = plain("LunarLander-v3", 6, taken, enable_wind=True, wind_power=9.5)
    ends = []
    for chosen in (calm, windy):
        game = Games(chosen, 1)
        game.reset(np.array([6]))
        ends.append([game.step(np.array([action])) for action in taken][-1].observations[0, 0])
    np.testing.assert_array_equal(ends[1], expected[30][0])
    assert not np.array_equal(*ends)


@pytest.mark.parametrize("render", [False, True])
@pytest.mark.parametrize("name", ["CartPole-v1", "LunarLander-v3", *PICTURES])
def test_replay_gives_the_same_rewards(name: str, render: bool) -> None:
    taken, expected = random_actions(name, 150), plain(name, 11, random_actions(name, 150))
    chosen, length = settings(name), len(expected) - 1
    recording = Recording(1, length, 0.0, "terminated", bytes(taken[:length]), chosen, reset_seed=11)
    steps = list(recording.replay(render=render))
    assert [(step.reward, step.terminated) for step in steps] == [said[1:3] for said in expected]
    for step in steps:
        if render:
            assert step.picture is not None
            assert (step.picture.ndim, step.picture.shape[2], step.picture.dtype.name) == (3, 3, "uint8")
        else:
            assert step.picture is None
    if render:
        assert not np.array_equal(np.asarray(steps[0].picture), np.asarray(steps[-1].picture))


def test_actions_have_names_and_pictures_their_type() -> None:
    assert actions(settings("CartPole-v1")) == ["left", "right"]
    assert actions(settings("MinAtar/Breakout-v1")) == ["stay", "left", "right"]
    assert Games(settings("LunarLander-v3"), 1).actions[2] == "main engine"
    shown = {name: Games(settings(name), 1).frame for name in ("CartPole-v1", "MinAtar/Breakout-v1")}
    assert {name: (frame.shape, frame.dtype, frame.offsets) for name, frame in shown.items()} == {
        "CartPole-v1": ((4,), np.float32, (0,)),
        "MinAtar/Breakout-v1": ((10, 10, 4), np.uint8, (0,)),
    }


def test_observations_are_copies() -> None:
    """What a training keeps of one step must not change in the next."""
    games = Games(settings("CartPole-v1"), 1)
    first = games.reset(np.array([0]))
    kept = first.copy()
    second = games.step(np.array([1])).observations
    kept_too = second.copy()
    games.step(np.array([1]))
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(second, kept_too)
