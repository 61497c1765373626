"""Exact resume: what a killed training goes on from, kept beside the run."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import io
import json
import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from rlgames.files import replacing
from rlgames.messages import log

KEPT = 2
"""Saves that are kept: the second is for when the last one is damaged."""

SAVE_SECONDS = 60
"""Between two saves: what a kill may cost. RLGAMES_SAVE_SECONDS replaces it, and changes no result."""

Arrays = dict[str, np.ndarray]


class ResumeError(RuntimeError):
    """A training that must not start, or go on, as things are. The message says what to do."""


class Saves:
    """The saves of one training, in a folder of its own.

    A file is named by its step and by the checksum of its contents, so that a damaged one is recognised. Arrays only,
    no pickle: a file from someone else cannot run code.
    """

    def __init__(self, folder: Path, fingerprint: dict[str, Any], machine: dict[str, Any]) -> None:
        """`fingerprint` is what makes a save useless when it changes: spec and code. `machine` is what makes one
        wrong: the lock and the instruction set. The folder is locked until this process ends.

        Raises `ResumeError` while another process holds it.
        """
        self.folder, self.fingerprint, self.machine = folder, fingerprint, machine
        folder.mkdir(parents=True, exist_ok=True)
        self.lock = (folder / "lock").open("a+")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.lock.seek(0)
            raise ResumeError(
                f"Another process ({self.lock.read().strip()}) trains this run already; wait for it, or stop it."
            ) from None
        with suppress(OSError):  # on a full disk the name is missing, and the lock holds
            self.lock.truncate(0)
            os.write(self.lock.fileno(), f"{os.getpid()}\n".encode())
        for abandoned in folder.glob(".*.npz"):
            abandoned.unlink()

    def save(self, step: int, state: Arrays, kept: dict[int, Arrays]) -> None:
        """Save `state`, and the weights that are `kept` for good, by their step, unless they lie there already.

        Kept weights are written twice: both saves need them, so that one damaged file would cost the whole training.
        A full disk is a warning: training goes on, and the save before stays.
        """
        identity = {"fingerprint": self.fingerprint, "machine": self.machine}
        facts = {"identity": np.array(json.dumps(identity)), "kept": np.array(sorted(kept), np.int64)}
        try:
            for kind in ("weights", "copy"):
                for kept_at in kept.keys() - set(map(step_of, self._files(kind))):
                    self._write(kind, kept_at, kept[kept_at])
            self._write("save", step, state | facts)
        except OSError as error:
            if error.errno == errno.ENOSPC and (older := self._files("save")[:-1]):
                for path in older:
                    path.unlink()
                self.save(step, state, kept)
                return
            log.warning(
                f"Nothing was saved at step {step}: {error.strerror} "
                f"({shutil.disk_usage(self.folder).free / 1e6:.0f} MB free). Training goes on; a kill would cost more."
            )
            return
        for old in self._files("save")[:-KEPT]:
            old.unlink()

    def load(self) -> tuple[Arrays, dict[int, Arrays]] | None:
        """The newest state of which nothing is damaged, and the kept weights by step; None to start anew.

        Saves of another spec or code are removed. Raises `ResumeError` for those of another machine.
        """
        damaged = False
        for path in reversed(self._files("save")):
            state = self._read(path)
            if state is not None:
                if self._is_foreign(json.loads(str(state["identity"]))):
                    log.warning("Settings or code have changed since the last save: training starts anew.")
                    break
                wanted = state["kept"].tolist()
                kept = {step: weights for step in wanted if (weights := self._kept(step)) is not None}
                if len(kept) == len(wanted):
                    return state, kept
            log.warning(f"{path}, or weights kept before it, are damaged: falling back to the save before.")
            path.unlink()
            damaged = True
        else:
            if damaged:
                log.warning(f"No save in {self.folder} is whole: training starts anew.")
        for useless in [*self._files("save"), *self._files("weights"), *self._files("copy")]:
            useless.unlink()
        return None

    def _is_foreign(self, identity: dict[str, Any]) -> bool:
        """Whether a save is of another spec or code; raises `ResumeError` if it is only of another machine."""
        if identity["fingerprint"] != self.fingerprint:
            return True
        differs = [key for key, value in self.machine.items() if identity["machine"].get(key) != value]
        if differs:
            raise ResumeError(
                f"The saves in {self.folder} were made with another {' and '.join(differs)}, and would go on with "
                "other bits. Go on where they were made, or delete this folder to start anew."
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
        return sorted(self.folder.glob(f"{kind}-*.npz"))

    def _read(self, path: Path) -> Arrays | None:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != path.stem.split("-")[2]:
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return dict(arrays)


def save_seconds() -> float:
    """Seconds between two saves."""
    return float(os.environ.get("RLGAMES_SAVE_SECONDS", SAVE_SECONDS))


def step_of(path: Path) -> int:
    """The step in a file's name."""
    return int(path.stem.split("-")[1])


def die_with_parent(parent: int) -> None:
    """End this process when the one that started it ends, even by SIGKILL, so that none trains on unseen (Linux).

    Everywhere else nothing happens: there the lock keeps a second trainer out until the first is done.
    """
    if sys.platform != "linux":
        return
    set_parent_death_signal = 1
    ctypes.CDLL(None, use_errno=True).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before it was watched
        sys.exit("The process that started this one has ended.")
