"""Write the resolved config, every default included, beside the results."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from rlgames.commands import job
from rlgames.files import replacing


def main() -> None:
    parser = job.parser(__doc__)
    parser.add_argument("--spec", required=True, help="the resolved config, as JSON")
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    job.begin(arguments, [__spec__.name])
    with replacing(arguments.output) as path:
        path.write_text(
            yaml.safe_dump(json.loads(arguments.spec), sort_keys=False, allow_unicode=True), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
