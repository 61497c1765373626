"""Deep agents: targets, losses, advantages and updates against numbers worked out by hand or by Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlgames.agents.deep.rollout import Rollout, advantages
from rlgames.environments.games import Frame
from rlgames.networks import numerics
from rlgames.networks.reader import Reader
from rlgames.settings.deep_agents import C51, DQN, ActorCritic, DoubleDQN, HLGauss
from rlgames.streams import Purpose, stream


@pytest.fixture(scope="module", autouse=True)
def _processor() -> None:
    numerics.set_up()


def settings(**changes: Any) -> dict[str, Any]:
    return DQN.model_validate({"name": "dqn", "warm_up": 100, "capacity": 1000, **changes}).model_dump()


# DQN and Double DQN.


def test_targets_by_hand() -> None:
    """Terminal, truncated with γ = .5, and a tail of two steps with γ² = .25."""
    import tensorflow as tf

    from rlgames.agents.deep import double_dqn, dqn
    from rlgames.agents.deep.replay import Minibatch

    online = tf.constant([[9.0, 1.0], [1.0, 2.0], [5.0, 4.0]])  # the actions that it prefers: 0, 1, 0
    judge = tf.constant([[3.0, 8.0], [6.0, 4.0], [1.0, 2.0]])
    returns, discounts = tf.constant([1.0, -1.0, 0.5]), tf.constant([0.0, 0.5, 0.25])
    minibatch = Minibatch(None, None, returns, discounts, "next observations")  # type: ignore[arg-type]

    def network(q_values: Any) -> Any:
        def outputs(observations: Any) -> dqn.Outputs:
            assert observations == "next observations"
            return dqn.Outputs(q_values)

        return outputs

    arguments = (minibatch, network(online), network(judge))
    assert dqn.target(*arguments, {}).numpy().tolist() == [1.0, -1 + 0.5 * 6, 0.5 + 0.25 * 2]
    assert double_dqn.target(*arguments, {}).numpy().tolist() == [1.0, -1 + 0.5 * 4, 0.5 + 0.25 * 1]


def test_double_dqn_is_dqn_with_another_target() -> None:
    from rlgames.agents.deep import double_dqn, dqn

    shared = ("SHOWN", "Learner", "Outputs", "heads", "loss", "preferences")
    assert all(getattr(double_dqn, name) is getattr(dqn, name) for name in shared)
    assert double_dqn.target is not dqn.target


@pytest.mark.parametrize(("loss", "expected"), [("huber", [0.125, 1.5]), ("squared", [0.125, 2.0])])
def test_losses_by_hand(loss: str, expected: list[float]) -> None:
    """Errors of .5 and -2, of the actions that were taken."""
    import tensorflow as tf

    from rlgames.agents.deep import dqn

    outputs = dqn.Outputs(tf.constant([[1.0, 7.0], [9.0, 3.0]]))
    found = dqn.loss(outputs, tf.constant([0, 1]), tf.constant([1.5, 1.0]), {"loss": loss})
    assert found.numpy().tolist() == expected
    assert dqn.preferences(outputs).numpy().tolist() == [[1, 7], [9, 3]]


# C51 and HL-Gauss.

FIVE = {"v_min": -1.0, "v_max": 1.0, "atoms": 5}
"""Atoms at -1, -.5, 0, .5 and 1."""


def test_projection_by_hand() -> None:
    """Mass between two atoms goes to both, by how near they are; mass beyond the last one stays there."""
    from rlgames.agents.deep.c51 import project, support

    returns = [[-1.0, -0.375, 0.0, 0.9, 3.0], [0.25, 0.25, 0.25, 0.25, 0.25]]
    weights = [[0.1, 0.4, 0.2, 0.1, 0.2], [0.2, 0.2, 0.2, 0.2, 0.2]]
    expected = [[0.1, 0.3, 0.1 + 0.2, 0.02, 0.08 + 0.2], [0, 0, 0.5, 0.5, 0]]
    found = project(np.array(returns, np.float32), np.array(weights, np.float32), support(FIVE))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@given(st.integers(0, 10**6), st.floats(-20, 20), st.floats(0, 1), st.integers(2, 60))
def test_projection_keeps_mass_and_inside_the_support_the_mean(
    seed: int, reward: float, discount: float, atoms: int
) -> None:
    from rlgames.agents.deep.c51 import project, support

    places = support({"v_min": -10.0, "v_max": 10.0, "atoms": atoms})
    weights = np.random.default_rng(seed).dirichlet(np.ones(atoms), 1).astype(np.float32)
    returns = np.float32(reward) + np.float32(discount) * places[np.newaxis]
    found = np.array(project(returns, weights, places), float)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1, abs=1e-4)
    assert found @ places == pytest.approx((weights * returns.clip(-10, 10)).sum(), abs=2e-3)


def test_target_of_c51_by_hand() -> None:
    """The target network chooses the second action, by its mean. The first state is terminal."""
    import tensorflow as tf

    from rlgames.agents.deep import c51
    from rlgames.agents.deep.replay import Minibatch

    shares = np.array([[0.5, 0, 0, 0, 0.5], [0, 0, 0, 1, 0]], np.float32)  # means 0 and .5
    logits = np.log(np.stack([shares, shares]) + 1e-30, dtype=np.float32)
    outputs = c51.Outputs(tf.constant(logits), tf.constant([[0.0, 0.5], [0.0, 0.5]]))
    batch = Minibatch(None, None, np.array([-0.5, 0.25], np.float32), np.array([0.0, 0.5], np.float32), None)  # type: ignore[arg-type]
    found = c51.target(batch, None, lambda _: outputs, FIVE)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, [[0, 1, 0, 0, 0], [0, 0, 0, 1, 0]], atol=1e-6)  # .25 + .5 x .5 = .5


def test_histogram_by_hand() -> None:
    """Against Python's own normal distribution: bins of .5, σ of .75 bins, cut off at the ends."""
    from statistics import NormalDist

    from rlgames.agents.deep.hl_gauss import histogram

    options = {"v_min": -1.0, "v_max": 1.0, "bins": 4, "smoothing": 0.75}
    values = [0.0, 0.3, -1.0, 7.0]
    for value, found in zip(
        [0.0, 0.3, -1.0, 1.0], histogram(np.array(values, np.float32), options).numpy(), strict=True
    ):
        below = [NormalDist(value, 0.375).cdf(edge) for edge in (-1, -0.5, 0, 0.5, 1)]
        np.testing.assert_allclose(found, np.diff(below) / (below[-1] - below[0]), atol=1e-6)


