"""Speed of the deep agents, on this machine: medians of repetitions, and their spread.

- updates: the update as a share of what the same core does in matrix products.
- profile: where the time of an update goes.
- learning: where the time of a training goes while it learns, for the DQN of config.yaml and `nature` of
  config/fast.yaml.
- bodies: what a decision, an update and a training cost with each of four networks, with the default's settings.
- trainings [PYTHON]: a whole training, one game, one update every 4 steps; one on both cores, and two side by side.
  With the Python of an environment that holds benchmarks/stable-baselines3.txt, Stable-Baselines3's in turn with ours.
- rebuild: the replay buffer rebuilt from recordings.
- frames: the lesson's data set, 40,000 frames of random play, on both cores.
- saving: the time that a save takes, as a share of the minute between two.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

RUNS, FOLDER = 5, Path(__file__).parent
ENVIRONMENT = {"name": "atari", "game": "pong", "actions": "minimal"}
WARM_UP, TIMED = 1000, 3000
"""Steps of a training before the first update, and those that are timed after 200 more."""

AGENT = {"name": "dqn", "warm_up": WARM_UP, "capacity": 10_000, "epsilon_steps": 420, "epsilon_end": 0.05}
"""Stable-Baselines3's ε, so that both ask their network for nearly every action."""

FLOPS = {"dqn": 2.18e9, "double_dqn": 2.78e9}
"""Of an update: batch 32, the network of 2015, 84 x 84 pixels, a stack of 4."""


def spread(values: list[float], unit: str) -> str:
    return f"{statistics.median(values):.4g} {unit} ({min(values):.4g} to {max(values):.4g})"


def settings(**changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    from rlgames.settings.agents import DQN
    from rlgames.settings.environments import Atari

    agent = DQN.model_validate({**AGENT, **changes})
    return Atari.model_validate(ENVIRONMENT).model_dump(), agent.model_dump()


def peak() -> float:
    """Floating-point operations per second of a matrix product of 2048 cubed in float32: the best of five."""
    import numpy as np
    import tensorflow as tf

    matrix = tf.constant(np.random.default_rng(0).random((2048, 2048), np.float32))
    product = tf.function(lambda: tf.matmul(matrix, matrix))
    product()
    return 2 * 2048**3 / min(timed(lambda: product().numpy()) for _ in range(5))


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def one_core() -> None:
    """Stay on one core, and import nothing before that."""
    from rlgames.networks import numerics

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    numerics.set_up()


def modules(agent: str = "rlgames.agents.deep.dqn", network: str = "nature") -> dict[str, Any]:
    """The modules that a training of an agent on Atari imports by name."""
    names = {"agent": agent, "network": f"rlgames.networks.{network}", "environment": "rlgames.environments.atari"}
    return {role: import_module(name) for role, name in names.items()}


def learner(name: str) -> tuple[Any, Any]:
    """An agent with the lesson's network, warmed up, and a minibatch for it."""
    import numpy as np

    from rlgames.agents.deep.replay import Minibatch
    from rlgames.environments.games import Frame
    from rlgames.networks.reader import Reader

    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (2, 32, 21, 21, 64), np.uint8)
    actions, rewards = rng.integers(0, 3, 32, np.int32), rng.random(32, np.float32)
    minibatch = Minibatch(pictures[0], actions, rewards, np.full(32, 0.99, np.float32), pictures[1])
    chosen = modules(f"rlgames.agents.deep.{name}")
    reader = Reader(Frame((84, 84), np.uint8, (3, 2, 1, 0)), chosen["network"].BLOCK)
    agent = chosen["agent"].Learner(chosen["agent"], chosen["network"], reader, 3, settings()[1], rng)
    for _ in range(20):
        agent.update(minibatch)
    return agent, minibatch


def updates() -> None:
    """The update of both agents, on one core."""
    one_core()
    for name, flops in FLOPS.items():
        agent, minibatch = learner(name)
        times, shares = [], []
        for _ in range(RUNS):
            times.append(statistics.median(timed(partial(agent.update, minibatch)) for _ in range(40)))
            shares.append(flops / times[-1] / peak() * 100)
        ms = [1000 * seconds for seconds in times]
        print(f"| update, {name} | {spread(ms, 'ms')} | {spread(shares, '% of the peak')} |", flush=True)


