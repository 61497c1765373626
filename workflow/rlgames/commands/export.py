"""Write the network of a deep agent as a Keras file (`make export RUN=...`)."""

from __future__ import annotations

import argparse
from pathlib import Path

from rlgames.operations import isolation, jobs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="the folder of a run")
    parser.add_argument("--keras", type=Path, help="path of the file (default: results/export/RUN.keras)")
    arguments = parser.parse_args()
    isolation.isolate()

    from rlgames.api.exporting import export
    from rlgames.api.playing import name_of

    path = arguments.keras or Path("results/export") / f"{name_of(str(arguments.run))}.keras"
    print(export(arguments.run, path))


if __name__ == "__main__":
    jobs.run(main)
