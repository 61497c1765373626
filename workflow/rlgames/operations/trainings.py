"""An attempt at a training: from its last save to its end, saved on the way and when it is asked to stop."""

from __future__ import annotations

import math
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlgames.messages import UserError, log
from rlgames.operations.progress import Progress
from rlgames.operations.saves import ResumeError, Saves, files, next_start
from rlgames.surroundings import numerics

if TYPE_CHECKING:  # only for annotations, so that no job loads it beside its code hash
    from rlgames.training.protocol import Arrays, Training

SAVE_SECONDS = 60.0
"""Seconds between two saves: what a kill may cost."""

VARIABLE = "RLGAMES_SAVE_SECONDS"
"""The environment variable that overrides SAVE_SECONDS; it changes no result."""


def save_seconds() -> float:
    """Seconds between two saves. Raises `UserError` if the environment says something that is no time."""
    text = os.environ.get(VARIABLE, "")
    try:
        seconds = float(text or SAVE_SECONDS)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise UserError(
            f"The environment variable {VARIABLE} is {text!r}: give a number of seconds, such as 60, or unset it."
        )
    return seconds


class Attempt:
    """One attempt, in a folder of saves that no other process may use meanwhile."""

    def __init__(self, folder: Path, fingerprint: dict[str, Any], device: str) -> None:
        """Saves with another `fingerprint` are useless. Raises `ResumeError` as `Saves` does."""
        self.start, self.earlier = time.perf_counter(), 0.0  # the seconds that former attempts took
        self.folder, self.saves = folder, Saves(folder, fingerprint, numerics(device))
        self.timeline: list[tuple[int, float]] = [(0, 0.0)]
        """How much was done, after how many seconds, whenever weights were kept."""
        self.kept: dict[int, Arrays] = {}
        """Weights kept for good, by how much was done."""

    def seconds(self) -> float:
        """Wall time, over all attempts."""
        return round(self.earlier + time.perf_counter() - self.start, 3)

    def run(self, training: Training, name: str) -> Progress:
        """Train to the end, from the last save if there is one; raises `ResumeError` when it is asked to stop before,
        once it has saved."""
        pause = save_seconds()
        progress = Progress(name, training.total, training.unit, self.folder)
        if (found := self.saves.load()) is None:
            training.begin()
        else:
            state, self.kept = found
            self._restore(training, state, progress)
            log.info(f"Resuming from {training.done} {training.unit}.")
            if training.finished:  # as with Snakemake's -F
                log.info(
                    "It had already ended: its last save is published again. make again TARGET=... trains it from "
                    "nothing."
                )
        signals, saved = note_signals(), time.perf_counter()
        progress.begin(training.done)
        while not training.finished:
            if training.advance():
                self.kept[training.done] = training.weights()
                self.timeline.append((training.done, self.seconds()))
            progress.reach(training.done, training.remark)
            asked = signals[0] if signals else ""
            if training.finished or asked or time.perf_counter() - saved > pause:
                self._save(training)
                saved = time.perf_counter()
            if asked and not training.finished:
                raise ResumeError(f"Stopped by {asked} at {training.done} {training.unit}. {next_start(self.folder)}")
        return progress

    def _restore(self, training: Training, state: Arrays, progress: Progress) -> None:
        """Raises `ResumeError` for a save that is whole and yet not as a training writes it."""
        try:
            *self.timeline, (_, self.earlier) = ((int(done), float(took)) for done, took in state["timeline"])
            training.restore(state, progress.playing_again)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ResumeError(
                f"{files(self.folder, 'save')[-1]} is intact, but not as a training writes it "
                f"({type(error).__name__}: {error}): delete it to resume from the previous save, or delete the folder "
                "to start anew; then run the same command again."
            ) from None

    def _save(self, training: Training) -> None:
        log.info(f"Saving at {training.done} {training.unit} ...")
        timeline = np.array([*self.timeline, (training.done, self.seconds())])
        self.saves.save(training.done, training.state() | {"timeline": timeline}, self.kept)
        log.info("Saved.")


def note_signals() -> list[str]:
    """From now on SIGTERM, Ctrl-C and a terminal that goes away only add their names to the list that is returned.

    A training looks there, and ends when it has saved; SIGKILL ends it anyway.
    """
    noted: list[str] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
            signal.signal(number, lambda number, _: noted.append(signal.Signals(number).name))
    return noted
