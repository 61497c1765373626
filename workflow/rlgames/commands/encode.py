"""Judge an auto-encoder: latent variables and errors of single frames, and whether the ball is where it was."""

from __future__ import annotations

from rlgames.commands import command_line
from rlgames.operations import jobs


def main() -> None:
    arguments = command_line.run_parser(__doc__, "weights", "frames", "encoding").parse_args()
    jobs.begin(arguments, __spec__.name)

    from rlgames.networks import numerics

    numerics.set_up()

    from rlgames.encoders.frames import Frames
    from rlgames.encoders.judging import Judge
    from rlgames.files import replacing
    from rlgames.networks import autoencoder
    from rlgames.operations.progress import Progress

    frames, model = Frames(arguments.frames), autoencoder.load(arguments.weights)
    judge = Judge(frames, model, **arguments.spec)
    progress = Progress(command_line.name(arguments), judge.count, "frames")
    encoding = command_line.labelled(judge.table(progress.advance), arguments)
    with replacing(arguments.encoding) as path:
        encoding.to_parquet(path, index=False)
    progress.finish(f"{len(encoding)} frames")


if __name__ == "__main__":
    jobs.run(main)
