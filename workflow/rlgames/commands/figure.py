"""Draw a figure from the products of its runs: PNG, PDF, and the numbers in it as CSV."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from rlgames.commands import job
from rlgames.messages import log

KEYS = ["experiment", "variant"]


def main() -> None:
    parser = job.parser(__doc__)
    parser.add_argument("--spec", required=True, help="what to draw, as JSON")
    parser.add_argument("--inputs", required=True, nargs="+", type=Path, help="episodes, recordings or weights")
    for product in ("png", "pdf", "csv"):
        parser.add_argument(f"--{product}", required=True, type=Path)
    arguments = parser.parse_args()
    spec = json.loads(arguments.spec)
    job.begin(arguments, __spec__.name, spec["module"])

    import numpy as np
    import pandas as pd

    from rlgames.files import replacing

    places = pd.DataFrame(
        [{"experiment": experiment, "variant": variant, **place} for experiment, variant, place in spec["curves"]]
    )
    tables: dict[str, Any] = {}
    for name in {table_name(path) for path in arguments.inputs}:
        paths = [path for path in arguments.inputs if table_name(path) == name]
        if paths[0].suffix == ".parquet":
            rows = pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)
            tables[name] = rows.merge(places, on=KEYS)
        else:
            tables[name] = []
            for place in places.to_dict("records"):
                entries = [entry for entry in map(np.load, paths) if all(entry[key] == place[key] for key in KEYS)]
                blocks = {key: np.concatenate([entry[key] for entry in entries]) for key in ("seeds", "weights")}
                tables[name].append(place | blocks)
    figure, numbers = import_module(spec["module"]).make(tables, **spec["options"])
    with replacing(arguments.csv) as path:
        numbers.to_csv(path, index=False, float_format="%.8g")
    with replacing(arguments.png) as path:
        figure.savefig(path)
    with replacing(arguments.pdf) as path:
        figure.savefig(path, metadata={"CreationDate": None})
    log.info(f"{arguments.png}: drawn")


def table_name(path: Path) -> str:
    """What a file is: episodes, recordings or weights of a training, or those of its evaluation."""
    return f"evaluation {path.stem}" if path.parent.name == "evaluation" else path.stem


if __name__ == "__main__":
    main()
