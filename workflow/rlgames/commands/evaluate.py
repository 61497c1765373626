"""Evaluate a trained agent, one that plays at random, and the weights kept during training."""

from __future__ import annotations

import time

from rlgames.commands import command_line
from rlgames.operations import jobs


def main() -> None:
    start = time.perf_counter()
    arguments = command_line.run_parser(__doc__, "weights", "episodes", "recordings", "manifest").parse_args()
    jobs.begin(arguments, __spec__.name)

    from importlib import import_module

    import pandas as pd

    from rlgames.files import read_weights, reading, write_episodes
    from rlgames.operations.progress import Progress
    from rlgames.playing.evaluation import evaluate, parts

    import_module(arguments.modules["player"]).prepare()
    spec, saved, modules = arguments.spec, read_weights(arguments.weights, "steps"), command_line.run_modules(arguments)
    environment, protocol = spec["environment"], spec["evaluation"]
    game, seed = modules["environment"], int(arguments.seeds)
    features = command_line.features(arguments)
    with reading(arguments.weights):  # weights that do not fit the network are damage, too
        player = modules["player"].Player(saved, modules, environment, spec["agent"], *features)
    count = sum(len(part.numbers) for part in parts(protocol, len(saved["steps"]), samples=player.samples))
    progress = Progress(command_line.name(arguments), count, "episodes")
    rows = evaluate(
        player, lambda count: game.Games(environment, count), saved["steps"], protocol, seed, environment,
        progress.advance,
    )  # fmt: skip
    recordings = command_line.labelled(pd.DataFrame(rows), arguments)
    write_episodes(recordings, arguments.episodes, arguments.recordings)
    command_line.manifest(
        arguments, "weights", "episodes", "recordings", lost=[], device="cpu", steps=int(recordings["steps"].sum()),
        truncated=int((recordings["ending"] == "truncated").sum()),
        wall_seconds=round(time.perf_counter() - start, 3),
    ).write(arguments.manifest)  # fmt: skip
    final = recordings.loc[recordings["agent"] == "trained", "return"]
    progress.finish(f"{len(recordings)} episodes, mean return {final.mean():.1f} in the end")


if __name__ == "__main__":
    jobs.run(main)
