"""Loading trained agents: `load`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from numbers import Integral, Real
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from pydantic import ValidationError

from rlgames.api import environments
from rlgames.files import read_weights, reading
from rlgames.messages import UserError, count
from rlgames.plan import paths
from rlgames.provenance import Manifest
from rlgames.settings.explanations import explanations, problem
from rlgames.settings.names import nearest
from rlgames.settings.spec import Spec


class Agent:
    """A trained agent, which acts on its `values`."""

    def __init__(
        self, player: Any, preferences: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...], dtype: Any
    ) -> None:
        """`preferences` are over the actions for states of this dtype, of shape (games, *shape)."""
        self.actions: list[str] = player.actions
        """Names of the actions, in the order of their numbers."""
        self.samples: bool = player.samples
        """Whether it has learned a policy, so that `values` are probabilities."""
        self.shown: str = player.shown
        """Description of what `values` are."""
        self.player, self.preferences, self.shape, self.dtype = player, preferences, shape, dtype

    def values(self, observation: np.ndarray) -> np.ndarray:
        """Action values Q(s, a), or a policy's probabilities π(a|s), of an observation as its environment gives it, or
        of several: shape (actions,) or (games, actions). Raises `UserError` for an observation of another shape."""
        seen = np.asarray(observation, self.dtype)
        if seen.shape == self.shape:
            return self.preferences(seen[None])[0]
        if seen.shape[1:] == self.shape:
            return self.preferences(seen)
        raise UserError(
            f"The agent takes an observation of shape {self.shape}, or a batch of them, not {seen.shape}: use those of "
            "the environment that load returns."
        )

    def act(self, observation: np.ndarray, *, epsilon: float = 0.0, rng: np.random.Generator | None = None) -> int:
        """An action for one observation: the best one, or with probability `epsilon` a random one.

        With a policy and an `rng`, an action drawn by its probability, or else the most probable one. Raises
        `UserError` for a batch of observations, and for an `epsilon` or an `rng` that is none.
        """
        if not (isinstance(epsilon, Real) and 0 <= epsilon <= 1):
            raise UserError(f"epsilon is a probability: give a number from 0 to 1, not {epsilon!r}.")
        if not (rng is None or isinstance(rng, np.random.Generator)):
            seed = rng if isinstance(rng, Integral) and rng >= 0 else 0
            raise UserError(
                f"rng is one of NumPy's generators: give rng=numpy.random.default_rng({seed}), not {rng!r}."
            )
        values = self.values(observation)
        if values.ndim != 1:
            raise UserError("act takes one observation; for a batch, use values(observations).argmax(axis=1).")
        draws = rng or np.random.default_rng()
        if epsilon > 0 and draws.random() < epsilon:
            return int(draws.integers(len(values)))
        if self.samples and rng is not None:
            return int(rng.choice(len(values), p=values / values.sum(dtype=float)))
        return int(values.argmax())


class Run(NamedTuple):
    """A trained agent, with its environment and its settings."""

    agent: Agent
    environment: gym.Env
    """The game, as the agent sees it; `render()` gives pictures."""
    settings: Spec
    """`settings.agent`, `settings.environment` and the budget, as validated."""


def load(run: Path | str, *, seed: int | None = None, point: int = -1) -> Run:
    """The agent of a run, from its folder: `results/lesson/runs/pong/agent.name=dqn/seed-0`.

    `seed` chooses one of a block of linear agents (default: the first); `point` one of the moments in the training
    at which a deep agent's weights were kept (default: the end). Raises `UserError` if the folder holds no run of an
    agent.
    """
    check_whole("point", point)
    folder = folder_of(Path(run))
    settings, seeds = read_settings(folder)
    agent, environment = settings.agent, settings.environment
    saved = read_weights(folder / "weights.npz", "seeds" if agent.in_blocks else "steps")
    points = 1 if agent.in_blocks else len(saved["steps"])
    if not -points <= point < points:
        raise UserError(
            f"Weights were kept at {count(points, 'point')}: give a point from {-points} to {points - 1}, not {point}."
        )
    if agent.in_blocks:
        modules = {role: import_module(name) for role, name in agent.modules(environment).items()}
        from rlgames.playing.tiles import Player

        wanted = paths.first(seeds) if seed is None else seed
        if wanted not in saved["seeds"]:
            raise UserError(f"{folder} has the seeds {seeds}, not {wanted}; choose one of these.")
        player: Any = Player(saved, modules, environment.model_dump(), agent.model_dump(), wanted)
        found = environments.environment(environment.model_dump())
        return Run(Agent(player, player.preferences, (len(player.coding.low),), np.float64), found, settings)
    if seed is not None and str(seed) != seeds:
        raise UserError(f"{folder} has the seed {seeds}, not {seed}; leave seed out.")
    names = agent.playing_modules(environment)
    import_module(names["player"]).prepare()  # before TensorFlow
    loaded = {role: import_module(name) for role, name in names.items()}
    features = seen_by(settings, loaded, folder)
    one = {name: each if each.shape[:1] != (points,) else each[[point]] for name, each in saved.items()}
    with reading(folder / "weights.npz"):  # weights that do not fit the network are damage, too
        player = loaded["player"].Player(
            one, loaded, environment.model_dump(), agent.model_dump(include=agent.playing()), *features
        )
    games = player.games(1)
    first = games.reset(np.zeros(1, np.int64))[0]  # for the shape and dtype of what the agent sees, with its stack
    found = environments.environment(environment.model_dump(), games)

    def preferences(states: np.ndarray) -> np.ndarray:
        return player.preferences(states.reshape(-1, *first.shape), 0)

    return Run(Agent(player, preferences, found.observation_space.shape or (), first.dtype), found, settings)


def check_whole(name: str, value: Any, least: int | None = None) -> None:
    """Raise `UserError` if an argument is no whole number, or below the `least` one."""
    if not isinstance(value, Integral) or (least is not None and value < least):
        bound = "" if least is None else f" of at least {least}"
        raise UserError(f"{name} must be a whole number{bound}, not {value!r}.")


def folder_of(place: Path) -> Path:
    """The folder of a run, in which `place` is a file or the evaluation. Raises `UserError`, with runs that may be
    meant, if there is no run."""
    folder = place.parent if place.is_file() else place
    if folder.name == "evaluation":
        folder = folder.parent
    if (folder / "manifest.json").is_file():
        return folder
    near = place if place.is_dir() else place.parent
    known = near.is_dir() and near.resolve() not in (Path.cwd(), *Path.cwd().parents)
    runs = [run for each in ((near,) if known else (Path("trained"), Path("results"))) for run in playing(each)]
    found = nearest(str(place), runs) or next(iter(runs), None)
    if known and not found and (others := playing_nothing(near)):
        raise UserError(f"{near} has no run that plays a game, but of {' and '.join(others)}: {one_that_plays()}.")
    hint = f"did you mean {found}?" if found else "give the folder of a run, with weights.npz and manifest.json."
    raise UserError(f"{place} is not a run: {hint}")


def playing(folder: Path) -> list[str]:
    """The runs below a folder whose agents play a game."""
    return [str(run) for run, spec in specs(folder) if plays(spec)]


def playing_nothing(folder: Path) -> list[str]:
    """Of what the other runs below a folder are."""
    others = [spec for _, spec in specs(folder) if not plays(spec)]
    return sorted({spec["agent"]["name"] if "agent" in spec else "a data set" for spec in others})


def one_that_plays() -> str:
    """What to give instead of a run that plays nothing."""
    found = [*playing(Path("trained")), *playing(Path("results"))]
    return "give one that does" + f", such as {found[0]}" * bool(found)


def specs(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The runs and data sets below a folder, and their specs."""
    for path in sorted(folder.glob("**/manifest.json")):
        with suppress(UserError):  # it is damaged
            if path.parent.name != "evaluation":
                yield path.parent, Manifest.read(path).spec


