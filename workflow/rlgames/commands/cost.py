"""Tabulate what every job cost, on which machine, and under which code and lock."""

from __future__ import annotations

import json
from pathlib import Path

from rlgames.commands import job

JOBS = {"evaluation": "evaluation", "datasets": "data set"}
"""By the folder of its manifest."""


def main() -> None:
    parser = job.parser(__doc__)
    parser.add_argument("--manifests", required=True, nargs="+", type=Path)
    parser.add_argument(
        "--pictures", required=True, nargs="*", type=Path, help="Snakemake's benchmarks of figures and videos"
    )
    parser.add_argument("--lock", required=True, help="hash of the lock that is installed now")
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    job.begin(arguments, __spec__.name)

    import pandas as pd

    from rlgames.files import replacing

    rows = []
    for path in arguments.manifests:
        facts = json.loads(path.read_text())
        rows.append(
            {
                "job": JOBS.get(path.parent.name) or JOBS.get(path.parts[-3], "training"),
                **{key: facts[key] for key in ("experiment", "variant", "seeds", "steps", "wall_seconds")},
                **{key: facts[key] for key in ("threads", "device")},
                "processor": facts["machine"]["processor"],
                "instruction_set": facts["machine"]["instruction_set"],
                **{key: facts[key] for key in ("revision", "code", "lock")},
                "under_another_lock": str(facts["lock"]) != arguments.lock,
                "diverged_seeds": len(facts["diverged"]),
                "truncated_episodes": facts["truncated"],
            }
        )
    for path in arguments.pictures:
        kind, *names = path.with_suffix("").parts[path.parts.index("logs") + 1 :]  # see rlgames.paths
        experiment, variant, *which = (None, None, *names) if kind == "figures" else names
        rows.append(
            {
                "job": " ".join([kind.removesuffix("s"), *which]) if kind != "runs" else which[1],
                "experiment": experiment,
                "variant": variant,
                "wall_seconds": pd.read_csv(path, sep="\t")["s"].iloc[0],
                "threads": 1,
                "device": "cpu",
            }
        )
    with replacing(arguments.output) as path:
        pd.DataFrame(rows).convert_dtypes().to_csv(path, index=False)


if __name__ == "__main__":
    main()
