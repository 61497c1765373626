"""Double DQN (van Hasselt, Guez and Silver 2016): DQN with another target."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from rlgames.agents.deep.dqn import SHOWN, Learner, Outputs, heads, loss, preferences
from rlgames.agents.deep.learner import Minibatch
from rlgames.networks.building import Network

__all__ = ["SHOWN", "Learner", "Outputs", "heads", "loss", "preferences", "target"]


def target(
    minibatch: Minibatch,
    online: Network,
    target_network: Network,
    settings: dict[str, Any],  # noqa: ARG001
) -> tf.Tensor:
    """R + γ Q⁻(S', argmax_a Q(S', a)): the online network Q chooses, the target network Q⁻ judges. Shape (batch,)."""
    best = tf.argmax(online(minibatch.next_observations).q_values, axis=1)
    judged = tf.gather(target_network(minibatch.next_observations).q_values, best, batch_dims=1)
    return minibatch.returns + minibatch.discounts * judged
