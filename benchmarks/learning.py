"""How soon deep agents learn Pong, and how fast they are on a GPU.

- learning: minutes on one core until the mean of the last 20 returns reaches 0, 10 and 18 in each experiment of
  config/fast.yaml, with its seeds; cut at 40 minutes. Hours.
- peers STABLE CLEANRL SCRIPT: mean return against minutes of one core, cut at 60: the default's DQN (seed 0) beside
  Stable-Baselines3's DQN and CleanRL's PQN. Minutes are processor time, so that other work beside them counts little.
  STABLE and CLEANRL are the pythons of environments with benchmarks/stable-baselines3.txt and benchmarks/cleanrl.txt,
  SCRIPT is CleanRL's pqn_atari_envpool.py as it is.
  Writes docs/gallery/learning-per-minute.csv and .png. An hour and ten minutes on two cores.
- gpu: on one GPU, the update, trainings of 8 to 64 games with how busy the GPU was, and Pong until 18 with the settings
  of the default. `gpu tiny` runs through all of it on the processor, with few steps.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from deep import FLOPS, FOLDER, RUNS, TIMED, WARM_UP, learner, modules, settings, spread, timed

LEVELS, LONGEST = (0, 10, 18), 40
"""Mean returns of 20 episodes, and minutes."""

HOUR = 60
"""Minutes for each learner, beside others."""
EPISODE = re.compile(r"global_step=(\d+), episodic_return=\[?(-?[\d.]+)")
"""What CleanRL prints at an episode's end."""
GALLERY = FOLDER.parent / "docs" / "gallery"

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
    reach("default", 0, longest)


def peers(stable: str, cleanrl: str, script: str) -> None:
    """Learners side by side, each on a core of its own: a table of their returns, and a figure."""
    from concurrent.futures import ThreadPoolExecutor
    from queue import SimpleQueue

    import pandas as pd

    commands = {
        "rlgames: DQN": [sys.executable, str(Path(__file__)), "default", "0"],
        "Stable-Baselines3: DQN": [stable, "-u", str(FOLDER / "peer.py"), "learn", "0"],
        "CleanRL: PQN": [cleanrl, "-u", script, "--env-id", "Pong-v5", "--no-cuda", "--seed", "0"],
    }
    cores: SimpleQueue[int] = SimpleQueue()
    for core in os.sched_getaffinity(0):
        cores.put(core)

    def watch(learner: str) -> list[dict[str, Any]]:
        core = cores.get()
        try:
            return [{"learner": learner, **row} for row in episodes(["taskset", "-c", str(core), *commands[learner]])]
        finally:
            cores.put(core)

    with ThreadPoolExecutor(cores.qsize()) as pool:
        table = pd.DataFrame([row for rows in pool.map(watch, commands) for row in rows])
    table.to_csv(GALLERY / "learning-per-minute.csv", index=False, float_format="%.5g")
    draw(table)


def episodes(command: list[str]) -> Iterator[dict[str, float]]:
    """Returns that a learner prints, with steps and minutes of processor time; until it ends, or an hour is over."""
    one_thread = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=folder, env=os.environ | one_thread
    ) as process:  # fmt: skip
        clock = psutil.Process(process.pid)
        for line in process.stdout or ():
            if found := EPISODE.match(line):
                spent = clock.cpu_times()
                minutes = (spent.user + spent.system) / 60
                yield {"minutes": minutes, "steps": int(found[1]), "return": float(found[2])}
                if minutes >= HOUR:
                    process.kill()


def default(seed: int) -> None:
    """The default's DQN on Pong, with a line for each episode that ended."""
    import yaml

    from rlgames.networks import numerics
    from rlgames.settings.loading import load

    numerics.set_up()
    from rlgames.training.off_policy import Training

    config = load(yaml.safe_load((FOLDER.parent / "config" / "config.yaml").read_text(encoding="utf-8")))
    spec: Any = config.experiments["pong"].variants[0].spec
    agent = spec.agent
    training = Training(
        modules(agent.module, agent.network), seed, spec.environment.model_dump(), agent.model_dump(), spec.steps
    )
    training.begin()
    said = 0
    while not training.finished:
        training.advance()
        for episode in training.ended[said:]:
            print(f"global_step={training.steps}, episodic_return={episode.score}", flush=True)
        said = len(training.ended)


def draw(table: Any) -> None:
    """Means of 20 returns against minutes."""
    from rlgames.figures import style

    figure = style.new_figure(7, 4.2)
    axes = figure.subplots()
    chosen = style.colours(list(table["learner"].unique()))
    for name, rows in table.groupby("learner", sort=False):
        mean = rows["return"].rolling(20).mean()
        axes.plot(rows["minutes"], mean, color=chosen[name], label=f"{name} ({rows['steps'].max() / 1000:.0f}k steps)")
    axes.set(
        xlabel="Minutes of one core (processor time)",
        ylabel="Mean return of 20 training episodes",
        xlim=(0, HOUR),
        ylim=(-21.5, 21.5),
    )
    axes.legend(loc="center right")
    note = "One run each: the default config's settings for Pong, and those that the other projects have for Atari."
    style.entitle(figure, "Pong: learning per minute", note)
    figure.savefig(GALLERY / "learning-per-minute.png")


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
    elif what[0] == "peers":
        peers(*what[1:])
    elif what[0] == "default":  # one of those that `peers` starts
        default(int(what[1]))
    else:
        learning()
