"""Kernel locks on files: they end with the process that holds them, however it ends."""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import time
from pathlib import Path
from typing import TextIO

from rlgames.messages import log

PATIENCE = 2.0
"""Seconds for which a lock that is held is asked for again: who has it may be ending, or only looking."""

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What a file system without locks says."""


def take(path: Path, patience: float = PATIENCE) -> TextIO | None:
    """Lock a file for as long as the result is open, and write into it who has it; None if another process has.

    Where the file system has no locks, all get one, with a warning. Raises `OSError` where the file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
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
        log.warning(f"The file system of {path} has no locks: see to it that no other process works on the same.")
    try:
        file.truncate(0)
        os.write(file.fileno(), f"{this_process()}\n".encode())
    except OSError:  # on a full disk the name is missing, and the lock holds
        pass
    return file


def holder(path: Path) -> str | None:
    """The process that has a lock, as "number on machine"; None if none has."""
    try:
        with path.open() as file:  # a file that is open for reading can be shared, on network file systems as well
            return None if is_free(file, fcntl.LOCK_SH) else file.read().strip() or "of unknown number"
    except OSError:
        return None


def this_process() -> str:
    """As `holder` names it."""
    return f"{os.getpid()} on {platform.node()}"


def how_to_stop(process: str) -> str:
    """What ends a process that `holder` named: it may be on another machine, as a job of a cluster."""
    number, _, machine = process.partition(" on ")
    return f"kill {number}" if machine == platform.node() else f"kill on its machine, or scancel of its job ({process})"


def is_free(file: TextIO, kind: int) -> bool:
    """Lock an open file, unless it is locked elsewhere."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
