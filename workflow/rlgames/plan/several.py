"""The table over the games of an experiment: what it is made of."""

from __future__ import annotations

from rlgames.environments.atari57 import REFERENCES
from rlgames.plan.plan import Plan
from rlgames.settings.several_games import besides_the_game, judged
from rlgames.settings.text import canonical, describe


def evaluations(plan: Plan) -> list[str]:
    """Its input."""
    return plan.run_products("evaluation episodes", judged(plan.config.experiments))


def spec(plan: Plan) -> str:
    """Its rows: [experiment, variant, columns] of each variant; what differs besides the game is a curve."""
    curves = []
    for name in judged(plan.config.experiments):
        for variant in plan.config.experiments[name].variants:
            game = variant.spec.model_dump()["environment"].get("game")
            if game in REFERENCES:
                curve = variant.label or describe(besides_the_game(variant)) or name  # as in the figure
                curves.append([name, variant.name, {"curve": curve, "game": game}])
    return canonical(curves)
