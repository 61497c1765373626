"""What 57 games, two agents and five seeds take (config/atari57.yaml): the tables of docs/scale.md, printed.

All is worked out from numbers that docs/speed.md has, each measured on one core. `python benchmarks/scale.py sizes`
measures those of its section "At scale", on the files of short trainings of two games that Snakemake makes in a
temporary folder.
"""

from __future__ import annotations

import heapq
import json
import math
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from rlgames.operations.trainings import SAVE_SECONDS
from rlgames.plan.plan import Plan

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "config" / "atari57.yaml"
SPEED = ROOT / "docs" / "speed.md"

AGENTS = ("DQN", "Double DQN")
REHEARSED = ("Pong", "Breakout", "Space Invaders")
"""Games on which `make rehearse` measured DQN with the same settings; the slowest counts."""

SLOTS = (10, 100, 1000)
"""Cores that train at the same time."""
FAILURES = {"a day": 24.0, "a week": 168.0, "30 days": 720.0}
"""Mean time between two failures of one slot, in hours."""
INTERVALS = {"a minute": SAVE_SECONDS, "10 minutes": 600, "an hour": 3600}
"""Between two saves, in seconds. The first is what trainings do."""
START_SECONDS = 10
"""Until a training that is started plays: Python, TensorFlow, the games."""

GAMES = ("pong", "seaquest")
"""Whose files are measured: one with few actions, and one with all 18, which takes the most room."""
SHORT = 100_000
"""Steps of their trainings, in which next to nothing is learned: random actions are the hardest to compress."""


def main() -> None:
    if sys.argv[1:] == ["sizes"]:
        sizes()
    else:
        print(tables())


# The arithmetic.


def tables() -> str:
    """The tables of docs/scale.md."""
    plan = Plan(yaml.safe_load(CONFIG.read_text(encoding="utf-8")), [CONFIG])
    spec: Any = next(iter(plan.variants.values())).spec
    runs, steps, agent = len(plan.runs()), spec.steps, spec.agent
    evaluation = plan.config.evaluation
    most = spec.environment.max_steps * (2 * evaluation.episodes + 9 * evaluation.checkpoint_episodes)

    seconds = 1 / min(map(measured, REHEARSED))
    updates = [measured(f"update of {name}, one core") / 1000 for name in AGENTS]
    hours = {
        name: steps * (seconds + (update - updates[0]) * agent.updates_per_step) / 3600
        for name, update in zip(AGENTS, updates, strict=True)
    }
    judging = most / measured("evaluation, steps per second of a core") / 3600
    every = [each for each in hours.values() for _ in range(runs // 2)]
    computing = table(
        ["", *hours, "both"],
        ["runs", *[f"{runs // 2}"] * 2, f"{runs}"],
        ["training, hours each", *(f"{each:.1f}" for each in hours.values()), ""],
        ["training, CPU-hours", *(f"{each * runs / 2:,.0f}" for each in hours.values()), f"{sum(every):,.0f}"],
        ["evaluation, CPU-hours, at most", *[f"{judging * runs / 2:,.0f}"] * 2, f"{judging * runs:,.0f}"],
    )

    gigabytes = max(measured(game, 2) for game in REHEARSED)
    memory = table(
        ["slots", "trainings at once", "memory, GB"],
        *([f"{slots}", f"{min(slots, runs)}", f"{min(slots, runs) * gigabytes:,.0f}"] for slots in SLOTS),
    )

    worst = GAMES[-1]
    each = {
        "recordings of training, at most": steps * measured(f"recordings, {worst}"),
        "recordings of evaluation, at most": most * measured(f"recordings of evaluation, {worst}"),
        "weights, ten times in a training": measured("weights") * 1e6,
        "state, until `make clean-state`": measured("state") * 1e6 + 2 * steps,
    }
    pixels = {"pixels, one frame a step, not kept": steps * 84**2}
    storage = table(
        ["", "GB a run", "GB in all"],
        *([name, f"{size / 1e9:.3f}", f"{size * runs / 1e9:,.0f}"] for name, size in (each | pixels).items()),
        ["kept, of what pixels would take", "", f"{sum(each.values()) / (steps * 84**2):.1%}"],
    )

    save = measured("a save of 27 MB, every minute") * (27e6 + steps) / 27e6
    rebuilt = measured("replay buffer of 100,000 steps rebuilt") * agent.capacity / 100_000
    rows = []
    for name, mtbf in FAILURES.items():
        failure = mtbf * 3600
        work, best = 3600 * max(hours.values()), daly(save, failure)
        shares = [loss(save, interval, START_SECONDS + rebuilt, failure) for interval in (*INTERVALS.values(), best)]
        never = loss(0, work, START_SECONDS, failure)
        rows.append([name, *(f"{share:.2%}" for share in shares), f"{best:.0f} s", f"{never:.0%}"])
    lost = table(["a slot fails once in", *INTERVALS, "best", "best interval", "never"], *rows)
    costs = table(
        ["", "seconds"],
        ["a save, at the end of a training", f"{save:.2f}"],
        ["to resume: start, and the replay buffer", f"{START_SECONDS + rebuilt:.0f}"],
    )

    rows = []
    for slots in SLOTS:
        for name, mtbf in FAILURES.items():
            share = loss(save, SAVE_SECONDS, START_SECONDS + rebuilt, mtbf * 3600)
            days = makespan(((1 + share) * hour + judging for hour in every), slots) / 24
            failures = min(slots, runs) * 24 / mtbf
            rows.append([f"{slots}", name, f"{failures:.1f}", f"{share * sum(every):,.0f}", f"{days:.1f}"])
    ends = table(
        ["slots", "each fails once in", "failures a day", "CPU-hours lost in all", "days until all is done"], *rows
    )
    parts = {
        "Computing": computing, "Memory": memory, "Storage": storage, "A save, and resuming": costs,
        "Expected loss": lost, "On 10, 100 and 1000 slots": ends,
    }  # fmt: skip
    return "\n\n".join(f"## {title}\n\n{part}" for title, part in parts.items())


def measured(row: str, cell: int = 1) -> float:
    """The first number in a cell, counted from 1, of a row of docs/speed.md."""
    pattern = rf"^\| {re.escape(row)} (?:\|[^|]*){{{cell - 1}}}\| ([\d.]+)"
    (number,) = re.findall(pattern, SPEED.read_text(encoding="utf-8"), re.MULTILINE)
    return float(number)


def loss(save: float, interval: float, restart: float, failure: float) -> float:
    """Expected share of time lost, over the work itself, to saves and failures (Daly 2006, the exponential model).

    Seconds of a save, of work between two saves, of going on after a failure, and on average between two failures.
    """
    return failure * math.exp(restart / failure) * math.expm1((interval + save) / failure) / interval - 1


def daly(save: float, failure: float) -> float:
    """The interval at which least is lost, in seconds: Young's (1974) square root with Daly's (2006) next two terms."""
    ratio = math.sqrt(save / (2 * failure))
    return math.sqrt(2 * save * failure) * (1 + ratio / 3 + ratio**2 / 9) - save


def makespan(durations: Iterable[float], slots: int) -> float:
    """When the last run ends if each slot takes the longest that is left."""
    free = [0.0] * slots
    for duration in sorted(durations, reverse=True):
        heapq.heappushpop(free, free[0] + duration)
    return max(free)


def table(*rows: list[str]) -> str:
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, "|---" * len(rows[0]) + "|", *body])


