"""Tabulate what every training and evaluation cost, on which machine, and under which code and lock."""

from __future__ import annotations

import json
from pathlib import Path

from rlgames.commands import job


def main() -> None:
    parser = job.parser(__doc__)
    parser.add_argument("--manifests", required=True, nargs="+", type=Path)
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
                "job": "evaluation" if path.parent.name == "evaluation" else "training",
                **{key: facts[key] for key in ("experiment", "variant", "seeds", "steps", "wall_seconds")},
                "threads": facts.get("threads", 1),
                "device": facts.get("device", "cpu"),
                "processor": facts["machine"]["processor"],
                "instruction_set": facts["machine"]["instruction_set"],
                **{key: facts[key] for key in ("revision", "code", "lock")},
                "under_another_lock": str(facts["lock"]) != arguments.lock,
                "diverged_seeds": len(facts["diverged"]),
                "truncated_episodes": facts["truncated"],
            }
        )
    with replacing(arguments.output) as path:
        pd.DataFrame(rows).to_csv(path, index=False)


if __name__ == "__main__":
    main()
