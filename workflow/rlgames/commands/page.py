"""Write the page of a config's results: figures, videos, tables, notices and runs in one file beside them."""

from __future__ import annotations

import json
from pathlib import Path

from rlgames.commands import command_line
from rlgames.messages import log
from rlgames.operations import jobs


def main() -> None:
    parser = command_line.parser(__doc__, "output")
    parser.add_argument("--config", required=True, help="the merged config, as JSON")
    arguments = parser.parse_args()
    jobs.begin(arguments, __spec__.name)

    from rlgames.files import replacing
    from rlgames.pages.page import build
    from rlgames.plan.plan import Plan

    text = build(Plan(json.loads(arguments.config)))
    output: Path = arguments.output
    with replacing(output) as path:
        path.write_text(text, encoding="utf-8")
    log.info(f"{output}: written")


if __name__ == "__main__":
    jobs.run(main)
