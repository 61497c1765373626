"""Steps per second of every compiled agent, and of the same agent in plain NumPy over Gymnasium, on one core.

Run by `make bench`: medians of at least five runs, with the spread.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import plain
from rlgames.files import ROOT
from rlgames.provenance import code_hash
from rlgames.surroundings import machine

RUNS = 5
AGENTS: list[tuple[str, str, type[plain.Agent], dict[str, Any]]] = [
    ("Sarsa", "sarsa", plain.Sarsa, {}),
    ("expected Sarsa", "expected_sarsa", plain.ExpectedSarsa, {}),
    ("Q-learning", "q_learning", plain.QLearning, {}),
    ("n-step Sarsa, n = 8", "n_step_sarsa", plain.NStepSarsa, {"n": 8}),
    ("Sarsa(λ), replacing traces", "sarsa_lambda", plain.SarsaLambda, {"traces": "replacing", "trace_decay": 0.9}),
    ("true online Sarsa(λ)", "true_online_sarsa_lambda", plain.TrueOnlineSarsaLambda, {"trace_decay": 0.9}),
]
CAR = {"max_steps": 100_000, "start": [-0.6, -0.4]}


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    modules = [f"rlgames.agents.linear.{name}" for _, name, _, _ in AGENTS] + ["rlgames.training.mountain_car"]
    cache = ROOT / ".cache" / "bench" / code_hash(*modules)
    os.environ["NUMBA_CACHE_DIR"] = str(cache)

    from rlgames.environments import mountain_car
    from rlgames.features import tile_coding
    from rlgames.training.mountain_car import train

    print(
        f"{machine()['processor']}, one core, Python {platform.python_version()}; medians of {RUNS} runs, and ranges."
    )
    print("Mountain Car, 8 tilings of 8 x 8 tiles, α = .3/8, ε = 0.\n")
    print("| agent | compiled, steps/s | plain NumPy, steps/s | ratio |")
    print("|---|---|---|---|")
    for title, name, twin, settings in AGENTS:
        agent = import_module(f"rlgames.agents.linear.{name}")
        common = {"step_size": 0.3 / 8, "epsilon": 0.0, "discount": 1.0, **settings}

        coding = tile_coding.tiled(mountain_car.LOW, mountain_car.HIGH, 8, 8)
        compiled = partial(train, agent, coding=coding, environment=CAR, episodes=3000, **common)
        compiled(seed=0)  # compile, or load from the cache
        fast = rates(lambda seed, run=compiled: int(run(seed=seed).steps.sum()))
        simple = partial(twin, features=plain.tiled(8, 8), size=880, **common)
        slow = rates(lambda seed, agent=simple: sum(agent(seed).run(episodes=20, max_steps=100_000)))
        ratio = statistics.median(fast) / statistics.median(slow)
        print(
            f"| {title} | {shown(fast, 1e6, ' million')} | {shown(slow, 1e3, ' thousand')} | {ratio:.0f} |", flush=True
        )

    coding = tile_coding.additive(mountain_car.LOW, mountain_car.HIGH, 8)
    sarsa = import_module("rlgames.agents.linear.sarsa")
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        for factor in (0.1, 0.2, 0.5):
            for seed in range(20):
                train(sarsa, seed, coding, CAR, episodes=500, step_size=factor / 8, epsilon=0.0, discount=1.0)
        seconds.append(time.perf_counter() - start)
    print(f'\n"Step sizes" as in the lesson (3 x 20 runs x 500 episodes), warm: {shown(seconds, 1, " s", 2)}')


def rates(run: Any) -> list[float]:
    """Steps per second of each run, after one that is not counted."""
    run(0)
    result = []
    for seed in range(RUNS):
        start = time.perf_counter()
        steps = run(seed)
        result.append(steps / (time.perf_counter() - start))
    return result


def shown(values: list[float], unit: float, name: str, digits: int = 1) -> str:
    low, middle, high = (
        f"{value / unit:.{digits}f}" for value in (min(values), statistics.median(values), max(values))
    )
    return f"{middle}{name} ({low} to {high})"


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
