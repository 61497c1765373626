"""Learn the values of the policy of a data set, and judge them: weights, predictions, and a manifest.

Killed at any moment and run again, it gives the same bits.
"""

from __future__ import annotations

import json
from typing import Any

from rlgames.commands import command_line
from rlgames.operations import jobs


def main() -> None:
    parser = command_line.training_parser(__doc__, "frames", "weights", "predictions", "manifest")
    parser.add_argument("--environment", required=True, type=json.loads, help="the data set's, as JSON")
    arguments = parser.parse_args()
    jobs.begin(arguments, __spec__.name)
    with jobs.explained(arguments.state):
        train(arguments)


def train(arguments: Any) -> None:
    """Train to the end, from the last save if there is one, judge and publish."""
    import numpy as np

    from rlgames.encoders.frames import Frames
    from rlgames.files import checksum, replacing
    from rlgames.networks.numerics import set_up
    from rlgames.operations.progress import Progress
    from rlgames.operations.trainings import Attempt

    if "network" in arguments.modules:  # linear agents learn without TensorFlow
        set_up("cpu", arguments.threads)
    spec, seed, inputs = arguments.spec, int(arguments.seeds), [arguments.frames, *arguments.encoder]
    identity = {"spec": spec, "seed": seed, "code": arguments.code, "inputs": list(map(checksum, inputs))}
    attempt = Attempt(arguments.state, identity, "cpu")
    modules = command_line.run_modules(arguments)
    features = command_line.features(arguments, arguments.environment)
    training = modules["training"].Training(
        modules, Frames(arguments.frames), seed, spec["agent"], spec["epochs"], *features
    )
    training.describe(Progress(command_line.name(arguments), len(training.frames), "frames described").advance)
    progress = attempt.run(training, command_line.name(arguments))

    with replacing(arguments.weights) as path:
        np.savez(path, allow_pickle=False, **training.weights())
    with replacing(arguments.predictions) as path:
        command_line.labelled(training.predictions(), arguments).to_parquet(path, index=False)
    lost = [{"seed": seed, "epoch": training.epoch}] if training.diverged else []
    command_line.manifest(
        arguments, "weights", "predictions", lost=lost, device="cpu", steps=training.steps, truncated=0,
        wall_seconds=attempt.seconds(), more={"epochs": training.epoch},
    ).write(arguments.manifest)  # fmt: skip
    progress.finish(f"{training.epoch} epochs")


if __name__ == "__main__":
    jobs.run(main)
