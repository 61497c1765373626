"""Where the time of a step of the linear agents on Pong goes, on one core: medians of repetitions, and their spread.

Processor time of a step of one of eight games side by side, that of the emulators' threads included. Repetitions are
stretches of a training in which no episode ends, on both kinds of features in turn. The keypoint encoder is untrained:
its time depends on how much of a frame differs from the typical picture, and hardly on the weights.
"""

from __future__ import annotations

import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

GAMES, STEPS, POINTS = 8, 100, 8
"""Games side by side, steps of each in a repetition and in the warm-up, and points of the encoder."""

PARTS = (
    "emulators and pictures",
    "positions: from memory, or by the encoder",
    "tiles",
    "choice and update",
    "the rest",
)


def encoder(environment: dict[str, Any], path: Path) -> None:
    """Write an untrained keypoint encoder, for frames of random play: the first point is mine, and the others fly."""
    import numpy as np

    from rlgames.environments.atari import Games
    from rlgames.networks.foreground import PixelWeights
    from rlgames.networks.keypoint_motion import Motion
    from rlgames.networks.keypoints import Encoder

    rng, games = np.random.default_rng(0), Games(environment | {"stack": 1}, GAMES)
    frames = [games.reset(np.arange(GAMES))[:, 0]]
    frames += [games.step(rng.integers(3, size=GAMES)).observations[:, 0] for _ in range(STEPS)]
    one = Encoder(PixelWeights.of(np.concatenate(frames), 30.0, ignore_still=True), {"points": POINTS})
    one.initialise(rng)
    controlled, persistence = np.zeros((2, POINTS, 2), np.float32)
    controlled[0, 1], persistence[1:] = 1.0, 1.0
    motion = Motion(np.zeros(POINTS, np.float32), controlled, persistence)
    np.savez(path, **one.to_arrays(), **motion._asdict())  # type: ignore[arg-type]


def training(name: str, environment: dict[str, Any], weights: Path) -> Any:
    """A training on these features, after its warm-up."""
    from rlgames.settings.linear_agents import SparseTrueOnlineSarsaLambda
    from rlgames.training.linear_atari import Training

    needed = {"encoder": {"experiment": "untrained"}} if name == "tiled-keypoints" else {}
    agent = SparseTrueOnlineSarsaLambda.model_validate(
        {
            "name": "sparse-true-online-sarsa-lambda",
            "features": {"name": name} | needed,
            "games": GAMES,
            "trace_decay": 0.9,
            "step_size": 0.01875,
            "epsilon_steps": 20_000,
        }
    )
    settings = agent.model_dump()
    arguments = (environment, settings["features"], *([weights] if needed else []))
    features = import_module(agent.features.module).Features(*arguments)
    modules = {"agent": import_module(agent.module), "environment": import_module("rlgames.environments.atari")}
    one = Training(modules, 0, environment, settings, 10**6, features)
    one.begin()
    for _ in range(STEPS):
        one.advance()
    return one


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    from deep import RUNS, one_core, spread, watch

    one_core()
    from rlgames.settings.environments import Atari

    game = Atari(name="atari", game="pong", actions="three", reward_terminal=True, max_steps=6000).model_dump()
    with tempfile.TemporaryDirectory() as folder:
        encoder(game, weights := Path(folder, "weights.npz"))
        trainings = {name: training(name, game, weights) for name in ("tiled-positions", "tiled-keypoints")}
    spent = {name: dict.fromkeys(PARTS, 0.0) for name in trainings}
    for name, one in trainings.items():
        features, games = one.games.features, one.games.games
        owners = ((games, "step"), (features, "describe"), (features, "join"), (one, "learn"))
        for part, (owner, method) in zip(PARTS, owners, strict=False):
            watch(owner, method, part, spent[name])
    found: dict[str, dict[str, list[float]]] = {}
    for _ in range(RUNS):
        for name, one in trainings.items():
            spent[name].update(dict.fromkeys(PARTS, 0.0))
            start = time.process_time()
            for _ in range(STEPS):
                one.advance()
            total = time.process_time() - start
            spent[name]["the rest"] = total - sum(spent[name].values())
            for part, seconds in [*spent[name].items(), ("all of a step", total)]:
                found.setdefault(part, {}).setdefault(name, []).append(1e6 * seconds / STEPS / GAMES)
    print(f"| part | {' | '.join(trainings)} |\n|---|---|---|")
    for part, by_name in found.items():
        print(f"| {part} | {' | '.join(spread(by_name[name], 'µs') for name in trainings)} |", flush=True)


if __name__ == "__main__":
    main()
