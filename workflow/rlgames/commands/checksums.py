"""Write the checksums of all products that no manifest lists, the manifests among them, as `sha256sum` does."""

from __future__ import annotations

from pathlib import Path

from rlgames.commands import command_line
from rlgames.operations import jobs


def main() -> None:
    parser = command_line.parser(__doc__, "output")
    parser.add_argument("--products", required=True, nargs="+", type=Path)
    arguments = parser.parse_args()
    jobs.begin(arguments, __spec__.name)

    from rlgames.files import replacing
    from rlgames.provenance import write_checksums

    with replacing(arguments.output) as path:
        write_checksums(arguments.products, arguments.output.parent, path)


if __name__ == "__main__":
    jobs.run(main)
