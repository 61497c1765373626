"""What a result is made with: the commit, the lock and the versions of libraries, the machine."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from rlgames.files import PACKAGE, ROOT, checksum

LIBRARIES = (
    *("numpy", "numba", "gymnasium", "ale-py", "tensorflow", "tensorflow-cpu", "keras"),
    *("opencv-python-headless", "scikit-learn", "pandas", "pyarrow"),
)
"""Libraries whose versions a manifest shows, where they are installed; the lock has all of them."""

PIN = re.compile(r"^([\w.-]+)==([^\s;]+)( *;)?", re.MULTILINE)
"""A distribution in a lock, its version, and the mark of one that only some systems get."""


@cache
def note_surroundings() -> dict[str, Any]:
    """What a result is made with: as it was when this was first asked, at the beginning of a job."""
    return {
        "revision": revision(),
        "lock": installed_lock(),
        "python": platform.python_version(),
        "versions": dict(versions()),
        "machine": machine(),
    }


SURROUNDINGS = ("revision", "lock", "python", "versions", "machine")


def versions() -> Iterator[tuple[str, str]]:
    """The libraries that are installed, with their versions."""
    for library in LIBRARIES:
        with suppress(importlib.metadata.PackageNotFoundError):
            yield library, importlib.metadata.version(library)


def installed_lock() -> str | None:
    """Hash of the lock that the environment was installed from; None for an environment made by other means, or in
    which a distribution has another version since."""
    path = Path(sys.prefix, "rlgames-lock.txt")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        return None
    return None if list(changed_versions(text)) else checksum(path)[:16]


def changed_versions(lock: str) -> Iterator[str]:
    """Names of the distributions that are not as a lock has them: of another version, in two, or missing. Those for
    other systems only, after a semicolon, may be missing."""
    found: dict[str, set[str]] = {}
    for folder in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for path in Path(folder).glob("*.dist-info"):  # reading the metadata of all would take 0.1 s of every job
            name, _, version = path.stem.rpartition("-")
            found.setdefault(normalised(name), set()).add(version)
    for name, version in versions():  # what this process finds first, wherever it lies
        found.setdefault(normalised(name), set()).add(version)
    for name, version, elsewhere in PIN.findall(lock):
        if (here := found.get(normalised(name), set())) != {version} and (here or not elsewhere):
            yield name


def normalised(name: str) -> str:
    """The name of a distribution, in one of its many ways of writing."""
    return re.sub(r"[-_.]+", "-", name).lower()


def revision() -> str | None:
    """The commit of the code, with a plus sign if the workflow differs from it; None where git does not have it.

    Files are compared by their contents, since git can be told to overlook changes. Another repository around this
    project, of which it is no part, has another commit.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*words: str) -> bytes:
        command = ["git", "--no-optional-locks", "--no-replace-objects", *words]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True).stdout

    try:
        commit = git("rev-parse", "--verify", "HEAD").decode().strip()
        entries = git("ls-tree", "-r", "-z", commit, "Snakefile", "workflow").split(b"\0")[:-1]
        committed = {
            os.fsdecode(name): facts.split()[2].decode() for facts, name in (e.split(b"\t", 1) for e in entries)
        }
    except (OSError, subprocess.CalledProcessError):
        return None
    if str((PACKAGE / "provenance.py").relative_to(ROOT)) not in committed:
        return None
    files = {str(path.relative_to(ROOT)) for kind in ("*.py", "*.smk") for path in (ROOT / "workflow").rglob(kind)}
    same = files <= committed.keys() and all(blob(ROOT / name, len(key)) == key for name, key in committed.items())
    return commit if same else f"{commit}+"


def blob(path: Path, length: int) -> str | None:
    """The name that git has for the contents of a file, of so many letters; None for a file that cannot be read."""
    try:
        content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
    except OSError:
        return None
    kind = hashlib.sha1 if length == 40 else hashlib.sha256
    return kind(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def machine() -> dict[str, Any]:
    """The processor, and the widest instruction set that numerical code may use on it."""
    model, flags = platform.processor() or platform.machine(), ""
    for key, value in cpuinfo():
        model = value if key == "model name" else model
        flags = value if key in ("flags", "Features") else flags
    known = [name for name in ("avx512f", "avx2", "avx", "sse4_2", "sve", "asimd") if name in flags.split()]
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": model,
        "instruction_set": known[0] if known else platform.machine(),
        "onednn_max_cpu_isa": os.environ.get("ONEDNN_MAX_CPU_ISA"),
        "cores": os.cpu_count(),
    }


def numerics(device: str) -> dict[str, Any]:
    """What the bits of a training depend on, besides its settings and code."""
    return {"lock": installed_lock(), "versions": dict(versions()), "device": device} | {
        key: machine()[key] for key in ("instruction_set", "onednn_max_cpu_isa")
    }


def cpuinfo() -> Iterator[tuple[str, str]]:
    """Keys and values of the first processor in Linux's list; nothing on other systems."""
    path = Path("/proc/cpuinfo")
    for line in path.read_text().splitlines() if path.exists() else ():
        if not line.strip():
            return
        key, _, value = line.partition(":")
        yield key.strip(), value.strip()
