"""Speed of evaluation on one core: episodes of Pong, by the default's network and by the lesson's (untrained ones).

Medians of repetitions, in turn, and their spread. An episode that is played alone keeps the emulators beside it busy
with nothing; of 48 episodes, 16 are played at a time.
"""

from __future__ import annotations

import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

STEPS = 1000
"""Of an episode. Each begins with the loading of its game, which takes as long as some 200 steps."""

EPISODES = {"compact, 48 x 48": (1, 10, 48), "nature, 84 x 84": (48,)}
"""How many are played, by network and size of the pictures."""


def player(network: str, size: int) -> tuple[Any, dict[str, Any]]:
    """An untrained network that plays, and the settings of its game."""
    import numpy as np

    from rlgames.networks.building import Network, initialise
    from rlgames.networks.reader import Reader
    from rlgames.playing.deep import Player
    from rlgames.settings.deep_agents import DQN
    from rlgames.settings.environments import Atari

    game = Atari(name="atari", game="pong", actions="three", image_size=size, max_steps=STEPS)
    agent = DQN(name="dqn", network=network)  # type: ignore[arg-type]
    modules = {role: import_module(name) for role, name in agent.playing_modules(game).items()}
    environment, settings = game.model_dump(), agent.model_dump()
    games = modules["environment"].Games(environment, 1)
    reader = Reader(games.frame, modules["network"].BLOCK)
    body = Network(modules["agent"], modules["network"], reader.shape, games.frame.dtype, len(games.actions), settings)
    initialise(body.variables, np.random.default_rng(0))
    saved = {name: weights[np.newaxis] for name, weights in body.arrays().items()}
    return Player(saved | {"steps": np.array([0])}, modules, environment, settings), environment


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    from deep import RUNS, one_core, spread

    one_core()
    from rlgames.playing.evaluation import Planned, play

    speeds: dict[tuple[str, int], list[float]] = {}
    players = {"compact, 48 x 48": player("compact", 48), "nature, 84 x 84": player("nature", 84)}
    for run in range(RUNS + 1):
        for network, (plays, environment) in players.items():
            for count in EPISODES[network]:
                plan = [Planned(number, 0, 0.01) for number in range(1, count + 1)]
                start = time.perf_counter()
                played = play(plays.games, plays.preferences, plan, run, max_steps=environment["max_steps"])
                seconds = time.perf_counter() - start
                if run:  # the first warms up
                    steps = sum(len(episode.actions) for episode in played)
                    speeds.setdefault((network, count), []).append(steps / seconds)
    for (network, count), found in speeds.items():
        print(f"| {network} | {count} | {spread(found, 'steps/s')} |", flush=True)


if __name__ == "__main__":
    main()
