"""DQN towards the expected value under a Boltzmann policy, with a smooth loss: an agent for a test."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from rlgames.agents.deep.learner import Minibatch, OffPolicyLearner
from rlgames.networks.building import Network

Learner = OffPolicyLearner

SHOWN = "action values Q"


class Outputs(NamedTuple):
    """Of the network."""

    q_values: tf.Tensor


def heads(features: keras.KerasTensor, actions: int, settings: dict[str, Any]) -> Outputs:  # noqa: ARG001
    """A value for each action."""
    return Outputs(keras.layers.Dense(actions)(features))


def preferences(outputs: Outputs) -> tf.Tensor:
    """What actions are chosen by."""
    return outputs.q_values


def target(
    minibatch: Minibatch,
    online: Network,
    target_network: Network,
    settings: dict[str, Any],  # noqa: ARG001
) -> tf.Tensor:
    """R + γ Σ_a π(a|S') Q⁻(S', a), with π the softmax of the online network's values."""
    policy = tf.nn.softmax(online(minibatch.next_observations).q_values)
    expected = tf.reduce_sum(policy * target_network(minibatch.next_observations).q_values, axis=1)
    return minibatch.returns + minibatch.discounts * expected


def loss(outputs: Outputs, actions: tf.Tensor, goal: tf.Tensor, settings: dict[str, Any]) -> tf.Tensor:
    """w² log cosh(δ / w): about squared below an error of w, and linear beyond."""
    error = (goal - tf.gather(outputs.q_values, actions, batch_dims=1)) / settings["width"]
    return settings["width"] ** 2 * (tf.abs(error) + tf.math.log1p(tf.exp(-2 * tf.abs(error))))
