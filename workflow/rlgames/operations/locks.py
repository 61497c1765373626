"""Kernel locks on files: they end with the process that holds them, however it ends."""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from rlgames.messages import log

PATIENCE = 2.0
"""Seconds for which a held lock is asked for again: its holder may be ending, or only looking."""

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # of a file system without locks


def take(path: Path, patience: float = PATIENCE) -> TextIO | None:
    """Lock a file for as long as the result is open, and write its holder into it; None if another process has it.

    Where the file system has no locks, everyone gets one, with a warning. Raises `OSError` if the file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise FileExistsError(errno.EEXIST, f"{path.name} is not a file: remove it", str(path))
    file, deadline = path.open("a+"), time.monotonic() + patience
    try:
        while not is_free(file, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                file.close()
                return None
            time.sleep(0.05)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        log.warning(
            f"The file system of {path} has no locks: make sure that no other process works on the same results."
        )
    with suppress(OSError):  # on a full disk the name is missing, and the lock holds
        file.truncate(0)
        os.write(file.fileno(), f"{this_process()}\n".encode())
    return file


def holder(path: Path) -> str | None:
    """The process that holds a lock, as "number on machine"; None if none does."""
    try:
        if not path.is_file():  # a pipe would be waited for
            return None
        with path.open(
            errors="replace"
        ) as file:  # a shared lock needs no write access, not even on network file systems
            if is_free(file, fcntl.LOCK_SH):
                return None
            said = file.read(200).strip()
            return said if re.fullmatch(r"\d+ on [\w.-]+", said) else "of unknown number"
    except OSError:
        return None


def is_free(file: TextIO, kind: int) -> bool:
    """Lock an open file, unless it is locked elsewhere."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def this_process() -> str:
    """This process, as `holder` names it."""
    return f"{os.getpid()} on {platform.node()}"


def how_to_stop(process: str) -> str:
    """The command that ends a process that `holder` named, which may be on another machine, as a job of a cluster."""
    number, _, machine = process.partition(" on ")
    return (
        f"kill {number}"
        if machine == platform.node()
        else f"kill on its machine, or with scancel if it is a job of a cluster ({process})"
    )
