"""The compiled agents against plain twins, hand-computed numbers, theory, and the published levels."""

from typing import Any

import numpy as np
import pytest

import plain
from rlgames.agents.linear import (
    expected_sarsa,
    n_step_sarsa,
    q_learning,
    sarsa,
    sarsa_lambda,
    true_online_sarsa_lambda,
)
from rlgames.agents.linear.core import DIVERGED, TERMINATED, TRUNCATED, Learned, action_value, epsilon_greedy, update
from rlgames.environments.games import Step
from rlgames.environments.gymnasium import replay
from rlgames.environments.mountain_car import HIGH, LOW, START, observe, step
from rlgames.environments.mountain_car import replay as replay_car
from rlgames.features.tile_coding import Coding, active_tiles, additive, hashed, index_hashed, tiled
from rlgames.playing.recording import Recording
from rlgames.settings.environments import Gymnasium
from rlgames.streams import Purpose, episode_seed, stream
from rlgames.training import gymnasium
from rlgames.training.mountain_car import train

AGENTS: dict[str, tuple[Any, type[plain.Agent], dict[str, Any]]] = {
    "sarsa": (sarsa, plain.Sarsa, {}),
    "expected-sarsa": (expected_sarsa, plain.ExpectedSarsa, {}),
    "q-learning": (q_learning, plain.QLearning, {}),
    "n-step-sarsa-1": (n_step_sarsa, plain.NStepSarsa, {"n": 1}),
    "n-step-sarsa-4": (n_step_sarsa, plain.NStepSarsa, {"n": 4}),
    "accumulating": (sarsa_lambda, plain.SarsaLambda, {"traces": "accumulating", "trace_decay": 0.9}),
    "replacing": (sarsa_lambda, plain.SarsaLambda, {"traces": "replacing", "trace_decay": 0.9}),
    "clearing": (sarsa_lambda, plain.SarsaLambda, {"traces": "clearing", "trace_decay": 0.9}),
    "true-online": (true_online_sarsa_lambda, plain.TrueOnlineSarsaLambda, {"trace_decay": 0.9}),
}


def car(max_steps: int = 100_000) -> dict[str, Any]:
    return {"max_steps": max_steps, "start": [-0.6, -0.4]}


def learn(agent: Any, coding: Any, seed: int = 0, max_steps: int = 100_000, **settings: Any) -> Learned:
    return train(agent, seed, coding, car(max_steps), **({"epsilon": 0.0, "discount": 1.0} | settings))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("coding", ["additive", "tiled"])
@pytest.mark.parametrize("name", AGENTS)
def test_equals_plain_twin_to_the_last_bit(name: str, coding: str, seed: int) -> None:
    agent, twin, settings = AGENTS[name]
    if coding == "additive":
        ours, theirs = additive(LOW, HIGH, 8), plain.additive(8)
        settings = settings | {"step_size": 0.0125, "epsilon": 0.1, "discount": 0.99}
    else:
        ours, theirs = tiled(LOW, HIGH, 8, 4), plain.tiled(8, 4)
        settings = settings | {"step_size": 0.03, "epsilon": 0.0, "discount": 1.0}
    run = learn(agent, ours, seed, max_steps=400, episodes=6, **settings)
    reference = twin(seed, theirs, ours.features, **settings)
    np.testing.assert_array_equal(run.steps, reference.run(6, 400))
    np.testing.assert_array_equal(run.weights, reference.w)
    np.testing.assert_array_equal(run.returns, -run.steps)


class Car:
    """One compiled Mountain Car as `rlgames.environments.games.Games`, whose starts are drawn from one stream."""

    actions = ("reverse", "coast", "forward")

    def __init__(self, starts: np.random.Generator) -> None:
        self.starts = starts

    def reset(self, _seeds: np.ndarray) -> np.ndarray:
        self.state = (self.starts.uniform(*START), 0.0)
        return np.array(self.state, np.float32)[None, None]

    def step(self, actions: np.ndarray) -> Step:
        position, velocity, reward, terminated = step(*self.state, int(actions[0]))
        self.state = (position, velocity)
        facts = (np.array([fact]) for fact in (reward, terminated, False, False))
        return Step(np.array(self.state, np.float32)[None, None], *facts)