@given(st.floats(-30, 30), st.integers(2, 100), st.floats(0.05, 3))
def test_histograms_have_mass_1_and_a_mean_between_the_ends(value: float, bins: int, smoothing: float) -> None:
    from rlgames.agents.deep.hl_gauss import histogram, middles

    options = {"v_min": -10.0, "v_max": 10.0, "bins": bins, "smoothing": smoothing}
    found = histogram(np.array([value], np.float32), options).numpy().astype(float)[0]
    assert np.isfinite(found).all()
    assert found.sum() == pytest.approx(1, abs=1e-5)
    mean, width = found @ middles(options), 20 / bins
    assert -10 <= mean <= 10
    if abs(value) < 10 - 4 * max(smoothing, 1) * width:  # far from the ends
        assert mean == pytest.approx(value, abs=width / 2 + 1e-4)


def test_target_of_hl_gauss_is_the_histogram_of_that_of_dqn() -> None:
    import tensorflow as tf

    from rlgames.agents.deep import hl_gauss
    from rlgames.agents.deep.replay import Minibatch

    options = {"v_min": -1.0, "v_max": 1.0, "bins": 4, "smoothing": 0.1}
    outputs = hl_gauss.Outputs(None, tf.constant([[-0.3, 0.5], [9.0, 9.0]]))
    batch = Minibatch(None, None, np.array([0.0, -0.75], np.float32), np.array([0.5, 0.0], np.float32), None)  # type: ignore[arg-type]
    found = hl_gauss.target(batch, None, lambda _: outputs, options)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, [[0, 0, 1, 0], [1, 0, 0, 0]], atol=1e-4)


@pytest.mark.parametrize("kind", [C51, HLGauss])
def test_classification_learns_the_target_of_the_action_taken(kind: type[C51 | HLGauss]) -> None:
    """Terminal transitions with rewards -.5 and .5 of two actions; the third is not tried, and stays at the middle."""
    from importlib import import_module

    from rlgames.agents.deep.replay import Minibatch
    from rlgames.networks import mlp

    name = kind.model_fields["name"].annotation.__args__[0]  # type: ignore[union-attr]
    declared = {"name": name, "network": "mlp", "units": [16], "step_size": 0.01, "v_min": -1, "v_max": 1}
    options = kind.model_validate(declared).model_dump()
    agent = import_module(kind.module)
    learner = agent.Learner(agent, mlp, Reader(Frame((2,), np.float32), 0), 3, options, stream(0, Purpose.WEIGHTS))
    states, nothing = np.ones((4, 2), np.float32), np.zeros(4, np.float32)
    batch = Minibatch(
        states, np.array([0, 1, 0, 1], np.int32), np.array([-0.5, 0.5, -0.5, 0.5], np.float32), nothing, states
    )
    for _ in range(200):
        learner.update(batch)
    first, second, _ = learner.preferences(states)[0]
    assert (first, second) == (pytest.approx(-0.5, abs=0.05), pytest.approx(0.5, abs=0.05))
    shown = agent.insights(learner.online(states), options)
    np.testing.assert_allclose(
        (shown["distributions"] * shown["returns"]).numpy().sum(axis=2), learner.preferences(states), atol=1e-5
    )


