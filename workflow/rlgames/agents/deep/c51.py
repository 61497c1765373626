"""C51, or categorical DQN (Bellemare, Dabney and Munos 2017): the return of each action as a distribution.

Z(s, a), the return, has a probability on each of some `atoms`, evenly spaced from `v_min` to `v_max`. Learning these is
a classification. Q(s, a) is the mean.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from rlgames.agents.deep.learner import Minibatch, OffPolicyLearner
from rlgames.networks.building import Network

Learner = OffPolicyLearner

SHOWN = "distributions of the return"
"""Label, in videos, of the distributions of which `preferences` are the means."""


class Outputs(NamedTuple):
    """Outputs of the network."""

    logits: tf.Tensor
    """Logits of the distribution of each action's return: float32, shape (batch, actions, atoms)."""
    q_values: tf.Tensor
    """Means of the distributions, Q(s, a): float32, shape (batch, actions)."""


def support(settings: dict[str, Any]) -> np.ndarray:
    """The atoms, evenly spaced returns from `v_min` to `v_max`: float32, shape (atoms,)."""
    return np.linspace(settings["v_min"], settings["v_max"], settings["atoms"], dtype=np.float32)


def heads(features: keras.KerasTensor, actions: int, settings: dict[str, Any]) -> Outputs:
    """A head with a distribution of the return for each action."""
    return distributions(features, actions, support(settings))


def distributions(features: keras.KerasTensor, actions: int, returns: np.ndarray) -> Outputs:
    """A distribution over `returns`, shape (atoms,), for each action."""
    logits = keras.layers.Dense(actions * len(returns))(features)
    logits = keras.layers.Reshape((actions, len(returns)))(logits)
    return Outputs(logits, keras.ops.sum(keras.ops.softmax(logits) * returns, axis=2))


def preferences(outputs: Outputs) -> tf.Tensor:
    """The action values Q(s, a) that actions are chosen by: shape (batch, actions)."""
    return outputs.q_values


def insights(outputs: Outputs, settings: dict[str, Any]) -> dict[str, tf.Tensor]:
    """What videos show besides: the distributions, of shape (batch, actions, atoms), and the returns they are over, of
    shape (1, atoms)."""
    return {"distributions": tf.nn.softmax(outputs.logits), "returns": support(settings)[None]}


def target(
    minibatch: Minibatch,
    online: Network,  # noqa: ARG001
    target_network: Network,
    settings: dict[str, Any],
) -> tf.Tensor:
    """The distribution of R + γ Z⁻(S', argmax_a Q⁻(S', a)), projected onto the atoms: shape (batch, atoms)."""
    outputs, atoms = target_network(minibatch.next_observations), support(settings)
    best = tf.argmax(outputs.q_values, axis=1)
    following = tf.nn.softmax(tf.gather(outputs.logits, best, batch_dims=1))
    return project(minibatch.returns[:, None] + minibatch.discounts[:, None] * atoms, following, atoms)


def project(returns: tf.Tensor, weights: tf.Tensor, atoms: np.ndarray) -> tf.Tensor:
    """Each return's probability, shared between the two atoms beside it (equation 7): shape (batch, atoms).

    `returns` and their probabilities, `weights`, have that shape. Beyond the ends, all of it goes to the last atom.
    """
    inside = tf.clip_by_value(returns, atoms[0], atoms[-1])
    distances = tf.abs(inside[:, :, None] - atoms) / (atoms[1] - atoms[0])  # (batch, returns, atoms)
    return tf.einsum("bi,bij->bj", weights, tf.nn.relu(1 - distances))


def loss(outputs: Outputs, actions: tf.Tensor, goal: tf.Tensor, settings: dict[str, Any]) -> tf.Tensor:  # noqa: ARG001
    """Cross-entropy between the target distribution and that of Z(S, A): shape (batch,)."""
    logits = tf.gather(outputs.logits, actions, batch_dims=1)
    return tf.nn.softmax_cross_entropy_with_logits(goal, logits)
