"""How much memory tables and networks take, by their settings: what the workflow asks for before a job starts.

Rough, and rather too much: what is small beside the rest is left out. A test compares it with real tables and networks.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, NamedTuple

KEPT_COPIES = 26
"""Of an agent's weights: the online and the target network, Adam's two moments and gradients, those kept for good (10),
both for a save and for weights.npz."""

ACTION_BYTES = 4
"""Of a recorded action, in memory and in what is saved and published of it."""

EMULATOR_MB = 2.0
"""Of a game of Atari, besides its frames."""

LAYERS = {"small": ((16, 32), 256), "compact": ((16, 32, 64), 512)}
"""Of smaller networks that read Atari's pictures: filters, and units of the dense layer. Others count as that of
2015."""

NATURE = (32, 64, 64), 512

INCLUDED = 300_000_000
"""Bytes for weights, minibatches, games and tables that are in what every job is counted with anyway."""


def beyond(needed: float) -> int:
    """Megabytes of so many bytes that are not included anyway."""
    return math.ceil(max(0.0, needed - INCLUDED) / 1e6)


class Convolution(NamedTuple):
    """A convolutional layer."""

    places: int
    """In its result."""
    read: int
    """Numbers that one of its filters reads at a place."""
    filters: int


class Size(NamedTuple):
    """Numbers in a network."""

    weights: int
    activations: int
    """Of one observation."""


def mlp(inputs: int, units: list[int], actions: int) -> Size:
    """Dense layers one after the other."""
    widths = [inputs, *units, actions]
    return Size(sum((one + 1) * other for one, other in pairwise(widths)), sum(widths))


def convolutional(network: str, shape: tuple[int, ...], actions: int) -> Size:
    """The networks of pictures of `shape` (height, width, channels); on Atari the stack is the channels."""
    height, width, channels = shape
    sides: list[tuple[int, ...]]
    filters: tuple[int, ...]
    if network == "minatar":
        sides, filters, last = [(height - 2, width - 2)], (16,), 128
        weights = (9 * channels + 1) * 16
    else:
        filters, last = LAYERS.get(network, NATURE)
        first = (height // 4 - 1, width // 4 - 1)
        second = tuple((side - 4) // 2 + 1 for side in first)
        sides = [first, second, tuple(side - 2 for side in second)][: len(filters)]
        weights = (64 * channels + 1) * filters[0] + (16 * filters[0] + 1) * filters[1]
        weights += (9 * filters[1] + 1) * filters[2] if len(filters) > 2 else 0
    numbers = [math.prod(side) * count for side, count in zip(sides, filters, strict=True)]
    head = mlp(last, [], actions)
    return Size(weights + (numbers[-1] + 1) * last + head.weights, sum(numbers) + last + actions)


def padded(network: str, shape: tuple[int, ...], actions: int) -> Size:
    """The networks whose convolutions are padded. Of each result, what is made of it is counted as well."""
    places = [math.prod(-(-side // 2**halvings) for side in shape[:2]) for halvings in range(5)]
    layers = PADDED[network](places, 4 * shape[2])
    flat = layers[-1].places * layers[-1].filters
    weights = sum((layer.read + 1) * layer.filters for layer in layers) + (flat + 2) * 512
    activations = sum(2 * layer.places * layer.filters for layer in layers) + flat + 2 * 512 + actions
    return Size(weights + mlp(512, [], actions).weights, activations)


def impala(places: list[int], channels: int) -> list[Convolution]:
    """`places` are those of a picture, and of it halved once, twice and so on."""
    layers = []
    for stack, filters in enumerate((16, 32, 32), start=1):
        layers.append(Convolution(places[stack], 9 * channels, filters))
        layers += 4 * [Convolution(places[stack + 1], 9 * filters, filters)]
        channels = filters
    return layers


def mbconv(places: list[int], channels: int) -> list[Convolution]:
    """Likewise. Of its blocks, the first three are fused."""
    _, _, early, middle, late = places
    return [
        *(Convolution(early, 9 * channels, 16), Convolution(early, 9 * 16, 16)),
        *(Convolution(middle, 9 * 16, 64), Convolution(middle, 64, 32)),
        *(Convolution(middle, 9 * 32, 128), Convolution(middle, 128, 32)),
        *separable(middle, late, 32),
        *separable(late, late, 64),
    ]


def separable(before: int, after: int, channels: int) -> list[Convolution]:
    """A block of `mbconv` with a depthwise convolution and squeeze-and-excitation, which gives 64 channels."""
    wide, squeezed = 4 * channels, channels // 4
    widening, depthwise = Convolution(before, channels, wide), Convolution(after, 9, wide)
    return [
        *(widening, depthwise),
        *(Convolution(1, wide, squeezed), Convolution(1, squeezed, wide)),
        Convolution(after, wide, 64),
    ]


PADDED = {"impala": impala, "mbconv": mbconv}


def network(agent: Any, environment: Any) -> Size:
    """The network of a deep agent in an environment."""
    shape, actions = environment.observation_shape, agent.outputs(environment.most_actions)
    if len(shape) == 1:
        return mlp(math.prod(shape), agent.units, actions)
    return of_pictures(agent.network, shape, actions)


def of_pictures(network: str, shape: tuple[int, ...], actions: int) -> Size:
    """A network of pictures of `shape` (height, width, channels)."""
    return (padded if network in PADDED else convolutional)(network, shape, actions)


def learning_bytes(agent: Any, environment: Any, samples: int) -> int:
    """All that learning from `samples` observations at once takes: weights, and each sample twice, as it is and as
    single-precision numbers, with activations, their gradients and room for the convolutions."""
    size, numbers = network(agent, environment), math.prod(environment.observation_shape)
    games = int(agent.games * (EMULATOR_MB * 1e6 + numbers))
    return 4 * size.weights * KEPT_COPIES + samples * (2 * 5 * numbers + 4 * 4 * size.activations) + games


def auto_encoder_bytes(latents: int, side: int, batch: int) -> int:
    """All that training an auto-encoder takes besides its data set: both halves mirror each other."""
    flat = 64 * math.ceil(side / 16) ** 2
    filters = 32 * (side // 4) ** 2 + 64 * (side // 8) ** 2 + flat
    return 4 * 2 * (flat * latents + 60_000) * 10 + batch * (5 * side**2 + 2 * 4 * 4 * (filters + latents))


def tiles(coding: Any, dimensions: int) -> int:
    """Features of the grids of a tile coding, before they are hashed: as `rlgames.features.tile_coding.tiled`."""
    extents = [coding.tiles + max(2 * dimension + 1, 2) for dimension in range(dimensions)]
    return coding.tilings * math.prod(extents)


def features(coding: Any, dimensions: int) -> int:
    """Features of a coding, of which each action has a weight."""
    if coding.name == "additive":
        return dimensions * (coding.tiles + 1)
    return coding.size if "size" in type(coding).model_fields else tiles(coding, dimensions)


def coding_bytes(coding: Any, dimensions: int) -> int:
    """What looking up tiles takes: the grids, thrice while they are made, and the places of an index hash table."""
    if coding.name == "additive":
        return 0
    grids = 3 * dimensions * (coding.tilings * coding.tiles + 1) * coding.tilings * 8
    return grids + (8 * tiles(coding, dimensions) if coding.name == "index-hashed" else 0)
