"""pyproject.toml, the locks and the conda environment agree, and name no address."""

import re
import tomllib

import pytest
import yaml
from conftest import ROOT

ENVS = ROOT / "envs"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FLAVOURS = PROJECT["project"]["optional-dependencies"]


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ENVS / f"{name}.txt").read_text(), flags=re.MULTILINE))


def wanted(requirements: list[str]) -> dict[str, str]:
    """Lowest version of each requirement, by name."""
    return dict(re.findall(r"^([A-Za-z0-9-]+)(?:\[[\w-]+\])?>=([\d.]+)", "\n".join(requirements), flags=re.MULTILINE))


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


@pytest.mark.parametrize("lock", ["cpu", "gpu", "dev"])
def test_lock_has_what_pyproject_asks_for(lock: str) -> None:
    if lock == "dev":
        requirements = PROJECT["dependency-groups"]["dev"]
    else:
        requirements = [*PROJECT["project"]["dependencies"], *FLAVOURS[lock]]
    for name, lowest in wanted(requirements).items():
        assert numbers(pins(lock)[name]) >= numbers(lowest), name


@pytest.mark.parametrize("lock", ["gpu", "dev"])
def test_locks_agree_where_they_overlap(lock: str) -> None:
    cpu, other = pins("cpu"), pins(lock)
    assert {name: other[name] for name in other.keys() & cpu.keys()} == {
        name: cpu[name] for name in other.keys() & cpu.keys()
    }


def test_conda_environment_has_the_locked_versions() -> None:
    environment = yaml.safe_load((ENVS / "environment.yaml").read_text())
    *_, pip = environment["dependencies"]
    listed = dict(re.findall(r"^([a-z0-9-]+)==([^;\n]+)", "\n".join(pip["pip"]), flags=re.MULTILINE))
    assert listed.keys() == wanted([*PROJECT["project"]["dependencies"], *FLAVOURS["cpu"]]).keys()
    assert listed == {name: pins("cpu")[name] for name in listed}


@pytest.mark.parametrize("lock", ["cpu", "gpu", "dev"])
def test_every_package_is_hashed_and_no_address_is_named(lock: str) -> None:
    text = (ENVS / f"{lock}.txt").read_text()
    assert "://" not in text
    assert not re.search(r"^-", text, flags=re.MULTILINE)  # no option, so no index
    for package in re.split(r"\n(?=\S)", text)[1:]:
        assert "--hash=sha256:" in package
