"""Tabulate how well auto-encoders reconstruct frames, keep the ball, and encode positions."""

from __future__ import annotations

from pathlib import Path

from rlgames.commands import command_line
from rlgames.operations import jobs


def main() -> None:
    parser = command_line.parser(__doc__, "output")
    parser.add_argument("--encodings", required=True, nargs="+", type=Path)
    arguments = parser.parse_args()
    jobs.begin(arguments, __spec__.name)

    from rlgames.encoders.readout import encoder_scores_csv
    from rlgames.files import replacing

    with replacing(arguments.output) as path:
        path.write_text(encoder_scores_csv(arguments.encodings), encoding="utf-8")


if __name__ == "__main__":
    jobs.run(main)
