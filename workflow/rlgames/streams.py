"""Independent streams of random numbers, one for each seed and purpose."""

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a stream is for. The numbers are part of every published result: add to them, never change them."""

    ENVIRONMENT = 0
    EXPLORATION = 1
    REPLAY = 2
    WEIGHTS = 3
    EVALUATION = 4
    EVALUATION_EXPLORATION = 5
    DATASET = 6
    DATASET_EXPLORATION = 7
    HELD_OUT = 8
    MINIBATCHES = 9


def stream(seed: int, purpose: Purpose) -> np.random.Generator:
    """The stream of `seed` for `purpose`: two variants with one seed share it, so that comparisons are paired."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, purpose))))


def episode_stream(seed: int, purpose: Purpose, number: int) -> np.random.Generator:
    """A stream of an episode's, or an epoch's, own."""
    return np.random.default_rng((seed, purpose, number))


def reset_seed(seed: int, purpose: Purpose, episode: int) -> int:
    """The seed that an emulator starts an episode (from 1) with: below 2 to the 31, as ALE wants it."""
    return episode_seed(seed, purpose, episode) >> 1


def episode_seed(seed: int, purpose: Purpose, episode: int) -> int:
    """The seed that a Gymnasium environment starts an episode (from 1) with: below 2 to the 32."""
    return int(np.random.SeedSequence((seed, purpose, episode)).generate_state(1)[0])
