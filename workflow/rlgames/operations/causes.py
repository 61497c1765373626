"""Why an error came, where it was not the program's fault: memory, disks, rights, limits."""

from __future__ import annotations

import errno
import os
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rlgames.operations.memory_limits import lack_behind

FULL = (errno.ENOSPC, errno.EDQUOT)  # a full disk, or a spent quota

OTHERS = {
    errno.EROFS: "{where} is on a disk that is mounted read-only: mount it for writing, or name another results folder",
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM),
        "{where} may not be read or written by you: change its owner or mode (chown, chmod), or name another "
        "results folder",
    ),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "Too many files are open: raise the limit (ulimit -n)"),
    errno.EFBIG: "{where} would be larger than a file may be here: raise the limit (ulimit -f)",
    **dict.fromkeys(
        (errno.EIO, errno.ESTALE, errno.ENODEV), "The disk with {where} fails: check it, or name another results folder"
    ),
}
"""Sentences, by the number of an error of the system."""


def cause(error: BaseException, trainings: bool) -> str:
    """The cause of an error, or of one that it came after, and the remedy; empty where none is known.

    `trainings` need memory that their settings can lower.
    """
    if (lack := lack_behind(error)) is not None:
        lower = "; a smaller capacity of the agent needs less too, but starts the training anew" * trainings
        what = "train fewer" if trainings else "run fewer jobs"
        return (
            f"Out of memory ({first_line(lack)}). End other programs, {what} at once (make CORES=1, snakemake --cores "
            f"1), or use a larger machine{lower}."
        )
    for each in chain(error):
        number, said = getattr(each, "errno", None), first_line(each)
        if type(each).__name__ == "BrokenProcessPool":
            return f"{said} It was killed: by kill -9, or by the system for lack of memory (make CORES=1 needs less)."
        if any(
            frame.filename.endswith("multiprocessing/synchronize.py")
            for frame in traceback.extract_tb(each.__traceback__)
        ):
            return f"Processes cannot share locks in /dev/shm ({said}): make it writable, and free some space in it."
        if number in FULL or "No usable temporary directory" in said:
            return f"The disk is full ({said}): free some space{''.join(full_places(each))}."
        if number in OTHERS:
            return f"{OTHERS[number].format(where=getattr(each, 'filename', None) or 'What it needs')} ({said})."
    return ""


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that it came after."""
    while error:
        yield error
        error = error.__cause__ or error.__context__


def full_places(error: BaseException) -> Iterator[str]:
    """Of the places where a job writes, those that are full, in words."""
    named = getattr(error, "filename", None)
    places = [Path(str(named)).parent] if named else [Path(), Path("/dev/shm"), *temporary()]  # noqa: S108 (its size is asked for)
    for place in places:
        with suppress(OSError):
            facts = os.statvfs(place)
            if facts.f_files and not facts.f_favail:
                yield f"; {place.absolute()} can hold no more files, however small (df -i), so remove some"
            elif facts.f_blocks and facts.f_bavail * facts.f_frsize < 2**20:
                yield f"; {place.absolute()} has {facts.f_bavail * facts.f_frsize} bytes left"


def temporary() -> Iterator[Path]:
    """The folder of temporary files; none where none can be written."""
    with suppress(OSError):
        yield Path(tempfile.gettempdir())


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or else its name."""
    return str(error).partition("\n")[0] or type(error).__name__
