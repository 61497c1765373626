"""Tabulate what every variant reached: the mean of its last 100 episodes, over seeds, with an interval."""

from __future__ import annotations

from pathlib import Path

from rlgames.commands import command_line
from rlgames.operations import jobs

LAST = 100


def main() -> None:
    parser = command_line.parser(__doc__)
    parser.add_argument("--episodes", required=True, nargs="+", type=Path)
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    jobs.begin(arguments, __spec__.name)

    import pandas as pd

    from rlgames.files import replacing
    from rlgames.statistics import final_scores

    episodes = pd.concat([pd.read_parquet(path) for path in arguments.episodes])
    scores = [
        {"experiment": experiment, "variant": variant, **final_scores(rows, LAST)}
        for (experiment, variant), rows in episodes.groupby(["experiment", "variant"], sort=False)
    ]
    with replacing(arguments.output) as path:
        pd.DataFrame(scores).to_csv(path, index=False, float_format="%.8g")


if __name__ == "__main__":
    jobs.run(main)
