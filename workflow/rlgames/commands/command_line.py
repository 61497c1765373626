"""The command line of jobs, and what it says of a run. Unlike `rlgames.operations`, it shapes their products."""

from __future__ import annotations

import argparse
import json
import os
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from rlgames.messages import diverged, log
from rlgames.provenance import Manifest, checksums


class Parser(argparse.ArgumentParser):
    """Takes the lines of a file as arguments where it finds @file.

    Linux allows 128 kB for one argument and 2 MB for all, so the rules hand over specs and lists of paths so.
    """

    def convert_arg_line_to_args(self, line: str) -> list[str]:
        """An empty line, which is what a list of no files is printed as, is no argument."""
        return [line] if line else []


def parser(description: str | None, *files: str) -> Parser:
    """The arguments that all commands share, and one for each of some files."""
    arguments = Parser(description=description, fromfile_prefix_chars="@")
    arguments.add_argument("--code", required=True, help="hash of the code that the job was planned with")
    arguments.add_argument("--log", required=True, type=Path, help="file that gets a copy of the messages")
    arguments.add_argument("--parent", type=int, default=os.getppid(), help="the process with which this one is to end")
    for name in files:
        arguments.add_argument(f"--{name}", required=True, type=Path)
    return arguments


def run_parser(description: str | None, *files: str) -> Parser:
    """The arguments of commands that train or play one run."""
    arguments = spec_parser(description, *files)
    arguments.add_argument("--experiment", required=True)
    arguments.add_argument("--variant", required=True)
    arguments.add_argument("--seeds", required=True, help="one seed, or first-last")
    return arguments


def spec_parser(description: str | None, *files: str) -> Parser:
    """The arguments of commands that are driven by settings, with the modules that these name."""
    arguments = parser(description, *files)
    arguments.add_argument("--spec", required=True, type=json.loads, help="settings, as JSON")
    arguments.add_argument("--modules", default={}, type=json.loads, help="modules by their roles, as JSON")
    arguments.add_argument("--encoder", nargs="*", default=[], type=Path, help="weights that features need")
    return arguments


def training_parser(description: str | None, *files: str) -> Parser:
    """The arguments of trainings that can be killed and resumed."""
    arguments = run_parser(description, *files)
    arguments.add_argument("--threads", required=True, type=int)
    arguments.add_argument("--first-weights", nargs="*", default=[], type=Path, help="weights.npz that it starts from")
    arguments.add_argument("--state", required=True, type=Path, help="folder of the saves")
    return arguments


def run_modules(arguments: argparse.Namespace) -> dict[str, ModuleType]:
    """The modules that a run's settings name, imported, by their roles; the training's own comes with the others."""
    return {role: import_module(name) for role, name in arguments.modules.items()}


def features(arguments: argparse.Namespace, environment: dict[str, Any] | None = None) -> list[Any]:
    """The features that a linear agent sees, if the run is one's, of an `environment` (default: that of its spec)."""
    if "features" not in arguments.modules:
        return []
    module, spec = import_module(arguments.modules["features"]), arguments.spec
    return [module.Features(environment or spec["environment"], spec["agent"]["features"], *arguments.encoder)]


def labelled(table: Any, arguments: argparse.Namespace) -> Any:
    """A DataFrame with first columns that say of which run its rows are."""
    run = {"experiment": arguments.experiment, "variant": arguments.variant, "seed": int(arguments.seeds)}
    for place, (column, value) in enumerate(run.items()):
        table.insert(place, column, value)
    return table


def name(arguments: argparse.Namespace) -> str:
    """A run, for people."""
    kind = "seeds" if "-" in arguments.seeds else "seed"
    return f"{arguments.experiment}/{arguments.variant}, {kind} {arguments.seeds}"


def manifest(arguments: argparse.Namespace, *products: str, lost: list[dict[str, int]], **facts: Any) -> Manifest:
    """The manifest of a run; `products` are arguments, and `lost` says where which seeds diverged, with a warning."""
    if lost:
        log.warning(diverged(arguments.experiment, arguments.variant, lost))
    names = ("experiment", "variant", "seeds", "spec", "code")
    known = {name: vars(arguments)[name] for name in names} | {"threads": vars(arguments).get("threads", 1)}
    files = checksums(*(vars(arguments)[name] for name in products))
    return Manifest(**known, diverged=lost, products=files, **facts)
