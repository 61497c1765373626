"""Linear agents over features of Atari games: their training, resuming from a save, and evaluation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rlgames.agents.linear import dense_true_online_sarsa_lambda
from rlgames.environments import atari
from rlgames.environments.games import Moment
from rlgames.features import pixels, positions, tiled_positions
from rlgames.features.base import Features
from rlgames.playing import evaluation
from rlgames.playing.linear import Player
from rlgames.playing.recording import Recording
from rlgames.settings.environments import Atari
from rlgames.settings.linear_agents import DenseTrueOnlineSarsaLambda
from rlgames.training.episodes import ReplayError
from rlgames.training.linear_atari import Training


def environment(**changes: Any) -> dict[str, Any]:
    pong = {"name": "atari", "game": "pong", "actions": "three", "image_size": 48, "reward_terminal": True}
    return Atari.model_validate(pong | changes).model_dump()


PIXELS = {"name": "pixels", "side": 12, "background": 87}

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


def modules(**other: Any) -> dict[str, Any]:
    return {"agent": dense_true_online_sarsa_lambda, "environment": atari} | other


def training(kind: str, budget: int = 400) -> Training:
    make, options = KINDS[kind]
    game = environment(max_steps=120)
    return Training(modules(), 3, game, agent_settings(), budget, make(game, options))


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
def test_resuming_from_a_save_gives_the_same_bits(kind: str) -> None:
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
    with pytest.raises(ReplayError, match=r"Episode 1 had a return of 1\.0, and played again 0\.0"):
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

    def step(self, _action: int) -> Moment:
        self.now += 1
        ends = {name: self.now == 4 and self.ending == name for name in ("terminated", "truncated")}
        return Moment(np.array([float(self.now)]), 5.0 if self.now == 2 else 0.0, life_lost=False, **ends)


@pytest.mark.parametrize(("ending", "after_the_last"), [("terminated", 0.0), ("truncated", 5.0)])
def test_what_ends_a_return_and_what_does_not(ending: str, after_the_last: float) -> None:
    """With weights of one, the value of every action is the sum of x: the step (3 at most), its change, 1."""
    calls: list[Any] = []

    def update(_w: Any, z: Any, x: Any, _a: int, reward: float, next_value: float, old_value: float, *_: float) -> bool:
        calls.append((x.tolist(), reward, next_value, old_value, bool(z.any())))
        z[:] = 1.0
        return True

    agent: Any = SimpleNamespace(action_values=dense_true_online_sarsa_lambda.action_values, update=update)
    run = Training(modules(agent=agent), 0, environment(), agent_settings(), 100, Scripted(ending))
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
    run = Training(modules(), 0, environment(), options, 10_000, Scripted("terminated"))
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

    def step(self, action: int) -> Moment:
        self.paddle = min(max(self.paddle + (0, 1, -1)[action], 0), 2)
        self.height += 1
        over, caught = self.height == 4, self.paddle == self.column
        reward = float(over) * (1.0 if caught else -1.0)
        return Moment(np.array([self.column - self.paddle]), reward, over, truncated=False, life_lost=False)


def test_agent_learns_to_catch() -> None:
    options = agent_settings(step_size=0.05, discount=0.9, epsilon_steps=2000)
    run = Training(modules(), 0, environment(), options, 8000, Catch())
    run.begin()
    advance(run, 8000)
    returns = [episode.score for episode in run.ended]
    assert np.mean(returns[:50]) < 0.3
    assert np.mean(returns[-200:]) >= 0.9


def test_evaluation_plays_with_the_weights_of_a_point() -> None:
    game = environment(max_steps=40)
    features = pixels.Features(game, PIXELS)
    saved = np.random.default_rng(0).normal(size=(2, 3, features.count))
    player = Player({"weight_0": saved}, modules(), game, {}, features)
    states = np.random.default_rng(1).random((4, features.count))
    np.testing.assert_allclose(player.preferences(states, 1), states @ saved[1].T, rtol=1e-9, atol=1e-9)
    (played,) = evaluation.play(player.games, player.preferences, [evaluation.Planned(1, 1, 0.0)], seed=0)
    assert (played.preferences.shape, played.ending) == ((40, 3), "truncated")
    assert bytes(played.preferences.argmax(axis=1).tolist()) == played.actions
    recording = Recording(1, 40, 0.0, played.ending, played.actions, game, reset_seed=played.reset_seed)
    assert [step.reward for step in atari.replay(recording)][1:] == played.rewards.tolist()
