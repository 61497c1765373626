"""Exact resume: what a killed training goes on from, kept beside the run."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import io
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn
from zipfile import BadZipFile

import numpy as np

from rlgames import locks
from rlgames.files import replacing
from rlgames.memory import ShortageError, lack_behind
from rlgames.messages import log, note_end

KEPT = 2
"""Saves that are kept: the second is for when the last one is damaged."""

SAVE_SECONDS = 60
"""Between two saves: what a kill may cost. RLGAMES_SAVE_SECONDS replaces it, and changes no result."""

FULL = (errno.ENOSPC, errno.EDQUOT)
"""What a full disk says, or a spent quota."""

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

        Raises `ResumeError` while another process holds it, and where it cannot be written.
        """
        self.folder, self.fingerprint, self.machine = folder, fingerprint, machine
        try:
            lock = locks.take(folder / "lock")
        except OSError as error:
            raise ResumeError(
                f"Nothing can be saved in {folder} ({error.strerror}): make it yours to write to, or choose another "
                "results folder."
            ) from None
        if lock is None:
            raise ResumeError(
                f"Another process ({locks.holder(folder / 'lock')}) trains this run already; wait for it, or stop it."
            )
        self.lock = lock
        for abandoned in folder.glob(".*.*"):  # not .nfs0001, as NFS calls a file that was removed and is still open
            abandoned.unlink(missing_ok=True)

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
            if error.errno in FULL and (older := self._files("save")[:-1]):
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


def last_save(folder: Path) -> int | None:
    """The step of the newest save in a folder; None without one."""
    return max(map(step_of, folder.glob("save-*.npz")), default=None)


def is_of(folder: Path, fingerprint: dict[str, Any]) -> bool:
    """Whether the newest save in a folder is one of this spec and code, so that a training goes on from it."""
    try:
        with np.load(max(folder.glob("save-*.npz")), allow_pickle=False) as arrays:
            found = json.loads(str(arrays["identity"]))["fingerprint"]
    except (OSError, EOFError, ValueError, KeyError, BadZipFile):  # damaged, or just replaced
        return False
    return all(found.get(key) == value for key, value in fingerprint.items())


def going_on(folder: Path) -> str:
    """Where the next attempt begins, for a message."""
    step = last_save(folder)
    if step is None:
        return "Nothing is saved yet, so that the same command starts anew."
    return f"The same command goes on from the save at step {step}."


def save_seconds() -> float:
    """Seconds between two saves."""
    return float(os.environ.get("RLGAMES_SAVE_SECONDS", SAVE_SECONDS))


def step_of(path: Path) -> int:
    """The step in a file's name."""
    return int(path.stem.split("-")[1])


class Stop:
    """Whether this process was asked to end: by SIGTERM, Ctrl-C, or a terminal that went away.

    From then on a training only notes the signal, and ends when it has saved; SIGKILL ends it anyway.
    """

    def __init__(self) -> None:
        self.signal = ""
        """The name of the one that came, if any."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
                signal.signal(number, self.note)

    def note(self, number: int, _: object) -> None:
        self.signal = signal.Signals(number).name


def finish(
    training: Any, stop: Stop, folder: Path, position: Callable[[], str], advance: Callable[[], None],
    save: Callable[[], None],
) -> None:  # fmt: skip
    """Advance a training to its end, and save every so often, and in the end; `position` says how far it is.

    Raises `ResumeError`, once it has saved, when it is asked to stop before.
    """
    saved = time.perf_counter()
    while not training.finished:
        advance()
        asked = stop.signal
        if training.finished or asked or time.perf_counter() - saved > save_seconds():
            log.info(f"Saving at {position()} ...")
            save()
            log.info("Saved.")
            saved = time.perf_counter()
        if asked and not training.finished:
            raise ResumeError(f"Stopped by {asked} at {position()}. {going_on(folder)}")


def end(folder: Path, error: Exception, *told: type[Exception]) -> NoReturn:
    """End a training after an error: say why and what to do, in its log as well, and note it for `make status`,
    unless another process has the run.

    `told` are errors whose messages say what to do. One of which nothing is known is raised again.
    """
    first_line, known = first_line_of(error), True
    if isinstance(error, (ResumeError, ShortageError, *told)):
        reason = str(error)
    elif (lack := lack_behind(error)) is not None:
        reason = (
            f"Out of memory ({first_line_of(lack)}). End what else takes memory, train fewer at once (CORES=1), "
            "or take a larger machine; a lower capacity of the agent needs less too, but starts anew. "
            f"{going_on(folder)}"
        )
    elif isinstance(error, OSError) and error.errno in FULL:
        reason = f"The disk is full ({first_line}): free some space. {going_on(folder)}"
    else:
        reason, known = first_line, False
    if locks.holder(folder / "lock") in (None, locks.this_process()):
        note_end(folder, reason)
    if not known:
        raise error
    log.error(reason)
    sys.exit(1)


def first_line_of(error: BaseException) -> str:
    """Of its message, or else its name."""
    return str(error).partition("\n")[0] or type(error).__name__


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