# What is measured.


def sizes() -> None:
    """Files of real runs, in which next to nothing is learned, and how much of a core their evaluation takes."""
    experiment: dict[str, Any] = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["experiments"]["atari57"]
    experiment |= {"steps": SHORT, "seeds": 1, "sweep": {"game": list(GAMES)}}
    experiment["agent"] |= {"warm_up": SHORT - 100, "capacity": 1000, "games": 8}
    config = {
        "results": "results",
        "evaluation": {"episodes": 15, "checkpoint_episodes": 5},
        "experiments": {"short": experiment},
    }
    with tempfile.TemporaryDirectory(dir=".") as folder:
        file = Path(folder, "config.yaml")
        file.write_text(yaml.safe_dump(config))

        def make(product: str) -> float:
            """Seconds of a core that it takes to make a product of every run."""
            targets = [f"results/runs/short/game={game}/seed-0/{product}" for game in GAMES]
            place = ["--snakefile", str(ROOT / "Snakefile"), "--configfile", str(file), "--directory", folder]
            command = [sys.executable, "-m", "snakemake", *targets, "--cores", "all", *place, "--quiet"]
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(command, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

        make("manifest.json")
        seconds, played = make("evaluation/manifest.json"), 0
        for game in GAMES:
            run = Path(folder, "results", "runs", "short", f"game={game}", "seed-0")
            size = sum(path.stat().st_size for path in run.glob("*.parquet"))
            print(f"| recordings, {game} | {size / SHORT:.2f} bytes a step |")
            steps = json.loads((run / "evaluation" / "manifest.json").read_text())["steps"]
            size = sum(path.stat().st_size for path in (run / "evaluation").glob("*.parquet"))
            print(f"| recordings of evaluation, {game} | {size / steps:.1f} bytes a step |")
            played += steps
        print(f"| weights | {(run / 'weights.npz').stat().st_size / 1e6:.1f} MB |")
        state = sum(path.stat().st_size for path in Path(folder, "results", "state").rglob("*.npz")) / len(GAMES)
        print(f"| state | {state / 1e6:.0f} MB |")
        print(f"| evaluation, steps per second of a core | {played / seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
