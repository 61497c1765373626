"""TD(0) with a network for state values: prediction of the policy that was followed (Sutton and Barto 2018, 9.3)."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from rlgames.agents.deep.learner import Minibatch, OffPolicyLearner
from rlgames.networks.building import Network

Learner = OffPolicyLearner


class Outputs(NamedTuple):
    """Outputs of the network."""

    value: tf.Tensor
    """State value V(s): float32, shape (batch,)."""


def heads(features: keras.KerasTensor, actions: int, settings: dict[str, Any]) -> Outputs:  # noqa: ARG001
    """A head for the state value; no action is chosen."""
    return Outputs(keras.layers.Reshape(())(keras.layers.Dense(1)(features)))


def preferences(outputs: Outputs) -> tf.Tensor:
    """The state values V(s): shape (batch,)."""
    return outputs.value


def target(
    minibatch: Minibatch,
    online: Network,  # noqa: ARG001
    target_network: Network,
    settings: dict[str, Any],  # noqa: ARG001
) -> tf.Tensor:
    """R + γ V⁻(S'), with V⁻ the target network: shape (batch,)."""
    return minibatch.returns + minibatch.discounts * target_network(minibatch.next_observations).value


def loss(outputs: Outputs, actions: tf.Tensor, goal: tf.Tensor, settings: dict[str, Any]) -> tf.Tensor:  # noqa: ARG001
    """Half the squared error of V(S) towards the target: shape (batch,)."""
    return (goal - outputs.value) ** 2 / 2
