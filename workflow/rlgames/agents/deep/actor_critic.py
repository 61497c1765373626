"""Advantage actor-critic (Mnih et al. 2016) with generalised advantage estimation (Schulman et al. 2016)."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from rlgames.agents.deep.learner import OnPolicyLearner
from rlgames.agents.deep.rollout import Rollout

Learner = OnPolicyLearner

SHOWN = "policy: probabilities"
"""Label of `preferences` in videos."""


class Outputs(NamedTuple):
    """Outputs of the network; policy and critic share its body."""

    logits: tf.Tensor
    """Logits of the policy: float32, shape (batch, actions)."""
    value: tf.Tensor
    """State value V(s): float32, shape (batch,)."""


def heads(features: keras.KerasTensor, actions: int, settings: dict[str, Any]) -> Outputs:  # noqa: ARG001
    """Heads for the policy's logits and the state value."""
    value = keras.layers.Reshape(())(keras.layers.Dense(1)(features))
    return Outputs(keras.layers.Dense(actions)(features), value)


def preferences(outputs: Outputs) -> tf.Tensor:
    """The probabilities π(a|s): shape (batch, actions)."""
    return tf.nn.softmax(outputs.logits)


def insights(outputs: Outputs, settings: dict[str, Any]) -> dict[str, tf.Tensor]:
    """What videos show besides: V(s) in the game's own points, of shape (batch,)."""
    return {"value": outputs.value / settings["reward_scale"]}


def loss(outputs: Outputs, rollout: Rollout, settings: dict[str, Any]) -> tf.Tensor:
    """-A log π(A|S), the critic's squared error and, to keep exploring, minus the policy's entropy: shape (batch,)."""
    log_policy = tf.nn.log_softmax(outputs.logits)
    policy_loss = -rollout.advantages * tf.gather(log_policy, rollout.actions, batch_dims=1)
    value_loss = (rollout.returns - outputs.value) ** 2
    entropy = -tf.reduce_sum(tf.exp(log_policy) * log_policy, axis=1)
    return policy_loss + settings["value_weight"] * value_loss - settings["entropy_weight"] * entropy
