"""Tabulate how well auto-encoders draw frames again, keep the ball, and let positions be read out."""

from __future__ import annotations

from pathlib import Path

from rlgames.commands import command_line
from rlgames.operations import jobs


def main() -> None:
    parser = command_line.parser(__doc__)
    parser.add_argument("--encodings", required=True, nargs="+", type=Path)
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    jobs.begin(arguments, __spec__.name)

    import pandas as pd

    from rlgames.encoders.readout import encoder_scores
    from rlgames.files import replacing

    scores = [encoder_scores(pd.read_parquet(path)) for path in arguments.encodings]
    with replacing(arguments.output) as path:
        pd.concat(scores).to_csv(path, index=False, float_format="%.5g")


if __name__ == "__main__":
    jobs.run(main)
