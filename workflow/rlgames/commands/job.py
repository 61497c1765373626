"""What every command does first."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from pathlib import Path

from rlgames.provenance import ROOT, code_hash


class Parser(argparse.ArgumentParser):
    """Takes the lines of a file as arguments where it finds @file: Linux allows 2 MB of them, so some 20,000 paths."""

    def convert_arg_line_to_args(self, line: str) -> list[str]:
        """An empty line, which is what a list of no files is printed as, is no argument."""
        return [line] if line else []


def parser(description: str | None) -> Parser:
    """The arguments that all commands share."""
    arguments = Parser(description=description, fromfile_prefix_chars="@")
    arguments.add_argument("--code", required=True, help="hash of the code that the job was planned with")
    arguments.add_argument("--log", required=True, type=Path, help="file that gets a copy of the messages")
    return arguments


def begin(arguments: argparse.Namespace, *modules: str) -> None:
    """Refuse code that is not what was planned, then prepare messages, Ctrl-C and the cache of compiled functions.

    `modules` are the roots of the code behind the job. numba looks for changes only in the file of a function, not
    in what the function calls, so that every code hash needs a cache of its own.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if (found := code_hash(*modules)) != arguments.code:
        sys.exit(f"The code changed after this job was planned ({arguments.code} is now {found}). Run snakemake again.")
    os.environ["NUMBA_CACHE_DIR"] = str(Path(os.environ.get("NUMBA_CACHE_DIR", ROOT / ".cache" / "numba"), found))
    arguments.log.parent.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [logging.StreamHandler(), logging.FileHandler(arguments.log, mode="a")]
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=handlers)
