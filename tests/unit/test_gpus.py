"""One training per GPU, with a pynvml that lists made-up devices, and real processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import ROOT
from rlgames.operations import devices

Listing = dict[str, list[str]]

THREE: Listing = {"GPU-aaaa-0": [], "GPU-bbbb-1": [], "GPU-cccc-2": []}
CUT_UP: Listing = {"GPU-aaaa-0": ["MIG-1111", "MIG-2222"], "GPU-bbbb-1": []}
ALL = list(THREE)

NVML = """
GPUS = {gpus!r}
class NVMLError(Exception): pass
class NVMLError_NotFound(NVMLError): pass
def nvmlInit():
    if GPUS is None: raise NVMLError("no driver")
def nvmlDeviceGetCount(): return len(GPUS) + 1  # the last one is another job's
def nvmlDeviceGetHandleByIndex(number):
    if number == len(GPUS): raise NVMLError("no permission")
    return list(GPUS)[number]
def nvmlDeviceGetUUID(handle): return handle
def nvmlDeviceGetMaxMigDeviceCount(handle):
    if handle == "GPU-bbbb-1": raise NVMLError("not supported")
    return 7 if GPUS[handle] else 0
def nvmlDeviceGetMigDeviceHandleByIndex(handle, place):
    if place % 2 == 0 or place // 2 >= len(GPUS[handle]): raise NVMLError_NotFound
    return GPUS[handle][place // 2]
"""

JOB = """
import logging, sys
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
from rlgames.operations import devices
devices.POLL_SECONDS = 0.05
device = devices.claim()
print(f"CLAIMED {device}", flush=True)  # in one piece, since another process reads it
sys.stdin.read()
"""


class Job:
    """A process that claims a device and keeps it."""

    def __init__(self, said: Path, environment: dict[str, str]) -> None:
        self.said = said
        with said.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-c", JOB], env=environment, stdin=subprocess.PIPE, stdout=file, stderr=file
            )

    def line(self, text: str) -> str:
        """The line in which it says this, once it does."""
        deadline = time.monotonic() + 30
        while not (lines := [line for line in self.said.read_text().splitlines() if text in line]):
            assert time.monotonic() < deadline
            assert self.process.poll() is None, self.said.read_text()
            time.sleep(0.02)
        return lines[0]

    def claimed(self) -> str:
        return self.line("CLAIMED").split()[1]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


class Machine:
    """Folders of a simulated machine, and the jobs on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jobs: list[Job] = []
        (folder / "tmp").mkdir()
        self.has(None)

    def has(self, gpus: Listing | None) -> None:
        """GPUs and the instances that they are cut up into; None for a machine without a driver."""
        (self.folder / "pynvml.py").write_text(NVML.format(gpus=gpus))

    def environment(self, **more: str) -> dict[str, str]:
        plain = {key: value for key, value in os.environ.items() if not key.startswith(("CUDA", "SLURM"))}
        path = os.pathsep.join([str(self.folder), plain.get("PYTHONPATH", "")])
        return plain | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(self.folder / "tmp")} | more

    def start(self, **environment: str) -> Job:
        self.jobs.append(Job(self.folder / f"job-{len(self.jobs)}.txt", self.environment(**environment)))
        return self.jobs[-1]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    for job in machine.jobs:
        job.kill()


def test_jobs_that_start_at_once_get_a_device_each(machine: Machine) -> None:
    machine.has(THREE)
    jobs = [machine.start() for _ in range(2 * len(ALL))]
    first = [job for job in jobs if job.line("GPU").startswith("Training on")]
    assert sorted(job.claimed() for job in first) == ALL
    for job in first:
        job.kill()
    assert sorted(job.claimed() for job in jobs if job not in first) == ALL


def test_job_too_many_waits_names_the_holders_and_takes_what_a_killed_one_leaves(machine: Machine) -> None:
    machine.has(THREE)
    jobs = [machine.start() for _ in ALL]
    holders = {job.claimed(): job for job in jobs}
    late = machine.start()
    said = late.line("Waiting for a GPU")
    for device, job in holders.items():
        assert f"{device} by process {job.process.pid}" in said
    assert "docs/elsewhere.md" in said
    assert "--resources gpu=4" in (ROOT / "docs" / "elsewhere.md").read_text()  # to start fewer jobs at once
    assert late.process.poll() is None
    holders["GPU-bbbb-1"].kill()
    assert late.claimed() == "GPU-bbbb-1"


