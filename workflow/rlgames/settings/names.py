"""The nearest right name for one that is not known: as people type it, as other libraries call it, or mistyped."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from functools import cache
from importlib.util import find_spec
from pathlib import Path

SYNONYMS = {
    "a2c": "actor-critic",
    "adameps": "adam_epsilon",
    "alg": "agent",
    "algo": "agent",
    "algorithm": "agent",
    "alpha": "step_size policy_step_size",
    "batch": "batch_size",
    "buffersize": "capacity",
    "ddqn": "double-dqn",
    "decay": "trace_decay policy_trace_decay",
    "env": "environment",
    "envid": "id",
    "envs": "games",
    "eps": "epsilon epsilon_start",
    "epsdecay": "epsilon_steps",
    "epsend": "epsilon_end",
    "epsilon": "epsilon_start",
    "epsilondecay": "epsilon_steps",
    "epsilonmin": "epsilon_end",
    "epsstart": "epsilon_start",
    "explorationfraction": "epsilon_steps",
    "explorationrate": "epsilon epsilon_start",
    "finalepsilon": "epsilon_end",
    "framestack": "stack",
    "gaelambda": "trace_decay",
    "gamma": "discount",
    "gradclip": "gradient_clip",
    "hidden": "units",
    "hiddensizes": "units",
    "hiddenunits": "units",
    "initialepsilon": "epsilon_start",
    "lam": "trace_decay policy_trace_decay",
    "lambda": "trace_decay policy_trace_decay",
    "lambd": "trace_decay policy_trace_decay",
    "latentdim": "latents",
    "layers": "units",
    "learningrate": "step_size policy_step_size",
    "learningstarts": "warm_up",
    "λ": "trace_decay policy_trace_decay",
    "lr": "step_size policy_step_size",
    "lrend": "step_size_end",
    "maxepisodesteps": "max_steps",
    "maxgradnorm": "gradient_clip",
    "memorysize": "capacity",
    "minibatchsize": "batch_size",
    "nenvs": "games",
    "nepisodes": "episodes",
    "nseeds": "seeds",
    "nstep": "n",
    "nsteps": "n rollout_steps",
    "numenvs": "games",
    "numepisodes": "episodes",
    "numseeds": "seeds",
    "numsteps": "steps rollout_steps",
    "ntilings": "tilings",
    "numtilings": "tilings",
    "polyak": "target_mix",
    "reinforce": "reinforce-baseline",
    "repeatactionprobability": "sticky",
    "replaysize": "capacity",
    "rom": "game",
    "seed": "seeds first_seed",
    "stepsize": "policy_step_size",
    "stickyactions": "sticky",
    "targetupdate": "target_every",
    "targetupdatefreq": "target_every",
    "targetupdateinterval": "target_every",
    "tau": "target_mix",
    "timesteps": "steps",
    "totaltimesteps": "steps",
    "updateevery": "updates_per_step",
    "warmup": "warm_up",
    "α": "step_size policy_step_size",
    "γ": "discount",
    "ε": "epsilon epsilon_start",
}
"""Names of the textbook and of other libraries, in lower case without signs, and ours: the first that fits counts."""

LISTED = 20
"""Names that a message lists at most."""


def unknown(what: str, name: object, valid: Collection[str]) -> str:
    """Say that `name` is no `what`, with the nearest valid name, or else with all of them."""
    found, choices = nearest(str(name), valid), sorted(valid)
    more = f" and {len(choices) - LISTED} more" if len(choices) > LISTED else ""
    hint = f"did you mean {found!r}?" if found else f"choose from: {', '.join(choices[:LISTED])}{more}"
    return f"there is no {what} {str(name)!r}; {hint}"


def nearest(name: str, valid: Collection[str]) -> str | None:
    """The valid name that `name` most likely means; None if none is close."""
    if found := meant(name, valid):
        return found
    known = {plain(choice): choice for choice in sorted(valid, reverse=True)}
    near = difflib.get_close_matches(plain(name), known, n=1, cutoff=0.6)
    return known[near[0]] if near else None


def meant(name: str, valid: Collection[str]) -> str | None:
    """The valid name that differs only in case and punctuation, or is a synonym; None if there is none."""
    key = plain(name)
    same = [choice for choice in sorted(valid) if plain(choice) == key]
    return next(iter([*same, *(ours for ours in SYNONYMS.get(key, "").split() if ours in valid)]), None)


def plain(name: str) -> str:
    """A name without upper case and signs: `Space-Invaders` and `space_invaders` are one."""
    return re.sub(r"[\W_]", "", name.lower())


FOR_TWO = {"combat", "joust", "maze_craze", "warlords"}
"""Games whose files are ALE's, and that it cannot play alone."""


@cache
def atari_games() -> set[str]:
    """The games that ALE can play, by its names."""
    folder = Path(find_spec("ale_py").submodule_search_locations[0], "roms")  # type: ignore[union-attr, index]
    return {path.stem for path in folder.glob("*.bin")} - FOR_TWO


@cache
def minimal_actions(game: str) -> int:
    """How many actions a game has by its console, for which the game is loaded."""
    import ale_py

    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    console = ale_py.ALEInterface()
    console.loadROM(str(ale_py.roms.get_rom_path(game)))
    return len(console.getMinimalActionSet())


def atari_game(name: str) -> str | None:
    """ALE's name of the game in a name of Gymnasium's or of people's; None if it is none.

    >>> atari_game("ALE/Pong-v5"), atari_game("UpNDownNoFrameskip-v4"), atari_game("CartPole-v1")
    ('pong', 'up_n_down', None)
    """
    known = {plain(game): game for game in atari_games()}
    return known.get(plain(re.sub(r"'s\b", "", without_version(name))))


def without_version(name: str) -> str:
    """A name of Gymnasium's without what comes before and after it."""
    dress = r"^(ale_py:)?(ALE/)?|(-ram)?(NoFrameskip|Deterministic)?(-v\d+)?(\.bin)?$"
    return re.sub(dress, "", name.strip(), flags=re.IGNORECASE)
