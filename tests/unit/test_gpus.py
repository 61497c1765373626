"""One job per GPU, with an nvidia-smi that lists made-up devices, and real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import ROOT
from rlgames import gpus

LISTING = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-aaaa-0)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-bbbb-1)
GPU 2: NVIDIA A100-SXM4-40GB (UUID: GPU-cccc-2)
"""
CUT_UP = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-aaaa-0)
  MIG 3g.20gb     Device  0: (UUID: MIG-1111)
  MIG 3g.20gb     Device  1: (UUID: MIG-2222)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-bbbb-1)
"""
ALL = ["GPU-aaaa-0", "GPU-bbbb-1", "GPU-cccc-2"]

JOB = """
import logging, sys
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
from rlgames import gpus
gpus.POLL_SECONDS = 0.05
device = gpus.claim()
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
        (folder / "bin").mkdir()
        (folder / "tmp").mkdir()

    def nvidia_smi(self, listing: str) -> None:
        script = self.folder / "bin" / "nvidia-smi"
        script.write_text(f'#!/bin/sh\n[ "$*" = -L ] && cat <<END\n{listing}END\n')
        script.chmod(0o755)

    def environment(self, **more: str) -> dict[str, str]:
        plain = {key: value for key, value in os.environ.items() if not key.startswith(("CUDA", "SLURM"))}
        path = f"{self.folder / 'bin'}{os.pathsep}{plain['PATH']}"
        return plain | {"PATH": path, "TMPDIR": str(self.folder / "tmp")} | more

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
    machine.nvidia_smi(LISTING)
    jobs = [machine.start() for _ in range(2 * len(ALL))]
    first = [job for job in jobs if job.line("GPU").startswith("Training on")]
    assert sorted(job.claimed() for job in first) == ALL
    for job in first:
        job.kill()
    assert sorted(job.claimed() for job in jobs if job not in first) == ALL


def test_job_too_many_waits_names_the_holders_and_takes_what_a_killed_one_leaves(machine: Machine) -> None:
    machine.nvidia_smi(LISTING)
    jobs = [machine.start() for _ in ALL]
    devices = {job.claimed(): job for job in jobs}
    late = machine.start()
    said = late.line("Waiting for a GPU")
    for device, job in devices.items():
        assert f"{device} by process {job.process.pid}" in said
    assert "docs/elsewhere.md says how to start fewer jobs at once" in said
    assert "--resources gpu=4" in (ROOT / "docs" / "elsewhere.md").read_text()
    assert late.process.poll() is None
    devices["GPU-bbbb-1"].kill()
    assert late.claimed() == "GPU-bbbb-1"


@pytest.mark.parametrize(
    ("listing", "entries", "devices"),
    [
        (LISTING, None, ALL),
        (LISTING, "2,0", ["GPU-cccc-2", "GPU-aaaa-0"]),
        (LISTING, "1,1", ["GPU-bbbb-1"]),
        (LISTING, "", []),
        (LISTING, "-1", []),
        (LISTING, "NoDevFiles", []),
        (LISTING, "0,-1,1", ["GPU-aaaa-0"]),
        (LISTING, "0, 7, 1", ["GPU-aaaa-0"]),
        (LISTING, "GPU-cc,0", ["GPU-cccc-2", "GPU-aaaa-0"]),
        (CUT_UP, None, ["MIG-1111", "MIG-2222", "GPU-bbbb-1"]),
        (CUT_UP, "MIG-2222", ["MIG-2222"]),
        (CUT_UP, "0", ["MIG-1111", "MIG-2222"]),
        (CUT_UP, "1", ["GPU-bbbb-1"]),
        (CUT_UP, "MIG-GPU-aaaa-0/1/0", ["MIG-GPU-aaaa-0/1/0"]),
        (None, None, []),
        (None, "3,0", ["3", "0"]),
        (None, "GPU-aaaa-0", ["GPU-aaaa-0"]),
    ],
)
def test_visible_devices_are_what_cuda_would_see(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, listing: str | None, entries: str | None, devices: list[str]
) -> None:
    """Entries after one that names nothing are invisible, as the CUDA programming guide has it."""
    if listing is not None:
        machine.nvidia_smi(listing)
    monkeypatch.setenv("PATH", f"{machine.folder / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if entries is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", entries)
    assert gpus.visible() == devices


