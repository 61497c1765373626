"""A copy of the project that tests may run and edit, and a compile cache that the whole session shares."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "workflow" / "rlgames").rglob("*.py"))
CODE = hashlib.sha256(b"".join(path.read_bytes() for path in SOURCES)).hexdigest()[:16]
os.environ["NUMBA_CACHE_DIR"] = str(ROOT / ".cache" / "tests" / CODE)  # numba does not see an edit of a callee
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it starts with & ignore Ctrl-C, for good

hypothesis.settings.register_profile("compiled", deadline=None, derandomize=True)  # a first call compiles
hypothesis.settings.load_profile("compiled")

# Written into every Python process of a sandbox: at its end it notes what it ran and which modules it had loaded.
TRACER = """
import atexit, json, os, sys, uuid
def note():
    folder = os.environ.get("TRACE_MODULES")
    if folder:
        with open(os.path.join(folder, uuid.uuid4().hex), "w") as file:
            json.dump({"argv": sys.orig_argv, "modules": sorted(sys.modules)}, file)
atexit.register(note)
"""


@contextmanager
def file_system(folder: Path, size: str) -> Iterator[Path]:
    """A folder that is a disk of this size ("2m"), in memory; where none can be mounted, the test is skipped."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root, and a container that allows it")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Sandbox:
    """A copy of the project in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("Snakefile", "workflow", "config", "profiles", "envs", "pyproject.toml"):
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
            else:
                shutil.copy2(source, folder / name)
        (folder / "tracer").mkdir()
        (folder / "tracer" / "sitecustomize.py").write_text(TRACER)
        self.environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(folder / "workflow"), str(folder / "tracer")]),
            "NUMBA_CACHE_DIR": str(folder / "numba"),
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", *arguments]

    def snakemake(self, *arguments: str, fails: bool = False, **environment: str) -> str:
        """Run Snakemake and return all that it printed; it has to succeed, or, if `fails`, to fail."""
        run = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert (run.returncode != 0) == fails, run.stdout
        return run.stdout

    def build(self, config: dict[str, Any], *arguments: str, cores: int = 2, **options: Any) -> str:
        """Run Snakemake on a config of the test's own."""
        file = self.folder / "config" / f"{Path(config['results']).name}.yaml"
        file.write_text(yaml.safe_dump(config))
        return self.snakemake(*arguments, "--cores", str(cores), "--configfile", str(file), **options)

    def planned(self, config: dict[str, Any], *arguments: str) -> set[str]:
        """What a dry run would make: the first output of each job, below the results folder."""
        text = self.build(config, "--dry-run", *arguments)
        outputs = [line.split(":", 1)[1] for line in text.splitlines() if line.startswith("    output:")]
        return {
            output.split(",  ")[0].split(", results")[0].strip().removeprefix(config["results"] + "/")
            for output in outputs
        }


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """One copy for the session, so that functions are compiled once; a test that edits it uses `edited`."""
    return Sandbox(tmp_path_factory.mktemp("project"))


@pytest.fixture
def edit(sandbox: Sandbox) -> Iterator[Any]:
    """A function that replaces text in a file of the sandbox until the end of the test."""
    originals: dict[Path, str] = {}

    def replace(name: str, old: str, new: str) -> None:
        path = sandbox.folder / name
        text = path.read_text()
        originals.setdefault(path, text)
        assert old in text, f"{name} has no {old!r}"
        path.write_text(text.replace(old, new))

    yield replace
    for path, text in originals.items():
        path.write_text(text)


def traces(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in folder.iterdir()]
