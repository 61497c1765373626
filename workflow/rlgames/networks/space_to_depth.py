"""Space-to-depth: square blocks of pixels become channels, so that a strided convolution becomes a plain one."""

from __future__ import annotations

import numpy as np


def space_to_depth(pictures: np.ndarray, block: int) -> np.ndarray:
    """Stacks of pictures with blocks of `block` x `block` pixels in the channels.

    Shape (..., stack, height, width) to (..., height / block, width / block, stack block²). A convolution of 8 x 8
    pixels with stride 4 is one of 2 x 2 with stride 1 over blocks of 4 x 4: the same sums, in wider and so faster
    vectors. With a block of 1 the stack itself becomes the channels.
    """
    *games, stack, height, width = pictures.shape
    cut = pictures.reshape(-1, stack, height // block, block, width // block, block).transpose(0, 2, 4, 1, 3, 5)
    return cut.reshape(*games, height // block, width // block, stack * block * block)


def depth_to_space(cut: np.ndarray, block: int) -> np.ndarray:
    """The inverse for single pictures: (pictures, h, w, block²) to (pictures, h block, w block)."""
    count, height, width, _ = cut.shape
    pixels = cut.reshape(count, height, width, block, block).transpose(0, 1, 3, 2, 4)
    return pixels.reshape(count, height * block, width * block)
