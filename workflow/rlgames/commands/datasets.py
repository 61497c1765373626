"""Tabulate the data sets: how many frames, how many of them are different, and what each split lets through."""

from __future__ import annotations

import json
from pathlib import Path

from rlgames.commands import command_line
from rlgames.operations import jobs


def main() -> None:
    parser = command_line.parser(__doc__)
    parser.add_argument("--manifests", required=True, nargs="+", type=Path)
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    jobs.begin(arguments, __spec__.name)

    import pandas as pd

    from rlgames.files import replacing

    rows = []
    for path in arguments.manifests:
        facts = json.loads(path.read_text())
        policy = facts["spec"]["policy"]
        for split, found in facts["splits"].items():
            rows.append(
                {
                    "dataset": facts["experiment"],
                    "game": facts["spec"]["environment"]["game"],
                    "policy": policy if isinstance(policy, str) else "/".join(map(str, policy.values())),
                    "frames": facts["steps"],
                    **{key: facts[key] for key in ("different_frames", "episodes")},
                    "split": split,
                    "training_frames": found["training"],
                    "test_frames": found["test"],
                    "test_frames_with_a_copy_in_training": found["copies"],
                    "median_distance_to_training": found["nearest"],
                }
            )
    with replacing(arguments.output) as path:
        pd.DataFrame(rows).to_csv(path, index=False, float_format="%.4g")


if __name__ == "__main__":
    jobs.run(main)
