"""What learns in a deep agent: its network, the optimiser and, off policy, the target network.

What tells one agent from another is in its module: `Outputs` and `heads` of the network, `preferences` over actions,
`loss`, and off policy also `target`. `insights` is what its videos show besides preferences, if there is anything.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from rlgames.agents.deep.replay import Minibatch
from rlgames.agents.deep.rollout import Rollout
from rlgames.networks.building import Network, initialise, seed_keras
from rlgames.networks.optimiser import Adam
from rlgames.networks.reader import Reader

NUMBER = tf.TensorSpec((), tf.float32)


class Learner:
    """The online network, with its optimiser."""

    samples: ClassVar[bool] = False
    """Whether preferences are the probabilities that actions are sampled from."""

    def __init__(
        self, agent: ModuleType, body: ModuleType, reader: Reader, actions: int, settings: dict[str, Any],
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        """`settings` are those of the agent; `rng` draws the initial weights."""
        self.agent, self.settings = agent, settings
        self.observations = tf.TensorSpec((None, *reader.shape), tf.as_dtype(reader.frame.dtype))
        seed_keras(rng)
        self.online = Network(agent, body, reader.shape, reader.frame.dtype, actions, settings)
        initialise(self.online.trainable_variables, rng)
        if settings["head_scale"] != 1:
            self.online.scale_heads(settings["head_scale"])
        self.optimiser = Adam(self.online.trainable_variables, settings["adam_epsilon"])
        self.step_size: float = settings["step_size"]
        """Step size of the next update."""
        self.forward = tf.function(
            lambda x: agent.preferences(self.online(x)), input_signature=[self.observations]
        ).get_concrete_function()

    def preferences(self, observations: np.ndarray) -> np.ndarray:
        """Preferences over actions, for observations in the network's own layout: float32, shape (batch, actions)."""
        return self.forward(tf.constant(observations)).numpy()

    def descend(self, tape: tf.GradientTape, loss: tf.Tensor, step_size: tf.Tensor) -> None:
        """A step of stochastic gradient descent."""
        gradients = tape.gradient(loss, self.online.trainable_variables)
        if self.settings["gradient_clip"] is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, self.settings["gradient_clip"])
        self.optimiser.apply(gradients, step_size)

    def start_from(self, saved: dict[str, np.ndarray]) -> None:
        """Start from the last weights of another run (its weights.npz, as a mapping)."""
        self.online.load(saved)

    def variables(self) -> dict[str, tf.Variable]:
        """All variables that an update changes, by name."""
        kinds = {
            "online": self.online.variables,
            "first_moment": self.optimiser.first_moments,
            "second_moment": self.optimiser.second_moments,
            "updates": [self.optimiser.updates],
        }
        return {f"{kind}.{number}": v for kind, variables in kinds.items() for number, v in enumerate(variables)}


class OffPolicyLearner(Learner):
    """A learner from minibatches of a replay buffer, with targets computed by a second, older network."""

    def __init__(self, agent: ModuleType, body: ModuleType, reader: Reader, actions: int, settings: dict[str, Any],
                 rng: np.random.Generator) -> None:  # fmt: skip
        super().__init__(agent, body, reader, actions, settings, rng)
        self.target = Network(agent, body, reader.shape, reader.frame.dtype, actions, settings)
        self.synchronise()
        numbers = tf.TensorSpec((None,), tf.float32)
        batch = Minibatch(self.observations, tf.TensorSpec((None,), tf.int32), numbers, numbers, self.observations)
        self.learn = tf.function(self._learn, input_signature=[*batch, NUMBER]).get_concrete_function()

    def update(self, minibatch: Minibatch) -> None:
        """One step of stochastic gradient descent."""
        self.learn(*map(tf.constant, minibatch), tf.constant(self.step_size))

    def _learn(self, *tensors: tf.Tensor) -> None:
        *arrays, step_size = tensors
        minibatch = Minibatch(*arrays)
        goal = self.agent.target(minibatch, self.online, self.target, self.settings)
        with tf.GradientTape() as tape:
            outputs = self.online(minibatch.observations, training=True)
            loss = tf.reduce_mean(self.agent.loss(outputs, minibatch.actions, goal, self.settings))
        self.descend(tape, loss, step_size)
        if self.settings["target_mix"] is not None:
            self.target.move_towards(self.online, self.settings["target_mix"])

    def synchronise(self) -> None:
        """Copy the online network into the target network."""
        self.target.copy_from(self.online)

    def start_from(self, saved: dict[str, np.ndarray]) -> None:
        super().start_from(saved)
        self.synchronise()

    def variables(self) -> dict[str, tf.Variable]:
        return super().variables() | {f"target.{number}": v for number, v in enumerate(self.target.variables)}


class OnPolicyLearner(Learner):
    """A learner from rollouts of its current policy."""

    samples: ClassVar[bool] = True

    def __init__(self, agent: ModuleType, body: ModuleType, reader: Reader, actions: int, settings: dict[str, Any],
                 rng: np.random.Generator) -> None:  # fmt: skip
        super().__init__(agent, body, reader, actions, settings, rng)
        numbers = tf.TensorSpec((None,), tf.float32)
        batch = Rollout(self.observations, tf.TensorSpec((None,), tf.int32), numbers, numbers)
        self.learn = tf.function(self._learn, input_signature=[*batch, NUMBER]).get_concrete_function()
        self.act = tf.function(self._act, input_signature=[self.observations]).get_concrete_function()

    def policy_and_values(self, observations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of actions and the critic's state values: float32, shapes (batch, actions) and (batch,)."""
        policy, values = self.act(tf.constant(observations))
        return policy.numpy(), values.numpy()

    def _act(self, observations: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        outputs = self.online(observations)
        return self.agent.preferences(outputs), outputs.value

    def update(self, rollout: Rollout) -> None:
        """One step of stochastic gradient descent."""
        self.learn(*map(tf.constant, rollout), tf.constant(self.step_size))

    def _learn(self, *tensors: tf.Tensor) -> None:
        *arrays, step_size = tensors
        rollout = Rollout(*arrays)
        with tf.GradientTape() as tape:
            outputs = self.online(rollout.observations, training=True)
            loss = tf.reduce_mean(self.agent.loss(outputs, rollout, self.settings))
        self.descend(tape, loss, step_size)
