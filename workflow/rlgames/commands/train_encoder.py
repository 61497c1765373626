"""Train an auto-encoder from one seed: weights, a table of losses, and a manifest.

Killed at any moment and run again, it gives the same bits.
"""

from __future__ import annotations

from typing import Any

from rlgames.commands import command_line
from rlgames.operations import jobs


def main() -> None:
    arguments = command_line.training_parser(__doc__, "frames", "weights", "losses", "manifest").parse_args()
    jobs.begin(arguments, __spec__.name)
    with jobs.explained(arguments.state):
        train(arguments)


def train(arguments: Any) -> None:
    """Train to the end, from the last save if there is one, and publish."""
    import numpy as np

    from rlgames.encoders.frames import Frames
    from rlgames.files import checksum, replacing
    from rlgames.networks.numerics import set_up
    from rlgames.operations import devices
    from rlgames.operations.trainings import Attempt

    spec, seed = arguments.spec, int(arguments.seeds)
    device = devices.choose(spec["agent"]["device"])
    set_up(device, arguments.threads)
    fingerprint = {"spec": spec, "seed": seed, "code": arguments.code, "frames": checksum(arguments.frames)}
    attempt = Attempt(arguments.state, fingerprint, device)
    modules = command_line.run_modules(arguments)
    training = modules["training"].Training(modules, Frames(arguments.frames), seed, spec["agent"], spec["epochs"])
    progress = attempt.run(training, command_line.name(arguments))

    with replacing(arguments.weights) as path:
        np.savez(path, allow_pickle=False, **training.result())
    with replacing(arguments.losses) as path:
        command_line.labelled(training.loss_table(), arguments).to_parquet(path, index=False)
    lost = [{"seed": seed, "epoch": training.epoch}] if training.diverged else []
    command_line.manifest(
        arguments, "weights", "losses", lost=lost, device=device, steps=training.done, truncated=0,
        wall_seconds=attempt.seconds(),
        more={"epochs": training.epoch, "best_epoch": training.best_epoch, "timeline": attempt.timeline},
    ).write(arguments.manifest)  # fmt: skip
    progress.finish(f"{training.epoch} epochs, the best was epoch {training.best_epoch},")


if __name__ == "__main__":
    jobs.run(main)
