"""Dense layers over vectors, normalised in both ways: a network for a test."""

from __future__ import annotations

from typing import Any

import keras
from keras.layers import Activation, BatchNormalization, Dense, LayerNormalization

BLOCK = 0
"""No pictures."""


def body(vectors: keras.KerasTensor, settings: dict[str, Any]) -> keras.KerasTensor:  # noqa: ARG001
    """Features of vectors."""
    x = BatchNormalization()(Dense(32)(vectors))
    x = Activation("relu")(x)
    x = LayerNormalization()(Dense(32)(x))
    return Activation("relu")(x)
