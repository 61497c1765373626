"""What killed processes left behind: marks and locks of Snakemake, temporary files, saves of runs that are no more."""

from __future__ import annotations

import binascii
import re
import time
from base64 import urlsafe_b64decode
from contextlib import suppress
from pathlib import Path

from rlgames.operations import locks
from rlgames.plan.plan import Plan

SNAKEMAKE = Path(".snakemake")
"""What Snakemake knows of the working directory."""

IDLE = 600
"""Seconds after which a file that nobody writes to counts as left behind."""


def unfinished(plan: Plan, since: float = 0.0) -> set[str]:
    """Products of this config whose job was started, by Snakemake's marks, at or after a time, and has not finished.

    A mark is a file named by the path in base64, which is cut into folders where names would get too long.
    """
    root, found = SNAKEMAKE / "incomplete", set()
    for mark in root.rglob("*"):
        with suppress(OSError, binascii.Error, UnicodeDecodeError):  # it ended just now, or is no mark
            if mark.is_file() and mark.stat().st_mtime >= since:
                found.add(urlsafe_b64decode("".join(mark.relative_to(root).parts).replace("@", "")).decode())
    return {path for path in found if path.startswith(f"{plan.config.results}/")}


def is_locked(plan: Plan) -> bool:
    """Whether Snakemake has its own lock, a file that a killed one leaves, on products of this config."""
    for lock in (SNAKEMAKE / "locks").glob("*.output.lock"):
        with suppress(OSError, UnicodeDecodeError):  # it ended just now, or is damaged
            if any(line.startswith(f"{plan.config.results}/") for line in lock.read_text().splitlines()):
                return True
    return False


def orphans(plan: Plan) -> list[Path]:
    """Folders of saves that no run of this config resumes from: it was renamed, say, or taken out of the config."""
    used = {Path(plan.path("state", **run)) for run in plan.runs()}
    parents = {folder for path in used for folder in path.parents}
    found = [path for path in sorted(state_folder(plan).rglob("*")) if path.is_dir() and path.parent in parents]
    return [path for path in found if path not in used | parents and not any(map(locks.holder, path.rglob("lock")))]


def state_folder(plan: Plan) -> Path:
    """Where the saves of all runs are."""
    return Path(plan.path("state")).parents[2]


def abandoned(plan: Plan) -> list[Path]:
    """Files that killed jobs had not finished, below their temporary names: those that nobody wrote to of late."""
    files = [path for path in Path(plan.config.results).rglob(".*.*") if re.fullmatch(r"\..+\.\d+(\.\w+)?", path.name)]
    return [path for path in files if path.is_file() and time.time() - path.stat().st_mtime > IDLE]


def size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; those that vanish meanwhile do not count."""
    total = 0
    for file in [path] if path.is_file() else path.rglob("*"):
        with suppress(OSError):
            total += file.stat().st_size
    return total
