"""Tabulate the human-normalised scores of agents over several games."""

from __future__ import annotations

import json
from pathlib import Path

from rlgames.commands import command_line
from rlgames.operations import jobs


def main() -> None:
    parser = command_line.parser(__doc__, "output")
    parser.add_argument("--evaluations", required=True, nargs="+", type=Path)
    parser.add_argument("--spec", required=True, type=json.loads, help="the curves of each variant, as JSON")
    arguments = parser.parse_args()
    jobs.begin(arguments, __spec__.name)

    from rlgames.figures.several_games import several_games_csv
    from rlgames.files import replacing

    with replacing(arguments.output) as path:
        path.write_text(several_games_csv(arguments.evaluations, arguments.spec), encoding="utf-8")


if __name__ == "__main__":
    jobs.run(main)
