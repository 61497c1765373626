"""Policy gradients over tiles against plain twins, finite differences, hand-computed numbers and a corridor whose
solution is known."""

from typing import Any

import numpy as np
import pytest
from test_agents import Car, car

import plain
from rlgames.agents.linear import actor_critic_lambda, reinforce_baseline
from rlgames.agents.linear.core import DIVERGED, ENDINGS, TERMINATED, TIME_LIMIT, TRUNCATED, Learned
from rlgames.agents.linear.policy import add_gradient, policy, sample
from rlgames.environments import mountain_car
from rlgames.environments.games import Step
from rlgames.environments.mountain_car import HIGH, LOW
from rlgames.features import tile_coding
from rlgames.features.tile_coding import additive, tiled
from rlgames.settings.environments import Gymnasium, MountainCar
from rlgames.settings.linear_agents import ActorCriticLambda, PolicyAgent, ReinforceBaseline
from rlgames.settings.loading import SettingsError, load
from rlgames.streams import Purpose, stream
from rlgames.training import gymnasium
from rlgames.training.mountain_car import train

STEP_SIZES: dict[str, Any] = {"policy_step_size": 0.01, "value_step_size": 0.03, "discount": 0.99}
NO_TRACES: dict[str, Any] = {"policy_trace_decay": 0.0, "value_trace_decay": 0.0}
TRACES: dict[str, Any] = {"policy_trace_decay": 0.8, "value_trace_decay": 0.9}

AGENTS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "reinforce-baseline": (reinforce_baseline, plain.ReinforceBaseline, {}),
    "one-step-actor-critic": (actor_critic_lambda, plain.ActorCriticLambda, NO_TRACES),
    "actor-critic-lambda": (actor_critic_lambda, plain.ActorCriticLambda, TRACES),
}


def swinging(features: plain.Features, size: int) -> np.ndarray:
    """Preferences, shape (3, size), for throttle in the direction of motion, which reaches the goal soon; at random it
    would take thousands of steps."""
    theta = np.zeros((3, size))
    for position in np.linspace(-1.2, 0.5, 60):
        for velocity in np.linspace(-0.07, 0.07, 60):
            theta[2 if velocity >= 0 else 0, features(np.array([position, velocity], np.float32))] = 4.0
    return theta


@pytest.mark.parametrize("coding", ["additive", "tiled"])
@pytest.mark.parametrize("name", AGENTS)
def test_equals_plain_twin_to_the_last_bit(name: str, coding: str) -> None:
    agent, twin, settings = AGENTS[name]
    ours, theirs = additive(LOW, HIGH, 8), plain.additive(8)
    if coding == "tiled":
        ours, theirs = tiled(LOW, HIGH, 8, 4), plain.tiled(8, 4)
    first = swinging(theirs, ours.features)
    endings: set[int] = set()
    for seed, max_steps in enumerate((60, 400, 130)):
        run = Learned.empty(4, ours.features, 5, max_steps)
        run.weights[:-1] = first
        positions = mountain_car.starts(stream(seed, Purpose.ENVIRONMENT), 5)
        agent.learn(positions, max_steps, ours, stream(seed, Purpose.EXPLORATION), run, **STEP_SIZES, **settings)
        reference = twin(seed, theirs, ours.features, **STEP_SIZES, **settings)
        reference.theta[:] = first
        np.testing.assert_array_equal(run.steps, reference.run(5, max_steps))
        np.testing.assert_array_equal(run.weights[:-1], reference.theta)
        np.testing.assert_array_equal(run.weights[-1], reference.w)
        np.testing.assert_array_equal(run.returns, -run.steps)
        endings |= set(run.endings.tolist())
    assert endings == {TERMINATED, TRUNCATED}


