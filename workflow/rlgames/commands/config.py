"""Write beside the results all that the config means: every default, and the spec of every variant."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import yaml

from rlgames import checkpoints  # noqa: F401 (the settings read it, and are outside the code hash)
from rlgames.commands import command_line
from rlgames.environments import atari57  # noqa: F401 (the same)
from rlgames.files import replacing
from rlgames.operations import jobs
from rlgames.settings.loading import load, resolved, table

DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""The faster of two that write the same."""


def main() -> None:
    parser = command_line.parser(__doc__)
    parser.add_argument("--config", required=True, help="the merged config, as JSON")
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--variants", required=True, type=Path)
    arguments = parser.parse_args()
    jobs.begin(arguments, __spec__.name)
    config = load(json.loads(arguments.config))
    with replacing(arguments.output) as path:
        text = yaml.dump(resolved(config), Dumper=DUMPER, sort_keys=False, allow_unicode=True)
        path.write_text(text, encoding="utf-8")
    rows = list(table(config))
    with replacing(arguments.variants) as path, path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, dict.fromkeys(key for row in rows for key in row), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    jobs.run(main)
