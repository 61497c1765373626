"""Learn the values of the policy of a data set, and judge them: weights, predictions, and a manifest."""

from __future__ import annotations

import json
import time

from rlgames.commands import command_line
from rlgames.operations import jobs


def main() -> None:
    start = time.perf_counter()
    parser = command_line.run_parser(__doc__, "frames", "weights", "predictions", "manifest")
    parser.add_argument("--environment", required=True, type=json.loads, help="the data set's, as JSON")
    arguments = parser.parse_args()
    jobs.begin(arguments, __spec__.name)

    import numpy as np

    from rlgames.encoders.frames import Frames
    from rlgames.files import replacing
    from rlgames.networks.numerics import set_up
    from rlgames.operations.progress import Progress

    if "network" in arguments.modules:  # linear agents learn without TensorFlow
        set_up()
    spec, seed, modules = arguments.spec, int(arguments.seeds), command_line.run_modules(arguments)
    features = command_line.features(arguments, arguments.environment)
    training = modules["training"].Training(
        modules, Frames(arguments.frames), seed, spec["agent"], spec["epochs"], *features
    )
    progress = Progress(command_line.name(arguments), len(training.frames), "frames described")
    training.describe(progress.advance)
    progress = Progress(command_line.name(arguments), training.total, "steps")
    training.learn(progress.advance)

    with replacing(arguments.weights) as path:
        np.savez(path, allow_pickle=False, **training.weights())
    with replacing(arguments.predictions) as path:
        command_line.labelled(training.predictions(), arguments).to_parquet(path, index=False)
    lost = [{"seed": seed, "epoch": training.epoch}] if training.diverged else []
    command_line.manifest(
        arguments, "weights", "predictions", lost=lost, device="cpu", steps=training.steps, truncated=0,
        wall_seconds=round(time.perf_counter() - start, 3), more={"epochs": training.epoch},
    ).write(arguments.manifest)  # fmt: skip
    progress.finish(f"{training.epoch} epochs")


if __name__ == "__main__":
    jobs.run(main)
