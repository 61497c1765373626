"""What each learner costs, with the settings of the configs: steps per second of one core, the time of a whole training
at that speed, and the most memory that its process held. Times are processor times, so that other work disturbs little.

Each learner runs in a process of its own, past its warm-up and a part of its schedule.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

CONFIGS = Path(__file__).parents[1] / "config"

LEARNERS = {
    "config": ["policy-gradients", "policy-gradients-cartpole", "cartpole-dqn", "cartpole-actor-critic", "pong"],
    "actor-critic": ["acrobot", "lunar-lander", "pong"],
    "classification": ["pong"],
    "networks": ["pong"],
}
"""Experiments, by the config that they are in; all their variants are timed."""

STEPS, EPISODES = 6000, 20
"""That are timed, after as many that are not: of agents that learn in steps, and in episodes."""


def main() -> None:
    print("| learner | game | steps/s | whole training | memory, MB |")
    print("|---|---|---|---|---|")
    for config, experiments in LEARNERS.items():
        for experiment in experiments:
            for variant in variants(config, experiment):
                command = [sys.executable, __file__, config, experiment, variant]
                print(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout, end="", flush=True)


def variants(config: str, experiment: str) -> list[str]:
    from rlgames.plan.plan import Plan

    return list(Plan.read(CONFIGS / f"{config}.yaml").config.experiments[experiment].named)


def measure(config: str, experiment: str, name: str) -> None:
    """Print the row of one learner."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    from rlgames.messages import clock
    from rlgames.plan.plan import Plan

    found = Plan.read(CONFIGS / f"{config}.yaml").config.experiments[experiment]
    variant = found.named[name]
    spec = variant.spec
    rate, steps = (of_episodes if spec.agent.in_blocks else of_steps)(spec)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    environment: Any = spec.environment
    game = getattr(environment, "game_name", "") if environment.name != "mountain-car" else "Mountain Car"
    print(f"| {variant.label or spec.agent.name} | {game} | {rate:,.0f} | {clock(steps / rate)} | {memory:.0f} |")


def of_steps(spec: Any) -> tuple[float, float]:
    """Steps per second of an agent that learns step by step, and the steps of its training."""
    from rlgames.networks import numerics

    numerics.set_up()
    modules = {role: import_module(module) for role, module in spec.agent.modules(spec.environment).items()}
    training = modules["training"].Training(
        modules, 0, spec.environment.model_dump(), spec.agent.model_dump(), spec.steps
    )
    training.begin()
    begin = getattr(spec.agent, "warm_up", 0) + getattr(spec.agent, "epsilon_steps", 0) // 4 + STEPS
    while training.steps < begin:
        training.advance()
    before, start = training.steps, time.process_time()
    while training.steps < before + STEPS:
        training.advance()
    return (training.steps - before) / (time.process_time() - start), spec.steps


def of_episodes(spec: Any) -> tuple[float, float]:
    """The same of one that learns in episodes; the steps of a training are those of so many episodes as long."""
    from rlgames.training.block import Block

    modules = {role: import_module(module) for role, module in spec.agent.modules(spec.environment).items()}
    settings = spec.resolved() | {"episodes": EPISODES}
    for seed in (0, 1):  # the first compiles
        block, start = Block(modules["training"], modules["agent"], settings), time.process_time()
        block.train(seed)
    taken = block.steps()
    return taken / (time.process_time() - start), spec.budget * taken / EPISODES


if __name__ == "__main__":
    if sys.argv[1:]:
        measure(*sys.argv[1:])
    else:
        main()
