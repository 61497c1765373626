"""TensorFlow, set up for equal bits on a processor, and for sharing a graphics card."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rlgames.gpus import DeviceError, claim


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

    Unless `device` is cpu, waits for a GPU that no other job has. Raises `DeviceError` if a GPU is asked for and none
    is there, or TensorFlow cannot use the one that is.
    """
    gpu = claim() if device != "cpu" and has_cuda() else None
    if device == "gpu" and gpu is None:
        raise DeviceError(
            "No GPU was found, but the agent asks for one. Set its device to auto or cpu; or, if this machine has one "
            "(nvidia-smi -L lists it, CUDA_VISIBLE_DEVICES does not hide it), install the GPU flavour: make FLAVOUR=gpu"
        )
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with silence():
        import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    # -1 asks for operations in the thread of the caller: two trainings side by side take a fifteenth less time.
    tf.config.threading.set_inter_op_parallelism_threads(threads if threads > 1 else -1)
    if gpu is None:
        tf.config.set_visible_devices([], "GPU")
        return "cpu"
    if not (cards := tf.config.list_physical_devices("GPU")):
        raise DeviceError(
            f"GPU {gpu} is there, but TensorFlow cannot use it: its driver may be too old for the CUDA of this "
            "environment. Install a newer one, or set the agent's device to cpu."
        )
    tf.config.experimental.set_memory_growth(cards[0], True)
    return "gpu"


def has_cuda() -> bool:
    """Whether CUDA was installed with TensorFlow, as in the GPU flavour; told without importing it, which takes 3 s."""
    return any(importlib.metadata.distributions(name="nvidia-cudnn-cu12"))
