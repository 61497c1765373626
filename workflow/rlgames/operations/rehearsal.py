"""A short training with a whole replay buffer, to see whether a long one fits in memory, and how fast it is."""

from __future__ import annotations

import resource
import sys
import time
from importlib import import_module
from typing import Any

from rlgames.networks.numerics import set_up
from rlgames.operations import devices, memory_limits

STEPS = 2000


def rehearse(spec: Any) -> str:
    """Speed and memory of a training that learns from half-way on, with the ε of the end, in words. Every page of its
    replay buffer is in memory. Raises `UserError` where it cannot start."""
    environment, agent = spec.environment.model_dump(), spec.agent.model_dump()
    set_up(devices.choose(agent["device"]))
    warm_up = max(STEPS // 2, spec.agent.least_warm_up)
    agent |= {"warm_up": warm_up, "epsilon_start": agent["epsilon_end"]}
    modules = {role: import_module(name) for role, name in spec.agent.modules(spec.environment).items()}
    training = modules["training"].Training(modules, 0, environment, agent, warm_up + STEPS // 2)
    memory_limits.demand_replay(training.memory, agent["capacity"])
    training.begin()
    while not training.updates:  # the first update compiles, which must not be timed
        training.advance()
    first, start = training.steps, time.perf_counter()
    while not training.finished:
        training.advance()
    rate = (training.steps - first) / (time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)
    return (
        f"{training.steps} steps and {training.updates} updates, {rate:.0f} steps/s while learning, {peak:.1f} GB of "
        f"memory with a replay buffer of {agent['capacity']} frames"
    )
