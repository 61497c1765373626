"""Draw a figure from the products of its runs: PNG, PDF, and the numbers in it as CSV."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

from rlgames.commands import command_line
from rlgames.messages import log
from rlgames.operations import jobs


def main() -> None:
    parser = command_line.parser(__doc__, "png", "pdf", "csv")
    parser.add_argument("--spec", required=True, type=json.loads, help="what to draw, as JSON")
    parser.add_argument("--modules", required=True, type=json.loads, help="of the figure, and of games, as JSON")
    parser.add_argument("--inputs", required=True, nargs="+", type=Path, help="episodes, recordings or weights")
    arguments = parser.parse_args()
    jobs.begin(arguments, __spec__.name)

    from rlgames.figures import tables
    from rlgames.files import replacing

    found = tables.read(arguments.inputs, arguments.spec["curves"])
    module = import_module(arguments.modules["figure"])
    figure, numbers = module.make(found, **arguments.spec["options"])
    with replacing(arguments.csv) as path:
        numbers.to_csv(path, index=False, float_format="%.8g")
    with replacing(arguments.png) as path:
        figure.savefig(path)
    with replacing(arguments.pdf) as path:
        figure.savefig(path, metadata={"CreationDate": None})
    log.info(f"{arguments.png}: drawn")


if __name__ == "__main__":
    jobs.run(main)
