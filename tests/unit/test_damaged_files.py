"""Files of ours that something else wrote over: one sentence with the name and what to type, never a wait."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rlgames.encoders import frames
from rlgames.encoders.dataset import datasets_csv
from rlgames.files import read_table, read_weights
from rlgames.messages import UserError
from rlgames.operations import locks
from rlgames.operations.progress import read_note, write_note
from rlgames.operations.saves import Saves, is_of, last_save
from rlgames.operations.trainings import Attempt
from rlgames.playing.costs import of_job, of_picture
from rlgames.playing.recording import read
from rlgames.provenance import Manifest, checksum, read_checksums


@pytest.fixture(autouse=True)
def impatience() -> Iterator[None]:
    """A test that waits for a pipe is ended."""
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)


def manifest(path: Path, **changed: Any) -> None:
    facts = {
        "experiment": "e", "variant": "default", "seeds": "0", "spec": {}, "code": "c", "threads": 1, "device": "cpu",
        "steps": 1, "diverged": [], "truncated": 0, "wall_seconds": 1.5, "products": {}, "revision": None, "lock": None,
        "python": "3", "versions": {}, "machine": {"processor": "p", "instruction_set": "i"},
    }  # fmt: skip
    path.write_text(json.dumps(facts | changed))


def episodes(path: Path) -> None:
    table = {"experiment": ["e"], "variant": ["v"], "seed": [0], "episode": [1], "steps": [1], "return": [1.0]}
    play = {"ending": ["terminated"], "actions": [b"\0"], "environment": ['{"name": "mountain-car"}']}
    pd.DataFrame(table | play).to_parquet(path)


def some_frames(path: Path) -> None:
    picture = frames.encode(np.zeros((4, 4), np.uint8))
    frames.write([(1, 0, picture, bytes(128), 0, 0.0, False)], path)


def archive(**arrays: Any) -> bytes:
    """The bytes of an npz."""
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    return content.getvalue()


def instead(make: Callable[[Path], object]) -> Callable[[Path], object]:
    """A damage that puts something else in the place of a file."""

    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "empty": lambda path: path.write_bytes(b""),
    "null": lambda path: path.write_text("null"),
    "a list": lambda path: path.write_text("[[1, 2]]"),
    "deep": lambda path: path.write_text("[" * 100_000),
    "not UTF-8": lambda path: path.write_bytes(b"\xff\xfe{}"),
    "escapes": lambda path: path.write_text('\x1b]0;title\x07{"steps": 1}'),
    "folder": instead(Path.mkdir),
    "pipe": instead(os.mkfifo),
    "link to nothing": instead(lambda path: path.symlink_to("nowhere")),
    "zip of something else": lambda path: path.write_bytes(archive(other=np.zeros(3))),
    "other table": lambda path: pd.DataFrame({"x": [1]}).to_parquet(path),
}

READERS: dict[str, tuple[str, Callable[[Path], object], Callable[[Path], object]]] = {
    "manifest": ("manifest.json", manifest, Manifest.read),
    "cost": ("manifest.json", manifest, lambda path: of_job(path, "lock")),
    "data sets": (
        "manifest.json",
        lambda path: manifest(path, spec={"policy": "random", "environment": {"game": "pong"}}, splits={}),
        lambda path: datasets_csv([path]),
    ),
    "weights": (
        "weights.npz",
        lambda path: path.write_bytes(archive(steps=np.zeros(3))),
        lambda path: read_weights(path, "steps"),
    ),
    "episodes": ("episodes.parquet", episodes, read_table),
    "recordings": ("recordings.parquet", episodes, read),
    "frames": ("frames.parquet", some_frames, frames.Frames),
    "checksums": ("checksums.txt", lambda path: path.write_text(f"{'0' * 64}  a\n"), read_checksums),
    "benchmark": (
        "logs/figures/f.tsv",
        lambda path: path.write_text("s\tm\n1.5\t1\n"),
        lambda path: of_picture(path, path.parents[2]),
    ),
}


def test_manifest_without_versions_is_damaged(tmp_path: Path) -> None:
    manifest(tmp_path / "manifest.json", versions=None)
    with pytest.raises(UserError, match="no versions"):
        Manifest.read(tmp_path / "manifest.json")


@pytest.mark.parametrize("reader", READERS)
def test_damaged_products_give_a_sentence(tmp_path: Path, reader: str) -> None:
    name, write, reading = READERS[reader]
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path)
    reading(path)
    for damage, do in DAMAGES.items():
        if (reader, damage) == ("checksums", "empty"):
            continue
        remove(path)
        write(path)
        do(path)
        with pytest.raises(UserError) as error:
            reading(path)
        said = str(error.value)
        assert str(path) in said, (damage, said)
        assert "delete it and run the same make again" in said, (damage, said)
        assert "\n" not in said, (damage, said)
        assert "\x1b" not in said, (damage, said)


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def test_checksums_wait_for_no_pipe(tmp_path: Path) -> None:
    makes: dict[str, Callable[[Path], object]] = {"pipe": os.mkfifo, "folder": Path.mkdir}
    for name, make in makes.items():
        make(tmp_path / name)
        with pytest.raises(UserError, match=f"{name} is damaged"):
            checksum(tmp_path / name)


def test_memory_and_disks_that_fail_are_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "episodes.parquet"
    episodes(path)
    for error in (MemoryError(), OSError(5, "Input/output error"), PermissionError(13, "Permission denied")):

        def fail(_: Path, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(pd, "read_parquet", fail)
        with pytest.raises(type(error)):
            read_table(path)


def test_frame_that_is_no_picture_is_told_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "frames.parquet"
    picture = frames.encode(np.zeros((4, 4), np.uint8))
    frames.write(
        [(1, step, png, bytes(128), 0, 0.0, False) for step, png in enumerate((picture, picture[:20], b"", b"GIF"))],
        path,
    )
    found = frames.Frames(path)
    for row in (1, 2, 3):
        with pytest.raises(UserError, match=r"frames\.parquet is damaged.*: delete it and run the same make again"):
            found.pictures(np.array([row]))


STATE = {"x": np.zeros(3), "timeline": np.array([[0, 0.0], [5, 1.0]])}


def saves(folder: Path) -> Saves:
    return Saves(folder, {"spec": {}}, {})


def leave(folder: Path, name: str, content: bytes) -> Path:
    """A file of saves whose name has the checksum of its contents."""
    path = folder / f"{name}-{hashlib.sha256(content).hexdigest()}.npz"
    path.write_bytes(content)
    return path


IDENTITY = json.dumps({"fingerprint": {"spec": {}}, "machine": {}})
MALFORMED = {
    "nothing": b"",
    "text": b"null",
    "another archive": archive(x=np.zeros(3)),
    "identity that is none": archive(identity=np.array("null"), kept=np.zeros(0, np.int64)),
    "identity without parts": archive(identity=np.array('{"fingerprint": 3}'), kept=np.zeros(0, np.int64)),
    "kept that is text": archive(identity=np.array(IDENTITY), kept=np.array("x")),
    "nothing kept": archive(identity=np.array(IDENTITY)),
}


@pytest.mark.parametrize("damage", MALFORMED)
def test_save_that_is_well_hashed_but_malformed_costs_no_more_than_itself(tmp_path: Path, damage: str) -> None:
    before = saves(tmp_path)
    before.save(5, STATE, {3: {"w": np.ones(2)}})
    bad = leave(tmp_path, f"save-{7:012d}", MALFORMED[damage])
    assert is_of(tmp_path, {"spec": {}}) == ("kept" in damage)  # of which `make status` reads nothing
    found = before.load()
    assert found is not None
    state, kept = found
    np.testing.assert_array_equal(state["x"], STATE["x"])
    np.testing.assert_array_equal(kept[3]["w"], np.ones(2))
    assert not bad.exists()
    before.lock.close()


def test_what_only_looks_like_a_save_is_left_alone(tmp_path: Path) -> None:
    before = saves(tmp_path)
    before.save(5, STATE, {3: {"w": np.ones(2)}})
    digest = "0" * 64
    (tmp_path / "save-xyz.npz").write_bytes(b"mine")
    (tmp_path / f"save-{'9' * 12}-{digest}.npz").mkdir()
    os.mkfifo(tmp_path / f"save-{'8' * 12}-{digest}.npz")
    os.mkfifo(tmp_path / f"weights-{3:012d}-{digest}.npz")
    (tmp_path / f"save-{'7' * 12}-{digest}.npz").symlink_to("nowhere")
    (tmp_path / ".mine.folder").mkdir()
    assert last_save(tmp_path) == 5
    assert is_of(tmp_path, {"spec": {}})
    before.lock.close()
    again = saves(tmp_path)
    found = again.load()
    assert found is not None
    assert sorted(found[1]) == [3]
    again.save(6, STATE, {})
    assert last_save(tmp_path) == 6
    again.lock.close()


def test_save_that_no_training_wrote_is_told_with_its_name(tmp_path: Path) -> None:
    before = saves(tmp_path)
    before.save(5, STATE, {})
    before.lock.close()

    def restore(state: dict[str, np.ndarray], _: object) -> None:
        state["weights"]

    attempt = Attempt(tmp_path, {"spec": {}}, "cpu")
    attempt.saves.machine = {}
    training: Any = SimpleNamespace(total=9, unit="steps", restore=restore)
    with pytest.raises(UserError, match=r"save-0+5-\w+\.npz is intact, but not.*'weights'.*delete it to resume"):
        attempt.run(training, "name")
    attempt.saves.lock.close()


NOTES = [
    "",
    "null",
    "[]",
    "7",
    '{"done": "x"}',
    '{"done": NaN}',
    '{"done": 1e999}',
    '{"rate": []}',
    '{"ended": 1}',
    "[" * 99_999,
]


def test_damaged_notes_are_no_notes(tmp_path: Path) -> None:
    write_note(tmp_path, {"done": 3, "total": None, "rate": None, "unit": "steps"})
    assert read_note(tmp_path)["done"] == 3
    path = tmp_path / "progress.json"
    for text in NOTES:
        path.write_text(text)
        assert read_note(tmp_path) == {}, text
    for damage in ("not UTF-8", "folder", "pipe", "link to nothing"):
        remove(path)
        path.write_text("{}")
        DAMAGES[damage](path)
        assert read_note(tmp_path) == {}, damage


def test_locks_that_are_no_files(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = locks.take(path)
    assert lock is not None
    for content in (b"\xff\x1b[31m 4711 on node7\n", b"x" * 1000, b"1; rm -r results on node7\n", b""):
        path.write_bytes(content)
        assert locks.holder(path) == "of unknown number"
    lock.close()
    for damage in ("folder", "pipe"):
        DAMAGES[damage](path)
        assert locks.holder(path) is None
        with pytest.raises(OSError, match="lock is not a file: remove it"):
            locks.take(path, patience=0)
        remove(path)
        path.touch()
    DAMAGES["link to nothing"](path)
    assert locks.holder(path) is None
    lock = locks.take(path, patience=0)  # makes what the link names
    assert lock is not None
    lock.close()