def test_adam_is_that_of_keras() -> None:
    import keras
    import tensorflow as tf

    from rlgames.networks.optimiser import Adam

    ours, theirs = keras.Variable([1.0, -2.0, 3.0]), keras.Variable([1.0, -2.0, 3.0])
    adam, other = Adam([ours], 1e-3), keras.optimizers.Adam(0.1, epsilon=1e-3)
    rng = np.random.default_rng(0)
    for _ in range(20):
        gradient = tf.constant(rng.normal(size=3), tf.float32)
        adam.apply([gradient], 0.1)
        other.apply([gradient], [theirs])
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def learner(**changes: Any) -> Any:
    from importlib import import_module

    from rlgames.agents.deep import double_dqn

    options = settings(**{"network": "small", **changes})
    body = import_module(f"rlgames.networks.{options['network']}")
    reader = Reader(Frame((36, 36), np.uint8), body.BLOCK)
    return double_dqn.Learner(double_dqn, body, reader, 3, options, stream(0, Purpose.WEIGHTS))


def minibatch() -> Any:
    from rlgames.agents.deep.replay import Minibatch

    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 256, (2, 32, 9, 9, 16), np.uint8)
    numbers = rng.random((2, 32)).astype(np.float32)
    return Minibatch(pictures[0], rng.integers(0, 3, 32, np.int32), numbers[0], numbers[1], pictures[1])


def test_update_changes_the_online_network_only() -> None:
    agent = learner()
    before = {name: variable.numpy() for name, variable in agent.variables().items()}
    agent.update(minibatch())
    after = {name: variable.numpy() for name, variable in agent.variables().items()}
    for name in before:
        assert np.array_equal(before[name], after[name]) == name.startswith("target"), name
    agent.synchronise()
    np.testing.assert_array_equal(agent.variables()["target.0"], after["online.0"])


def test_target_network_moves_a_share_of_the_way() -> None:
    agent = learner(target_mix=0.25)
    before = agent.variables()["target.0"].numpy()
    agent.update(minibatch())
    online, target = (agent.variables()[name].numpy() for name in ("online.0", "target.0"))
    np.testing.assert_allclose(target, 0.75 * before + 0.25 * online, rtol=1e-6)


def test_gradient_is_clipped() -> None:
    moments = {}
    for clip in (None, 1e-3):
        agent = learner(gradient_clip=clip)
        agent.update(minibatch())
        arrays = [variable.numpy() for name, variable in agent.variables().items() if name.startswith("first")]
        moments[clip] = np.sqrt(sum((array**2).sum() for array in arrays)) / 0.1  # m = (1 - .9) g after one update
    assert moments[None] > 1e-3
    assert moments[1e-3] == pytest.approx(1e-3, rel=1e-4)


def test_initial_weights_have_the_range_of_glorot() -> None:
    kernel, bias, *_ = learner().online.trainable_variables
    limit = np.sqrt(6 / (2 * 2 * (16 + 16)))
    assert 0.95 * limit < np.abs(kernel.numpy()).max() <= limit
    assert not bias.numpy().any()


def test_weights_of_another_network_are_refused() -> None:
    from rlgames.networks.building import WeightsError

    saved = {name: weights[np.newaxis] for name, weights in learner().online.arrays().items()}
    other = learner(network="nature")
    with pytest.raises(WeightsError, match=r"weight_0 has the shape .* and the network needs"):
        other.start_from(saved)
    with pytest.raises(WeightsError, match="a deep run with the same network"):
        other.start_from({"steps": np.arange(3)})


# What settings say of agents, and what agents are.


@pytest.mark.parametrize("kind", [DQN, DoubleDQN, C51, HLGauss, ActorCritic])
def test_settings_know_what_evaluation_and_videos_need(kind: Any) -> None:
    from importlib import import_module

    agent = import_module(kind.module)
    assert kind.samples == agent.Learner.samples
    assert kind.has_insights == hasattr(agent, "insights")


# Actor-critic.


