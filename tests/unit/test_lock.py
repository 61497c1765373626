"""pyproject.toml, the locks and the conda environment agree, and name no address."""

import re
import tomllib

import pytest
import yaml
from packaging.markers import Marker

import lock as lock_module
from conftest import ROOT

ENVS = ROOT / "envs"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FLAVOURS = PROJECT["project"]["optional-dependencies"]


def pins(name: str) -> dict[str, str]:
    return lock_module.pins(ENVS / f"{name}.txt")


def wanted(requirements: list[str]) -> dict[str, str]:
    """Lowest version of each requirement, by name."""
    return dict(re.findall(r"^([A-Za-z0-9-]+)(?:\[[\w-]+\])?>=([\d.]+)", "\n".join(requirements), flags=re.MULTILINE))


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


@pytest.mark.parametrize("lock", ["cpu", "gpu", "dev", "slurm"])
def test_lock_has_what_pyproject_asks_for(lock: str) -> None:
    requirements = PROJECT["dependency-groups"]["dev"] if lock == "dev" else FLAVOURS[lock]
    if lock in ("cpu", "gpu"):
        requirements = [*PROJECT["project"]["dependencies"], *requirements]
    for name, lowest in wanted(requirements).items():
        assert numbers(pins(lock)[name]) >= numbers(lowest), name


@pytest.mark.parametrize("lock", ["gpu", "dev", "slurm"])
def test_locks_agree_where_they_overlap(lock: str) -> None:
    cpu, other = pins("cpu"), pins(lock)
    assert {name: other[name] for name in other.keys() & cpu.keys()} == {
        name: cpu[name] for name in other.keys() & cpu.keys()
    }


def test_conda_environment_is_what_make_lock_would_write() -> None:
    assert (ENVS / "environment.yaml").read_text() == lock_module.environment()
    *_, pip = yaml.safe_load((ENVS / "environment.yaml").read_text())["dependencies"]
    assert any(each.startswith("numpy==") for each in pip["pip"])


@pytest.mark.parametrize("lock", ["cpu", "gpu"])
def test_locked_tensorflow_has_the_markers_of_pyproject(lock: str) -> None:
    """On x86-64 Linux the CPU flavour is tensorflow-cpu, and the GPU flavour brings CUDA."""
    text = (ENVS / f"{lock}.txt").read_text()
    for requirement in FLAVOURS[lock]:
        name, marker = re.split(r"\[|>|=", requirement)[0], Marker(requirement.partition(";")[2])
        for machine in (
            {"sys_platform": "linux", "platform_machine": "x86_64"},
            {"sys_platform": "darwin", "platform_machine": "arm64"},
        ):
            markers = re.findall(rf"^{name}==[^ ]+ ; (.*) \\$", text, flags=re.MULTILINE)
            locked = any(Marker(each).evaluate(machine) for each in markers) or (f"{name}==" in text and not markers)
            wanted_here = any(
                Marker(each.partition(";")[2]).evaluate(machine)
                for each in FLAVOURS[lock]
                if re.split(r"\[|>|=", each)[0] == name
            )
            assert locked == wanted_here, (name, marker, machine)
    assert ("nvidia-cudnn-cu12==" in text) == (lock == "gpu")


@pytest.mark.parametrize("lock", ["cpu", "gpu", "dev", "slurm"])
def test_every_package_is_hashed_and_no_address_is_named(lock: str) -> None:
    text = (ENVS / f"{lock}.txt").read_text()
    assert "://" not in text
    assert not re.search(r"^-", text, flags=re.MULTILINE)  # no option, so no index
    for package in re.split(r"\n(?=\S)", text)[1:]:
        assert "--hash=sha256:" in package
