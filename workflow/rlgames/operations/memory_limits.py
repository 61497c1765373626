"""Memory that this process may still take: of the machine, of its control group, and by its own limit."""

from __future__ import annotations

import errno
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from rlgames.messages import UserError

VERSIONS = {
    "memory": ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    "": ("", "memory.max", "memory.current", "inactive_file"),
}
"""Where control groups of either version are mounted, and their limit, usage and reclaimable part, by the controller
that /proc/self/cgroup names."""
BESIDES = 1_000_000_000
"""Bytes that TensorFlow, the networks and the games take."""


class ShortageError(UserError):
    """Memory that is not there."""


def demand_replay(buffer: int, frames: int) -> None:
    """Raise `ShortageError` unless a replay buffer of so many bytes fits, and all that is needed besides.

    What this process has taken already need not be free. Without a buffer, nothing is demanded.
    """
    needed, (free, whose) = buffer + BESIDES, min(limits())
    if buffer and needed - psutil.Process().memory_info().rss > free:
        raise ShortageError(
            f"This training needs {needed / 1e9:.1f} GB of memory ({frames} frames of the replay buffer, and "
            f"{BESIDES / 1e9:.1f} GB besides), but only {max(free, 0) / 1e9:.1f} GB are free {whose}. Lower the "
            "agent's capacity, train fewer at once (make CORES=1, snakemake --cores 1), or use a larger machine."
        )


def limits() -> Iterator[tuple[int, str]]:
    """Bytes that may still be taken under each limit, and the limit in words."""
    yield from shared()
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most != resource.RLIM_INFINITY:
        yield most - psutil.Process().memory_info().vms, "within this process's own limit (ulimit -v)"


def shared() -> Iterator[tuple[int, str]]:
    """As `limits`, without the limit of each single process."""
    yield psutil.virtual_memory().available, "on this machine"
    for free in group_limits(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")):
        yield free, "within the limit of this container, job or service (its control group)"


def group_limits(groups: Path, mount: Path) -> Iterator[int]:
    """Bytes free in each Linux control group that this process is in, of either version, and in those around it.

    `groups` lists them, `mount` is where they are found. Within a container the path may be that of outside, of which
    the mount shows only the last part.
    """
    for line in groups.read_text().splitlines() if groups.exists() else ():
        _, controllers, path = line.split(":", 2)
        for controller in VERSIONS.keys() & set(controllers.split(",")):
            name, limit, usage, reclaimable = VERSIONS[controller]
            place = mount / name / path.lstrip("/")
            for folder in (place, *place.parents):
                if folder.is_relative_to(mount / name):
                    with suppress(OSError, ValueError, KeyError):  # no limit here: "max", or no file
                        facts = dict(entry.split() for entry in (folder / "memory.stat").read_text().splitlines())
                        taken = int((folder / usage).read_text()) - int(facts[reclaimable])
                        yield int((folder / limit).read_text()) - taken


def lack_behind(error: BaseException | None) -> BaseException | None:
    """The lack of memory, on the machine or on a graphics card, that an error is or came after; None if it did not.

    NumPy's `savez`, for one, fails once more when it closes the archive that it could not write.
    """
    while error and not is_lack(error):
        error = error.__cause__ or error.__context__
    return error


SAID = (
    "annot allocate memory",
    "failed to map segment",
    "Insufficient memory",
    "Failed to allocate",
    "start new thread",
)
"""What the system's loader, OpenCV and Python say in errors of other kinds."""


def is_lack(error: BaseException) -> bool:
    """Whether an error tells of a lack of memory; names stand for libraries that may not be loaded."""
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":  # TensorFlow's
        return True
    told = isinstance(error, ImportError | RuntimeError | OSError) or type(error).__module__ == "cv2"
    return getattr(error, "errno", None) == errno.ENOMEM or (told and any(words in str(error) for words in SAID))