@pytest.mark.parametrize("name", AGENTS)
def test_compiled_and_gymnasium_loops_equal_bits(name: str) -> None:
    """The loop over any environment, on Mountain Car with the first positions of the compiled one."""
    agent, _, settings = AGENTS[name]
    settings = settings | STEP_SIZES
    coding = tiled(LOW, HIGH, 8, 8)
    for seed in range(2):
        one = train(agent, seed, coding, car(1000), episodes=3, **settings)
        game = Car(stream(seed, Purpose.ENVIRONMENT))
        other = gymnasium.play(agent, seed, coding, game, max_steps=1000, episodes=3, **settings)
        for ours, theirs in zip(one, other, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_policy_by_hand() -> None:
    """Preferences 0, ln 2 and ln 5 of the sums of two tiles: probabilities 1/8, 2/8 and 5/8, however large they are."""
    theta, pi = np.zeros((3, 4)), np.empty(3)
    theta[:, 1], theta[:, 3] = np.log([1, 2, 5]) - 1.0, 1.0
    for shift in (0.0, 5000.0, -5000.0):
        policy(theta + shift, np.array([1, 3]), pi)
        np.testing.assert_allclose(pi, [1 / 8, 2 / 8, 5 / 8], atol=1e-12)
    random = np.random.default_rng(0)
    counts = np.bincount([sample(pi, random) for _ in range(8000)], minlength=3)
    assert abs(counts - [1000, 2000, 5000]).max() < 150
    assert sample(np.array([0.5, 0.5 - 1e-9]), np.random.default_rng(0)) in (0, 1)  # sums below 1 by rounding


def test_gradient_equals_finite_differences_of_the_logarithm() -> None:
    random = np.random.default_rng(0)
    theta, tiles = random.normal(size=(3, 6)), np.array([0, 2, 2, 5])  # hashing may make two tiles one: x is 2 there
    pi = np.empty(3)

    def logarithm(action: int) -> float:
        policy(theta, tiles, pi)
        return float(np.log(pi[action]))

    for action in range(3):
        differences = np.zeros_like(theta)
        for place in np.ndindex(theta.shape):
            theta[place] += 1e-6
            above = logarithm(action)
            theta[place] -= 2e-6
            differences[place] = (above - logarithm(action)) / 2e-6
            theta[place] += 1e-6
        policy(theta, tiles, pi)
        z = np.ones_like(theta)
        assert add_gradient(z, tiles, action, pi, 0.5)
        np.testing.assert_allclose(z - 1.0, 0.5 * differences, atol=1e-8)


def test_two_steps_of_reinforce_by_hand() -> None:
    """One tile a state, two actions, γ = .5, rewards 1 and 3: G is 2.5, then 3; γ^t is 1, then .5."""
    theta, w, pi = np.zeros((2, 3)), np.zeros((1, 3)), np.empty(2)
    tiles, actions, rewards = np.array([[0], [1], [2]]), np.array([0, 1]), np.array([1.0, 3.0])
    settings = {"policy_step_size": 0.5, "value_step_size": 0.1, "discount": 0.5}
    assert reinforce_baseline.improve(theta, w, tiles, actions, rewards, True, pi, **settings)
    np.testing.assert_allclose(w, [[0.25, 0.3, 0.0]])
    np.testing.assert_allclose(theta[0], [0.5 * 2.5 * 0.5, -0.5 * 0.5 * 3 * 0.5, 0.0])
    np.testing.assert_allclose(theta[1], -theta[0])


def test_reinforce_takes_the_value_of_the_last_state_where_an_episode_was_cut_off() -> None:
    """v(S_T) = 8 stands for what would have followed: G is 1 + .5 (3 + .5 * 8) = 4.5, then 7."""
    theta, w, pi = np.zeros((2, 3)), np.array([[0.0, 0.0, 8.0]]), np.empty(2)
    tiles, actions, rewards = np.array([[0], [1], [2]]), np.array([0, 1]), np.array([1.0, 3.0])
    settings = {"policy_step_size": 0.5, "value_step_size": 0.1, "discount": 0.5}
    assert reinforce_baseline.improve(theta, w, tiles, actions, rewards, False, pi, **settings)
    np.testing.assert_allclose(w, [[0.45, 0.7, 8.0]])


def test_two_steps_of_actor_critic_by_hand() -> None:
    """One tile a state, two actions, γ = .5, λ of the policy .8 and of the value .4; the episode ends in state 1."""
    weights, trace = np.zeros((3, 2)), np.zeros((3, 2))
    settings = {"policy_step_size": 0.5, "value_step_size": 0.1, "policy_trace_decay": 0.8, "value_trace_decay": 0.4}
    pi = np.array([0.5, 0.5])
    weights[-1, 1] = 4.0
    first, second = np.array([0]), np.array([1])
    # delta = 1 + .5 * 4 - 0 = 3, traces of 1 and ±.5 in state 0
    assert actor_critic_lambda.improve(weights, trace, first, 0, pi, 1.0, 4.0, 1.0, discount=0.5, **settings)
    np.testing.assert_allclose(weights, [[0.75, 0.0], [-0.75, 0.0], [0.3, 4.0]])
    # delta = 2 + 0 - 4 = -2; traces of state 0: .2 and ±.2, of state 1: 1 and, with γ to the 1, ±.25
    assert actor_critic_lambda.improve(weights, trace, second, 1, pi, 2.0, 0.0, 0.5, discount=0.5, **settings)
    np.testing.assert_allclose(weights, [[0.55, 0.25], [-0.55, -0.25], [0.26, 3.8]])


class Corridor:
    """Example 13.1 as `rlgames.environments.games.Games`: three states that look alike, and in the second, left and
    right change places. The best policy goes right with a probability of 2 - sqrt(2) = .59."""

    actions = ("left", "right")
    own_limit: int | None = None

    def reset(self, _seeds: np.ndarray) -> np.ndarray:
        self.place, self.t = 0, 0
        return np.zeros((1, 1, 1), np.float32)

    def step(self, actions: np.ndarray) -> Step:
        move = 2 * int(actions[0]) - 1
        self.place, self.t = max(self.place + (-move if self.place == 1 else move), 0), self.t + 1
        terminated, limited = self.place == 3, self.t == self.own_limit
        facts = (np.array([fact]) for fact in (-1.0, terminated, limited and not terminated, False))
        return Step(np.zeros((1, 1, 1), np.float32), *facts)


ONE_TILE = additive((-1.0,), (1.0,), 1)


def played(
    agent: Any, episodes: int, own_limit: int | None = None, discount: float = 1.0, **settings: float
) -> Learned:
    game = Corridor()
    game.own_limit = own_limit
    return gymnasium.play(agent, 0, ONE_TILE, game, max_steps=1000, episodes=episodes, discount=discount, **settings)


def test_reinforce_solves_the_short_corridor() -> None:
    """From a policy that goes right once in twenty times, worth -82, to nearly the best, worth -11.7; step sizes of
    figure 13.2."""
    weights, rng = np.zeros((3, ONE_TILE.features)), stream(0, Purpose.EXPLORATION)
    weights[1, 0] = -np.log(19)
    sizes: dict[str, Any] = {"policy_step_size": 2.0**-9, "value_step_size": 2.0**-6, "discount": 1.0}
    learner = reinforce_baseline.Learner(weights, rng, 1, 1000, **sizes)
    game, tiles, pi = Corridor(), np.zeros(1, np.int64), np.empty(2)
    lengths = []
    for _ in range(1000):
        game.reset(np.zeros(1))
        learner.start(tiles)
        terminated = False
        while not terminated and game.t < 1000:
            terminated = bool(game.step(np.array([learner.act()])).terminated[0])
            assert learner.learn(-1.0, None if terminated else tiles)
        assert learner.end()
        lengths.append(game.t)
    policy(weights[:-1], tiles, pi)
    assert np.mean(lengths[:5]) > 40
    assert np.mean(lengths[-300:]) < 13.5
    assert pi[1] == pytest.approx(2 - np.sqrt(2), abs=0.12)


@pytest.mark.parametrize("name", AGENTS)
def test_only_terminal_states_are_worth_nothing(name: str) -> None:
    """One step from zero weights but v(s, w) = 4 everywhere, and a policy that goes forward."""
    agent, _, settings = AGENTS[name]
    coding, (low, middle) = tiled(LOW, HIGH, 8, 4), (0.4999, -0.5)
    for first, ending, target in ((low, TERMINATED, -1.0), (middle, TRUNCATED, -1.0 + 0.99 * 4.0)):
        run = Learned.empty(4, coding.features, 1, 1)
        run.weights[-1], run.weights[2] = 1.0, 10.0
        agent.learn(np.array([first]), 1, coding, stream(0, Purpose.EXPLORATION), run, **STEP_SIZES, **settings)
        assert run.endings.tolist() == [ending]
        changed = run.weights[-1][run.weights[-1] != 1.0]
        np.testing.assert_allclose(changed, [1.0 + 0.03 * (target - 4.0)] * 4)


@pytest.mark.parametrize("name", AGENTS)
def test_time_limits_of_the_game_are_no_ends_for_learning(name: str) -> None:
    """Each step costs 1 and none is terminal: with γ = .5, v approaches -2. If limits were ends, v would be above."""
    agent, _, settings = AGENTS[name]
    run = played(agent, 300, own_limit=2, discount=0.5, policy_step_size=1e-9, value_step_size=0.1, **settings)
    assert {ENDINGS[each] for each in run.endings} == {"time limit"}
    assert run.weights[-1, 0] == pytest.approx(-2.0, abs=0.01)


@pytest.mark.parametrize("name", AGENTS)
def test_divergence_ends_a_run(name: str) -> None:
    agent, _, settings = AGENTS[name]
    sizes: dict[str, Any] = {"policy_step_size": 0.01, "value_step_size": 5.0, "discount": 1.0}
    run = train(agent, 0, additive(LOW, HIGH, 8), car(300), episodes=200, **sizes, **settings)
    assert run.table(0)["ending"][-1] == DIVERGED
    assert len(run.table(0)["ending"]) < 200
    lost = played(agent, 300, own_limit=20, **sizes | {"discount": 0.5}, **settings)
    assert lost.table(0)["ending"][-1] == DIVERGED


@pytest.mark.parametrize("name", AGENTS)
def test_a_longer_run_begins_with_the_shorter_one(name: str) -> None:
    agent, _, settings = AGENTS[name]
    coding = tiled(LOW, HIGH, 8, 8)
    one, two = (train(agent, 4, coding, car(2000), episodes=episodes, **STEP_SIZES, **settings) for episodes in (3, 5))
    np.testing.assert_array_equal(one.steps, two.steps[:3])


def test_one_step_actor_critic_learns_mountain_car() -> None:
    """Sarsa over the same tiles ends at 118 steps."""
    sizes: dict[str, Any] = {"policy_step_size": 0.05, "value_step_size": 0.0375, "discount": 1.0}
    coding = tiled(LOW, HIGH, 8, 8)
    runs = [train(actor_critic_lambda, seed, coding, car(), episodes=500, **sizes, **NO_TRACES) for seed in range(10)]
    assert np.mean([run.steps[-100:] for run in runs]) == pytest.approx(117, abs=6)


CART_POLE = {
    "name": "gymnasium", "id": "CartPole-v1", "low": [-2.4, -3.0, -0.21, -3.5], "high": [2.4, 3.0, 0.21, 3.5],
}  # fmt: skip


def test_actor_critic_balances_the_pole() -> None:
    environment = Gymnasium.model_validate(CART_POLE).model_dump()
    coding: Any = tile_coding.make(*gymnasium.ranges(environment), name="index-hashed", tiles=4, tilings=16, size=2048)
    sizes: dict[str, Any] = {"policy_step_size": 0.05 / 16, "value_step_size": 0.1 / 16, "discount": 0.99}
    traces = {"policy_trace_decay": 0.9, "value_trace_decay": 0.9}
    run = gymnasium.train(actor_critic_lambda, 0, coding, environment, episodes=60, **sizes, **traces)
    assert run.returns[:2].mean() < 60
    assert run.returns[-20:].mean() > 150
    assert set(run.endings[run.steps == 500]) <= {TERMINATED, TIME_LIMIT}


def declared(figure: dict[str, Any], **agent: Any) -> dict[str, Any]:
    experiment = {
        "environment": {"name": "mountain-car"},
        "agent": {"coding": {"name": "tiled"}, "policy_step_size": 0.1, "value_step_size": 0.1} | agent,
        "episodes": 5,
        "seeds": 1,
    }
    drawn = {"it": {"experiments": ["try"], "title": "T", "caption": "C."} | figure}
    return {"results": "results/x", "experiments": {"try": experiment}, "figures": drawn}


def test_figures_of_action_values_are_refused() -> None:
    assert load(declared({"kind": "learning-curves"}, name="reinforce-baseline"))
    assert load(declared({"kind": "first-steps", "seed": 0}, name="actor-critic-lambda", **TRACES))
    with pytest.raises(SettingsError, match="cost-to-go draws action values, but the agents of try learn a policy"):
        load(declared({"kind": "cost-to-go", "seed": 0}, name="reinforce-baseline"))


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("epsilon", "epsilon"),
        ("step_size", "policy_step_size"),
        ("lr", "policy_step_size"),
        ("trace_decay", "trace_decay"),
    ],
)
def test_settings_of_other_agents_are_refused(setting: str, hint: str) -> None:
    with pytest.raises(SettingsError, match=hint):
        load(declared({"kind": "learning-curves"}, name="actor-critic-lambda", **TRACES, **{setting: 0.1}))


def test_memory_of_value_rows_and_of_a_long_episode_is_counted() -> None:
    sizes: dict[str, Any] = {"policy_step_size": 0.1, "value_step_size": 0.1}
    coding: Any = {"name": "hashed", "size": 10_000_000}
    critic = ActorCriticLambda(name="actor-critic-lambda", coding=coding, **sizes, **TRACES)
    short, long = (MountainCar(name="mountain-car", max_steps=max_steps) for max_steps in (1000, 10_000_000))
    assert critic.weights_bytes(short) == 8 * 4 * 10_000_000
    assert {reinforce_baseline.VALUE_ROWS, actor_critic_lambda.VALUE_ROWS} == {PolicyAgent.value_rows}
    coding = {"name": "tiled", "tilings": 8}
    reinforce = ReinforceBaseline(name="reinforce-baseline", coding=coding, **sizes)
    assert reinforce.training_mb(long) > reinforce.training_mb(short) + 500