def plays(spec: dict[str, Any]) -> bool:
    return "agent" in spec and spec.get("environment", {}).get("name") != "frames"


def read_settings(folder: Path) -> tuple[Spec, str]:
    """The settings of a run, from its manifest, and its seeds. Raises `UserError` if the folder holds no run of an
    agent."""
    path = folder / "manifest.json"
    manifest = Manifest.read(path)
    if "agent" not in manifest.spec:
        raise UserError(f"{folder} is a data set, which plays no game: {one_that_plays()}.")
    try:
        settings = Spec.model_validate(manifest.spec)
    except ValidationError as error:
        why = "; ".join(explanations(error, manifest.spec))
        if all(each["loc"][:1] == ("environment",) and each["type"] == problem("").type for each in error.errors()):
            raise UserError(f"The game of {folder} cannot be played on this machine: {why}.") from None
        raise UserError(
            f"{path} has settings that this version does not know ({why}): train the agent again."
        ) from None
    if settings.environment.name == "frames":
        raise UserError(f"{folder} is a run of {settings.agent.name}, which plays no game: {one_that_plays()}.")
    return settings, manifest.seeds or "0"


def seen_by(settings: Spec, modules: dict[str, Any], folder: Path) -> list[Any]:
    """The features that a linear agent sees on Atari, with the weights of its encoder, if it has one."""
    if "features" not in modules:
        return []
    agent: Any = settings.agent
    encoder = agent.encoder_run
    weights = []
    if encoder is not None:
        weights = [
            folder.resolve().parents[2] / encoder.experiment / encoder.variant / f"seed-{encoder.seed}" / "weights.npz"
        ]
    given = agent.model_dump()["features"]
    return [modules["features"].Features(settings.environment.model_dump(), given, *weights)]
