"""A multilayer perceptron, for observations that are vectors."""

from __future__ import annotations

from typing import Any

import keras
from keras.layers import Dense

BLOCK = 0
"""Zero, since it reads no pictures."""


def body(vectors: keras.KerasTensor, settings: dict[str, Any]) -> keras.KerasTensor:
    """Features of vectors: dense layers with the `units` of the settings."""
    x = vectors  #                                              (numbers,)
    for units in settings["units"]:
        x = Dense(units, activation="relu")(x)  #               (units,)
    return x
