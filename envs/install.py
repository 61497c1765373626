"""Install locked requirements with pip, and show how far it is: a count and the time, not pip's hundreds of lines.

Run by the Makefile as `python envs/install.py PIP LOCK`, before anything is installed: with the standard library alone.
"""

import re
import subprocess
import sys
import time
from collections import deque
from pathlib import Path


def main() -> None:
    pip, lock = sys.argv[1], Path(sys.argv[2])
    command = [pip, "install", "--disable-pip-version-check", "--require-hashes", "--requirement", str(lock)]
    total = len(re.findall(r"^[\w.-]+==", lock.read_text(), re.MULTILINE))
    start, found, last = time.monotonic(), 0, deque[str](maxlen=15)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout or ():
            last.append(line)
            found += line.startswith(("Collecting ", "Requirement already", "Ignoring "))
            what = "installing" if line.startswith("Installing") else "fetching"
            show(f"{lock.stem}: {what}, {min(found, total)} of {total} packages, {time.monotonic() - start:.0f} s")
    if process.returncode:
        sys.exit(
            f"\n{''.join(last)}pip failed. Remove the cause named above, and type make again: what is fetched is kept."
        )
    print(f"\r{lock.stem}: {total} packages in {time.monotonic() - start:.0f} s" + " " * 30, flush=True)


def show(text: str) -> None:
    """A line over the last one, on a terminal; elsewhere none, since the end has one."""
    if sys.stdout.isatty():
        print(f"\r{text:<70}", end="", flush=True)


if __name__ == "__main__":
    main()
