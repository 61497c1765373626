"""Memory that may still be taken: limits of control groups of both versions, and a process's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlgames.operations.memory_limits import ShortageError, demand_replay, group_limits, lack_behind, limits

MB = 1_000_000


def group(folder: Path, version: int, limit: str, used: int, cached: int) -> None:
    """A control group as Linux shows one."""
    names = {1: ("limit_in_bytes", "usage_in_bytes", "total_inactive_file"), 2: ("max", "current", "inactive_file")}
    maximum, usage, reclaimable = names[version]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"memory.{maximum}").write_text(f"{limit}\n")
    (folder / f"memory.{usage}").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{reclaimable} {cached}\n")


def test_version_two_counts_the_groups_around_it_and_no_cached_files(tmp_path: Path) -> None:
    (tmp_path / "groups").write_text("0::/slice/job\n")
    mount = tmp_path / "mount"
    group(mount / "slice/job", 2, "max", 0, 0)
    group(mount / "slice", 2, str(1000 * MB), 700 * MB, 100 * MB)
    group(tmp_path, 2, "1", 0, 0)  # outside of the mount
    assert list(group_limits(tmp_path / "groups", mount)) == [400 * MB]


def test_version_one_in_a_container_that_shows_its_own_group_at_the_top(tmp_path: Path) -> None:
    (tmp_path / "groups").write_text("9:name=systemd:/x\n4:cpu,memory:/docker/4711\n0::/docker/4711\n")
    group(tmp_path / "mount/memory", 1, str(500 * MB), 450 * MB, 0)
    assert list(group_limits(tmp_path / "groups", tmp_path / "mount")) == [50 * MB]


def test_system_without_control_groups_has_no_limits(tmp_path: Path) -> None:
    assert list(group_limits(tmp_path / "none", tmp_path)) == []


ASK = "from rlgames.operations import memory_limits as limits; limits.BESIDES = 0; limits.demand_replay(300_000_000, 7)"


def test_limit_of_a_process_is_told() -> None:
    code = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({250 * MB}, {250 * MB})); {ASK}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "are free within this process's own limit (ulimit -v)" in run.stderr


@pytest.fixture
def small_group() -> Path:
    """A real control group of 200 MB, of whichever version this machine has."""
    for name, limit in (("memory", "memory.limit_in_bytes"), ("", "memory.max")):
        for line in Path("/proc/self/cgroup").read_text().splitlines() if sys.platform == "linux" else ():
            _, controllers, path = line.split(":", 2)
            folder = Path("/sys/fs/cgroup", name, path.lstrip("/"), f"rlgames-{os.getpid()}")
            if name in controllers.split(",") and os.access(folder.parent, os.W_OK):
                try:
                    folder.mkdir()
                    (folder / limit).write_text(str(200 * MB))
                except OSError:
                    if folder.exists():
                        folder.rmdir()
                else:
                    return folder
    pytest.skip("making a control group with a limit needs root, and a container that allows it")


def test_limit_of_a_real_control_group_is_told(small_group: Path) -> None:
    code = f"import os; open('{small_group}/cgroup.procs', 'w').write(str(os.getpid())); {ASK}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    small_group.rmdir()
    assert "are free within the limit of this container, job or service (its control group)" in run.stderr


def test_what_fits_is_not_refused_and_without_a_buffer_nothing_is() -> None:
    demand_replay(1, 1)
    with pytest.raises(ShortageError, match=r"needs 1000000001.0 GB of memory \(7 frames of the replay buffer"):
        demand_replay(10**18, 7)
    demand_replay(0, 7)
    assert min(limits())[0] > 1


def test_lack_of_memory_is_known_behind_what_it_broke() -> None:
    lack, closing = MemoryError(), ValueError("I/O operation on closed file.")
    assert lack_behind(lack) is lack
    assert lack_behind(closing) is None
    closing.__context__ = lack
    assert lack_behind(closing) is lack
