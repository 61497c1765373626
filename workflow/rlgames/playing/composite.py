"""Several frames as the colours of one picture: what moved has a colour of its own."""

from __future__ import annotations

import numpy as np


def as_colours(depth: int) -> list[int]:
    """The frames of a stack that are shown as red, green and blue, or two as red and cyan."""
    return [0, depth - 1, depth - 1] if depth == 2 else [0, (depth - 1) // 2, depth - 1]


def composite(stack: np.ndarray) -> np.ndarray:
    """Some frames of a stack (stack, height, width) as the colours of one picture."""
    return np.stack([stack[number] for number in as_colours(len(stack))], axis=-1)
