"""Draw a figure from the tables of its runs: PNG, PDF, and the numbers in it as CSV."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

from rlgames.commands import job


def main() -> None:
    parser = job.parser(__doc__)
    parser.add_argument("--spec", required=True, help="what to draw, as JSON")
    parser.add_argument("--episodes", required=True, nargs="+", type=Path)
    for product in ("png", "pdf", "csv"):
        parser.add_argument(f"--{product}", required=True, type=Path)
    arguments = parser.parse_args()
    spec = json.loads(arguments.spec)
    job.begin(arguments, __spec__.name, spec["module"])

    import pandas as pd

    from rlgames.files import replacing

    kind = import_module(spec["module"])
    episodes = pd.concat([pd.read_parquet(path) for path in arguments.episodes], ignore_index=True)
    runs = zip(episodes.experiment, episodes.variant, strict=True)
    episodes["curve"] = [spec["labels"][experiment][variant] for experiment, variant in runs]
    summary = kind.summarise(episodes, spec["quantity"])
    figure = kind.draw(episodes, summary, **{key: spec[key] for key in ("title", "quantity", "scale", "limits")})
    with replacing(arguments.csv) as path:
        summary.to_csv(path, index=False, float_format="%.8g")
    with replacing(arguments.png) as path:
        figure.savefig(path)
    with replacing(arguments.pdf) as path:
        figure.savefig(path, metadata={"CreationDate": None})
    job.log.info(f"{arguments.png}: drawn")


if __name__ == "__main__":
    main()
