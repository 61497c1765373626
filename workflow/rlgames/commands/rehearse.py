"""Start every deep training of a config, with its whole replay buffer, for 2,000 steps (`make rehearse`).

Says in minutes whether days of training will fit in memory, and how fast they will be: it learns from half-way on, with
the ε of the end, whatever the settings say. No result is written.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from rlgames.plan import Plan
from rlgames.settings.agents import DeepAgent

STEPS = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--only", nargs=2, metavar=("EXPERIMENT", "VARIANT"))
    arguments = parser.parse_args()
    plan = Plan(yaml.safe_load(arguments.config.read_text(encoding="utf-8")), [arguments.config])
    if arguments.only:
        rehearse(plan.variants[tuple(arguments.only)].spec, " ".join(arguments.only))
        return
    deep = [key for key, variant in plan.variants.items() if isinstance(variant.spec.agent, DeepAgent)]
    failed = 0
    for key in deep:  # a process each, so that memory is counted apart
        command = [sys.executable, "-m", "rlgames.commands.rehearse", str(arguments.config), "--only", *key]
        failed += subprocess.run(command, check=False).returncode != 0
    if failed:
        sys.exit(f"{failed} of {len(deep)} trainings cannot start here as they are.")


def rehearse(spec: Any, name: str) -> None:
    """Play and learn with a buffer of which every page is in memory; print speed and memory."""
    from rlgames.devices import DeviceError, prepare

    environment, agent = spec.environment.model_dump(), spec.agent.model_dump()
    try:
        prepare(agent["device"], 1)
    except DeviceError as error:
        sys.exit(f"{name}: {error}")
    from rlgames.memory import ShortageError
    from rlgames.training.deep import Training

    agent |= {"warm_up": STEPS // 2, "epsilon_start": agent["epsilon_end"]}
    try:
        training = Training(import_module(spec.agent.module), 0, environment, agent, STEPS)
    except ShortageError as error:
        sys.exit(f"{name}: {error}")
    training.begin()
    while not training.updates:  # the first of which compiles
        training.advance()
    first, start = training.steps, time.perf_counter()
    while not training.finished:
        training.advance()
    rate = (training.steps - first) / (time.perf_counter() - start)
    unit = 1e9 if sys.platform == "darwin" else 1e6  # bytes there, kilobytes elsewhere
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    print(
        f"{name}: {training.steps} steps and {training.updates} updates, {rate:.0f} steps/s while learning, "
        f"{peak:.1f} GB of memory with a replay buffer of {agent['capacity']} frames",
        flush=True,
    )


if __name__ == "__main__":
    main()
