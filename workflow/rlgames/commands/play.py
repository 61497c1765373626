"""Watch the agent of a run play, or random play of a game, or play by hand (`make play`)."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from rlgames.messages import UserError, count
from rlgames.operations import isolation, jobs

MOST_STEPS = 100_000

SHIPPED = Path("trained/pong-double-dqn")
"""The agent to watch where none is named."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, help=f"the folder of a run (default: {SHIPPED})")
    parser.add_argument("--game", help="an Atari game (pong, SpaceInvaders, ...), or a Gymnasium id, to play at random")
    parser.add_argument(
        "--steps", type=int, help="maximum number of steps (default: a whole episode of an agent, 500 of random play)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the episode (default: 0)")
    parser.add_argument("--agent-seed", help="seed of the agent, in a block of linear agents")
    parser.add_argument("--mp4", type=Path, help="write a video to this path, even if there is a display")
    parser.add_argument("--human", action="store_true", help="play by hand")
    arguments = parser.parse_args()
    if not (arguments.steps is None or 1 <= arguments.steps <= MOST_STEPS) or arguments.seed < 0:
        sys.exit(f"--steps takes 1 to {MOST_STEPS}, --seed 0 or more.")
    run, game = arguments.run, arguments.game
    if run and game:
        raise UserError(
            f"An agent plays its own game: type make play RUN={shlex.quote(str(run))}, or, for random play, make play "
            f"GAME={shlex.quote(game)}"
        )
    isolation.isolate()

    from rlgames.api.playing import play, play_by_hand

    chosen = game or run or SHIPPED
    agent_seed = seed_of(arguments.agent_seed)
    if arguments.human:
        returns = play_by_hand(chosen, seed=arguments.seed)
        print(f"{count(len(returns), 'episode')} finished")
        return
    episode = play(chosen, seed=arguments.seed, steps=arguments.steps, video=arguments.mp4, agent_seed=agent_seed)
    print(f"{chosen}: a return of {episode.score:,.12g} after {count(episode.steps, 'step')}")


def seed_of(text: str | None) -> int | None:
    """The agent's seed as make hands it over; argparse would answer in words that make does not know."""
    try:
        return None if text is None else int(text)
    except ValueError:
        raise UserError(f"SEED={text} is no whole number: SEED=7 chooses the agent of seed 7 from a block.") from None


if __name__ == "__main__":
    jobs.run(main)
