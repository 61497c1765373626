"""DQN: deep Q-learning (Mnih et al. 2015)."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from rlgames.agents.deep.learner import Minibatch, OffPolicyLearner
from rlgames.networks.building import Network

Learner = OffPolicyLearner

SHOWN = "action values Q"
"""Label of `preferences` in videos."""


class Outputs(NamedTuple):
    """Outputs of the network."""

    q_values: tf.Tensor
    """Action values Q(s, a): float32, shape (batch, actions)."""


def heads(features: keras.KerasTensor, actions: int, settings: dict[str, Any]) -> Outputs:  # noqa: ARG001
    """A head with a value for each action."""
    return Outputs(keras.layers.Dense(actions)(features))


def preferences(outputs: Outputs) -> tf.Tensor:
    """The action values that actions are chosen by: shape (batch, actions)."""
    return outputs.q_values


def target(
    minibatch: Minibatch,
    online: Network,  # noqa: ARG001
    target_network: Network,
    settings: dict[str, Any],  # noqa: ARG001
) -> tf.Tensor:
    """R + γ max_a Q⁻(S', a), with Q⁻ the target network: shape (batch,)."""
    q_values = target_network(minibatch.next_observations).q_values
    return minibatch.returns + minibatch.discounts * tf.reduce_max(q_values, axis=1)


def loss(outputs: Outputs, actions: tf.Tensor, goal: tf.Tensor, settings: dict[str, Any]) -> tf.Tensor:
    """Half the squared error of Q(S, A) towards the target, or Huber's loss: shape (batch,)."""
    error = goal - tf.gather(outputs.q_values, actions, batch_dims=1)
    return huber(error) if settings["loss"] == "huber" else error**2 / 2


def huber(error: tf.Tensor) -> tf.Tensor:
    """Huber's loss: squared up to an error of 1 and linear beyond, so that the gradient is the error clipped to [-1,
    1]."""
    size = tf.abs(error)
    return tf.where(size < 1, error**2 / 2, size - 0.5)
