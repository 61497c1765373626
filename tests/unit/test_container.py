"""The container recipe, read: no engine builds it here, so what it copies and runs is checked against the project."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from conftest import ROOT

ENVIRONMENT = ROOT / "envs" / "environment.yaml"
RECIPE = (ROOT / "envs" / "Containerfile").read_text()
STEPS = [line.split(" ", 1) for line in RECIPE.splitlines() if line and not line.startswith("#")]
COMMANDS = [shlex.split(part) for step, rest in STEPS if step == "RUN" for part in rest.split(" && ")]


def copies(flavour: str) -> list[tuple[list[str], str]]:
    """Sources and target of each COPY."""
    words = [shlex.split(rest.replace("${FLAVOUR}", flavour)) for step, rest in STEPS if step == "COPY"]
    paths = [[word for word in line if not word.startswith("--")] for line in words]
    return [(line[:-1], line[-1]) for line in paths]


def test_base_is_a_short_name_with_the_python_of_the_lock() -> None:
    (base,) = [rest for step, rest in STEPS if step == "FROM"]
    (python,) = [each for each in yaml.safe_load(ENVIRONMENT.read_text())["dependencies"] if "python=" in each]
    assert base == f"{python.replace('=', ':')}-slim"
    assert "://" not in RECIPE


def test_it_installs_the_locked_requirements_with_hashes_as_make_does_and_nothing_else() -> None:
    installs = [words[2:] for words in COMMANDS if words[:2] == ["pip", "install"]]
    lock = "/opt/rlgames/rlgames-lock.txt"  # sys.prefix, where rlgames.provenance looks for it
    assert ["python", "-m", "venv", "/opt/rlgames"] in COMMANDS
    assert installs == [
        ["--no-cache-dir", "--require-hashes", "--requirement", lock],
        ["--no-cache-dir", "--no-deps", "--no-build-isolation", "--editable", "."],
    ]
    assert (["envs/gpu.txt"], lock) in copies("gpu")
    assert "ARG FLAVOUR=cpu" in RECIPE
    makefile = (ROOT / "Makefile").read_text()
    (made,) = re.findall(r"^\t@\$\(PIP\) (.*)$", makefile, flags=re.MULTILINE)
    assert made == " ".join(installs[1][1:])
    assert "\t@$(INSTALL) envs/$(FLAVOUR).txt\n" in makefile  # which takes hashes, see envs/install.py
    assert not [words for words in COMMANDS if words[0] not in ("pip", "python", "useradd", "mkdir", "chown")]


def test_it_runs_snakemake_as_an_ordinary_user() -> None:
    assert STEPS[-3:] == [["USER", "rlgames"], ["ENTRYPOINT", '["snakemake"]'], ["CMD", '["--help"]']]
    assert any(words[0] == "useradd" and words[-1] == "rlgames" for words in COMMANDS)
    assert json.loads(STEPS[-2][1]) == ["snakemake"]


def test_what_it_copies_is_there_and_enough(tmp_path: Path) -> None:
    assert copies("cpu")[0][0] == ["envs/cpu.txt"]
    for sources, target in copies("gpu"):
        for source in sources:
            assert (ROOT / source).exists(), source
            if target.startswith("/"):
                continue
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, tmp_path / target, ignore=shutil.ignore_patterns("*.egg-info"))
            else:
                shutil.copy2(ROOT / source, tmp_path / target)
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "--dry-run", "--configfile", "config/smoke.yaml"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path / "workflow")}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert "This was a dry-run" in run.stdout + run.stderr
