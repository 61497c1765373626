"""Memory that this process may still take: of the machine, of its control group, and by its own limit."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

VERSIONS = {
    "memory": ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    "": ("", "memory.max", "memory.current", "inactive_file"),
}
"""Of control groups, by the controller in /proc/self/cgroup: where they are mounted, limit, usage, reclaimable part."""


class ShortageError(MemoryError):
    """Memory that is not there. The message says what to do."""


def demand(needed: int, what: str) -> None:
    """Raise `ShortageError` unless this process can have so many bytes in all: those that it lacks have to be free."""
    free, whose = min(limits())
    if needed - psutil.Process().memory_info().rss > free:
        raise ShortageError(
            f"This training needs {needed / 1e9:.1f} GB of memory, {what}, but {max(free, 0) / 1e9:.1f} GB are free "
            f"{whose}. Lower the agent's capacity, train fewer at once (CORES=1), or take a larger machine."
        )


def limits() -> Iterator[tuple[int, str]]:
    """Bytes that may still be taken, and by whose limit."""
    yield psutil.virtual_memory().available, "on this machine"
    for free in group_limits(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")):
        yield free, "below the limit of this container, job or service (its control group)"
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most != resource.RLIM_INFINITY:
        yield most - psutil.Process().memory_info().vms, "below this process's own limit (ulimit -v)"


def group_limits(groups: Path, mount: Path) -> Iterator[int]:
    """Bytes free in each Linux control group that this process is in, of either version, and in those around it.

    `groups` lists them, `mount` is where they are found. Within a container the path may be one of outside, of which
    the mount shows the last part only.
    """
    with suppress(OSError):
        for line in groups.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            for controller in VERSIONS.keys() & set(controllers.split(",")):
                name, limit, usage, reclaimable = VERSIONS[controller]
                root = mount / name
                place = root / path.lstrip("/")
                for folder in (place, *place.parents):
                    if folder == root or root in folder.parents:
                        with suppress(OSError, ValueError, KeyError):  # no limit here: "max", or no file
                            statistics = dict(
                                entry.split() for entry in (folder / "memory.stat").read_text().splitlines()
                            )
                            taken = int((folder / usage).read_text()) - int(statistics[reclaimable])
                            yield int((folder / limit).read_text()) - taken


def lack_behind(error: BaseException | None) -> BaseException | None:
    """What says that no memory was left, on the machine or on a graphics card: an error, or one that it came after.

    NumPy's `savez`, for one, fails once more when it closes the archive that it could not write.
    """
    while error and not (isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"):
        error = error.__cause__ or error.__context__  # the name is TensorFlow's, which may not be loaded
    return error
