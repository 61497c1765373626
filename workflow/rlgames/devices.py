"""TensorFlow, set up for equal bits on a processor, and for sharing a graphics card."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class DeviceError(RuntimeError):
    """A device that was asked for is not there."""


@contextmanager
def silence() -> Iterator[None]:
    """Drop what TensorFlow's C++ code writes to the terminal before it reads how much it is to write."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)


def prepare(device: str, threads: int) -> str:
    """Set TensorFlow up before its first use, and name the device that it will take: cpu or gpu.

    Operations never share their sums among threads, so that the bits do not depend on the cores; up to `threads` of
    them run at once. oneDNN is switched on on every processor: by itself TensorFlow takes it on the newest only.
    """
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with silence():
        import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    # -1 asks for operations in the thread of the caller: two trainings side by side take a fifteenth less time.
    tf.config.threading.set_inter_op_parallelism_threads(threads if threads > 1 else -1)
    if device == "cpu":
        tf.config.set_visible_devices([], "GPU")
        return "cpu"
    cards: list[Any] = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not cards:
        raise DeviceError(
            "No GPU was found, but the agent asks for one. Set its device to auto or cpu; or, if this machine has one, "
            "install the GPU flavour: make FLAVOUR=gpu"
        )
    for card in cards:
        tf.config.experimental.set_memory_growth(card, True)
    return "gpu" if cards else "cpu"
