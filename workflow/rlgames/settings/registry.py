"""What Gymnasium knows of an environment, asked when a config names it."""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from rlgames.settings.explanations import problem
from rlgames.settings.names import atari_game, unknown

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
    if not module and (game := atari_game(registered)):
        raise problem(f"id: {registered} is an Atari game, with settings of its own; write name: atari, game: {game}")
    if registered not in gym.registry:
        raise problem(f"id: {unknown('environment', registered, gym.registry)}")
    return registered


def describe(space: Any) -> str:
    """A space in words."""
    kind = type(space).__name__
    return f"continuous ({kind})" if kind == "Box" and space.dtype.kind == "f" and len(space.shape) < 2 else f"a {kind}"
