"""TensorFlow, set up so that its results have the same bits every time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rlgames.messages import UserError


class DeviceError(UserError):
    """A device that was asked for cannot be used."""


def set_up(device: str = "cpu", threads: int = 1) -> None:
    """Configure TensorFlow before its first use, for `device`: cpu or gpu.

    Sums are never split among threads, so that the bits do not depend on the cores; up to `threads` operations run at
    once. oneDNN is switched on on every processor: by itself TensorFlow takes it on the newest only. Raises
    `DeviceError` if TensorFlow cannot use the GPU.
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
        return
    if not (cards := tf.config.list_physical_devices("GPU")):
        raise DeviceError(
            f"GPU {os.environ.get('CUDA_VISIBLE_DEVICES', '')} is there, but TensorFlow cannot use it: its driver may "
            "be too old for the CUDA of this environment. Install a newer one, or set the agent's device to cpu."
        )
    tf.config.experimental.set_memory_growth(cards[0], True)


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
