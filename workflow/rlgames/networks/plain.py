"""A network as plain Keras layers over plain pixels, for programs that know nothing of this library."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.layers import Conv2D, Permute, Rescaling, Reshape, Softmax

from rlgames.networks.building import Network
from rlgames.networks.pixels import PixelConvolution
from rlgames.networks.reader import Reader


def plain(network: Network, weights: list[tf.Tensor], reader: Reader, shape: tuple[int, ...]) -> keras.Model:
    """The model of a network with these weights, over observations of `shape`: (stack, height, width), (height, width,
    channels) or (numbers,). Its outputs are those of the network, by name; of a policy, probabilities and no logits.

    A convolution over blocks of pixels, as space-to-depth makes them, becomes one with a stride over the pixels. Where
    a network begins otherwise, blocks are made by layers that move pixels.
    """
    inputs, copies = keras.Input(shape, dtype=network.model.inputs[0].dtype), {}

    def clone(layer: Any) -> Any:
        """A new layer for one of the network's; operations, which have no weights, serve twice."""
        if not isinstance(layer, keras.Layer):
            return layer
        if isinstance(layer, PixelConvolution):
            size, stride = reader.block * layer.kernel_size[0], reader.block
            copies[layer] = Conv2D(layer.filters, size, strides=stride, activation="relu")
        else:
            copies[layer] = type(layer).from_config(layer.get_config())
        return copies[layer]

    def call(layer: Any, *inner: Any, **named: Any) -> Any:
        """The outputs of a new layer; before the first, observations become what the network reads."""
        if inner and inner[0] is inputs and reader.is_picture:
            before = next(old for old, new in copies.items() if new is layer)
            inner = (pictures(inputs, reader, before), *inner[1:])
        return layer(*inner, **named)

    model = keras.models.clone_model(network.model, inputs, clone, call)
    values = {id(variable): tensor.numpy() for variable, tensor in zip(network.variables, weights, strict=True)}
    for old, new in copies.items():
        own = [values[id(variable)] for variable in old.variables]
        if isinstance(old, PixelConvolution):
            own[0] = over_pixels(own[0], reader.block)
        new.set_weights(own)
    outputs = dict(model.output)
    if "value" in outputs:
        outputs = {"policy": Softmax()(outputs["logits"]), "value": outputs["value"]}
    return keras.Model(inputs, outputs)


def pictures(inputs: keras.KerasTensor, reader: Reader, first: keras.Layer) -> keras.KerasTensor:
    """What the `first` layer of a network reads, or its copy over plain pixels, from observations."""
    stacked = len(reader.frame.shape) == 2
    if isinstance(first, PixelConvolution):
        last = Permute((2, 3, 1))(inputs) if stacked else inputs
        return Rescaling(float(first.factor), float(-first.centre * first.factor))(last)
    if reader.block == 1:
        return Permute((2, 3, 1))(inputs) if stacked else inputs
    first_axis = inputs if stacked else Permute((3, 1, 2))(inputs)
    (stack, height, width), block = first_axis.shape[1:], reader.block
    cut = Reshape((stack, height // block, block, width // block, block))(first_axis)
    return Reshape(reader.shape)(Permute((2, 4, 1, 3, 5))(cut))


def over_pixels(kernel: np.ndarray, block: int) -> np.ndarray:
    """The kernel of a convolution over blocks as one over their pixels: shape (size, size, stack block², filters) to
    (size block, size block, stack, filters)."""
    size, _, channels, filters = kernel.shape
    apart = kernel.reshape(size, size, channels // block**2, block, block, filters)
    return apart.transpose(0, 3, 1, 4, 2, 5).reshape(size * block, size * block, -1, filters)
