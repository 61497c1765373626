"""Networks: a body with the heads of an agent, initial weights for every kind of layer, and kept weights to load."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rlgames.messages import UserError

SAME_NETWORK = (
    "Weights come from a deep run with the same network, stack and image size, as many actions, and an agent of the "
    "same kind, its atoms or bins included."
)


class WeightsError(UserError):
    """Weights that do not fit the network."""


class Network:
    """A body and the heads of an agent over it. Called with observations, it gives the agent's `Outputs`."""

    def __init__(
        self, agent: ModuleType, body: ModuleType, shape: tuple[int, ...], dtype: Any, actions: int,
        settings: dict[str, Any],
    ) -> None:  # fmt: skip
        """`shape` and `dtype` are those of an observation; `settings` are the agent's."""
        inputs = keras.Input(shape, dtype=np.dtype(dtype).name)
        features = body.body(inputs, settings)
        outputs = agent.heads(features, actions, settings)
        self.outputs = agent.Outputs
        self.model = keras.Model(inputs, outputs._asdict())
        self.body = keras.Model(inputs, features)

    def __call__(self, observations: tf.Tensor, *, training: bool = False) -> Any:
        """The outputs for a batch. `training` matters to layers such as dropout and batch normalisation only."""
        return self.outputs(**self.model(observations, training=training))

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        return self.model.trainable_variables

    def scale_heads(self, factor: float) -> None:
        """Multiply the weights of the heads, as they were drawn: small ones start with values near zero, whatever the
        size of the features."""
        below = {id(variable) for variable in self.body.trainable_variables}
        for variable in self.trainable_variables:
            if id(variable) not in below:
                variable.assign(factor * variable)

    @property
    def variables(self) -> list[keras.Variable]:
        """All that training changes: weights, moving statistics, and the state of layers that draw random numbers."""
        return self.model.variables

    def arrays(self) -> dict[str, np.ndarray]:
        """A copy of them, by name, in the order of the layers."""
        return {f"weight_{number}": variable.numpy() for number, variable in enumerate(self.variables)}

    def copy_from(self, other: Network) -> None:
        """Take all variables of a network of the same kind."""
        for variable, source in zip(self.variables, other.variables, strict=True):
            variable.assign(source)

    def move_towards(self, other: Network, share: float) -> None:
        """Go this share of the way to a network of the same kind; whole numbers (states of random layers) all of it."""
        for variable, source in zip(self.variables, other.variables, strict=True):
            whole = not variable.dtype.startswith("float")
            variable.assign(source if whole else variable + share * (source - variable))

    def load(self, saved: dict[str, np.ndarray]) -> None:
        """Take the last weights that were kept in a training, see `fitting`."""
        for variable, found in zip(self.variables, self.fitting(saved, -1), strict=True):
            variable.assign(found)

    def fitting(self, saved: dict[str, np.ndarray], point: int) -> list[tf.Tensor]:
        """The weights kept at one point of a training, from its weights.npz as a mapping, in the order of `variables`.

        Raises `WeightsError` for those of another network.
        """
        more = [name for name in saved if name.startswith("weight_") and int(name[7:]) >= len(self.variables)]
        if more:
            raise WeightsError(f"The file has {len(more)} weights more than the network. {SAME_NETWORK}")
        weights = []
        for number, variable in enumerate(self.variables):
            found = saved.get(f"weight_{number}", np.empty((1, 0)))[point]
            if found.shape != variable.shape:
                raise WeightsError(
                    f"weight_{number} has the shape {found.shape}, and the network needs {tuple(variable.shape)}. "
                    f"{SAME_NETWORK}"
                )
            weights.append(tf.constant(found, variable.dtype))
        return weights

    def with_weights(self, weights: list[tf.Tensor], observations: tf.Tensor) -> Any:
        """The outputs for a batch by other weights, in the order of `variables`."""
        given = {id(variable): tensor for variable, tensor in zip(self.variables, weights, strict=True)}
        kinds = self.model.trainable_variables, self.model.non_trainable_variables
        trainable, others = ([given[id(variable)] for variable in kind] for kind in kinds)
        outputs, _ = self.model.stateless_call(trainable, others, observations, training=False)
        return self.outputs(**outputs)

    def is_finite(self) -> bool:
        """Whether no weight has diverged to infinity or to what is no number."""
        return all(np.isfinite(variable.numpy()).all() for variable in self.variables)


def seed_keras(rng: np.random.Generator) -> None:
    """Let Keras draw what it draws, when a layer is built, by a seed that belongs to the stream `rng`."""
    keras.utils.set_random_seed(int(rng.bit_generator.seed_seq.spawn(1)[0].generate_state(1)[0]))  # type: ignore[attr-defined]


def initialise(variables: list[keras.Variable], rng: np.random.Generator) -> None:
    """Draw kernels uniformly with Glorot and Bengio's (2010) range. Everything else keeps what Keras starts its layer
    with: scales of one, biases of zero, moving statistics.

    The range is that of the layers as they stand: after space-to-depth, a filter of the first reads 4 blocks, and each
    block is read by 4 filters of a kind. Counted in pixels, as if it had no stride, its weights would begin 2.4 times
    smaller.
    """
    for variable in variables:
        is_kernel = variable.path.endswith("kernel")
        *field, inputs, outputs = map(int, (1, 1, *variable.shape))
        if "depthwise" in variable.path:
            inputs = 1  # each filter reads one channel
        limit = np.sqrt(6 / (np.prod(field) * (inputs + outputs))) if is_kernel else 0.0
        drawn = rng.uniform(-limit, limit, variable.shape)  # a number for each weight, kernel or not
        if is_kernel:
            variable.assign(drawn.astype(np.float32))
