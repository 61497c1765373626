"""What a results folder holds besides the products of its config: saves, temporary files of killed jobs, marks and
locks of Snakemake, and products that the config no longer has. What can be removed is known by its name."""

from __future__ import annotations

import binascii
import json
import os
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from rlgames.operations import locks
from rlgames.plan import paths
from rlgames.plan.plan import EPISODES, FORMATS, GAMEPLAY_FORMATS, VIDEO_FORMATS, Plan
from rlgames.settings.agents import Agent
from rlgames.settings.spec import kinds

SNAKEMAKE = Path(".snakemake")
"""What Snakemake knows of the working directory."""

SAVE = re.compile(r"(save|weights|copy)-\d+-\w+\.npz|progress\.json|lock")
"""Names of files that a training keeps beside itself."""

TABLES = {table for kind in kinds(Agent) for table in kind.tables} | {"cost", "datasets", "several-games", "variants"}
"""Names of all tables that there are."""

PICTURES = {"figure": FORMATS, "video": VIDEO_FORMATS, "gameplay": GAMEPLAY_FORMATS}
"""Endings of products whose names a config makes up."""

IDLE = 600
"""Seconds after which a file that nobody writes to counts as left behind."""


def unfinished(plan: Plan, since: float = 0.0) -> set[str]:
    """Products of this config whose job was started, by Snakemake's marks, at or after a time, and has not finished.

    A mark is a file named by the path in base64, which is cut into folders where names would get too long.
    """
    root, found = SNAKEMAKE / "incomplete", set()
    for mark in root.rglob("*"):
        with suppress(OSError, binascii.Error, UnicodeDecodeError):  # the job ended just now, or this is no mark
            if mark.is_file() and mark.stat().st_mtime >= since:
                found.add(urlsafe_b64decode("".join(mark.relative_to(root).parts).replace("@", "")).decode())
    return set(ours(plan, found))


def recorded_params(path: str) -> list[str] | None:
    """The params, as text, with which Snakemake knows a product to be made; None where it knows nothing of it."""
    name = urlsafe_b64encode(path.encode()).decode()
    parts = [name[start : start + 254] for start in range(0, len(name), 254)]
    record = Path(SNAKEMAKE, "metadata", *(f"@{part}" for part in parts[:-1]), parts[-1])
    with suppress(OSError, ValueError, TypeError, KeyError):
        return list(json.loads(record.read_text())["params"])
    return None


def is_locked(plan: Plan) -> bool:
    """Whether Snakemake has its own lock, a file that a killed one leaves, on products of this config."""
    for lock in (SNAKEMAKE / "locks").glob("*.output.lock"):
        with suppress(OSError, UnicodeDecodeError):  # it ended just now, or is damaged
            if any(ours(plan, lock.read_text().splitlines())):
                return True
    return False


def ours(plan: Plan, paths: Iterable[str]) -> Iterator[str]:
    """Those of some paths that lie below the results of this config, as its plan spells them: another config may name
    the same folder by a link, or by its absolute path."""
    root = Path(plan.config.results).resolve()
    is_root = cache(lambda folder: folder.resolve() == root)
    for path in map(Path, paths):
        for folder in filter(is_root, path.parents):
            yield str(Path(plan.config.results, path.relative_to(folder)))


def orphans(plan: Plan) -> list[Path]:
    """Folders of saves that no run of this config resumes from: it was renamed, say, or taken out of the config."""
    used = {Path(plan.path("state", **run)) for run in plan.runs()}
    parents = {folder for path in used for folder in path.parents}
    known = used | parents
    found = [path for path in sorted(state_folder(plan).rglob("*")) if path.is_dir() and path.parent in parents]
    return [path for path in found if path not in known and not any(map(locks.holder, path.rglob("lock")))]


def state_folder(plan: Plan) -> Path:
    """Where the saves of all runs are."""
    return Path(plan.path("state")).parents[2]


def abandoned(plan: Plan) -> list[Path]:
    """Files that killed jobs had not finished, below their temporary names: those that nobody wrote to of late."""
    found = []
    for path in files(Path(plan.config.results)):
        if match := re.fullmatch(r"(\..+)\.\d+(\.\w+)?", path.name):
            with suppress(OSError):  # it ended just now
                whole = path.with_name(match[1][1:] + (match[2] or ""))
                if is_ours(plan, whole) and time.time() - path.stat().st_mtime > IDLE:
                    found.append(path)
    return found


def saves(plan: Plan) -> list[Path]:
    """What trainings resume from, of whatever runs."""
    return [path for path in files(Path(plan.config.results)) if is_save(plan, path)]


def dropped(plan: Plan) -> list[Path]:
    """Products, logs and saves of runs, data sets, figures, videos and tables that the config no longer has.

    The name alone makes no file in the folders of figures and videos ours, but its log does.
    """
    wanted = {*plan.targets(), *logs(plan)}
    used = {Path(plan.path("state", **run)) for run in plan.runs()}
    found = [path for path in files(Path(plan.config.results)) if str(path) not in wanted and is_product(plan, path)]
    return found + [path for path in saves(plan) if path.parent not in used and not locks.holder(path.parent / "lock")]


def files(root: Path) -> Iterator[Path]:
    """All files below a folder in their order; nothing that is a link, nor what lies behind one."""
    for folder, inner, names in os.walk(root):
        inner.sort()
        yield from (path for name in sorted(names) if not (path := Path(folder, name)).is_symlink())


def is_ours(plan: Plan, path: Path) -> bool:
    whole = plan.path("page"), plan.path("config"), plan.path("checksums")
    return str(path) in whole or is_save(plan, path) or is_product(plan, path)


def is_save(plan: Plan, path: Path) -> bool:
    """Whether a path is that of a file which `rlgames.operations` keeps beside a training."""
    place = path.relative_to(plan.config.results).as_posix()
    run = paths.recognise(f"runs/{'/'.join(place.split('/')[1:-1])}/manifest.json")
    return bool(run) and place.startswith("state/") and bool(SAVE.fullmatch(path.name))


def is_product(plan: Plan, path: Path) -> bool:
    """Whether a path is that of a product of some config in this results folder, or of its log."""
    for product, known in paths.recognise(path.relative_to(plan.config.results).as_posix()):
        if product == "table":
            return known["table"] in TABLES
        if product not in PICTURES:
            return True
        log = {name: value for name, value in known.items() if name != "format"}
        return known["format"] in PICTURES[product] and Path(plan.path(f"{product} log", **log)).is_file()
    return False


def logs(plan: Plan) -> list[str]:
    """Logs, and what Snakemake notes of the cost, of all runs, data sets, figures and videos of a config."""
    of_runs = ("run log", "evaluation log", "encoding log", "encoding cost")
    found = [plan.path(kind, **run) for run in plan.runs() for kind in of_runs]
    found += [plan.path("dataset log", dataset=name) for name in plan.config.datasets]
    for kind in ("log", "cost"):
        found += [plan.path(f"figure {kind}", figure=name) for name in plan.config.figures]
        for experiment, variant in plan.filmed():
            known = {"experiment": experiment, "variant": variant}
            found.append(plan.path(f"video {kind}", **known))
            found += [plan.path(f"gameplay {kind}", **known, which=which) for which in EPISODES]
    return found


def size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; those that vanish meanwhile do not count."""
    total = 0
    for file in [path] if path.is_file() else path.rglob("*"):
        with suppress(OSError):
            total += file.stat().st_size
    return total
