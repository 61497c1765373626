"""What Gymnasium knows of an environment, asked when a config names it."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from rlgames.settings.explanations import problem
from rlgames.settings.names import FOR_TWO, atari_game, atari_games, plain, unknown, without_version

MOST_ACTIONS = 256
"""Actions that fit in one byte of a recording."""


class Facts(NamedTuple):
    """Of an environment."""

    shape: tuple[int, ...]
    """Shape of an observation."""
    bytes: int
    """Size of an observation in a replay buffer."""
    actions: int
    """Number of actions."""
    limit: int | None
    """Steps after which it cuts an episode off by itself."""
    is_drawn: bool
    """Whether it can draw itself for a video."""


def facts(name: str, kwargs: dict[str, Any]) -> Facts:
    """Look at an environment. Raises a problem for one that is not there, or that agents here cannot play."""
    return _facts(name, json.dumps(kwargs, sort_keys=True))


@cache
def _facts(name: str, kwargs: str) -> Facts:
    import gymnasium as gym
    from gymnasium.spaces import Box, Discrete

    registered = register(name)
    try:
        environment = gym.make(name, disable_env_checker=True, **json.loads(kwargs))
    except Exception as error:  # whatever an environment finds wrong with its arguments, or lacks on this machine
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise problem(
            f"id: {name} cannot be made with kwargs {kwargs}: {reason}; correct kwargs, or install what is missing"
        ) from None
    seen, actions = environment.observation_space, environment.action_space
    environment.close()
    if not isinstance(actions, Discrete):
        raise problem(f"id: the actions of {name} are {describe(actions)}; agents here need a finite set (Discrete)")
    if actions.n > MOST_ACTIONS:
        raise problem(f"id: {name} has {actions.n} actions, and recordings hold at most {MOST_ACTIONS}; choose another")
    if not isinstance(seen, Box) or len(seen.shape) not in (1, 3):
        raise problem(
            f"id: the observations of {name} are {describe(seen)}; agents here need vectors, or pictures with channels "
            "(a Box of one or three dimensions)"
        )
    size = 1 if seen.dtype in (bool, "uint8") else 4
    for length in seen.shape:
        size *= length
    limit, is_drawn = (
        gym.spec(registered).max_episode_steps,
        "rgb_array" in environment.metadata.get("render_modes", []),
    )
    return Facts(seen.shape, size, int(actions.n), limit, is_drawn)


def register(name: str) -> str:
    """Let Gymnasium know of the environment that `name` means, as it knows it: `module:Name-v0` without the module.

    Raises a problem if the module cannot be imported, or there is no such environment.
    """
    import gymnasium as gym

    module, _, registered = name.rpartition(":")
    known = {registered, "MinAtar/Breakout-v1"} & gym.registry.keys()
    if not known and not module:  # MinAtar's do not register themselves, and take a second to load
        from minatar.gym import register_envs

        register_envs()
    if module:
        try:
            import_module(module)
        except Exception as error:  # whatever goes wrong in a package that is not ours
            raise problem(f"id: {module} cannot be imported ({error}); install the package that contains it") from None
    if game := game_of(registered):
        raise problem(f"id: {registered} is an Atari game, with settings of its own; write name: atari, game: {game}")
    if registered not in gym.registry:
        raise problem(f"id: {unknown('environment', registered, gym.registry)}")
    return registered


def game_of(name: str) -> str | None:
    """ALE's name of the game in a name, as `atari_game` finds it; None for an environment of Gymnasium's own that has
    that name, such as Blackjack-v1."""
    import gymnasium as gym

    known = gym.registry.get(name)
    return None if known and "ale_py" not in str(known.entry_point) else atari_game(name)


def unknown_game(name: str) -> str:
    """Say that a name is neither an Atari game nor one of Gymnasium's ids, with the nearest that is."""
    import gymnasium as gym

    if (game := re.sub(r"\W", "_", without_version(name).lower())) in FOR_TWO:
        return f"{game} takes two players, and here one agent plays; choose another game"
    register("MinAtar/Breakout-v1")
    games = {*atari_games(), *(each for each, spec in gym.registry.items() if "ale_py" not in str(spec.entry_point))}
    begin = [each for each in games if plain(each).startswith(plain(name))]
    if begin and len(name) > 2:
        shortest = min(map(len, begin))
        newest = max(each for each in begin if len(each) == shortest)
        return f"there is no game {name!r}; did you mean {newest!r}?"
    return unknown("game", name, games)


def describe(space: Any) -> str:
    """A space in words."""
    kind = type(space).__name__
    return f"continuous ({kind})" if kind == "Box" and space.dtype.kind == "f" and len(space.shape) < 2 else f"a {kind}"
