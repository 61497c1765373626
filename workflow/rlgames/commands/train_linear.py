"""Train a linear agent over tiles for a block of seeds: weights, a table of episodes, recordings, and a manifest."""

from __future__ import annotations

import sys
import time

from rlgames.commands import command_line
from rlgames.operations import jobs


def main() -> None:
    start = time.perf_counter()
    arguments = command_line.run_parser(__doc__, "weights", "episodes", "recordings", "manifest").parse_args()
    jobs.begin(arguments, __spec__.name)

    # No pandas and no settings here: jobs are many and short, and these would be half of their time. No scipy either,
    # which Numba would load for products of matrices, if there were any.
    sys.modules["scipy"] = None  # type: ignore[assignment]
    from rlgames.operations.progress import Progress
    from rlgames.training.block import Block

    spec, modules = arguments.spec, command_line.run_modules(arguments)
    first, last = map(int, arguments.seeds.split("-"))
    block = Block(modules["training"], modules["agent"], spec)
    progress = Progress(command_line.name(arguments), last + 1 - first, "seeds")
    for seed in range(first, last + 1):
        block.train(seed)
        progress.advance()
    name = {"experiment": arguments.experiment, "variant": arguments.variant}
    block.write(name, arguments.weights, arguments.episodes, arguments.recordings)
    command_line.manifest(
        arguments, "weights", "episodes", "recordings", lost=block.diverged(), device="cpu", steps=block.steps(),
        truncated=block.truncated(), wall_seconds=round(time.perf_counter() - start, 3),
    ).write(arguments.manifest)  # fmt: skip
    progress.finish(f"{block.steps() / 1e6:.1f} million steps")


if __name__ == "__main__":
    jobs.run(main)
