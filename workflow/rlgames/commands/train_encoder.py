"""Train an auto-encoder from one seed: weights, a table of losses, and a manifest.

Killed at any moment and run again, it gives the same bits.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from rlgames import messages
from rlgames.commands import job


def main() -> None:
    parser = job.parser(__doc__)
    parser.add_argument("--spec", required=True, help="settings of the run, as JSON")
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--variant", required=True)
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--threads", required=True, type=int)
    parser.add_argument("--state", required=True, type=Path, help="folder of the saves")
    parser.add_argument("--parent", type=int, default=os.getppid(), help="the process with which this one is to end")
    parser.add_argument("--frames", required=True, type=Path, help="of the data set")
    for product in ("weights", "losses", "manifest"):
        parser.add_argument(f"--{product}", required=True, type=Path)
    arguments = parser.parse_args()
    job.begin(arguments, __spec__.name)

    from rlgames.devices import DeviceError, prepare
    from rlgames.frames import FramesError
    from rlgames.resume import die_with_parent, end

    die_with_parent(arguments.parent)
    spec = json.loads(arguments.spec)
    try:
        device = prepare(spec["agent"]["device"], arguments.threads)
        train(arguments, spec, device)
    except Exception as error:
        end(arguments.state, error, DeviceError, FramesError)


def train(arguments: Any, spec: dict[str, Any], device: str) -> None:
    """Train to the end, from the last save if there is one, and publish."""
    start = time.perf_counter()  # not before: the time that a graphics card was waited for is no cost
    import numpy as np
    import pandas as pd

    from rlgames.files import replacing, write_json
    from rlgames.frames import Frames
    from rlgames.provenance import checksum, manifest, numerics
    from rlgames.resume import Saves, Stop, finish
    from rlgames.training.autoencoder import Training

    name = {"experiment": arguments.experiment, "variant": arguments.variant}
    frames = Frames(arguments.frames)
    fingerprint = {"spec": spec, "seed": arguments.seed, "code": arguments.code, "frames": checksum(arguments.frames)}
    saves = Saves(arguments.state, fingerprint, numerics(device))
    training = Training(frames, arguments.seed, spec["agent"], spec["epochs"])
    earlier = 0.0
    if (found := saves.load()) is not None:
        training.restore(found[0])
        earlier = float(found[0]["seconds"])
        messages.log.info(f"Going on from minibatch {training.done}.")

    def seconds() -> float:
        """Wall time, over all attempts."""
        return round(earlier + time.perf_counter() - start, 3)

    total = spec["epochs"] * training.minibatches
    label = f"{'/'.join(name.values())}, seed {arguments.seed}"
    stop = Stop()
    progress = messages.Progress(label, total, "minibatches", training.done, arguments.state)

    def advance() -> None:
        training.advance()
        loss = f"held-out loss {training.losses[-1][1]:.5f} after epoch {training.epoch}" if training.losses else ""
        progress.advance(note=loss)

    def save() -> None:
        saves.save(training.done, training.state() | {"seconds": np.array(seconds())}, {})

    finish(training, stop, arguments.state, lambda: f"minibatch {training.done}", advance, save)

    diverged = [{"seed": arguments.seed, "epoch": training.epoch}] if training.diverged else []
    if diverged:
        messages.log.warning(messages.diverged(**name, places=diverged))
    with replacing(arguments.weights) as path:
        np.savez(path, allow_pickle=False, **training.result())
    losses = pd.DataFrame(training.losses, columns=["training", "held_out"])
    losses.insert(0, "epoch", range(1, len(losses) + 1))
    with replacing(arguments.losses) as path:
        losses.assign(**name, seed=arguments.seed).to_parquet(path, index=False)
    facts = manifest(
        **name,
        spec=spec,
        seeds=str(arguments.seed),
        code=arguments.code,
        threads=arguments.threads,
        device=device,
        steps=training.done,
        epochs=training.epoch,
        best_epoch=training.best_epoch,
        diverged=diverged,
        truncated=0,
        wall_seconds=seconds(),
        products={path.name: checksum(path) for path in (arguments.weights, arguments.losses)},
    )
    write_json(facts, arguments.manifest)
    progress.finish(f"{training.epoch} epochs, the best was epoch {training.best_epoch},")


if __name__ == "__main__":
    main()