def test_without_a_gpu_nothing_is_claimed(machine: Machine) -> None:
    assert machine.start().claimed() == "None"
    assert not list((machine.folder / "tmp").iterdir())


def test_job_of_slurm_that_sees_only_its_own_device_waits_for_no_other_job(machine: Machine) -> None:
    """Both jobs see a device 0; nvidia-smi, confined like the jobs, tells that they differ."""
    for device in ("GPU-aaaa-0", "GPU-bbbb-1"):
        machine.nvidia_smi(f"GPU 0: NVIDIA A100 (UUID: {device})\n")
        assert machine.start(CUDA_VISIBLE_DEVICES="0", SLURM_JOB_ID=device[-1]).claimed() == device


def test_numbers_without_nvidia_smi_count_within_a_job_of_slurm(machine: Machine) -> None:
    first, other = (machine.start(CUDA_VISIBLE_DEVICES="0,1", SLURM_JOB_ID=job) for job in "78")
    assert [first.claimed(), other.claimed()] == ["0", "0"]
    assert machine.start(CUDA_VISIBLE_DEVICES="0,1", SLURM_JOB_ID="7").claimed() == "1"


def test_folder_of_someone_else_is_refused(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus.tempfile, "gettempdir", lambda: str(machine.folder / "tmp"))
    (machine.folder / "tmp" / f"rlgames-{os.getuid()}").symlink_to(machine.folder)
    with pytest.raises(gpus.DeviceError, match=r"is not yours.*set TMPDIR to another folder"):
        gpus.lock_file("GPU-aaaa-0")


TENSORFLOW = """
import os
print(f"IMPORTED {os.environ.get('CUDA_VISIBLE_DEVICES')}", flush=True)
class Any:
    def __getattr__(self, name): return Any()
    def __call__(self, *arguments): return CARDS
config = Any()
"""


@pytest.fixture
def prepare(machine: Machine) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `devices.prepare` with a TensorFlow that says which devices were visible when it was imported."""
    machine.nvidia_smi(LISTING)
    (machine.folder / "nvidia_cudnn_cu12-9.1.dist-info").mkdir()
    (machine.folder / "nvidia_cudnn_cu12-9.1.dist-info" / "METADATA").write_text("Name: nvidia-cudnn-cu12\n")

    def run(device: str, cards: str = "['card']", **environment: str) -> subprocess.CompletedProcess[str]:
        (machine.folder / "tensorflow.py").write_text(TENSORFLOW.replace("CARDS", cards))
        path = os.pathsep.join([str(machine.folder), os.environ.get("PYTHONPATH", "")])
        code = f"from rlgames.devices import prepare; print('DEVICE', prepare({device!r}, 1))"
        return subprocess.run(
            [sys.executable, "-c", code], env=machine.environment(PYTHONPATH=path, **environment),
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


def test_only_the_claimed_device_is_visible_when_tensorflow_is_imported(
    prepare: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    for device in ("auto", "gpu"):
        assert prepare(device).stdout.split() == ["IMPORTED", "GPU-aaaa-0", "DEVICE", "gpu"]


def test_training_on_the_processor_claims_nothing(
    prepare: Callable[..., subprocess.CompletedProcess[str]], machine: Machine
) -> None:
    assert prepare("cpu").stdout.split() == ["IMPORTED", "None", "DEVICE", "cpu"]
    assert prepare("auto", CUDA_VISIBLE_DEVICES="").stdout.split() == ["IMPORTED", "DEVICE", "cpu"]
    (machine.folder / "nvidia_cudnn_cu12-9.1.dist-info" / "METADATA").unlink()
    (machine.folder / "nvidia_cudnn_cu12-9.1.dist-info").rmdir()
    assert prepare("auto").stdout.split() == ["IMPORTED", "None", "DEVICE", "cpu"]
    assert not list((machine.folder / "tmp").iterdir())


def test_gpu_that_tensorflow_cannot_use_is_an_error(prepare: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    run = prepare("auto", cards="[]")
    assert run.returncode
    assert "GPU GPU-aaaa-0 is there, but TensorFlow cannot use it" in run.stderr
