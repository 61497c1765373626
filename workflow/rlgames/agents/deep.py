"""Deep Q-learning (Mnih et al. 2015): what its kinds share, all but the target of an update."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rlgames import networks
from rlgames.optimiser import Adam
from rlgames.replay import Minibatch


class Learner:
    """The online network with its optimiser, and the target network."""

    def __init__(
        self, agent: ModuleType, shape: tuple[int, int, int], actions: int, settings: dict[str, Any],
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        """`agent` has the function `target`; `settings` are those of the agent; `rng` draws the initial weights."""
        self.online = networks.make(settings, shape, actions)
        self.target = networks.make(settings, shape, actions)
        networks.initialise(self.online, rng)
        self.optimiser = Adam(self.online.trainable_variables, settings["step_size"], settings["adam_epsilon"])
        self.synchronise()
        pixels = tf.TensorSpec((None, *shape), tf.uint8)
        numbers = tf.TensorSpec((None,), tf.float32)
        self.forward = tf.function(lambda x: self.online(x), input_signature=[pixels]).get_concrete_function()
        self.learn = tf.function(
            update(agent.target, self.online, self.target, self.optimiser, settings),
            input_signature=[pixels, tf.TensorSpec((None,), tf.int32), numbers, numbers, pixels],
        ).get_concrete_function()

    def values(self, observations: np.ndarray) -> np.ndarray:
        """Action values of observations in patches: float32, shape (observations, actions)."""
        return self.forward(tf.constant(observations)).numpy()

    def update(self, minibatch: Minibatch) -> None:
        """One step of stochastic gradient descent."""
        self.learn(*map(tf.constant, minibatch))

    def synchronise(self) -> None:
        """Copy the online network into the target network."""
        for target, online in zip(self.target.trainable_variables, self.online.trainable_variables, strict=True):
            target.assign(online)

    def is_finite(self) -> bool:
        """Whether no weight has diverged to infinity or to what is no number."""
        return all(np.isfinite(variable.numpy()).all() for variable in self.online.trainable_variables)

    def weights(self) -> dict[str, np.ndarray]:
        """A copy of the online network's weights, by name, in the order of the layers."""
        return {f"weight_{number}": v.numpy() for number, v in enumerate(self.online.trainable_variables)}

    def start_from(self, saved: dict[str, np.ndarray]) -> None:
        """Start both networks from the last weights of another run (its weights.npz, as a mapping)."""
        networks.load(self.online, saved)
        self.synchronise()

    def variables(self) -> dict[str, tf.Variable]:
        """All that an update changes, by name."""
        kinds = {
            "online": self.online.trainable_variables,
            "target": self.target.trainable_variables,
            "first_moment": self.optimiser.first_moments,
            "second_moment": self.optimiser.second_moments,
            "updates": [self.optimiser.updates],
        }
        return {f"{kind}.{number}": v for kind, variables in kinds.items() for number, v in enumerate(variables)}


def update(
    target: Callable[..., tf.Tensor], online: keras.Model, target_network: keras.Model, optimiser: Adam,
    settings: dict[str, Any],
) -> Callable[..., None]:  # fmt: skip
    """The update as a function of a minibatch, to be compiled."""
    loss_of = {"huber": huber, "squared": lambda error: error**2 / 2}[settings["loss"]]
    clip = settings["gradient_clip"]

    def learn(
        observations: tf.Tensor, actions: tf.Tensor, returns: tf.Tensor, discounts: tf.Tensor,
        next_observations: tf.Tensor,
    ) -> None:  # fmt: skip
        goal = target(returns, discounts, next_observations, online, target_network)
        with tf.GradientTape() as tape:
            values = tf.gather(online(observations), actions, batch_dims=1)
            loss = tf.reduce_mean(loss_of(goal - values))
        gradients = tape.gradient(loss, online.trainable_variables)
        if clip is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, clip)
        optimiser.apply(gradients)

    return learn


def huber(error: tf.Tensor) -> tf.Tensor:
    """Squared below an error of 1, linear beyond: the gradient is the error clipped to [-1, 1]."""
    size = tf.abs(error)
    return tf.where(size < 1, error**2 / 2, size - 0.5)