def profile() -> None:
    """Times of oneDNN's primitives, as it reports them, and of Adam and the input; what is left is the rest."""
    words = [sys.executable, str(Path(__file__)), "profiled"]
    traced, plain = (
        subprocess.run(
            words, env=os.environ | {"ONEDNN_VERBOSE": level}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, check=True,
        ).stdout
        for level in "10"
    )  # fmt: skip
    milliseconds: dict[str, float] = defaultdict(float)
    for line in traced.split("BEGIN\n")[1].split("END ")[0].splitlines():
        if ",exec," in line:
            words = line.split(",exec,")[1].split(",")
            kind, direction, shape = words[1], words[3], words[-2]
            name = {"convolution": "convolutions", "reorder": "reorders"}.get(kind, "dense layers")
            back = ", backward" if "backward" in direction or shape in ("32x512:512x3136", "3136x32:32x512") else ""
            milliseconds[name + back] += float(words[-1]) / UPDATES
    total, adam, tensors = map(float, plain.split("END ")[1].split())
    milliseconds |= {"Adam": adam, "arrays to tensors": tensors}
    milliseconds["rest: casts, ReLU, biases, loss, calls"] = total - sum(milliseconds.values())
    for name, part in milliseconds.items():
        print(f"| {name} | {part:.1f} ms | {100 * part / total:.0f}% |")
    print(f"| all of an update of DQN | {total:.1f} ms | 100% |", flush=True)


UPDATES = 100


def middle(call: Callable[[], object]) -> float:
    """Seconds of a call: the median of many."""
    return statistics.median(timed(call) for _ in range(UPDATES))


def profiled() -> None:
    """Updates of DQN for `profile`. Adam's time is what an update takes less without it, within the same minute."""
    one_core()
    import tensorflow as tf

    from rlgames.agents.deep import learner as deep

    agent, minibatch = learner("dqn")

    class NoAdam(deep.Adam):
        """Takes one number of each gradient, so that all of them are still computed."""

        def apply(self, gradients: list[Any], step_size: Any) -> None:  # noqa: ARG002
            self.updates.assign_add(tf.cast(sum(tf.reshape(g, [-1])[0] for g in gradients) > 0, tf.int64))

    with mock.patch.object(deep, "Adam", NoAdam):
        without, _ = learner("dqn")
    print("BEGIN", flush=True)
    total = middle(partial(agent.update, minibatch))
    print("END ", end="")
    rounds = [[middle(partial(each.update, minibatch)) for each in (agent, without)] for _ in range(RUNS)]
    adam = statistics.median(whole - part for whole, part in rounds)
    tensors = middle(lambda: [*map(tf.constant, minibatch)])
    print(f"{1000 * total} {1000 * adam} {1000 * tensors}", flush=True)


PARTS = {
    "updates": ("learner", "update"),
    "minibatches": ("replay", "sample"),
    "emulators and pictures": ("games", "step"),
    "new episodes": ("games", "reset"),
    "choice of actions": ("learner", "preferences"),
    "storing": ("replay", "add"),
}
"""Of a training: the object that does it, and its method."""


def learning(steps: int = 20_000) -> None:
    """Shares of the processor's time, on one core, in so many steps after the first 10,000."""
    one_core()
    for name, experiment in (("config", "pong"), ("fast", "nature")):
        one = begun(name, experiment, 10_000)
        spent = dict.fromkeys(PARTS, 0.0)
        for part, (owner, method) in PARTS.items():
            watch(getattr(one, owner), method, part, spent)
        start = time.process_time()
        while one.steps < 10_000 + steps:
            one.advance()
        total = time.process_time() - start
        print(f"{name}.yaml, {experiment}: {steps / total:.0f} steps/s")
        for part, seconds in [*spent.items(), ("the rest", total - sum(spent.values()))]:
            print(f"| {part} | {1e6 * seconds / steps:.0f} µs a step | {100 * seconds / total:.0f}% |", flush=True)


