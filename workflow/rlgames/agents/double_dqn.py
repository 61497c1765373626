"""Double DQN (van Hasselt, Guez and Silver 2016)."""

from __future__ import annotations

import keras
import tensorflow as tf


def target(
    returns: tf.Tensor, discounts: tf.Tensor, next_observations: tf.Tensor, online: keras.Model,
    target_network: keras.Model,
) -> tf.Tensor:  # fmt: skip
    """R + γ Q⁻(S', argmax_a Q(S', a)): the online network Q chooses, the target network Q⁻ judges."""
    best = tf.argmax(online(next_observations), axis=1)
    return returns + discounts * tf.gather(target_network(next_observations), best, batch_dims=1)
