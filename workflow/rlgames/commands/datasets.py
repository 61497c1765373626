"""Tabulate the data sets: how many frames, how many of them are different, and what each split lets through."""

from __future__ import annotations

from pathlib import Path

from rlgames.commands import command_line
from rlgames.operations import jobs


def main() -> None:
    parser = command_line.parser(__doc__, "output")
    parser.add_argument("--manifests", required=True, nargs="+", type=Path)
    arguments = parser.parse_args()
    jobs.begin(arguments, __spec__.name)

    from rlgames.encoders.dataset import datasets_csv
    from rlgames.files import replacing

    with replacing(arguments.output) as path:
        path.write_text(datasets_csv(arguments.manifests), encoding="utf-8")


if __name__ == "__main__":
    jobs.run(main)
