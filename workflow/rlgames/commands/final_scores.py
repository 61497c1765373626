"""Tabulate the final score of every variant: the mean of its last 100 episodes, over seeds, with an interval."""

from __future__ import annotations

from pathlib import Path

from rlgames.commands import command_line
from rlgames.operations import jobs


def main() -> None:
    parser = command_line.parser(__doc__, "output")
    parser.add_argument("--episodes", required=True, nargs="+", type=Path)
    arguments = parser.parse_args()
    jobs.begin(arguments, __spec__.name)

    from rlgames.files import replacing
    from rlgames.playing.scores import final_scores_csv

    with replacing(arguments.output) as path:
        path.write_text(final_scores_csv(arguments.episodes), encoding="utf-8")


if __name__ == "__main__":
    jobs.run(main)
