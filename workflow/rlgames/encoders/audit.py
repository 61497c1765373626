"""Playing the recordings of data sets again, and comparing their frames."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from rlgames.encoders.frames import Frames
from rlgames.messages import UserError
from rlgames.playing.audit import PART, Part, played, published, words
from rlgames.playing.recording import Recording, read


def check(part: Part) -> tuple[int, list[str]]:
    """How many recordings a part of a file has, and a line for each that does not give its return, or its frames."""
    path, first, *_ = part
    try:
        frames, recordings = frames_in(path.with_name("frames.parquet")), read(path)
        unlike = set(frames.episodes.tolist()) ^ {each.episode for each in recordings} if first == 0 else set()
        wrong = [f"{path}: episode {episode}: without recording, or without frames" for episode in sorted(unlike)]
        some = recordings[first : first + PART]
        return len(some), wrong + [line for each in some for line in compare(path, frames, each)]
    except UserError as error:
        return 0, [str(error)]


frames_in = lru_cache(maxsize=1)(Frames)
"""The frames of a data set, read once by each process for all its parts."""


def compare(path: Path, frames: Frames, recording: Recording) -> Iterator[str]:
    """What is wrong with one recording."""
    where = f"{path}: episode {recording.episode}"
    try:
        if (found := played(recording)) != (said := published(recording)):
            yield f"{where}: played {words(found)}, but the recording says {words(said)}"
            return
        steps, rows = list(recording.replay()), np.flatnonzero(frames.episodes == recording.episode)
        seen = np.array([step.picture[-1] for step in steps[:-1] if step.picture is not None])
        if not np.array_equal(seen, frames.pictures(rows)):
            yield f"{where}: played, its frames are others"
        facts = [
            (action, step.reward, step.terminated) for action, step in zip(recording.actions, steps[1:], strict=True)
        ]
        if facts != list(
            zip(*(of[rows].tolist() for of in (frames.actions, frames.rewards, frames.terminal)), strict=True)
        ):
            yield f"{where}: played, the actions, rewards or ends beside its frames are others"
    except (MemoryError, UserError):
        raise
    except Exception as error:  # a damaged recording can make a game fail in any way
        yield f"{where}: cannot be played again ({type(error).__name__}: {error})"