def begun(name: str, experiment: str, steps: int, **changes: Any) -> Any:
    """A training that has taken so many steps: the first variant of an experiment of a config, with changes of its
    agent."""
    import yaml

    from rlgames.settings.loading import load
    from rlgames.training.off_policy import Training

    config = load(yaml.safe_load((FOLDER.parent / "config" / f"{name}.yaml").read_text(encoding="utf-8")))
    spec: Any = config.experiments[experiment].variants[0].spec
    agent = spec.agent.model_copy(update=changes)
    one = Training(
        modules(agent.module, agent.network), 0, spec.environment.model_dump(), agent.model_dump(), spec.steps
    )
    one.begin()
    while one.steps < steps:
        one.advance()
    return one


BODIES = "nature", "compact", "impala", "mbconv"


def bodies(steps: int = 400) -> None:
    """Sizes, and the processor's time on one core: medians of `RUNS`, in turn, each of many decisions or updates, or of
    so many steps of the default's DQN after it has begun to learn."""
    one_core()
    from rlgames.streams import Purpose

    few = {"warm_up": WARM_UP, "capacity": 10_000}
    trainings = {body: begun("config", "pong", WARM_UP + 200, network=body, **few) for body in BODIES}
    found: dict[str, dict[str, list[float]]] = {body: defaultdict(list) for body in BODIES}
    for _ in range(RUNS):
        for body, one in trainings.items():
            for count in (1, 8):
                states = one.reader(one.observations[:count])
                found[body][f"decision of {count}"].append(1000 * busy(partial(one.learner.preferences, states), 50))
            minibatch = one.replay.sample(one.settings["batch_size"], one.rngs[Purpose.REPLAY])
            found[body]["update"].append(1000 * busy(partial(one.learner.update, minibatch), 20))
            begin, start = one.steps, time.process_time()
            while one.steps < begin + steps:
                one.advance()
            found[body]["rate"].append((one.steps - begin) / (time.process_time() - start))
    for body, one in trainings.items():
        model, units = one.learner.online.model, ("ms", "ms", "ms", "steps/s")
        costs = " | ".join(spread(values, unit) for values, unit in zip(found[body].values(), units, strict=True))
        print(f"| {body} | {model.count_params():,} | {multiply_adds(model) / 1e6:.2f} million | {costs} |", flush=True)


def multiply_adds(model: Any) -> int:
    """Of a decision: each layer's weights, biases aside, at every place of its result. What has none is not counted."""
    import numpy as np

    layers = [layer for layer in model.layers if hasattr(layer, "kernel")]
    return sum(int(np.prod(layer.kernel.shape) * np.prod(layer.output.shape[1:-1])) for layer in layers)


def busy(call: Callable[[], object], count: int) -> float:
    """Seconds of the processor's time of a call: the mean of so many."""
    start = time.process_time()
    for _ in range(count):
        call()
    return (time.process_time() - start) / count


def watch(owner: Any, method: str, part: str, spent: dict[str, float]) -> None:
    """Add up what a method of an object takes of the processor's time."""
    plain = getattr(owner, method)

    def call(*arguments: Any) -> Any:
        start = time.process_time()
        try:
            return plain(*arguments)
        finally:
            spent[part] += time.process_time() - start

    setattr(owner, method, call)


def training(threads: int, seed: int) -> None:
    """Steps per second of one training; printed."""
    from rlgames.networks import numerics
    from rlgames.training.off_policy import Training

    numerics.set_up(threads=threads)
    environment, agent = settings()
    one = Training(modules(), seed, environment, agent, 10**9, threads=threads)
    one.begin()
    while one.steps < WARM_UP + 200:
        one.advance()
    seconds = timed(lambda: [one.advance() for _ in range(TIMED)])
    print(TIMED / seconds)


def trainings(other: str | None) -> None:
    """One training on both cores, and two side by side, in turn with Stable-Baselines3's."""
    ours = [sys.executable, str(Path(__file__))]
    theirs = None if other is None else [other, str(FOLDER / "peer.py"), "speed", str(WARM_UP), str(TIMED)]
    for title, threads, count in (("one training, both cores", 2, 1), ("two side by side, sum", 1, 2)):
        rates: dict[str, list[float]] = {"ours": [], "Stable-Baselines3": []}
        for _ in range(RUNS):
            rates["ours"].append(together([*ours, "training", str(threads)], count))
            if theirs is not None:
                rates["Stable-Baselines3"].append(together([*theirs, str(threads)], count))
        for name, found in rates.items():
            if found:
                print(f"| {title}, {name} | {spread(found, 'steps/s')} |", flush=True)
        if theirs is not None:
            ratios = [a / b for a, b in zip(*rates.values(), strict=True)]
            print(f"| {title}, ratio | {spread(ratios, 'times')} |", flush=True)


