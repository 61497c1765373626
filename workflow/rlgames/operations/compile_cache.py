"""Compiled code that is kept between jobs: never that of other code, of another NumPy, or damaged."""

from __future__ import annotations

import atexit
import fcntl
import importlib.util
import json
import os
import py_compile
import shutil
import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TextIO

from rlgames.files import PACKAGE, ROOT, checksum, replacing
from rlgames.messages import UserError, log
from rlgames.provenance import code_hash

held: list[TextIO] = []
"""The lock of the folder in use, until this process ends."""


def use(code: str) -> None:
    """Let numba keep compiled functions in a folder for this code hash, of NUMBA_CACHE_DIR or else of the project.

    numba looks for changes only in the file of a function, not in what the function calls. Where nothing can be written
    it would fall back to a folder that all code shares; here the job compiles for itself. Files that are not as they
    were left are removed, and compiled anew.
    """
    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or ROOT / ".cache" / "numba", code, f"numpy-{version('numpy')}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for place in (folder, *filter(Path.is_dir, folder.iterdir())):
            tempfile.TemporaryFile(dir=place).close()
        remove_what_changed(folder)
    except OSError as error:
        log.warning(f"Compiled functions cannot be kept in {folder} ({error.strerror}): this job compiles its own.")
        folder = own_folder()
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    # Other locators would fall back to a folder that all code shares.
    os.environ["NUMBA_CACHE_LOCATOR_CLASSES"] = "UserProvidedCacheLocator"


def use_for_all_code() -> None:
    """The same for a command that is no job, which may compile anything in this package."""
    names = (path.relative_to(PACKAGE.parent).with_suffix("").parts for path in PACKAGE.rglob("*.py"))
    use(code_hash(*(".".join(name).removesuffix(".__init__") for name in names)))


def own_folder() -> Path:
    """A folder that goes with this process. Raises `UserError` if there is no place for one."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="rlgames-"))
    except OSError as error:
        raise UserError(
            f"There is no place for compiled functions ({error}): set NUMBA_CACHE_DIR or TMPDIR to a folder that you "
            "can write to."
        ) from None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def remove_what_changed(folder: Path) -> None:
    """Remove cached files that are not as the last job left them; while others are at work here, only look on.

    The first to come compares checksums, the last to leave writes them.
    """
    lock = (folder / "lock").open("a")
    held.append(lock)
    if alone(lock):
        known = read(folder / "checksums.json")
        for path in [*folder.rglob("*.nbi"), *folder.rglob("*.nbc")]:
            plain = path.is_file() and not path.is_symlink()
            if not plain or known.get(str(path.relative_to(folder))) != checksum(path):
                log.info(f"{path} has changed since it was written: its function is compiled anew.")
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    with suppress(OSError):
        fcntl.flock(lock, fcntl.LOCK_SH)
    atexit.register(note, folder, lock, os.getpid())


def note(folder: Path, lock: TextIO, process: int) -> None:
    """Write the checksums of all that is cached, if this process (no child of it) is the last to leave."""
    with suppress(OSError):
        if os.getpid() == process and alone(lock):
            files = [*folder.rglob("*.nbi"), *folder.rglob("*.nbc")]
            with replacing(folder / "checksums.json") as temporary:
                temporary.write_text(json.dumps({str(path.relative_to(folder)): checksum(path) for path in files}))


def alone(lock: TextIO) -> bool:
    """Take a lock for this process alone, unless another has it, or the file system knows no locks."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def read(path: Path) -> dict[str, str]:
    """Checksums by path; empty where none were written, or they cannot be read."""
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def demand_fresh_bytecode() -> None:
    """Let Python tell by contents whether its bytecode of this package is fresh. By itself it goes by time and size,
    which an edit may leave as they were. Where nothing can be written, all stays as it is."""
    for source in PACKAGE.rglob("*.py"):
        with suppress(OSError, py_compile.PyCompileError, UnicodeError):
            kept = Path(importlib.util.cache_from_source(str(source)))
            if not kept.exists() or kept.read_bytes()[4:8] != b"\3\0\0\0":
                mode = py_compile.PycInvalidationMode.CHECKED_HASH
                py_compile.compile(str(source), doraise=True, invalidation_mode=mode)
