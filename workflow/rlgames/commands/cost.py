"""Tabulate what every job cost, on which machine, and under which code and lock."""

from __future__ import annotations

from pathlib import Path

from rlgames.commands import command_line
from rlgames.operations import jobs


def main() -> None:
    parser = command_line.parser(__doc__, "output")
    parser.add_argument("--manifests", required=True, nargs="+", type=Path)
    parser.add_argument("--pictures", required=True, nargs="*", type=Path, help="Snakemake's benchmarks of pictures")
    parser.add_argument("--lock", required=True, help="hash of the lock that is installed now")
    arguments = parser.parse_args()
    jobs.begin(arguments, __spec__.name)

    from rlgames.files import replacing
    from rlgames.playing.costs import cost_csv

    with replacing(arguments.output) as path:
        path.write_text(
            cost_csv(arguments.manifests, arguments.pictures, arguments.output.parents[1], arguments.lock),
            encoding="utf-8",
        )


if __name__ == "__main__":
    jobs.run(main)