def together(command: list[str], count: int) -> float:
    """The sum of what so many processes print, each given its number as a seed."""
    processes = [
        subprocess.Popen([*command, str(seed)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for seed in range(count)
    ]
    return sum(float(process.communicate()[0].split()[-1]) for process in processes)


def rebuild() -> None:
    """100,000 steps played at random, and the replay buffer rebuilt from them."""
    from rlgames.networks import numerics
    from rlgames.training.off_policy import Training

    numerics.set_up()
    environment, agent = settings(capacity=100_000, warm_up=10**7, epsilon_steps=10**8, games=4)
    played = Training(modules(), 0, environment, agent, 10**9)
    played.begin()
    while played.steps < 100_000:
        played.advance()
    state, seconds = played.state(), []
    for _ in range(RUNS):
        again = Training(modules(), 0, environment, agent, 10**9)
        seconds.append(timed(lambda again=again: again.restore(state, lambda _done, _total: None)))  # type: ignore[misc]
    print(f"| replay buffer of 100,000 steps rebuilt | {spread(seconds, 's')} |", flush=True)


def frames() -> None:
    """40,000 frames of Pong on both cores: played, compressed, written; and with what both splits let through."""
    from itertools import count

    from rlgames.encoders import dataset
    from rlgames.encoders.frames import Frames, write
    from rlgames.operations import jobs

    environment, _ = settings()
    random, workers = partial(dataset.random_episode, environment, 6, 0), os.cpu_count() or 1
    made, judged = [], []
    with tempfile.TemporaryDirectory(dir=".") as folder:
        path = Path(folder, "frames.parquet")

        def make() -> None:
            played = dataset.side_by_side(random, count(1), workers, jobs.die_with_parent)
            write(dataset.rows(dataset.observe(played, 40_000)), path)

        for _ in range(RUNS):
            made.append(timed(make))
            judged.append(made[-1] + timed(lambda: [dataset.leaks(Frames(path), kind) for kind in dataset.SPLITS]))
    print(f"| 40,000 frames played and written | {spread(made, 's')} |")
    print(f"| and with what both splits let through | {spread(judged, 's')} |", flush=True)


def saving() -> None:
    """A save of the lesson's network after 100,000 steps, with everything that goes to the disk."""
    from rlgames.networks import numerics
    from rlgames.operations.saves import Saves
    from rlgames.operations.trainings import SAVE_SECONDS
    from rlgames.training.off_policy import Training

    numerics.set_up()
    environment, agent = settings(capacity=1000, warm_up=10**7, epsilon_steps=10**8, games=8)
    played = Training(modules(), 0, environment, agent, 10**9)
    played.begin()
    while played.steps < 100_000:
        played.advance()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        saves = Saves(Path(folder), {}, {})

        def save(step: int) -> None:
            saves.save(step, played.state(), {step: played.weights()})

        seconds = [timed(partial(save, step)) for step in range(RUNS)]
        size = max(path.stat().st_size for path in Path(folder).iterdir()) / 1e6
    shares = [100 * each / SAVE_SECONDS for each in seconds]
    print(f"| a save of {size:.0f} MB | {spread(seconds, 's')} | {spread(shares, '% of a run')} |", flush=True)


if __name__ == "__main__":
    what = sys.argv[1:]
    if what[0] == "training":  # one of those that `trainings` starts
        training(int(what[1]), int(what[2]))
    elif what[0] == "trainings":
        trainings(what[1] if len(what) > 1 else None)
    else:
        {
            "updates": updates,
            "profile": profile,
            "learning": learning,
            "bodies": bodies,
            "profiled": profiled,
            "rebuild": rebuild,
            "frames": frames,
            "saving": saving,
        }[what[0]]()
