"""Networks: how they read observations, what they begin with, and how their weights are kept and loaded."""

from __future__ import annotations

from importlib import import_module
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlgames.environments.games import Frame
from rlgames.messages import UserError
from rlgames.networks import numerics
from rlgames.networks.reader import Reader
from rlgames.networks.space_to_depth import depth_to_space, space_to_depth
from rlgames.settings import memory
from rlgames.settings.deep_agents import DQN, ActorCritic
from rlgames.streams import Purpose, stream


@pytest.fixture(scope="module", autouse=True)
def _processor() -> None:
    numerics.set_up()


# How observations are read.


def test_blocks_hold_every_pixel() -> None:
    stacks = np.random.default_rng(0).integers(0, 256, (2, 3, 84, 84), np.uint8)
    cut = space_to_depth(stacks, 4)
    for frame, y, x in np.ndindex(3, 84, 84):
        assert cut[1, y // 4, x // 4, 16 * frame + 4 * (y % 4) + x % 4] == stacks[1, frame, y, x]


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3))
def test_depth_to_space_is_the_inverse(block: int, height: int, width: int, stack: int, count: int) -> None:
    shape = (count, stack, height * block, width * block)
    pictures = np.arange(np.prod(shape)).reshape(shape)
    cut = space_to_depth(pictures, block)
    assert cut.shape == (count, height, width, stack * block**2)
    for frame in range(stack):
        own = cut[..., frame * block**2 : (frame + 1) * block**2]  # the channels of each frame stand together
        np.testing.assert_array_equal(depth_to_space(own, block), pictures[:, frame])
    np.testing.assert_array_equal(space_to_depth(pictures[0], block), cut[0])


READ: dict[str, tuple[Frame, int, tuple[int, ...], tuple[int, ...]]] = {
    "stack in blocks": (Frame((84, 84), np.uint8, (3, 2, 1, 0)), 4, (21, 21, 16), (21, 21, 64)),
    "first and last": (Frame((36, 36), np.uint8, (3, 0)), 4, (9, 9, 16), (9, 9, 32)),
    "stack of plain pixels": (Frame((5, 7), np.uint8, (1, 0)), 1, (5, 7, 1), (5, 7, 2)),
    "colours": (Frame((10, 10, 4), np.uint8), 1, (10, 10, 4), (10, 10, 4)),
    "colours in blocks": (Frame((8, 12, 3), np.uint8), 4, (2, 3, 48), (2, 3, 48)),
    "vector": (Frame((6,), np.float32), 0, (6,), (6,)),
}


@pytest.mark.parametrize("case", READ)
def test_reader_gives_the_shapes_that_it_says(case: str) -> None:
    frame, block, frame_shape, shape = READ[case]
    reader, rng = Reader(frame, block), np.random.default_rng(0)
    assert (reader.frame_shape, reader.shape) == (frame_shape, shape)
    seen = rng.integers(0, 256, (3, len(frame.offsets), *frame.shape)).astype(frame.dtype)
    read, newest = reader(seen), reader.newest(seen)
    assert (read.shape, read.dtype) == ((3, *shape), frame.dtype)
    assert (newest.shape, newest.dtype) == ((3, *frame_shape), frame.dtype)
    np.testing.assert_array_equal(read[..., -frame_shape[-1] :], newest)  # the newest frame has the last channels
    np.testing.assert_array_equal(np.sort(read.ravel()), np.sort(seen.ravel()))


def test_reader_keeps_channels_and_vectors_as_they_are() -> None:
    seen = np.random.default_rng(0).integers(0, 2, (3, 1, 10, 10, 4), np.uint8)
    np.testing.assert_array_equal(Reader(Frame((10, 10, 4), np.uint8), 1)(seen), seen[:, 0])
    vectors = np.random.default_rng(0).normal(size=(3, 1, 6)).astype(np.float32)
    np.testing.assert_array_equal(Reader(Frame((6,), np.float32), 0)(vectors), vectors[:, 0])


