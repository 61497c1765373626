"""Watch the agent of a run play, or random play of a game, or play by hand (`make play`)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rlgames.messages import count
from rlgames.operations import isolation, jobs

MOST_STEPS = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--run", type=Path, help="the folder of a run")
    what.add_argument("--game", help="an Atari game (pong, SpaceInvaders, ...), or a Gymnasium id, to play at random")
    parser.add_argument(
        "--steps", type=int, help="maximum number of steps (default: a whole episode of an agent, 500 of random play)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the episode (default: 0)")
    parser.add_argument("--agent-seed", type=int, help="seed of the agent, in a block of linear agents")
    parser.add_argument("--mp4", type=Path, help="write a video to this path, even if there is a display")
    parser.add_argument("--human", action="store_true", help="play by hand")
    arguments = parser.parse_args()
    if not (arguments.steps is None or 1 <= arguments.steps <= MOST_STEPS) or arguments.seed < 0:
        sys.exit(f"--steps takes 1 to {MOST_STEPS}, --seed 0 or more.")
    isolation.isolate()

    from rlgames.api.playing import play, play_by_hand

    chosen = arguments.game or arguments.run
    if arguments.human:
        returns = play_by_hand(chosen, seed=arguments.seed)
        print(f"{count(len(returns), 'episode')} finished")
        return
    episode = play(
        chosen, seed=arguments.seed, steps=arguments.steps, video=arguments.mp4, agent_seed=arguments.agent_seed
    )
    print(f"{chosen}: a return of {episode.score:,.12g} after {count(episode.steps, 'step')}")


if __name__ == "__main__":
    jobs.run(main)