@pytest.mark.parametrize(
    ("gpus", "entries", "found"),
    [
        (THREE, None, ALL),
        (THREE, "2,0", ["GPU-cccc-2", "GPU-aaaa-0"]),
        (THREE, "1,1", ["GPU-bbbb-1"]),
        (THREE, "", []),
        (THREE, "-1", []),
        (THREE, "NoDevFiles", []),
        (THREE, "0,-1,1", ["GPU-aaaa-0"]),
        (THREE, "0, 7, 1", ["GPU-aaaa-0"]),
        (THREE, "GPU-cc,0", ["GPU-cccc-2", "GPU-aaaa-0"]),
        (CUT_UP, None, ["MIG-1111", "MIG-2222", "GPU-bbbb-1"]),
        (CUT_UP, "MIG-2222", ["MIG-2222"]),
        (CUT_UP, "0", ["MIG-1111", "MIG-2222"]),
        (CUT_UP, "1", ["GPU-bbbb-1"]),
        (None, None, []),
        (None, "3,0", []),
    ],
)
def test_visible_devices_are_what_cuda_would_see(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, gpus: Listing | None, entries: str | None, found: list[str]
) -> None:
    """Entries after one that names nothing are invisible, as the CUDA programming guide has it."""
    machine.has(gpus)
    monkeypatch.syspath_prepend(machine.folder)
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if entries is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", entries)
    assert devices.visible() == found
    del sys.modules["pynvml"]


def test_nvml_has_what_is_asked_of_it() -> None:
    """The module that the lock installs, which finds no driver here or the real devices."""
    import pynvml

    names = set(re.findall(r"\b(?:nvml|NVMLError)\w*", NVML))
    assert len(names) == 8
    assert all(hasattr(pynvml, name) for name in names)
    assert all(device.startswith(("GPU-", "MIG-")) for device in devices.visible())


def test_without_a_gpu_nothing_is_claimed(machine: Machine) -> None:
    assert machine.start().claimed() == "None"
    assert not list((machine.folder / "tmp").iterdir())


def test_job_of_slurm_that_sees_only_its_own_device_waits_for_no_other_job(machine: Machine) -> None:
    """Both jobs see a device 0; NVML, confined like the jobs, tells that they differ."""
    for device in ("GPU-aaaa-0", "GPU-bbbb-1"):
        machine.has({device: []})
        assert machine.start(CUDA_VISIBLE_DEVICES="0", SLURM_JOB_ID=device[-1]).claimed() == device


TENSORFLOW = """
import os
print(f"IMPORTED {os.environ.get('CUDA_VISIBLE_DEVICES')}", flush=True)
class Any:
    def __getattr__(self, name): return Any()
    def __call__(self, *arguments): return CARDS
config = Any()
"""

Prepare = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def prepare(machine: Machine) -> Prepare:
    """Chooses a device, with a TensorFlow that says which devices were visible when it was imported."""
    machine.has(THREE)
    (machine.folder / "nvidia_cudnn_cu12-9.1.dist-info").mkdir()
    (machine.folder / "nvidia_cudnn_cu12-9.1.dist-info" / "METADATA").write_text("Name: nvidia-cudnn-cu12\n")

    def run(device: str, cards: str = "['card']", **environment: str) -> subprocess.CompletedProcess[str]:
        (machine.folder / "tensorflow.py").write_text(TENSORFLOW.replace("CARDS", cards))
        code = (
            "from rlgames.networks import numerics; from rlgames.operations import devices;"
            f"device = devices.choose({device!r}); numerics.set_up(device); print('DEVICE', device)"
        )
        return subprocess.run(
            [sys.executable, "-c", code], env=machine.environment(**environment), capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    return run


def test_only_the_claimed_device_is_visible_when_tensorflow_is_imported(prepare: Prepare) -> None:
    for device in ("auto", "gpu"):
        assert prepare(device).stdout.split() == ["IMPORTED", "GPU-aaaa-0", "DEVICE", "gpu"]


def test_training_on_the_processor_claims_nothing(prepare: Prepare, machine: Machine) -> None:
    assert prepare("cpu").stdout.split() == ["IMPORTED", "None", "DEVICE", "cpu"]
    assert prepare("auto", CUDA_VISIBLE_DEVICES="").stdout.split() == ["IMPORTED", "DEVICE", "cpu"]
    (machine.folder / "nvidia_cudnn_cu12-9.1.dist-info" / "METADATA").unlink()
    (machine.folder / "nvidia_cudnn_cu12-9.1.dist-info").rmdir()
    assert prepare("auto").stdout.split() == ["IMPORTED", "None", "DEVICE", "cpu"]
    assert not list((machine.folder / "tmp").iterdir())


def test_gpu_that_tensorflow_cannot_use_is_an_error(prepare: Prepare) -> None:
    run = prepare("auto", cards="[]")
    assert run.returncode
    assert "GPU GPU-aaaa-0 is there, but TensorFlow cannot use it" in run.stderr
