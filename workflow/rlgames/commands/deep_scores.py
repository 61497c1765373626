"""Tabulate the evaluation scores of agents, and how soon their training returns reached given levels."""

from __future__ import annotations

from pathlib import Path

from rlgames.commands import command_line
from rlgames.operations import jobs


def main() -> None:
    parser = command_line.parser(__doc__, "scores", "steps-to-return")
    for name in ("evaluations", "episodes", "manifests"):
        parser.add_argument(f"--{name}", required=True, nargs="+", type=Path)
    arguments = parser.parse_args()
    jobs.begin(arguments, __spec__.name)

    from rlgames.files import replacing
    from rlgames.playing.scores import evaluation_scores_csv, steps_to_return_csv

    with replacing(arguments.scores) as path:
        path.write_text(evaluation_scores_csv(arguments.evaluations, arguments.manifests), encoding="utf-8")
    with replacing(arguments.steps_to_return) as path:
        path.write_text(steps_to_return_csv(arguments.episodes, arguments.manifests), encoding="utf-8")


if __name__ == "__main__":
    jobs.run(main)
