"""Locks where there are none, whom to stop, and what a training that could not begin leaves for `make status`."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from rlgames.operations import locks
from rlgames.operations.jobs import explained
from rlgames.operations.progress import read_note
from rlgames.operations.saves import ResumeError, Saves, is_of
from rlgames.plan.removal import refusal


def test_file_system_without_locks_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    lock = locks.take(tmp_path / "lock")
    assert lock is not None
    with lock:
        assert "has no locks" in caplog.text
        assert locks.holder(tmp_path / "lock") is None


def test_process_of_another_machine_is_not_killed_here() -> None:
    assert locks.how_to_stop(locks.this_process()) == f"kill {os.getpid()}"
    assert (
        locks.how_to_stop("4711 on elsewhere")
        == "kill on its machine, or with scancel if it is a job of a cluster (4711 on elsewhere)"
    )


def test_training_that_could_not_begin_says_why_unless_another_has_the_run(tmp_path: Path) -> None:
    folder = tmp_path / "seed-0"
    with pytest.raises(SystemExit), explained(folder):
        raise ResumeError("Not on this machine.")
    assert read_note(folder)["ended"] == "Not on this machine."
    lock = locks.take(folder / "lock")
    assert lock is not None
    with lock:
        (folder / "lock").write_text("4711 on elsewhere\n")
        with pytest.raises(SystemExit), explained(folder):
            raise ResumeError("It trains already.")
    assert read_note(folder)["ended"] == "Not on this machine."


def test_error_of_which_nothing_is_known_is_noted_and_raised_again(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), explained(tmp_path):
        print(1 / 0)
    assert read_note(tmp_path)["ended"] == "division by zero"


def test_empty_save_is_of_no_run(tmp_path: Path) -> None:
    """As a machine leaves one that lost its power."""
    (tmp_path / f"save-000000000001-{'0' * 64}.npz").touch()
    assert not is_of(tmp_path, {})


def test_what_network_file_systems_hide_is_left_alone(tmp_path: Path) -> None:
    for name in (".nfs0001", ".mine.1.npz", ".save-000000000001-x.4711.npz", ".progress.4711.json"):
        (tmp_path / name).touch()
    Saves(tmp_path, {}, {}).lock.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mine.1.npz", ".nfs0001", "lock"]


def test_refusal_to_remove_names_who_is_at_work_unless_it_has_just_ended(tmp_path: Path) -> None:
    lock = locks.take(tmp_path / "lock")
    assert lock is not None
    with lock:
        assert f"wait for it, or stop it with kill {os.getpid()}." in refusal(tmp_path / "lock").lower()
    assert refusal(tmp_path / "lock").endswith("nothing was removed. Run the same command again.")
