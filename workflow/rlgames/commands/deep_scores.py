"""Tabulate what agents reached in evaluation, and how soon their training returns reached given levels."""

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

    import pandas as pd

    from rlgames.files import replacing
    from rlgames.playing.scores import evaluation_table, times_table
    from rlgames.provenance import Manifest

    manifests = [Manifest.read(path) for path in arguments.manifests]
    evaluations = pd.concat([pd.read_parquet(path) for path in arguments.evaluations])
    with replacing(arguments.scores) as path:
        evaluation_table(evaluations, manifests).to_csv(path, index=False, float_format="%.8g")
    with replacing(arguments.steps_to_return) as path:
        times_table(map(pd.read_parquet, arguments.episodes), manifests).to_csv(path, index=False, float_format="%.4g")


if __name__ == "__main__":
    jobs.run(main)
