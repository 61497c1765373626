"""Train an agent that learns step by step, from one seed: weights, episodes, recordings, and a manifest.

Killed at any moment and run again, it gives the same bits.
"""

from __future__ import annotations

from typing import Any

from rlgames.commands import command_line
from rlgames.operations import jobs


def main() -> None:
    arguments = command_line.training_parser(__doc__, "weights", "episodes", "recordings", "manifest").parse_args()
    jobs.begin(arguments, __spec__.name)
    with jobs.explained(arguments.state):
        train(arguments)


def train(arguments: Any) -> None:
    """Train to the end, from the last save if there is one, and publish."""
    from rlgames.files import checksum, read_weights, write_episodes, write_weights
    from rlgames.networks.numerics import set_up
    from rlgames.operations import devices, memory_limits
    from rlgames.operations.trainings import Attempt
    from rlgames.training.episodes import table

    spec, seed, inputs = arguments.spec, int(arguments.seeds), [*arguments.first_weights, *arguments.encoder]
    device = devices.choose(spec["agent"].get("device", "cpu"))
    if "device" in spec["agent"]:  # linear agents learn without TensorFlow
        set_up(device, arguments.threads)
    identity = {"spec": spec, "seed": seed, "code": arguments.code, "inputs": list(map(checksum, inputs))}
    attempt = Attempt(arguments.state, identity, device)
    modules, features = command_line.run_modules(arguments), command_line.features(arguments)
    training = modules["training"].Training(
        modules, seed, spec["environment"], spec["agent"], spec["steps"], *features, threads=arguments.threads
    )
    memory_limits.demand_replay(training.memory, spec["agent"].get("capacity", 0))
    for path in arguments.first_weights:
        training.start_from(read_weights(path))
    progress = attempt.run(training, command_line.name(arguments))

    write_weights(attempt.kept, arguments.weights)
    recordings = command_line.labelled(table(training.episodes, spec["environment"]), arguments)
    write_episodes(recordings, arguments.episodes, arguments.recordings)
    lost = [{"seed": seed, "episode": len(training.episodes)}] if training.diverged else []
    command_line.manifest(
        arguments, "weights", "episodes", "recordings", lost=lost, device=device, steps=training.steps,
        wall_seconds=attempt.seconds(), truncated=int((recordings["ending"] == "truncated").sum()),
        more={"updates": training.updates, "timeline": attempt.timeline, "ended_by": training.ended_by},
    ).write(arguments.manifest)  # fmt: skip
    progress.finish(f"{training.steps} steps, {training.updates} updates: {training.ended_by}")


if __name__ == "__main__":
    jobs.run(main)
