"""Exact resume: what a killed training continues from, kept beside the run."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from rlgames.files import replacing
from rlgames.messages import UserError, log
from rlgames.operations import locks
from rlgames.operations.causes import FULL

if TYPE_CHECKING:  # only for annotations, so that no job loads it beside its code hash
    from rlgames.training.protocol import Arrays

KEPT = 2
"""Saves that are kept: the second is for when the last one is damaged."""


class ResumeError(UserError):
    """A training that must not start, or resume, as things are."""


class Saves:
    """The saves of one training, in a folder of its own.

    A file is named by its step and by the checksum of its contents, so that a damaged one is recognised. Arrays only,
    no pickle: a file from someone else cannot run code.
    """

    def __init__(self, folder: Path, fingerprint: dict[str, Any], machine: dict[str, Any]) -> None:
        """Saves are useless once the `fingerprint` changes (spec and code), and wrong on another `machine` (lock and
        instruction set). The folder is locked until this process ends.

        Raises `ResumeError` while another process holds it, and where it cannot be written.
        """
        self.folder, self.fingerprint, self.machine = folder, fingerprint, machine
        try:
            lock = locks.take(folder / "lock")
        except OSError as error:
            raise ResumeError(
                f"Nothing can be saved in {folder} ({error.strerror}): make it writable, or name another results "
                "folder."
            ) from None
        if lock is None:
            holder = locks.holder(folder / "lock") or "which is ending"
            raise ResumeError(f"Another process ({holder}) trains this run already: wait for it, or stop it.")
        self.lock = lock
        for abandoned in [*folder.glob(".*-*-*.*.npz"), *folder.glob(".progress.*.json")]:  # of killed attempts
            if not abandoned.is_dir():
                abandoned.unlink(missing_ok=True)

    def save(self, step: int, state: Arrays, kept: dict[int, Arrays]) -> None:
        """Save `state`, and the weights that are `kept` for good, by their step, unless they lie there already.

        Kept weights are written twice: both saves need them, so that one damaged file would cost the whole training.
        If a third save does not fit on the disk, the older one is deleted first. A full disk is a warning: training
        continues, and the save before stays.
        """
        identity = json.dumps({"fingerprint": self.fingerprint, "machine": self.machine})
        facts = {"identity": np.array(identity), "kept": np.array(sorted(kept), np.int64)}
        try:
            for kind in ("weights", "copy"):
                for kept_at in kept.keys() - set(map(step_of, self._files(kind))):
                    self._write(kind, kept_at, kept[kept_at])
            self._write("save", step, state | facts)
        except OSError as error:
            if error.errno in FULL and len(self._files("save")) > 1:
                self._remove("save", but=1)
                self.save(step, state, kept)
                return
            free = f"{shutil.disk_usage(self.folder).free / 1e6:.0f} MB free"
            where = f"{error.filename2 or error.filename or self.folder}, {free}"
            log.warning(
                f"Nothing was saved at {step}: {error.strerror} ({where}). If the training is killed now, more is lost."
            )
        else:
            self._remove("save", but=KEPT)

    def load(self) -> tuple[Arrays, dict[int, Arrays]] | None:
        """The newest state of which nothing is damaged, and the kept weights by step; None to start anew.

        Saves of another spec or code are removed. Raises `ResumeError` for those of another machine.
        """
        saves = self._files("save")
        for path in reversed(saves):
            state = self._read(path)
            if state is not None and self._is_foreign(identity_in(state)):
                log.warning("Settings or code have changed since the last save: training starts anew.")
                break
            steps = [] if state is None else state["kept"].tolist()
            kept = {step: weights for step in steps if (weights := self._kept(step)) is not None}
            if state is not None and len(kept) == len(steps):
                return state, kept
            log.warning(f"{path}, or weights kept before it, are damaged: falling back to the save before.")
            path.unlink()
        else:
            if saves:
                log.warning(f"No save in {self.folder} is intact: training starts anew.")
        for kind in ("save", "weights", "copy"):
            self._remove(kind)
        return None

    def _is_foreign(self, identity: dict[str, Any]) -> bool:
        """Whether a save is of another spec or code; raises `ResumeError` if it is only of another machine."""
        if identity["fingerprint"] != self.fingerprint:
            return True
        if differs := [key for key, value in self.machine.items() if identity["machine"].get(key) != value]:
            raise ResumeError(
                f"The saves in {self.folder} were made under other conditions ({', '.join(differs)}), and resuming "
                "from them would not give the same bits. Resume where they were made, or delete this folder to start "
                "anew."
            )
        return False

    def _kept(self, step: int) -> Arrays | None:
        """The weights kept at a step, if they or their copy are whole; what is damaged is removed."""
        for path in [*self._files(f"weights-{step:012d}"), *self._files(f"copy-{step:012d}")]:
            if (weights := self._read(path)) is not None:
                return weights
            log.warning(f"{path} is damaged.")
            path.unlink()
        return None

    def _write(self, kind: str, step: int, arrays: Arrays) -> None:
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, **arrays)
        digest = hashlib.sha256(content.getbuffer()).hexdigest()
        with replacing(self.folder / f"{kind}-{step:012d}-{digest}.npz") as path:
            path.write_bytes(content.getbuffer())

    def _files(self, kind: str) -> list[Path]:
        return files(self.folder, kind)

    def _remove(self, kind: str, but: int = 0) -> None:
        """Remove all files of a kind but so many of the newest."""
        for path in self._files(kind)[: -but or None]:
            path.unlink()

    def _read(self, path: Path) -> Arrays | None:
        """The arrays in a file; None if it is damaged, or not as `_write` leaves it."""
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != path.stem.split("-")[2]:
            return None
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                arrays = dict(file)
            if path.name.startswith("save") and not (identity_in(arrays) and arrays["kept"].dtype == np.int64):
                return None
        except NOT_OURS:
            return None
        return arrays


NAME = re.compile(r"(save|weights|copy)-\d{12,}-[0-9a-f]{64}\.npz")

NOT_OURS = (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, BadZipFile, zlib.error)
"""What reading a damaged file raises, or one that holds something else."""


def files(folder: Path, kind: str) -> list[Path]:
    """The files of a kind in a folder of saves, oldest first; what only looks like one, and no file, is left alone."""
    return sorted(path for path in folder.glob(f"{kind}-*.npz") if NAME.fullmatch(path.name) and path.is_file())


def identity_in(state: Arrays) -> dict[str, Any]:
    """The fingerprint and the machine that a save belongs to."""
    identity = json.loads(str(state["identity"]))
    return {part: dict(identity[part]) for part in ("fingerprint", "machine")}


def last_save(folder: Path) -> int | None:
    """The step of the newest save in a folder; None without one."""
    return max(map(step_of, files(folder, "save")), default=None)


def is_of(folder: Path, fingerprint: dict[str, Any]) -> bool:
    """Whether the newest save in a folder is one of this spec and code, so that a training resumes from it."""
    try:
        with np.load(files(folder, "save")[-1], allow_pickle=False) as arrays:
            found = identity_in(arrays)["fingerprint"]
    except NOT_OURS:  # damaged, or just replaced
        return False
    return all(found.get(key) == value for key, value in fingerprint.items())


def next_start(folder: Path) -> str:
    """Where the next attempt begins, for a message."""
    if (step := last_save(folder)) is None:
        return "Nothing is saved yet, so the same command starts anew."
    return f"The same command resumes from the save at {step}."


def step_of(path: Path) -> int:
    """The step in a file's name."""
    return int(path.stem.split("-")[1])
