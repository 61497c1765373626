"""Compile pyproject.toml into locked, hashed requirements, and write their versions into environment.yaml.

Run by `make lock`, which keeps the versions that are locked already, and `make lock UPGRADE=1`, which takes the newest.
Needs uv, which is among the test tools.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parent / "pyproject.toml"
FLAVOURS: dict[str, list[str | Path]] = {
    "cpu": [PROJECT, "--extra", "cpu"],
    "gpu": [PROJECT, "--extra", "gpu", "--constraint", HERE / "cpu.txt"],
    "dev": ["--group", f"{PROJECT}:dev", "--constraint", HERE / "cpu.txt"],
    "slurm": ["-", "--constraint", HERE / "cpu.txt"],
}
"""Arguments of each; - is the extra of this name alone, without all that the project needs."""
OPTIONS = [
    *("--universal", "--python-version", "3.11", "--fork-strategy", "fewest"),
    *("--generate-hashes", "--no-header", "--no-annotate", "--quiet"),
]
HEADER = "# Made by `make lock` from pyproject.toml. Do not edit.\n"


def main() -> None:
    extras = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]
    for flavour, arguments in FLAVOURS.items():
        lock = HERE / f"{flavour}.txt"
        command = ["uv", "pip", "compile", *arguments, *OPTIONS, *sys.argv[1:], "--output-file", lock]
        alone = "\n".join(extras.get(flavour, []))
        subprocess.run(command, input=alone, check=True, stdout=subprocess.DEVNULL, text=True)
        lock.write_text(HEADER + lock.read_text().removeprefix(HEADER))
        print(f"{lock.name}: {len(pins(lock))} packages")
    (HERE / "environment.yaml").write_text(environment())


def pins(lock: Path) -> dict[str, str]:
    """Versions of the packages in a lock."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(), flags=re.MULTILINE))


def environment() -> str:
    """The conda environment: pyproject's direct dependencies, at the versions of the CPU lock."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    locked = pins(HERE / "cpu.txt")
    lines = []
    for requirement in [*project["dependencies"], *project["optional-dependencies"]["cpu"]]:
        name = re.split(r"[^A-Za-z0-9-]", requirement)[0]
        _, _, marker = requirement.partition(";")
        lines.append(f'      - "{name}=={locked[name]}{";" + marker if marker else ""}"\n')
    return (
        f"{HEADER}# For those who prefer conda; the locked requirements (cpu.txt) are what results are made with.\n"
        "name: rlgames\nchannels: [conda-forge, nodefaults]\ndependencies:\n  - python=3.11\n  - pip\n  - pip:\n"
        + "".join(lines)
    )


if __name__ == "__main__":
    main()