@pytest.mark.parametrize(
    ("shape", "block", "words"),
    [
        ((4,), 4, r"reads pictures, and the game shows frames of shape \(4,\): choose another network"),
        ((84, 84), 0, r"reads vectors, and the game shows frames of shape \(84, 84\): choose another network"),
        ((10, 10, 4), 4, r"sides are multiples of 4, not \(10, 10, 4\)"),
        ((36, 38), 4, r"sides are multiples of 4, not \(36, 38\)"),
    ],
)
def test_frames_that_a_network_cannot_read_are_refused(shape: tuple[int, ...], block: int, words: str) -> None:
    with pytest.raises(UserError, match=words):
        Reader(Frame(shape, np.uint8), block)


# Bodies and heads.


def settings(**changes: Any) -> dict[str, Any]:
    return DQN.model_validate({"name": "dqn", "warm_up": 100, "capacity": 1000, **changes}).model_dump()


def network(body: Any, shape: tuple[int, ...], actions: int = 3, dtype: Any = np.uint8, **changes: Any) -> Any:
    from rlgames.agents.deep import dqn
    from rlgames.networks.building import Network

    return Network(dqn, body, shape, dtype, actions, settings(**changes))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("nature", (84, 84, 4)),
        ("nature", (48, 56, 2)),
        ("small", (84, 84, 4)),
        ("compact", (48, 48, 4)),
        ("impala", (84, 84, 4)),
        ("impala", (48, 56, 2)),
        ("impala", (10, 10, 6)),
        ("mbconv", (84, 84, 4)),
        ("mbconv", (48, 56, 2)),
        ("mbconv", (10, 10, 6)),
        ("minatar", (10, 10, 6)),
        ("mlp", (8,)),
    ],
)
def test_networks_are_as_large_as_is_counted_before_they_are_made(name: str, shape: tuple[int, ...]) -> None:
    body = import_module(f"rlgames.networks.{name}")
    block = body.BLOCK or 1
    seen = (shape[0] // block, shape[1] // block, shape[2] * block**2) if len(shape) == 3 else shape
    model = network(body, seen, dtype=np.uint8 if len(shape) == 3 else np.float32, units=[32, 64]).model
    environment = SimpleNamespace(observation_shape=shape, most_actions=2)
    size = memory.network(DQN(name="dqn", network=name, units=[32, 64]), environment)  # type: ignore[arg-type]
    assert size.weights == pytest.approx(model.count_params(), rel=0.02)
    results = [layer.output for layer in model.layers if hasattr(layer, "kernel")]
    assert size.activations >= sum(np.prod(result.shape[1:]) for result in results)


@pytest.mark.parametrize(("stack", "parameters"), [(1, 1_679_523), (4, 1_685_667)])
def test_network_has_the_parameters_of_the_lesson(stack: int, parameters: int) -> None:
    from rlgames.networks import nature

    assert network(nature, (21, 21, 16 * stack)).model.count_params() == parameters


def test_parameters_of_the_other_bodies() -> None:
    """The small one of 2013, the compact one over 48 x 48 pixels, MinAtar's of 2019 with its four channels, and two
    dense layers of 128 over 8 numbers."""
    from rlgames.networks import compact, minatar, mlp, small

    convolutions = (8 * 8 * 4 * 16 + 16) + (4 * 4 * 16 * 32 + 32)
    found = network(small, (21, 21, 64)).model.count_params()
    assert found == convolutions + (9 * 9 * 32 * 256 + 256) + (256 * 3 + 3)
    convolutions = (8 * 8 * 4 * 16 + 16) + (4 * 4 * 16 * 32 + 32) + (3 * 3 * 32 * 64 + 64)
    found = network(compact, (12, 12, 64)).model.count_params()
    assert found == convolutions + 2 * 2 * 64 * 512 + 2 * 512 + (512 * 3 + 3)
    found = network(minatar, (10, 10, 4), actions=6).model.count_params()
    assert found == (3 * 3 * 4 * 16 + 16) + (8 * 8 * 16 * 128 + 128) + (128 * 6 + 6)
    found = network(mlp, (8,), actions=4, dtype=np.float32).model.count_params()
    assert found == (8 * 128 + 128) + (128 * 128 + 128) + (128 * 4 + 4)
    found = network(mlp, (8,), dtype=np.float32, units=[5]).model.count_params()
    assert found == (8 * 5 + 5) + (5 * 3 + 3)


def test_parameters_of_the_residual_body() -> None:
    """Over 48 x 48 pixels: each stack a convolution, and two blocks of two convolutions, the second without biases."""
    from rlgames.networks import impala

    stacks = sum(
        9 * before * filters + filters + 2 * (2 * 9 * filters * filters + filters)
        for before, filters in ((16, 16), (16, 32), (32, 32))
    )
    found = network(impala, (24, 24, 16)).model.count_params()
    assert found == stacks + 3 * 3 * 32 * 512 + 2 * 512 + (512 * 3 + 3)


def test_parameters_of_the_body_of_mbconv() -> None:
    """Over 48 x 48 pixels."""
    from rlgames.networks import mbconv

    first = 9 * 16 * 16 + 16
    fused = (9 * 16 * 16 + 16) + (9 * 16 * 64 + 64 + 64 * 32 + 32) + (9 * 32 * 128 + 128 + 128 * 32 + 32)
    separable = sum(
        (before * wide + wide) + (9 * wide + wide) + (wide * squeezed + squeezed) + (squeezed * wide + wide)
        + (wide * 64 + 64)
        for before, wide, squeezed in ((32, 128, 8), (64, 256, 16))
    )  # fmt: skip
    found = network(mbconv, (24, 24, 16)).model.count_params()
    assert found == first + fused + separable + 3 * 3 * 64 * 512 + 2 * 512 + (512 * 3 + 3)


@pytest.mark.parametrize("name", ["impala", "mbconv"])
def test_where_something_is_makes_a_difference_to_padded_bodies(name: str) -> None:
    """A mean over all places would see one picture, of a ball near the middle, in several."""
    body = import_module(f"rlgames.networks.{name}")
    pictures = np.full((4, 4, 48, 48), 87, np.uint8)
    for number, (y, x) in enumerate([(16, 16), (16, 24), (24, 16), (24, 24)]):
        pictures[number, :, y : y + 2, x] = 236
    reader = Reader(Frame((48, 48), np.uint8, (3, 2, 1, 0)), body.BLOCK)
    seen = network(body, reader.shape, pixel_centre=87, pixel_scale=64)
    features = seen.body(reader(pictures)).numpy()
    assert all(np.abs(features[one] - features[other]).max() > 0.1 for one, other in combinations(range(4), 2))


@pytest.mark.parametrize("name", ["impala", "mbconv"])
def test_pixels_of_the_centre_are_what_padding_is(name: str) -> None:
    """So that a picture of background alone gives every layer its biases alone, which are zero at first."""
    body = import_module(f"rlgames.networks.{name}")
    seen = network(body, (24, 24, 16), pixel_centre=87, pixel_scale=64)
    found = seen(np.full((1, 24, 24, 16), 87, np.uint8))
    assert not found.q_values.numpy().any()


def test_heads_are_scaled_and_the_body_is_not() -> None:
    from rlgames.networks import compact

    found = network(compact, (12, 12, 64))
    before = found.arrays()
    found.scale_heads(0.5)
    after = found.arrays()
    *body, kernel, bias = before
    assert all(np.array_equal(before[name], after[name]) for name in (*body, bias))
    np.testing.assert_allclose(after[kernel], 0.5 * before[kernel])


def test_heads_give_the_outputs_of_their_agents() -> None:
    from rlgames.agents.deep import actor_critic
    from rlgames.networks import mlp
    from rlgames.networks.building import Network

    vectors = np.ones((7, 4), np.float32)
    assert network(mlp, (4,), dtype=np.float32)(vectors).q_values.shape == (7, 3)
    chosen = ActorCritic.model_validate({"name": "actor-critic", "network": "mlp"}).model_dump()
    outputs = Network(actor_critic, mlp, (4,), np.float32, 3, chosen)(vectors)
    assert (outputs.logits.shape, outputs.value.shape) == ((7, 3), (7,))
    np.testing.assert_allclose(np.sum(actor_critic.preferences(outputs), axis=1), 1, rtol=1e-6)


def test_blocks_give_the_convolution_of_pixels() -> None:
    import tensorflow as tf

    from rlgames.networks.pixels import PixelConvolution

    rng = np.random.default_rng(0)
    stacks = rng.integers(0, 256, (2, 4, 84, 84), np.uint8)
    kernel = rng.normal(size=(8, 8, 4, 5)).astype(np.float32)
    pixels = tf.constant((stacks.transpose(0, 2, 3, 1) - 87.0) / 64, tf.float32)
    expected = tf.nn.relu(tf.nn.conv2d(pixels, kernel, 4, "VALID"))
    layer = PixelConvolution(5, 2, {"pixel_centre": 87, "pixel_scale": 64})
    layer.build((None, 21, 21, 64))
    # Rows and columns of 8 are 2 blocks of 4; the channels of a block are frame, row and column.
    cut = kernel.reshape(2, 4, 2, 4, 4, 5).transpose(0, 2, 4, 1, 3, 5).reshape(2, 2, 64, 5)
    layer.set_weights([cut, np.zeros(5, np.float32)])
    np.testing.assert_allclose(layer(space_to_depth(stacks, 4)), expected, atol=1e-3)


def test_scaled_pixels_for_other_bodies() -> None:
    import keras

    from rlgames.networks.pixels import scaled

    inputs = keras.Input((2, 2, 1), dtype="uint8")
    model = keras.Model(inputs, scaled(inputs, {"pixel_centre": 87, "pixel_scale": 64.0}))
    pictures = np.array([0, 87, 151, 255], np.uint8).reshape(1, 2, 2, 1)
    np.testing.assert_allclose(np.ravel(model(pictures)), [-87 / 64, 0, 1, 168 / 64], atol=1e-6)


# Initial weights.

DRAWN = {
    "nature": [(-0.099300094, -0.019046497), (0.0139105115, 0.056700736), (0.025188968, -0.0052386113),
               (0.0059716017, -0.0405248), (-0.04386414, -0.09979906)],
    "small": [(-0.108777806, 0.055412356), (-0.03634809, 0.05823452), (-0.033003163, -0.017899875),
              (0.02960017, 0.10417436)],
}  # fmt: skip
"""First and last number of each kernel for seed 3 and six actions, which published results began with."""


@pytest.mark.parametrize("name", DRAWN)
def test_kernels_are_those_of_published_results(name: str) -> None:
    from importlib import import_module

    from rlgames.networks.building import initialise

    body = network(import_module(f"rlgames.networks.{name}"), (21, 21, 64), actions=6)
    initialise(body.trainable_variables, stream(3, Purpose.WEIGHTS))
    arrays = list(body.arrays().values())
    assert [(array.ravel()[0], array.ravel()[-1]) for array in arrays[::2]] == [
        tuple(map(np.float32, ends)) for ends in DRAWN[name]
    ]
    assert not any(array.any() for array in arrays[1::2])


def every_layer(inputs: Any, settings: dict[str, Any]) -> Any:  # noqa: ARG001
    """A body with every kind of layer that begins with something else than a kernel and zeros."""
    from keras import layers

    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(8, 3)(x)
    x = layers.DepthwiseConv2D(3)(x)
    x = layers.BatchNormalization()(x)
    x = layers.LayerNormalization()(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.5)(x)
    return layers.Dense(16, activation="relu")(x)


BODY: Any = SimpleNamespace(BLOCK=1, body=every_layer)


def learner(seed: int = 0, **changes: Any) -> Any:
    from rlgames.agents.deep import dqn

    reader = Reader(Frame((10, 10, 4), np.uint8), 1)
    return dqn.Learner(dqn, BODY, reader, 3, settings(**changes), stream(seed, Purpose.WEIGHTS))


def kept(variables: list[Any]) -> dict[str, np.ndarray]:
    """What variables hold, by place, layer and name; Keras counts layers over all networks, which is left out."""
    layers = ["/".join(part.rstrip("_0123456789") for part in variable.path.split("/")) for variable in variables]
    return {f"{n} {name}": v.numpy() for n, (name, v) in enumerate(zip(layers, variables, strict=True))}


def test_every_kind_of_layer_starts_right() -> None:
    online = learner().online
    found = kept(online.variables)
    for name, array in found.items():
        match name.split("/")[-1]:
            case "gamma" | "moving_variance":
                assert (array == 1).all(), name
            case "beta" | "bias" | "moving_mean":
                assert not array.any(), name
            case "kernel":
                *field, inputs, outputs = (1, 1, *array.shape)
                inputs = 1 if "depthwise" in name else inputs
                limit = np.sqrt(6 / (np.prod(field) * (inputs + outputs)))
                assert 0.9 * limit < np.abs(array).max() <= limit, name
                assert abs(array.mean()) < 5 * limit / np.sqrt(3 * array.size), name
            case other:
                assert other == "seed_generator_state", name
    names = [name.split("/")[-1] for name in found]
    assert {"gamma", "beta", "moving_mean", "moving_variance", "seed_generator_state"} < set(names)
    assert (names.count("gamma"), names.count("kernel"), names.count("bias")) == (2, 4, 4)


def test_two_builds_with_one_stream_are_equal_and_another_seed_draws_other_kernels() -> None:
    one, two, other = (kept(learner(seed).online.variables) for seed in (5, 5, 6))
    assert one.keys() == two.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)
        drawn = name.endswith(("kernel", "seed_generator_state"))
        assert np.array_equal(one[name], other[name]) != drawn, name


