"""What an auto-encoder makes of single frames: latent variables, errors, and whether the ball is where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from rlgames.encoders import reconstruction
from rlgames.encoders.dataset import evenly, split
from rlgames.encoders.frames import Frames, encode, parts
from rlgames.environments.atari_ram import positions
from rlgames.messages import UserError
from rlgames.networks.encoder import Encoder

JUDGED = 12_000
"""Test frames, and training frames, at most; evenly over all of them."""

SHOWN = 4
"""Frames of an error near the median, and those of the largest errors, whose pictures are kept."""


class Judge:
    """An auto-encoder before the frames of a data set, and of others."""

    def __init__(self, frames: Frames, others: list[Frames], model: Encoder, game: str, split: str) -> None:
        """`split` is that of the training; `others` are frames of other data sets, which nothing was learned from.
        Raises `UserError` if any are not of the model's size."""
        for each in (frames, *others):
            if each.size != model.size:
                raise UserError(
                    f"The frames of {each.path} have {each.size} pixels on a side, but the encoder was trained on "
                    f"{model.size}: give both data sets the same image_size."
                )
        self.frames, self.model, self.game = frames, model, game
        self.chosen = [(part, frames, rows) for part, rows in chosen_rows(frames, split).items()]
        self.chosen += [("other", each, evenly(np.arange(len(each)), JUDGED)) for each in others]
        self.count = sum(len(rows) for *_, rows in self.chosen)
        """Frames that are judged."""

    def table(self, advanced: Callable[[int], object]) -> pd.DataFrame:
        """A row for each frame; `advanced` is told how many more are done."""
        encoding = pd.concat(self.judged(advanced), ignore_index=True)
        return encoding.join(pd.DataFrame.from_dict(self.pictures(encoding), orient="index"))

    def judged(self, advanced: Callable[[int], object]) -> Iterator[pd.DataFrame]:
        """The rows, without pictures, in parts."""
        for which, frames, rows in self.chosen:
            for part in parts(rows):
                originals = frames.pictures(part)
                columns = {
                    "row": part,
                    "part": which,
                    "episode": frames.episodes[part],
                    "step": frames.steps[part],
                    "size": self.model.size,
                    "called": self.model.called,
                    "numbers": list(self.model.encode(originals)),
                    **self.scores(frames.memories(part), originals),
                }
                yield pd.DataFrame(columns)
                advanced(len(part))

    def scores(self, memories: np.ndarray, originals: np.ndarray) -> dict[str, np.ndarray]:
        """Errors of reconstructions, where things truly are, if that is known, and how far off a ball is."""
        drawn = self.model.reconstruct(originals)
        errors, moving_errors = reconstruction.errors(originals, drawn, self.model.typical)
        places = positions(self.game, memories, self.model.size)
        columns = {"error": errors, "moving_error": moving_errors, **places}
        if "ball_x" in places:
            truth = places["ball_x"], places["ball_y"]
            for column, pictures in {"ball_distance": drawn, "ball_distance_original": originals}.items():
                columns[column] = reconstruction.ball_distance(pictures, self.model.typical, self.game, *truth)
        return columns

    def pictures(self, encoding: pd.DataFrame) -> dict[int, dict[str, object]]:
        """Originals and reconstructions of typical and of the worst test frames, as PNG, by place in the table."""
        by_error = encoding[encoding["part"] == "test"].sort_values("error", kind="stable").index
        middle = max(0, (len(by_error) - SHOWN) // 2)
        kept: dict[int, dict[str, object]] = {}
        for shown, chosen in {"typical": by_error[middle : middle + SHOWN], "worst": by_error[-SHOWN:]}.items():
            for place in chosen:
                original = self.frames.pictures(np.array([encoding["row"][place]]))
                again = self.model.reconstruct(original).round().astype(np.uint8)
                kept[place] = {"shown": shown, "original": encode(original[0]), "reconstruction": encode(again[0])}
        return kept


def chosen_rows(frames: Frames, kind: str) -> dict[str, np.ndarray]:
    """Training and test rows that are judged."""
    training, test = split(frames.episodes, kind)
    return {"training": evenly(training, JUDGED), "test": evenly(test, JUDGED)}