@pytest.mark.parametrize("seed", range(3))
def test_compiled_and_gymnasium_loops_equal_bits(seed: int) -> None:
    """The loop over any environment, on Mountain Car with the first positions of the compiled one."""
    coding = tiled(LOW, HIGH, 8, 8)
    settings: dict[str, Any] = {"step_size": 0.05, "epsilon": 0.1, "discount": 1.0, "trace_decay": 0.9, "episodes": 10}
    one = learn(true_online_sarsa_lambda, coding, seed, max_steps=1000, **settings)
    game = Car(stream(seed, Purpose.ENVIRONMENT))
    other = gymnasium.play(true_online_sarsa_lambda, seed, coding, game, max_steps=1000, **settings)
    for ours, theirs in zip(one, other, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_first_update_by_hand() -> None:
    """From zero weights the first error is -1, and each active weight of the action changes by the step size."""
    coding = additive(LOW, HIGH, 8)
    run = learn(sarsa, coding, episodes=1, max_steps=1, step_size=0.25)
    changed = np.argwhere(run.weights)
    position = stream(0, Purpose.ENVIRONMENT).uniform(-0.6, -0.4)
    observation = np.array([position, 0.0], np.float32)
    assert sorted(changed[:, 1]) == sorted(plain.additive(8)(observation))
    assert set(run.weights[run.weights != 0]) == {-0.25}


def test_two_steps_of_replacing_and_accumulating_traces_by_hand() -> None:
    """Two steps in one state with one action: the second error is -1 + q - q = -1, after w = -α at both tiles."""
    tiles, z = np.array([0, 2]), np.zeros((3, 4))
    for kind, expected in ((sarsa_lambda.ACCUMULATING, 1.45), (sarsa_lambda.REPLACING, 1.0)):
        z[:] = 0.0
        w = np.zeros((3, 4))
        sarsa_lambda.mark(z, tiles, 1, kind)
        assert sarsa_lambda.follow(w, z, -0.5, 0.45)
        np.testing.assert_array_equal(w[1], [-0.5, 0, -0.5, 0])
        np.testing.assert_array_equal(z[1], [0.45, 0, 0.45, 0])
        sarsa_lambda.mark(z, tiles, 1, kind)
        np.testing.assert_allclose(z[1], [expected, 0, expected, 0], rtol=0, atol=1e-15)
    z[0] = 1.0
    sarsa_lambda.mark(z, tiles, 1, sarsa_lambda.CLEARING)
    np.testing.assert_array_equal(z[0], [0, 1, 0, 1])


# With ε = 1 all agents take the same random actions, whatever they learn; free runs part once rounding breaks a tie.
RANDOM: dict[str, Any] = {"epsilon": 1.0, "step_size": 0.03, "episodes": 3, "max_steps": 400}


@pytest.mark.parametrize(
    ("agent", "settings"),
    [
        (n_step_sarsa, {"n": 1}),
        (true_online_sarsa_lambda, {"trace_decay": 0.0}),
        (sarsa_lambda, {"trace_decay": 0.0, "traces": "accumulating"}),
    ],
    ids=["n-step, n = 1", "true online, λ = 0", "λ = 0"],
)
def test_limits_are_sarsa(agent: Any, settings: dict[str, Any]) -> None:
    coding = tiled(LOW, HIGH, 8, 8)
    limit, one = learn(agent, coding, **RANDOM, **settings), learn(sarsa, coding, **RANDOM)
    np.testing.assert_array_equal(limit.actions, one.actions)
    np.testing.assert_allclose(limit.weights, one.weights, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("first", "steps"), [(-0.5, 25), (0.494, 60)], ids=["cut off", "to the goal"])
def test_true_online_equals_the_forward_view(first: float, steps: int) -> None:
    """After h steps: the weights of the online λ-return algorithm with horizon h (the textbook's section 12.4)."""
    alpha, gamma, decay = 0.05, 0.95, 0.8
    coding = tiled(LOW, HIGH, 4, 4)
    for seed in range(100):  # the first one whose random actions end as they should
        run = Learned.empty(3, coding.features, 1, steps)
        settings = (decay, alpha, 1.0, gamma)
        rng = stream(seed, Purpose.EXPLORATION)
        true_online_sarsa_lambda.learn(np.array([first]), steps, coding, rng, run, *settings)
        if run.endings[0] == (TERMINATED if first > 0 else TRUNCATED) and run.steps[0] > 3:
            break

    # The same episode, its features, and where it ended.
    position, velocity, tiles, terminated = first, 0.0, np.empty(4, np.int64), False
    length = int(run.steps[0])
    features = np.zeros((length + 1, 3, coding.features))
    actions = [int(action) for action in run.actions[:length]]
    if run.endings[0] == TRUNCATED:  # the action after the last, which the last update bootstraps from
        again = stream(seed, Purpose.EXPLORATION)
        actions.append([epsilon_greedy(np.zeros(3), 1.0, again) for _ in range(length + 1)][-1])
    for t in range(length + 1):
        active_tiles(coding, observe(position, velocity), tiles)
        if not terminated:
            np.add.at(features[t, actions[t]], tiles, 1.0)
        if t < length:
            position, velocity, _, terminated = step(position, velocity, actions[t])
    assert terminated == (run.endings[0] == TERMINATED) == (first > 0)
    x = features.reshape(length + 1, -1)  # zero at the end of the episode, as its value is

    w = [np.zeros(x.shape[1])]  # w[h]: the weights after h steps, from which the return of horizon h + 1 bootstraps
    for h in range(1, length + 1):
        weights = np.zeros(x.shape[1])
        for t in range(h):
            truncated_return, value_return = 0.0, 0.0
            for n in range(1, h - t + 1):  # n-step returns of the interim λ-return, with the weights of their own time
                value_return += gamma ** (n - 1) * -1.0
                n_step = value_return + gamma**n * (w[t + n - 1] @ x[t + n])
                share = (1 - decay) * decay ** (n - 1) if n < h - t else decay ** (n - 1)
                truncated_return += share * n_step
            weights = weights + alpha * (truncated_return - weights @ x[t]) * x[t]
        w.append(weights)
    np.testing.assert_allclose(run.weights.ravel(), w[-1], rtol=0, atol=1e-12)


def test_hashed_into_a_table_that_holds_all_tiles_equals_tiled_to_the_last_bit() -> None:
    settings: dict[str, Any] = {"episodes": 100, "step_size": 0.0625, "epsilon": 0.1}
    one = learn(sarsa, tiled(LOW, HIGH, 8, 8), **settings)
    two = learn(sarsa, hashed(LOW, HIGH, 8, 8, 1024), **settings)
    three = learn(sarsa, index_hashed(LOW, HIGH, 8, 8, 1024), **settings)
    np.testing.assert_array_equal(one.steps, two.steps)
    np.testing.assert_array_equal(one.weights, two.weights[:, :880])
    assert not two.weights[:, 880:].any()
    np.testing.assert_array_equal(one.steps, three.steps)  # the same weights in other places
    np.testing.assert_array_equal(np.sort(one.weights[one.weights != 0]), np.sort(three.weights[three.weights != 0]))


def test_ties_are_broken_evenly_and_exploration_is_uniform() -> None:
    def counts(values: list[float], epsilon: float) -> np.ndarray:
        random = np.random.default_rng(0)
        chosen = [epsilon_greedy(np.array(values), epsilon, random) for _ in range(9000)]
        return np.bincount(chosen, minlength=3)

    assert abs(counts([0.0, 0.0, 0.0], 0.0) - 3000).max() < 200
    assert counts([0.0, -1.0, 0.0], 0.0)[1] == 0
    assert abs(counts([0.0, -1.0, 0.0], 0.0)[0] - 4500) < 250
    assert abs(counts([0.0, -1.0, 1.0], 0.3) - [900, 900, 7200]).max() < 200


def test_value_and_update() -> None:
    weights = np.arange(12.0).reshape(3, 4)
    assert action_value(weights, np.array([1, 3]), 2) == 9 + 11
    assert update(weights, np.array([1, 3]), 2, 0.5)
    np.testing.assert_array_equal(weights[2], [8, 9.5, 10, 11.5])
    assert not update(weights, np.array([0]), 0, 1e13)
    assert not update(weights, np.array([1]), 0, np.nan)


@pytest.mark.parametrize("name", AGENTS)
def test_endings(name: str) -> None:
    agent, _, settings = AGENTS[name]
    coding = additive(LOW, HIGH, 8)
    cut = learn(agent, coding, episodes=3, max_steps=10, step_size=0.01, **settings)
    assert cut.endings.tolist() == [TRUNCATED] * 3
    assert cut.steps.tolist() == [10] * 3
    whole = learn(agent, coding, episodes=3, max_steps=100_000, step_size=0.01, **settings)
    assert whole.endings.tolist() == [TERMINATED] * 3
    assert len(whole.actions) >= whole.steps[-1]
    lost = learn(agent, coding, episodes=200, max_steps=500, step_size=5.0, **settings).table(7)
    assert lost["ending"][-1] == DIVERGED
    assert len(lost["steps"]) < 200
    assert set(lost["seed"]) == {7}


def test_divergence_at_the_end_of_an_episode_is_seen() -> None:
    coding, run = additive(LOW, HIGH, 8), Learned.empty(3, 18, 1, 5)
    run.weights[:] = -9.9e11
    sarsa.learn(np.array([0.4999]), 5, coding, stream(0, Purpose.EXPLORATION), run, 9.0, 0.0, 1.0)
    assert run.endings[0] == DIVERGED


def level(coding: Coding, step_size: float, agent: Any = sarsa, last: int = 100, **settings: Any) -> np.ndarray:
    """Mean steps of the last episodes (of 500), for each of 100 seeds."""
    settings = {"episodes": 500, "step_size": step_size} | settings
    return np.array([learn(agent, coding, seed, **settings).steps[-last:].mean() for seed in range(100)])


def test_levels_of_the_step_sizes() -> None:
    coding = additive(LOW, HIGH, 8)
    small, middle, large = (level(coding, factor / 8) for factor in (0.1, 0.2, 0.5))
    assert small.mean() == pytest.approx(168, abs=9)
    assert middle.mean() == pytest.approx(175, abs=9)
    assert large.mean() == pytest.approx(146, abs=9)
    assert large.mean() < min(small.mean(), middle.mean())


def test_levels_of_the_tilings_fall() -> None:
    levels = [level(tiled(LOW, HIGH, 8, tilings), 0.3 / tilings).mean() for tilings in (2, 4, 8, 16, 32)]
    assert levels == pytest.approx([149, 134, 119, 114, 111], abs=5)
    assert levels == sorted(levels, reverse=True)
    assert level(tiled(LOW, HIGH, 8, 8), 0.5 / 8).mean() == pytest.approx(118, abs=4)


def early(agent: Any, factor: float, episodes: int = 50, seeds: int = 30, **settings: Any) -> float:
    """Mean steps of the first episodes over seeds, with 8 tilings and α = factor / 8."""
    coding = tiled(LOW, HIGH, 8, 8)
    settings = {"episodes": episodes, "step_size": factor / 8, "max_steps": 5000} | settings
    return float(np.mean([learn(agent, coding, seed, **settings).steps.mean() for seed in range(seeds)]))


def test_eight_steps_beat_one_early() -> None:
    """The textbook's figures 10.3 and 10.4."""
    one, four, eight = early(n_step_sarsa, 0.5, n=1), early(n_step_sarsa, 0.5, n=4), early(n_step_sarsa, 0.3, n=8)
    assert eight < one - 20
    assert four < one - 30


def test_intermediate_trace_decay_beats_both_ends() -> None:
    """The textbook's figure 12.10, each λ at the better of two step sizes."""
    best = {
        decay: min(early(sarsa_lambda, factor, traces="replacing", trace_decay=decay) for factor in factors)
        for decay, factors in {0.0: (0.9, 1.2), 0.92: (0.9, 1.2), 0.99: (0.7, 0.9, 1.2)}.items()
    }
    assert best[0.92] < best[0.0] - 20
    assert best[0.92] < best[0.99] - 10


@pytest.mark.parametrize(("factor", "margin"), [(1.0, 10), (1.2, 3)])
def test_true_online_is_better_than_other_traces_at_large_step_sizes(factor: float, margin: float) -> None:
    """The textbook's figure 12.11. From 8α = 1.6 on, ours is no longer better than replacing traces."""
    settings: dict[str, Any] = {"episodes": 20, "seeds": 100, "trace_decay": 0.9}
    online = early(true_online_sarsa_lambda, factor, **settings)
    for traces in ("replacing", "clearing"):
        assert online < early(sarsa_lambda, factor, traces=traces, **settings) - margin


def test_true_online_holds_where_accumulating_traces_diverge() -> None:
    settings: dict[str, Any] = {"episodes": 20, "trace_decay": 0.9, "step_size": 1.4 / 8, "max_steps": 5000}
    coding = tiled(LOW, HIGH, 8, 8)
    for seed in range(20):
        assert DIVERGED in learn(sarsa_lambda, coding, seed, traces="accumulating", **settings).endings
        assert DIVERGED not in learn(true_online_sarsa_lambda, coding, seed, **settings).endings


@pytest.mark.parametrize("game", ["CartPole-v1", "Acrobot-v1"])
def test_episodes_of_other_games_are_functions_of_their_seeds(game: str) -> None:
    dimensions = {"CartPole-v1": 4, "Acrobot-v1": 6}[game]
    low, high = [-3.0] * dimensions, [3.0] * dimensions
    declared = {"name": "gymnasium", "id": game, "max_steps": 60, "low": low, "high": high}
    environment = Gymnasium.model_validate(declared).model_dump()
    coding = hashed(*gymnasium.ranges(environment), 4, 8, 512)
    settings = {"step_size": 0.01, "epsilon": 0.1, "discount": 1.0, "trace_decay": 0.9}
    one, two = (
        gymnasium.train(true_online_sarsa_lambda, 4, coding, environment, episodes=episodes, **settings)
        for episodes in (3, 5)
    )
    np.testing.assert_array_equal(one.steps, two.steps[:3])
    actions = one.actions[: one.steps[2]].astype(np.uint8).tobytes()
    ending = "terminated" if one.endings[2] == TERMINATED else "truncated"
    recording = Recording(3, int(one.steps[2]), float(one.returns[2]), ending, actions, environment, seed=4)
    played = list(replay(recording))
    assert sum(step.reward for step in played) == one.returns[2]
    assert played[-1].terminated == (ending == "terminated")
    seeded = recording._replace(reset_seed=episode_seed(4, Purpose.ENVIRONMENT, 3))
    assert list(replay(seeded)) == played


def test_replay_in_gymnasiums_own_mountain_car() -> None:
    run = learn(sarsa, tiled(LOW, HIGH, 8, 8), seed=3, episodes=20, step_size=0.05)
    actions = run.actions[: run.steps[-1]].astype(np.uint8).tobytes()
    recording = Recording(20, int(run.steps[-1]), float(run.returns[-1]), "terminated", actions, car(), seed=3)
    played = list(replay_car(recording))
    assert len(played) == 1 + run.steps[-1]
    assert sum(step.reward for step in played) == run.returns[-1]
    ends = [step.terminated for step in played]
    assert ends[-1]
    assert not any(ends[:-1])
