"""Linear agents over features of Atari games: their training, resuming from a save, and evaluation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rlgames.agents.linear import dense_true_online_sarsa_lambda, sparse_true_online_sarsa_lambda
from rlgames.environments import atari
from rlgames.environments.games import Step
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

DENSE, SPARSE = dense_true_online_sarsa_lambda, sparse_true_online_sarsa_lambda

KINDS: dict[str, Any] = {
    "pixels": (pixels.Features, PIXELS, DENSE),
    "positions": (positions.Features, {"name": "positions"}, DENSE),
    "tiled-positions": (tiled_positions.Features, {"name": "tiled-positions"}, SPARSE),
}


def agent_settings(**changes: Any) -> dict[str, Any]:
    agent = {
        "name": "dense-true-online-sarsa-lambda", "features": PIXELS, "step_size": 0.01, "trace_decay": 0.8,
        "epsilon_steps": 100,
    }  # fmt: skip
    return DenseTrueOnlineSarsaLambda.model_validate(agent | changes).model_dump()


def modules(**other: Any) -> dict[str, Any]:
    return {"agent": DENSE, "environment": atari} | other


def training(kind: str, games: int = 1) -> Training:
    make, options, agent = KINDS[kind]
    game = environment(max_steps=120)
    return Training(modules(agent=agent), 3, game, agent_settings(games=games), 400 * games, make(game, options))


def advance(run: Training, steps: int) -> dict[int, np.ndarray]:
    """So many steps, or to the end: the weights kept on the way."""
    kept = {}
    for _ in range(steps):
        if run.finished:
            break
        if run.advance():
            kept[run.steps] = run.weights()["weight_0"]
    return kept


@pytest.mark.parametrize("games", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_resuming_from_a_save_gives_the_same_bits(kind: str, games: int) -> None:
    """In the middle of an episode, right after one ended, and again later."""
    whole = training(kind, games)
    whole.begin()
    expected = advance(whole, 1000)
    assert list(expected) == [games * step for step in range(40, 401, 40)]
    kept: dict[int, np.ndarray] = {}
    told: list[tuple[int, int]] = []
    run = training(kind, games)
    run.begin()
    for steps in (150, 90, 1000):
        kept |= advance(run, steps)
        state, run = run.state(), training(kind, games)
        run.restore(state, lambda done, total: told.append((done, total)))
    assert told == [(done, 30) for done in range(1, 31)]  # at 150; at 240 the episode has just begun
    assert run.episodes == whole.episodes
    assert [episode.ending for episode in run.episodes] == ["truncated"] * 3 * games + ["unfinished"] * games
    assert list(kept) == list(expected)
    for step, weights in expected.items():
        np.testing.assert_array_equal(kept[step], weights)
    again = run.state()
    for name, array in whole.state().items():
        np.testing.assert_array_equal(again[name], array)
    assert expected[400 * games].any()


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

    def emulators(self, count: int) -> Any:
        assert count == 1
        return self

    def describe(self, states: np.ndarray) -> np.ndarray:
        return states

    def reset(self, _seeds: np.ndarray, _mask: np.ndarray | None = None) -> np.ndarray:
        self.now = 0
        return np.array([[0.0]])

    def step(self, _actions: np.ndarray) -> Step:
        self.now += 1
        terminated, truncated = (self.now == 4 and self.ending == name for name in ("terminated", "truncated"))
        facts = (5.0 if self.now == 2 else 0.0, terminated, truncated, False)
        return Step(np.array([[float(self.now)]]), *(np.array([fact]) for fact in facts))


def mock(update: Any) -> Any:
    """The dense agent with another update."""
    kept = {name: getattr(DENSE, name) for name in ("Trace", "action_value", "action_values")}
    return SimpleNamespace(**kept, update=update)


@pytest.mark.parametrize(("ending", "after_the_last"), [("terminated", 0.0), ("truncated", 5.0)])
def test_what_ends_a_return_and_what_does_not(ending: str, after_the_last: float) -> None:
    """With weights of one, the value of every action is the sum of x: the step (3 at most), its change, 1."""
    calls: list[Any] = []

    def update(_w: Any, trace: Any, x: Any, _a: int, reward: float, next_value: float, old: float, *_: float) -> bool:
        calls.append((x.tolist(), reward, next_value, old, bool(trace.z.any())))
        trace.z[:] = 1.0
        return True

    agent = mock(update)
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
    """Balls fall down one of three columns in four steps, and a paddle below must be there: 1 or -1 at the end."""

    def __init__(self) -> None:
        super().__init__({}, np.ones(5))

    def emulators(self, count: int) -> Any:
        self.columns, self.paddles, self.heights = np.zeros((3, count), int)
        return self

    def describe(self, states: np.ndarray) -> np.ndarray:
        """From which side the paddle sees the ball, and how far: one of five features is on."""
        return np.eye(5)[states + 2]

    def reset(self, seeds: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        begun = slice(None) if mask is None else mask
        self.columns[begun], self.paddles[begun], self.heights[begun] = seeds % 3, seeds // 3 % 3, 0
        return self.columns - self.paddles

    def step(self, actions: np.ndarray) -> Step:
        self.paddles = (self.paddles + np.array([0, 1, -1])[actions]).clip(0, 2)
        self.heights += 1
        over, caught, never = self.heights == 4, self.paddles == self.columns, np.zeros(len(actions), bool)
        return Step(self.columns - self.paddles, over * np.where(caught, 1.0, -1.0), over, never, never)


@pytest.mark.parametrize("games", [1, 4])
def test_agent_learns_to_catch(games: int) -> None:
    options = agent_settings(step_size=0.05, discount=0.9, epsilon_steps=2000, games=games)
    run = Training(modules(), 0, environment(), options, 8000, Catch())
    run.begin()
    advance(run, 8000)
    returns = [episode.score for episode in run.ended]
    assert np.mean(returns[:50]) < 0.3
    assert np.mean(returns[-200:]) >= 0.9


def test_what_other_games_learn_is_not_taken_for_what_a_game_has_learned() -> None:
    """Three games; each update makes every weight larger by a half. Between two of the same game are two of others, and
    they do not count as a change of its value that its own last update brought about."""
    calls: list[tuple[float, float, float]] = []

    def update(w: Any, _z: Any, x: Any, _a: int, _r: float, next_value: float, old_value: float, *_: float) -> bool:
        calls.append((float(x.sum()), next_value, old_value))
        w += 0.5
        return True

    run = Training(modules(agent=mock(update)), 0, environment(), agent_settings(games=3), 12, Catch())
    run.begin()
    advance(run, 3)
    for (_, next_value, _), (active, _, old_value) in zip(calls[:6], calls[3:], strict=True):
        assert old_value == pytest.approx(next_value + 2 * 0.5 * active)


def test_the_step_size_falls_to_its_end() -> None:
    run = Training(modules(), 0, environment(), agent_settings(step_size_end=0.002, step_size_steps=200), 400, Catch())
    run.begin()
    sizes = [run.step_size]
    for _ in range(3):
        advance(run, 100)
        sizes.append(run.step_size)
    np.testing.assert_allclose(sizes, [0.01, 0.006, 0.002, 0.002])


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
