"""Results as tidy tables: `results`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rlgames.files import read_table, reading
from rlgames.messages import UserError
from rlgames.plan.plan import Plan
from rlgames.plan.report import make
from rlgames.settings.names import unknown


class Results:
    """What the runs of a config have made so far. Each row says of which run it is, and what the sweep set there; a
    setting with the name of another column is prefixed with `set.`."""

    def __init__(self, config: Path | str) -> None:
        self.config, self.plan = Path(config), Plan.read(Path(config))
        self.experiments = list(self.plan.config.experiments)

    def episodes(self, experiment: str) -> pd.DataFrame:
        """Training episodes, one per row, with seed, episode (from 1), steps, return and ending."""
        return self._rows("episodes", experiment)

    def evaluations(self, experiment: str) -> pd.DataFrame:
        """Evaluation episodes: the same, with agent (trained, sampled, in training, random) and trained_steps."""
        return self._rows("evaluation episodes", experiment)

    def losses(self, experiment: str) -> pd.DataFrame:
        """Losses of auto-encoders: a row for each epoch."""
        return self._rows("losses", experiment)

    def predictions(self, experiment: str) -> pd.DataFrame:
        """Predictions on held-out episodes: a row for each step, with value and return."""
        return self._rows("predictions", experiment)

    def table(self, name: str) -> pd.DataFrame:
        """One of the tables, such as final-scores or cost. Raises `UserError` if it is not made yet."""
        path = Path(self.plan.path("table", table=name))
        made = [str(Path(each).stem) for each in self.plan.targets() if Path(each).parent == path.parent]
        if name not in made:
            raise UserError(unknown("table", name, made))
        if not path.exists():
            raise UserError(f"{path} is not made yet: type {make(self.config)}.")
        with reading(path):
            return pd.read_csv(path)

    def runs(self, experiment: str) -> list[Path]:
        """Folders of all runs of an experiment, for `rlgames.load` and `rlgames.play`."""
        self._check(experiment)
        return [Path(each).parent for each in self.plan.run_products("manifest", [experiment])]

    def _rows(self, product: str, experiment: str) -> pd.DataFrame:
        """A product of all runs of an experiment in one table. Blocks of seeds that the config no longer has are left
        out, so that no seed is there twice."""
        self._check(experiment)
        agent = self.plan.agent(experiment)
        kinds = {*agent.products, *(["evaluation episodes"] if agent.evaluated else [])}
        if product not in kinds:
            raise UserError(
                f"The agent of {experiment}, {agent.name}, produces no {product}; it produces "
                f"{', '.join(sorted(kinds))}."
            )
        found = []
        for variant in self.plan.config.experiments[experiment].variants:
            swept = dict(variant.values)
            for seeds in self.plan.blocks[experiment]:
                path = Path(self.plan.path(product, experiment=experiment, variant=variant.name, seeds=seeds))
                if path.exists():
                    rows = read_table(path)
                    for place, (setting, value) in enumerate(swept.items()):
                        name = f"set.{setting}" if setting in rows else setting  # a swept budget of steps
                        rows.insert(2 + place, name, [value] * len(rows))
                    found.append(rows)
        if not found:
            raise UserError(f"{experiment} has no results yet: type {make(self.config)}.")
        return pd.concat(found, ignore_index=True)

    def _check(self, experiment: str) -> None:
        if experiment not in self.experiments:
            raise UserError(unknown("experiment", experiment, self.experiments))


def results(config: Path | str) -> Results:
    """The results of a config file, as far as they are there: `results("config/config.yaml").episodes("tilings")`."""
    return Results(config)
