"""Judge an auto-encoder: latent variables and errors of single frames, and whether the ball is where it was."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rlgames.commands import job
from rlgames.messages import Progress

JUDGED = 12_000
"""Test frames, and training frames, at most; evenly over all of them."""

SHOWN = 4
"""Frames of an error near the median, and those of the largest errors, whose pictures are kept."""


def main() -> None:
    parser = job.parser(__doc__)
    parser.add_argument("--spec", required=True, help="game and split, as JSON")
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--variant", required=True)
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--weights", required=True, type=Path)
    parser.add_argument("--frames", required=True, type=Path)
    parser.add_argument("--encoding", required=True, type=Path)
    arguments = parser.parse_args()
    job.begin(arguments, __spec__.name)

    from rlgames.devices import prepare

    prepare("cpu", 1)

    import numpy as np
    import pandas as pd

    from rlgames import autoencoder, reconstruction
    from rlgames.dataset import evenly, split
    from rlgames.environments.atari_memory import positions
    from rlgames.files import replacing
    from rlgames.frames import Frames, FramesError, encode, parts
    from rlgames.networks import WeightsError

    spec = json.loads(arguments.spec)
    game = spec["game"]
    try:
        frames, model = Frames(arguments.frames), autoencoder.load(arguments.weights)
    except (FramesError, WeightsError) as error:
        sys.exit(str(error))
    if frames.size != model.size:
        sys.exit(f"{arguments.frames} has frames of {frames.size} pixels, and {arguments.weights} is for {model.size}.")

    name = {"experiment": arguments.experiment, "variant": arguments.variant, "seed": arguments.seed}
    halves = dict(zip(("training", "test"), split(frames.episodes, spec["split"]), strict=True))
    chosen = {half: evenly(rows, JUDGED) for half, rows in halves.items()}
    progress = Progress("/".join(map(str, name.values())), sum(map(len, chosen.values())), "frames")
    tables = []
    for half, rows in chosen.items():
        for part in parts(rows):
            originals = frames.pictures(part)
            drawn = model.reconstruct(originals)
            errors, moving_errors = reconstruction.errors(originals, drawn, model.typical)
            places = positions(game, frames.memories(part), frames.size)
            columns = {"error": errors, "moving_error": moving_errors, **places}
            if "ball_x" in places:
                truth = places["ball_x"], places["ball_y"]
                for column, pictures in {"ball_distance": drawn, "ball_distance_original": originals}.items():
                    columns[column] = reconstruction.ball_distance(pictures, model.typical, game, *truth)
            tables.append(
                pd.DataFrame(
                    {
                        **name,
                        "row": part,
                        "part": half,
                        "episode": frames.episodes[part],
                        "step": frames.steps[part],
                        "latents": list(model.encode(originals)),
                        **columns,
                    }
                )
            )
            progress.advance(len(part))
    encoding = pd.concat(tables, ignore_index=True)
    by_error = encoding[encoding["part"] == "test"].sort_values("error", kind="stable").index
    middle = max(0, (len(by_error) - SHOWN) // 2)
    kept: dict[Any, dict[str, object]] = {}
    for shown, chosen_rows in {"typical": by_error[middle : middle + SHOWN], "worst": by_error[-SHOWN:]}.items():
        for row in chosen_rows:
            original = frames.pictures(np.array([encoding["row"][row]]))
            again = model.reconstruct(original).round().astype(np.uint8)
            kept[row] = {"shown": shown, "original": encode(original[0]), "reconstruction": encode(again[0])}
    encoding = encoding.join(pd.DataFrame.from_dict(kept, orient="index"))
    with replacing(arguments.encoding) as path:
        encoding.to_parquet(path, index=False)
    progress.finish(f"{len(encoding)} frames")


if __name__ == "__main__":
    main()
