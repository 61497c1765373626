"""Jobs that cannot go on say what they lack, and what to do: real errors, where one can be had."""

from __future__ import annotations

import errno
import multiprocessing.synchronize
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import file_system
from rlgames.files import replacing
from rlgames.operations.jobs import explanation
from rlgames.plan.startup import from_the_future
from rlgames.provenance import code_hash

AGAIN = "Then run the same command again."


def said(error: BaseException) -> str:
    """What a job that is no training says of an error."""
    assert isinstance(error, Exception)
    text = explanation(None, error)
    assert text.endswith(AGAIN), (text, repr(error))
    assert "\n" not in text
    return text


def raised(action: Callable[[], object]) -> BaseException:
    with pytest.raises(Exception) as error:  # noqa: PT011 (whatever it is)
        action()
    return error.value


def fill(folder: Path) -> None:
    with replacing(folder / "product.bin") as path:
        path.write_bytes(bytes(2_000_000))


def test_ctrl_c_ends_a_command_without_a_traceback() -> None:
    code = "import signal; from rlgames.operations import jobs; jobs.run(lambda: signal.raise_signal(signal.SIGINT))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_full_disk_full_table_of_files_and_read_only_mount(tmp_path: Path) -> None:
    with file_system(tmp_path / "disk", "1m") as folder:
        table = pa.table({"x": np.random.default_rng(0).random(1_000_000)})
        for write in (lambda: fill(folder), lambda: pq.write_table(table, folder / "t.parquet")):
            assert "The disk is full" in said(raised(write))
        with suppress(OSError):
            (folder / "filler").write_bytes(bytes(2_000_000))
        assert f"{folder} has " in said(OSError(errno.ENOSPC, "No space left on device", str(folder / "x")))
    (tmp_path / "disk").rmdir()
    with file_system(tmp_path / "disk", "1m,nr_inodes=4") as folder:
        text = said(raised(lambda: [(folder / str(number)).write_bytes(b"") for number in range(9)]))
        assert f"{folder} can hold no more files" in text
        assert "df -i" in text
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        text = said(raised(lambda: fill(folder)))
        assert f"{folder}/.product" in text
        assert "mounted read-only" in text


def job(output: Path, product: Path, log: Path) -> str:
    """What a small job, which fails, says on the terminal."""
    name = "rlgames.commands.checksums"
    arguments = ["--products", str(product), "--output", str(output), "--log", str(log), "--code", code_hash(name)]
    run = subprocess.run([sys.executable, "-m", name, *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    return run.stderr


def test_real_job_says_it_on_the_terminal_and_in_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with file_system(tmp_path / "disk", "1m") as folder:
        product = folder / "figure.csv"
        product.touch()
        with suppress(OSError):
            (folder / "filler").write_bytes(bytes(2_000_000))
        text = job(output=folder / "checksums.txt", product=product, log=log)
    assert text.startswith("The disk is full (")
    assert text.endswith(f"{AGAIN}\n")
    assert log.read_text() == f"Failed: {text}"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits so")
def test_memory_limit_of_this_process() -> None:
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    errors: list[Exception] = []
    try:
        resource.setrlimit(resource.RLIMIT_AS, (taken + 2**28, hard))
        for take in (lambda: np.zeros(2**30), lambda: bytes(2**30), lambda: pa.allocate_buffer(2**30)):
            try:
                take()
            except Exception as lack:
                errors.append(lack)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert len(errors) == 3
    for error in errors:
        assert "Out of memory" in said(error)
        assert "run fewer jobs at once (make CORES=1" in said(error)


def test_lack_of_memory_in_other_words() -> None:
    closing = ValueError("write could not be finished")  # as of an archive
    closing.__context__ = MemoryError()
    assert "Out of memory (MemoryError)" in said(closing)
    for other in (
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("can't start new thread"),
        ImportError("libx.so: failed to map segment from shared object"),
        cv2.error("OpenCV(5.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 9 bytes"),
    ):
        assert "Out of memory" in said(other)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_helper_process_that_was_killed() -> None:
    with ProcessPoolExecutor(1) as pool:
        assert "It was killed: by kill -9, or by the system for lack of memory" in said(raised(pool.submit(die).result))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.ENOENT, errno.ENOSYS])
def test_shared_memory_that_is_full_or_closed(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    module: Any = multiprocessing.synchronize
    monkeypatch.setattr(module._multiprocessing, "SemLock", refuse)
    assert "in /dev/shm" in said(raised(lambda: multiprocessing.get_context("fork").Lock()))


def test_rights_and_limits_are_told_with_the_file() -> None:
    for number, words in {
        errno.EACCES: "may not be read or written", errno.EFBIG: "ulimit -f", errno.EIO: "fails",
        errno.EMFILE: "ulimit -n", errno.EDQUOT: "The disk is full",
    }.items():  # fmt: skip
        text = said(OSError(number, os.strerror(number), "/data/figure.png"))
        assert words in text
        assert "/data/figure.png" in text
    assert "The disk is full" in said(FileNotFoundError(2, "No usable temporary directory found in ['/tmp']"))
    assert explanation(None, ZeroDivisionError()) == ""


def test_products_of_the_future_count_as_made_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after the clock was set back; what is not ours is left alone."""
    monkeypatch.chdir(tmp_path)
    Path("results/mine").mkdir(parents=True)
    late, early, foreign = Path("results/mine/a"), Path("results/mine/b"), Path("weights.npz")
    for path, hours in ((late, 5), (early, -5), (foreign, 5)):
        path.touch()
        os.utime(path, (time.time() + 3600 * hours,) * 2)
    before = early.stat().st_mtime
    job = SimpleNamespace(input=["results/mine/a", "results/mine/b", "weights.npz", "results/mine/missing"])
    workflow = SimpleNamespace(dag=SimpleNamespace(needrun_jobs=lambda: [job]))
    plan: Any = SimpleNamespace(config=SimpleNamespace(results="results/mine"))
    assert "clock was set back, and so is now the time of 1 product from" in from_the_future(plan, workflow)
    assert late.stat().st_mtime <= time.time()
    assert early.stat().st_mtime == before
    assert foreign.stat().st_mtime > time.time() + 3600
    assert from_the_future(plan, workflow) == ""
