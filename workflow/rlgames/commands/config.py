"""Write beside the results all that the config means: every default, and the spec of every variant."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from rlgames import checkpoints  # noqa: F401 (the settings read it, and are outside the code hash)
from rlgames.commands import command_line
from rlgames.files import replacing
from rlgames.operations import jobs
from rlgames.settings.loading import load, resolved


def main() -> None:
    parser = command_line.parser(__doc__)
    parser.add_argument("--config", required=True, help="the merged config, as JSON")
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    jobs.begin(arguments, __spec__.name)
    with replacing(arguments.output) as path:
        path.write_text(
            yaml.safe_dump(resolved(load(json.loads(arguments.config))), sort_keys=False, allow_unicode=True),
            encoding="utf-8",
        )


if __name__ == "__main__":
    jobs.run(main)
