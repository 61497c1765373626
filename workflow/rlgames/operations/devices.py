"""The device that a job computes on. A GPU is taken by locking a file, so that no two trainings share one."""

from __future__ import annotations

import importlib.metadata
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from rlgames.messages import log
from rlgames.networks.numerics import DeviceError
from rlgames.operations import locks

POLL_SECONDS = 1
"""Seconds between two looks for a free GPU."""

held: list[TextIO] = []
"""The open file whose lock this process holds; child processes do not inherit it."""


def choose(wanted: str) -> str:
    """The device that a job takes, cpu or gpu; to be called before TensorFlow is imported.

    `wanted` is cpu, gpu, or auto, which takes a GPU where there is one. Waits for a GPU that no other job has. Raises
    `DeviceError` if one is asked for and none is there.
    """
    # Whether CUDA came with TensorFlow, as in the GPU flavour; importing TensorFlow to ask would take 3 s.
    has_cuda = any(importlib.metadata.distributions(name="nvidia-cudnn-cu12"))
    gpu = claim() if wanted != "cpu" and has_cuda else None
    if wanted == "gpu" and gpu is None:
        raise DeviceError(
            "No GPU was found, but the agent asks for one. Set its device to auto or cpu; or, if this machine has one "
            "(nvidia-smi -L lists it, CUDA_VISIBLE_DEVICES does not hide it), install the GPU flavour: make FLAVOUR=gpu"
        )
    return "gpu" if gpu else "cpu"


def claim() -> str | None:
    """Take one of the visible GPUs for as long as this process lives, waiting until one is free; None if there is none.

    CUDA_VISIBLE_DEVICES names only that one from then on; CUDA must not have been used before.
    """
    devices, said = visible(), False
    while devices:
        for device in devices:
            if (lock := locks.take(lock_file(device), patience=0)) is not None:
                held.append(lock)
                os.environ["CUDA_VISIBLE_DEVICES"] = device
                log.info(f"Training on GPU {device}.")
                return device
        if not said:
            holders = ", ".join(f"{device} by process {locks.holder(lock_file(device)) or '?'}" for device in devices)
            log.info(f"Waiting for a GPU; taken: {holders}. docs/elsewhere.md says how to start fewer jobs at once.")
        said = True
        time.sleep(POLL_SECONDS)
    return None


def lock_file(device: str) -> Path:
    """The file that stands for a GPU, for all jobs of one user on one machine."""
    return Path(tempfile.gettempdir(), f"rlgames-{os.getuid()}-{device}.lock")


def visible() -> list[str]:
    """UUIDs of the GPUs that this process may use: those that CUDA_VISIBLE_DEVICES names, or else all that are there.

    As in CUDA, it names them by number or by how their UUID begins, and an entry that names none hides all that follow.
    """
    gpus, entries = listed(), os.environ.get("CUDA_VISIBLE_DEVICES")
    if entries is None:
        return [device for devices in gpus.values() for device in devices]
    found: list[str] = []
    for entry in map(str.strip, entries.split(",")):
        named = [
            device
            for number, (gpu, devices) in enumerate(gpus.items())
            for device in devices
            if entry and (entry == str(number) or gpu.startswith(entry) or device.startswith(entry))
        ]
        if not named:
            break
        found += named
    return list(dict.fromkeys(found))


def listed() -> dict[str, list[str]]:
    """What can be used of each GPU, by UUIDs: the GPU itself, or the instances that it is cut up into (MIG).

    In the order of nvidia-smi, which is by place on the bus. Without a driver there is no GPU.
    """
    import pynvml as nvml

    gpus: dict[str, list[str]] = {}
    with suppress(nvml.NVMLError):  # no driver
        nvml.nvmlInit()
        for number in range(nvml.nvmlDeviceGetCount()):
            with suppress(nvml.NVMLError):  # a GPU of another job, which this job's control group hides
                gpu = nvml.nvmlDeviceGetHandleByIndex(number)
                uuid, instances = nvml.nvmlDeviceGetUUID(gpu), []
                with suppress(nvml.NVMLError):  # too old for MIG
                    for place in range(nvml.nvmlDeviceGetMaxMigDeviceCount(gpu)):
                        with suppress(nvml.NVMLError_NotFound):  # an empty slot for an instance
                            instance = nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, place)
                            instances.append(nvml.nvmlDeviceGetUUID(instance))
                gpus[uuid] = instances or [uuid]
    return gpus
