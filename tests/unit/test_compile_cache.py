"""Compiled functions that are kept: apart for each code hash, whole, and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rlgames.messages import UserError
from rlgames.operations import compile_cache

# A job whose compiled function calls one in another file, of which numba's own cache does not see that it changed.
JOB = """
import sys
from rlgames.operations import compile_cache
compile_cache.use(sys.argv[1])
import compiled
print(compiled.twice(20))
"""
COMPILED = "import numba\nfrom callee import add\n\n@numba.njit(cache=True)\ndef twice(x):\n    return add(x, x)\n"
CALLEE = "import numba\n\n@numba.njit(cache=True)\ndef add(x, y):\n    return x + y{more}\n"


class Machine:
    """A project, a home, and a place for temporary files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.cache = folder, folder / "cache"
        for name in ("home", "tmp", "library"):
            (folder / name).mkdir()
        (folder / "library/compiled.py").write_text(COMPILED)
        self.edit("")

    def edit(self, more: str) -> None:
        (self.folder / "library/callee.py").write_text(CALLEE.format(more=more))

    def run(self, code: str = "0123") -> int:
        """What the job computes."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA")} | {
            "HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "tmp"), "NUMBA_CACHE_DIR": str(self.cache),
            "PYTHONPATH": str(self.folder / "library"), "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        command = [sys.executable, "-c", JOB, code]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert not run.returncode, run.stderr
        return int(run.stdout)

    def kept(self, kind: str) -> list[Path]:
        return sorted(self.cache.rglob(f"*.{kind}"))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_other_code_gets_other_functions_and_damaged_ones_are_compiled_anew(machine: Machine) -> None:
    assert machine.run() == 40
    assert len(machine.kept("nbi")) == len(machine.kept("nbc")) == 2
    times = {path: path.stat().st_mtime_ns for path in machine.kept("nb?")}
    machine.edit(" + 2")
    assert machine.run("4567") == 42
    assert times == {path: path.stat().st_mtime_ns for path in times}
    for index, path in enumerate(times):  # cut, of other bytes, a folder, and a link to nowhere
        content = path.read_bytes()
        path.unlink()
        if index == 0:
            path.write_bytes(content[: len(content) // 2])
        elif index == 1:
            path.write_bytes(bytes(byte ^ 1 for byte in content))
        elif index == 2:
            path.mkdir()
        else:
            path.symlink_to("/nowhere")
    machine.edit("")
    assert machine.run() == 40
    assert not any(path.is_symlink() or path.is_dir() for path in times)


def test_cache_that_cannot_be_written_is_replaced_for_one_job(machine: Machine) -> None:
    machine.cache.write_text("a file where a folder should be")
    assert machine.run() == 40
    assert not any(path.is_file() for name in ("home", "tmp") for path in (machine.folder / name).rglob("*"))


def keep(folder: Path, name: str, content: bytes) -> Path:
    """As numba keeps a function."""
    path = folder / "agents" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def leave(folder: Path) -> None:
    """As a process does at its end."""
    lock = compile_cache.held.pop()
    compile_cache.note(folder, lock, os.getpid())
    lock.close()


def test_files_are_compared_by_the_first_to_come_and_noted_by_the_last_to_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compile_cache.atexit, "register", lambda *_: None)
    compile_cache.remove_what_changed(tmp_path)
    index, data = keep(tmp_path, "f.nbi", b"index"), keep(tmp_path, "f.1.nbc", b"data")
    compile_cache.remove_what_changed(tmp_path)  # another job, meanwhile
    assert index.exists()
    leave(tmp_path)
    assert not (tmp_path / "checksums.json").exists()
    leave(tmp_path)
    compile_cache.remove_what_changed(tmp_path)
    assert index.read_bytes() == b"index"
    killed = keep(tmp_path, "g.nbi", b"of a job that was killed")
    compile_cache.held.pop().close()
    data.write_bytes(b"dada")
    compile_cache.remove_what_changed(tmp_path)
    leave(tmp_path)
    assert index.exists()
    assert not data.exists()
    assert not killed.exists()
    for content in (b"", b"null", b"[1]", b"\xff"):
        (tmp_path / "checksums.json").write_bytes(content)
        keep(tmp_path, "f.nbi", b"index")
        compile_cache.remove_what_changed(tmp_path)
        leave(tmp_path)
        assert not index.exists()


def test_commands_that_are_no_jobs_keep_functions_apart_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make verify` plays compiled games, which lay beside their source, shared by all code."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compile_cache.atexit, "register", lambda *_: None)
    hashed: set[str] = set()

    def code_hash(*modules: str) -> str:
        hashed.update(modules)
        return "0f"

    monkeypatch.setattr(compile_cache, "code_hash", code_hash)
    compile_cache.use_for_all_code()
    compile_cache.held.pop().close()
    assert Path(os.environ["NUMBA_CACHE_DIR"]).parent == tmp_path / "0f"
    assert {"rlgames", "rlgames.environments.mountain_car", "rlgames.agents.linear.core"} < hashed


def test_no_place_for_compiled_functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(compile_cache.tempfile, "mkdtemp", lambda **_: (tmp_path / "file/x").mkdir())
    with pytest.raises(UserError, match="set NUMBA_CACHE_DIR or TMPDIR"):
        compile_cache.use("0123")


def test_edit_that_leaves_time_and_size_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `rsync --times` may bring it: Python by itself would run the bytecode of the code before."""
    monkeypatch.setattr(compile_cache, "PACKAGE", tmp_path)
    source, command = tmp_path / "module.py", [sys.executable, "-c", "import module; print(module.X)"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run(text: str) -> str:
        source.write_text(text)
        os.utime(source, (10**9, 10**9))
        return subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert run("X = 1\n") == "1"
    assert run("X = 2\n") == "1"  # the fault
    compile_cache.demand_fresh_bytecode()
    assert [run(f"X = {number}\n") for number in (2, 3, 2)] == ["2", "3", "2"]
    (bytecode,) = tmp_path.rglob("*.pyc")
    before = bytecode.stat().st_mtime_ns
    time.sleep(0.01)
    compile_cache.demand_fresh_bytecode()
    assert bytecode.stat().st_mtime_ns == before
    source.write_text("X = (\n")
    compile_cache.demand_fresh_bytecode()  # it is for the import to say so
