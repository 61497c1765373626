"""How soon deep agents learn Pong, and how fast they are on a GPU.

- learning: minutes on one core until the mean of the last 20 returns reaches 0, 10 and 18 in each experiment of
  config/fast.yaml, with its seeds; cut at 40 minutes. Hours.
- gpu: on one GPU, the update, trainings of 8 to 64 games with how busy the GPU was, and Pong until 18 with the settings
  that config/fast.yaml calls fast. `gpu tiny` runs through all of it on the processor, with few steps.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from deep import FLOPS, FOLDER, RUNS, TIMED, WARM_UP, learner, modules, settings, spread, timed

LEVELS, LONGEST = (0, 10, 18), 40
"""Mean returns of 20 episodes, and minutes."""

GAMES = (8, 16, 32, 64)
"""Games side by side on a GPU."""


def learning() -> None:
    """Every run of config/fast.yaml, as many side by side as there are cores."""
    from concurrent.futures import ThreadPoolExecutor
    from queue import SimpleQueue

    cores: SimpleQueue[int] = SimpleQueue()
    for core in os.sched_getaffinity(0):
        cores.put(core)

    def run(name: str, seed: int) -> str:
        core = cores.get()
        words = [sys.executable, str(Path(__file__)), "learn", name, str(seed), str(core)]
        try:
            line = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout
        finally:
            cores.put(core)
        print(line, end="", flush=True)
        return line

    config = fast_config()
    runs = [
        (name, seed) for name, one in config.experiments.items() for seed in range(one.first_seed, one.last_seed + 1)
    ]
    with ThreadPoolExecutor(cores.qsize()) as pool:
        list(pool.map(run, *zip(*runs, strict=True)))


def fast_config() -> Any:
    import yaml

    from rlgames.settings.loading import load

    return load(yaml.safe_load((FOLDER.parent / "config" / "fast.yaml").read_text(encoding="utf-8")))


def learn(name: str, seed: int, core: int) -> None:
    """One run on one core."""
    from rlgames.networks import numerics

    os.sched_setaffinity(0, {core})
    numerics.set_up()
    reach(name, seed, LONGEST)


def reach(name: str, seed: int, longest: float) -> None:
    """A run of config/fast.yaml for so many minutes, or until it reaches the last level: a row of the table."""
    from rlgames.training.off_policy import Training

    (variant,) = fast_config().experiments[name].variants
    environment, agent = variant.spec.environment.model_dump(), variant.spec.agent.model_dump()
    training = Training(modules(variant.spec.agent.module, variant.spec.agent.network), seed, environment, agent, 10**9)
    training.begin()
    reached: dict[int, str] = {}
    start = time.perf_counter()
    while (minutes := (time.perf_counter() - start) / 60) < longest and len(reached) < len(LEVELS):
        training.advance()
        recent = training.recent_return(20)
        for level in LEVELS:
            if recent is not None and recent >= level and level not in reached:
                reached[level] = f"{minutes:.1f} ({training.steps // 1000}k)"
    cells = [reached.get(level, "–") for level in LEVELS]
    print(f"| {name} | {seed} | {' | '.join(cells)} | {training.steps / minutes / 60:.0f} |", flush=True)


def gpu(tiny: bool) -> None:
    """One GPU, or, for a rehearsal, the processor."""
    from rlgames.networks import numerics
    from rlgames.operations import devices

    cores = len(os.sched_getaffinity(0))
    try:
        numerics.set_up(devices.choose("cpu" if tiny else "gpu"), cores)
    except numerics.DeviceError as error:
        sys.exit(str(error))
    from rlgames.training.off_policy import Training  # which imports TensorFlow: after the GPU was chosen

    runs, timed_steps, longest = (1, 128, 0.05) if tiny else (RUNS, TIMED, LONGEST)
    for name in FLOPS:
        agent, minibatch = learner(name)
        ms = [1000 * statistics.median(timed(partial(agent.update, minibatch)) for _ in range(40)) for _ in range(runs)]
        print(f"| update, {name} | {spread(ms, 'ms')} | |", flush=True)
    for games in GAMES:
        environment, agent = settings(games=games, warm_up=2 * WARM_UP)
        training = Training(modules(), 0, environment, agent, 10**9, threads=cores)
        training.begin()
        while training.steps < 2 * WARM_UP + 200:
            training.advance()
        rates: list[float] = []
        with utilisation() as busy:
            for _ in range(runs):
                first, start = training.steps, time.perf_counter()
                while training.steps < first + timed_steps:
                    training.advance()
                rates.append((training.steps - first) / (time.perf_counter() - start))
        print(f"| {games} games | {spread(rates, 'steps/s')} | {spread(busy, '%') if busy else 'no GPU'} |", flush=True)
    reach("fast", 0, longest)


@contextmanager
def utilisation() -> Iterator[list[float]]:
    """A list that afterwards holds what nvidia-smi says five times a second: how busy the GPU is, in per cent.

    Without a GPU it stays empty.
    """
    busy: list[float] = []
    if not (device := os.environ.get("CUDA_VISIBLE_DEVICES")):
        yield busy
        return
    query = ["nvidia-smi", f"--id={device}", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    with subprocess.Popen([*query, "--loop-ms=200"], stdout=subprocess.PIPE, text=True) as sampler:
        try:
            yield busy
        finally:
            sampler.terminate()
            busy += map(float, sampler.communicate()[0].split())


if __name__ == "__main__":
    what = sys.argv[1:]
    if what[0] == "gpu":
        gpu(tiny=what[1:] == ["tiny"])
    elif what[0] == "learn":  # one of those that `learning` starts
        learn(what[1], int(what[2]), int(what[3]))
    else:
        {"learning": learning}[what[0]]()
