"""DQN: deep Q-learning (Mnih et al. 2015)."""

from __future__ import annotations

import keras
import tensorflow as tf


def target(
    returns: tf.Tensor, discounts: tf.Tensor, next_observations: tf.Tensor, online: keras.Model,  # noqa: ARG001
    target_network: keras.Model,
) -> tf.Tensor:  # fmt: skip
    """R + γ max_a Q⁻(S', a), with Q⁻ the target network."""
    return returns + discounts * tf.reduce_max(target_network(next_observations), axis=1)