def test_advantages_by_hand() -> None:
    """γ = .5 and λ = .5, so that each advantage is its error and a quarter of the next one.

    The first game is over after its second step, the second is cut off there (and bootstraps from 8), not the third.
    """
    rewards = np.array([[1, 1, 1], [2, 2, 2], [3, 3, 3]], np.float32)
    values = np.array([[2, 2, 2], [4, 4, 4], [6, 6, 6]], np.float32)
    next_values = np.array([[4, 4, 4], [0, 8, 6], [10, 10, 10]], np.float32)
    ends = np.array([[0, 0, 0], [1, 1, 0], [0, 0, 0]], bool)
    found = advantages(rewards, values, next_values, ends, 0.5, 0.5)
    # Errors: 1 + 2 - 2 = 1; 2 + {0, 4, 3} - 4 = -2, 2, 1; 3 + 5 - 6 = 2.
    assert found.T.tolist() == [[1 - 2 / 4, -2, 2], [1 + 2 / 4, 2, 2], [1 + (1 + 2 / 4) / 4, 1 + 2 / 4, 2]]
    assert found.dtype == np.float32


@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 4), st.floats(0, 1), st.floats(0, 1))
def test_advantages_are_sums_of_discounted_errors(
    seed: int, steps: int, games: int, discount: float, decay: float
) -> None:
    """Equation 16 as it stands: a sum over all later errors of the same episode."""
    rng = np.random.default_rng(seed)
    rewards, values, next_values = rng.normal(size=(3, steps, games)).astype(np.float32)
    ends = rng.random((steps, games)) < 0.3
    found = advantages(rewards, values, next_values, ends, discount, decay)
    for game in range(games):
        for t in range(steps):
            total = 0.0
            for later in range(t, steps):
                error = rewards[later, game] + discount * next_values[later, game] - values[later, game]
                total += (discount * decay) ** (later - t) * float(error)
                if ends[later, game]:
                    break
            assert found[t, game] == pytest.approx(total, abs=1e-4)


def test_loss_of_the_actor_critic_by_hand() -> None:
    """Policies (1/4, 3/4) and (1/2, 1/2)."""
    import tensorflow as tf

    from rlgames.agents.deep import actor_critic

    outputs = actor_critic.Outputs(tf.constant([[0.0, np.log(3)], [7.0, 7.0]], tf.float32), tf.constant([1.0, -2.0]))
    actions = np.array([1, 0], np.int32)
    numbers = np.array([[2.0, -1.0], [4.0, -1.0]], np.float32)  # advantages, returns
    rollout = Rollout(np.zeros((2, 1), np.float32), actions, *numbers)
    np.testing.assert_allclose(actor_critic.preferences(outputs), [[0.25, 0.75], [0.5, 0.5]], rtol=1e-6)
    found = actor_critic.loss(outputs, rollout, {"value_weight": 0.5, "entropy_weight": 0.1})
    entropies = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75)), np.log(2)
    expected = [-2 * np.log(0.75) + 0.5 * 3**2 - 0.1 * entropies[0], np.log(0.5) + 0.5 * 1 - 0.1 * entropies[1]]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def critic(**changes: Any) -> Any:
    from rlgames.agents.deep import actor_critic
    from rlgames.networks import mlp

    declared = {"name": "actor-critic", "network": "mlp", "units": [16], "step_size": 0.01, **changes}
    options = ActorCritic.model_validate(declared).model_dump()
    reader = Reader(Frame((2,), np.float32), 0)
    return actor_critic.Learner(actor_critic, mlp, reader, 3, options, stream(0, Purpose.WEIGHTS))


def test_rollouts_raise_what_went_well_and_teach_the_critic() -> None:
    agent, state = critic(), np.ones((6, 2), np.float32)
    steps = Rollout(
        state, np.arange(6, dtype=np.int32) % 3, np.tile([2, -1, -1], 2).astype(np.float32), np.full(6, 0.7, np.float32)
    )
    first, _ = agent.policy_and_values(state)
    for _ in range(100):
        agent.update(steps)
    policy, values = agent.policy_and_values(state)
    np.testing.assert_allclose(policy.sum(axis=1), 1, rtol=1e-5)
    assert policy[0, 0] > max(0.9, first[0, 0])
    np.testing.assert_allclose(values, 0.7, atol=0.02)
    np.testing.assert_allclose(agent.preferences(state), policy, rtol=1e-5)
    assert {name.split(".")[0] for name in agent.variables()} == {"online", "first_moment", "second_moment", "updates"}


def test_entropy_keeps_the_policy_from_settling() -> None:
    """With no advantages, the policy of an agent that values entropy becomes uniform."""
    agent, state = critic(entropy_weight=1.0), np.ones((3, 2), np.float32)
    zeros = np.zeros(3, np.float32)
    for _ in range(200):
        agent.update(Rollout(state, np.array([0, 0, 0], np.int32), zeros, zeros))
    np.testing.assert_allclose(agent.preferences(state), 1 / 3, atol=0.01)
