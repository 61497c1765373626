"""One job per GPU: a device is taken by locking a file, which the kernel lets go of however the process ends."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TextIO

from rlgames import locks
from rlgames.messages import log

POLL_SECONDS, SAY_SECONDS = 1, 60
"""Between two looks for a free device, and between two messages about it."""

HELD: dict[str, TextIO] = {}
"""The device of this process, and the open file whose lock it holds; child processes do not inherit it."""


class DeviceError(RuntimeError):
    """A device that was asked for is not there, or cannot be locked. The message says what to do."""


def claim() -> str | None:
    """Take one of the visible GPUs for as long as this process lives, waiting until one is free; None if there is none.

    CUDA_VISIBLE_DEVICES then names only that one, so that CUDA, which must not have been used before, sees no other.
    """
    if HELD:
        return next(iter(HELD))
    devices = visible()
    said = -float(SAY_SECONDS)
    while devices:
        for device in devices:
            if (lock := locks.take(lock_file(device), patience=0)) is not None:
                HELD[device] = lock
                os.environ["CUDA_VISIBLE_DEVICES"] = device
                log.info(f"Training on GPU {device}.")
                return device
        if time.monotonic() - said >= SAY_SECONDS:
            said = time.monotonic()
            holders = ", ".join(f"{device} by process {locks.holder(lock_file(device)) or '?'}" for device in devices)
            log.info(f"Waiting for a GPU; taken: {holders}. docs/elsewhere.md says how to start fewer jobs at once.")
        time.sleep(POLL_SECONDS)
    return None


def lock_file(device: str) -> Path:
    """The file that stands for a device, in a folder that all jobs of one user on one machine share.

    UUIDs name the same device in every job. Numbers do not: Slurm may count each job's devices from 0, so that they
    stand for a device only together with the job. Raises `DeviceError` if the folder is someone else's.
    """
    folder = Path(tempfile.gettempdir(), f"rlgames-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise DeviceError(f"{folder} is not yours, so that GPUs cannot be locked there; set TMPDIR to another folder.")
    job = f"job-{os.environ.get('SLURM_JOB_ID', 'none')}-device-" if device.isdigit() else ""
    return folder / f"{job}{device.replace('/', '_')}.lock"


def visible() -> list[str]:
    """The GPUs that this process may use: those that CUDA_VISIBLE_DEVICES names, or else all that nvidia-smi lists.

    Each as its UUID, a GPU that is cut up as the UUIDs of its MIG instances. Only where there is no nvidia-smi to ask,
    numbers stay what they are. As in CUDA, whatever follows an entry that names no device is invisible.
    """
    gpus = listed()
    entries = os.environ.get("CUDA_VISIBLE_DEVICES")
    if entries is None:
        return [device for _, devices in gpus for device in devices]
    found: list[str] = []
    for entry in map(str.strip, entries.split(",")):
        if not (named := named_by(entry, gpus)):
            break
        found += named
    return list(dict.fromkeys(found))


def named_by(entry: str, gpus: list[tuple[str, list[str]]]) -> list[str]:
    """The devices that an entry of CUDA_VISIBLE_DEVICES names: by nvidia-smi's number, or by how its UUID begins."""
    if entry.isdigit():
        if not gpus:
            return [entry]
        return gpus[int(entry)][1] if int(entry) < len(gpus) else []
    if not entry.startswith(("GPU-", "MIG-")):  # "", "-1", "NoDevFiles": none
        return []
    known = [device for gpu, devices in gpus for device in devices if gpu.startswith(entry) or device.startswith(entry)]
    return known or [entry]


def listed() -> list[tuple[str, list[str]]]:
    """The GPUs that nvidia-smi lists, in its order: UUID, and UUIDs of what can be used of it. No driver, no GPU."""
    try:
        text = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    gpus: list[tuple[str, list[str]]] = []
    for uuid in re.findall(r"UUID: ((?:GPU|MIG)-[^)\s]+)", text):
        if uuid.startswith("GPU-"):
            gpus.append((uuid, []))
        else:
            gpus[-1][1].append(uuid)
    return [(gpu, instances or [gpu]) for gpu, instances in gpus]
