"""Which experiments can be judged over several games, and the figure that does."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from rlgames.environments.atari57 import FEWEST, REFERENCES
from rlgames.settings.experiments import Experiment
from rlgames.settings.explanations import problem
from rlgames.settings.figure import Columns, GameFigure, variants
from rlgames.settings.sweeps import Variant


def games_of(experiment: Experiment) -> set[str]:
    """The games of an experiment that are among the 57 with reference scores."""
    if not experiment.agent_kind.evaluated:
        return set()
    environments: list[Any] = [variant.spec.environment for variant in experiment.variants]
    return {environment.game_name for environment in environments} & REFERENCES.keys()


def besides_the_game(variant: Variant) -> dict[str, Any]:
    """The settings of a sweep's point that tell agents apart."""
    return {key: value for key, value in variant.values.items() if key not in ("game", "environment.game")}


class SeveralGames(GameFigure):
    """Agents on three or more Atari games: interquartile means of human-normalised scores with stratified bootstrap
    intervals, performance profiles, and the probability that one agent beats another."""

    module: ClassVar[str] = "rlgames.figures.several_games"
    products: ClassVar[tuple[str, ...]] = ("evaluation episodes",)
    panel_column: ClassVar[str] = "game"
    kind: Literal["several-games"]

    def columns(self, experiment: str, variant: Variant) -> Columns:
        """A curve for whatever differs besides the game."""
        spec: Any = variant.spec
        return {"curve": self.curve(experiment, variant, besides_the_game(variant)), "game": spec.environment.game_name}

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        super().check(place, experiments)
        played: dict[str, set[str]] = {}
        for name, variant in variants(experiments):
            columns = self.columns(name, variant)
            if columns["game"] not in REFERENCES:
                raise problem(
                    f"{place}: {name} plays {columns['game']}, which has no reference scores of random play and of a "
                    "human tester; choose from the 57 games of config/atari57.yaml"
                )
            played.setdefault(columns["curve"], set()).add(columns["game"])
        games = set().union(*played.values())
        if len(games) < FEWEST:
            raise problem(
                f"{place}: {self.kind} needs at least {FEWEST} games, not {len(games)}; add games to the sweep"
            )
        for curve, those in played.items():
            if lacking := sorted(games - those):
                raise problem(
                    f"{place}: {curve} does not play {', '.join(lacking)}, as other curves do; add those games, or "
                    "drop this curve"
                )


def judged(experiments: dict[str, Experiment]) -> list[str]:
    """The experiments that a table judges over their games: they play so many that have reference scores."""
    return [name for name, experiment in experiments.items() if len(games_of(experiment)) >= FEWEST]