def test_updates_with_dropout_and_moving_statistics_are_reproducible() -> None:
    """And a copy of all variables is all that it takes to go on from where an update stood."""
    from rlgames.agents.deep.replay import Minibatch

    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 2, (2, 8, 10, 10, 4), np.uint8)
    numbers = rng.random((2, 8)).astype(np.float32)
    minibatch = Minibatch(pictures[0], rng.integers(0, 3, 8, np.int32), numbers[0], numbers[1], pictures[1])
    one, two, late = learner(5), learner(5), learner(9)
    before = kept(one.online.variables)
    for agent in (one, two):
        agent.update(minibatch)
    for name, variable in late.variables().items():
        variable.assign(one.variables()[name])
    for agent in (one, two, late):
        agent.update(minibatch)
    after = kept(one.online.variables)
    assert [name for name in after if np.array_equal(before[name], after[name])] == []
    for agent in (two, late):
        for name, array in one.variables().items():
            np.testing.assert_array_equal(array, agent.variables()[name], err_msg=name)


# Weights that are kept.


def test_copies_and_kept_weights_are_whole() -> None:
    one, other = learner(1), learner(2)
    for variable in one.online.variables:
        variable.assign(np.random.default_rng(0).integers(1, 9, variable.shape).astype(variable.dtype))
    expected = one.online.arrays()
    assert len(expected) == len(one.online.variables) > len(one.online.trainable_variables)
    one.synchronise()
    copied = one.target.arrays()
    saved = {name: np.stack([np.zeros_like(array), array]) for name, array in expected.items()}
    other.start_from(saved)
    for name, array in expected.items():
        for found in (copied, other.online.arrays(), other.target.arrays()):
            np.testing.assert_array_equal(found[name], array, err_msg=name)
    assert not any(tensor.numpy().any() for tensor in other.online.fitting(saved, 0))


def test_a_network_with_one_weight_that_is_no_number_is_not_finite() -> None:
    online = learner().online
    assert online.is_finite()
    mean = next(variable for variable in online.variables if variable.path.endswith("moving_mean"))
    mean.assign(np.full(mean.shape, np.nan))
    assert not online.is_finite()


def test_dropout_and_batch_statistics_are_for_learning_only() -> None:
    import tensorflow as tf

    online = learner().online
    pictures = tf.constant(np.random.default_rng(0).integers(0, 2, (4, 10, 10, 4), np.uint8))
    acted = [online(pictures).q_values.numpy() for _ in range(2)]
    np.testing.assert_array_equal(*acted)
    learned = [online(pictures, training=True).q_values.numpy() for _ in range(2)]
    assert not np.array_equal(learned[0], learned[1])
