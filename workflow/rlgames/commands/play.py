"""Play a game at random, and show it with what an agent sees, as a video (`make play GAME=breakout`)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from rlgames.messages import count
from rlgames.operations import isolation, jobs
from rlgames.operations.progress import Progress
from rlgames.settings.environments import Atari, Gymnasium
from rlgames.settings.explanations import explanations
from rlgames.settings.names import atari_game

MOST_STEPS = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("game", help="an Atari game (pong, SpaceInvaders, ...) or a Gymnasium id (CartPole-v1)")
    parser.add_argument("--steps", type=int, default=500, help="at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mp4", type=Path, help="default: results/play/GAME.mp4")
    arguments = parser.parse_args()
    if not 1 <= arguments.steps <= MOST_STEPS or arguments.seed < 0:
        sys.exit(f"--steps takes 1 to {MOST_STEPS}, --seed 0 or more.")
    isolation.isolate()
    try:
        chosen = settings(arguments.game, arguments.steps)
    except ValidationError as error:
        sys.exit("\n".join(explanations(error, {})))
    if not chosen.is_drawn:
        sys.exit(f"{arguments.game} draws no pictures of itself (it lacks Gymnasium's render mode rgb_array).")

    import numpy as np

    from rlgames.files import replacing
    from rlgames.videos.encoding import encode
    from rlgames.videos.random_play import play

    name = arguments.game.replace("/", "-").replace(":", "-")
    video = arguments.mp4 or Path("results/play") / f"{name}.mp4"
    recording, pictures = play(chosen.model_dump(), steps=arguments.steps, seed=arguments.seed)
    progress = Progress(f"random play of {arguments.game}", recording.steps + 1, "pictures")
    video.parent.mkdir(parents=True, exist_ok=True)

    def shown() -> Iterator[np.ndarray]:
        for picture in pictures:
            progress.advance()
            yield picture

    with replacing(video) as path:
        encode(shown(), path)
    print(f"{video}: a return of {recording.score:,.12g} after {count(recording.steps, 'step')} of random play")


def settings(game: str, steps: int) -> Atari | Gymnasium:
    """The settings of the environment that a name means. Raises `ValidationError` if it means none."""
    if known := atari_game(game):
        return Atari(name="atari", game=known, fire_each_life=True, max_steps=steps)
    return Gymnasium(name="gymnasium", id=game, max_steps=steps)


if __name__ == "__main__":
    jobs.run(main)
