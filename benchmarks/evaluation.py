"""Speed of evaluation on one core: episodes at a point of a training, with the lesson's network (untrained) on Pong.

As it was: three episodes, a new game for each, stepped in turn. As it is: ten, in games that are made once and get
their actions before any is waited for. Medians of repetitions, in turn, and their spread.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

STEPS = 400
"""Of an episode. Longer ones are faster: each begins with the loading of its game."""


class InTurn:
    """A game that is waited for before the next gets its action."""

    def __init__(self, game: Any) -> None:
        self.reset, self.step = game.reset, game.step


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    from deep import RUNS, modules, one_core, settings, spread

    one_core()
    import numpy as np

    from rlgames.networks.building import Network, initialise
    from rlgames.networks.reader import Reader
    from rlgames.playing import evaluation
    from rlgames.playing.deep import Player

    environment, agent = settings()
    environment["max_steps"], chosen = STEPS, modules()
    games = chosen["environment"].Games(environment, 1)
    reader = Reader(games.frame, chosen["network"].BLOCK)
    network = Network(chosen["agent"], chosen["network"], reader.shape, np.uint8, len(games.actions), agent)
    initialise(network.variables, np.random.default_rng(0))
    saved = {name: weights[np.newaxis] for name, weights in network.arrays().items()}
    player = Player(saved, chosen, environment, agent)
    player.load(0)
    pool: list[Any] = []
    ways: dict[str, tuple[Any, int, Any]] = {
        "3 episodes, new games in turn": (lambda: InTurn(player.game()), 3, None),
        "10 episodes, new games in turn": (lambda: InTurn(player.game()), 10, None),
        "10 episodes, games that are kept": (player.game, 10, pool),
    }
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for run in range(RUNS + 1):
        for name, (make, count, kept) in ways.items():
            start = time.perf_counter()
            played = evaluation.play(make, player.preferences, range(1, count + 1), run, 0.01, kept)
            if run:  # the first warms up
                speeds[name].append(sum(len(episode.actions) for episode in played) / (time.perf_counter() - start))
    for name, found in speeds.items():
        print(f"| {name} | {spread(found, 'steps/s')} |", flush=True)


if __name__ == "__main__":
    main()
