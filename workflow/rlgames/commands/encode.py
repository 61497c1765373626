"""Judge an auto-encoder: latent variables and errors of single frames, and whether the ball is in its place."""

from __future__ import annotations

from pathlib import Path

from rlgames.commands import command_line
from rlgames.operations import jobs


def main() -> None:
    parser = command_line.run_parser(__doc__, "weights", "frames", "encoding")
    parser.add_argument("--others", nargs="*", default=[], type=Path, help="frames that are judged besides")
    arguments = parser.parse_args()
    jobs.begin(arguments, __spec__.name)

    from rlgames.networks import numerics

    numerics.set_up()

    from rlgames.encoders.frames import Frames
    from rlgames.encoders.judging import Judge
    from rlgames.files import replacing
    from rlgames.operations.progress import Progress

    model = command_line.run_modules(arguments)["agent"].load(arguments.weights)
    others = [Frames(path) for path in arguments.others]
    judge = Judge(Frames(arguments.frames), others, model, **arguments.spec)
    progress = Progress(command_line.name(arguments), judge.count, "frames")
    encoding = command_line.labelled(judge.table(progress.advance), arguments)
    with replacing(arguments.encoding) as path:
        encoding.to_parquet(path, index=False)
    progress.finish(f"{len(encoding)} frames")


if __name__ == "__main__":
    jobs.run(main)
