"""Typed settings: what may stand in a config file, checked before the first job starts.

The resolved settings of a run, its *spec*, are this package's whole effect on a result: they travel to the job as
canonical JSON, so that these modules stay outside the code hash (see `rlgames.provenance`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError, model_validator

from rlgames.settings.base import Settings, TrainedRun
from rlgames.settings.datasets import Dataset
from rlgames.settings.experiments import Experiment, Spec, Variant, describe, locate, shown, value_at
from rlgames.settings.explanations import explanations, problem, unknown
from rlgames.settings.figures import (
    AnyFigure,
    CostToGo,
    LatentSizes,
    LatentSpace,
    LearningCurves,
    Returns,
    Sweep,
    ValueEstimates,
    Video,
)

NAME = r"[a-z0-9]+(?:-[a-z0-9]+)*"
"""Names of experiments and figures: safe in a path, in a target, and where file names ignore case."""


DYNAMICS = ("game", "frame_skip", "actions", "sticky", "noop_max", "fire_reset", "max_steps")
"""Settings of an Atari game on which the course of an episode depends; the others change what is seen of it."""


class SettingsError(ValueError):
    """A config that cannot be run. The message names every key at fault and the remedy."""


Names = Annotated[str, Field(pattern=f"^{NAME}$")]


class Evaluation(Settings):
    """Episodes with seeds of their own, and hardly any exploration: of the trained agent, of one that plays at random,
    and of the weights kept during training."""

    episodes: int = Field(default=30, ge=1, le=10_000)
    """Episodes of the trained agent, and as many of the random one."""
    checkpoint_episodes: int = Field(default=3, ge=1, le=1000)
    """Episodes at each of nine points before the end of training."""
    epsilon: float = Field(default=0.01, ge=0, le=1)
    """Exploration rate ε."""


class Config(Settings):
    """A whole config file."""

    results: str = Field(pattern=r"^[\w./-]*[\w-]$")
    """Folder of all results, relative to the working directory; one for each config."""
    block_size: int = Field(default=100, ge=1, le=1_000_000)
    """Seeds of a linear agent over tiles that one job trains. Any value gives the same bits; files are named by it."""
    threads: int = Field(default=1, ge=1, le=64)
    """Cores for the training of one deep agent or auto-encoder; any number gives the same bits, and one per training is
    fastest. Linear agents use one."""
    evaluation: Evaluation = Evaluation()
    """How agents that were trained on Atari are evaluated."""
    datasets: dict[Names, Dataset] = Field(default={})
    """The data sets, by name."""
    experiments: dict[Names, Experiment] = Field(min_length=1)
    """The experiments, by name."""
    figures: dict[Names, AnyFigure] = Field(default={})
    """The figures, by name."""
    videos: dict[Names, Video] = Field(default={})
    """The videos, by the name of their experiment."""

    @model_validator(mode="after")
    def _names_exist(self) -> Config:
        for name, figure in self.figures.items():
            for experiment in figure.experiments:
                if experiment not in self.experiments:
                    raise problem(f"figures.{name}.experiments: {unknown('experiment', experiment, self.experiments)}")
            self._check_figure(name, figure)
        for name in self.videos:
            if name not in self.experiments:
                raise problem(f"videos: {unknown('experiment', name, self.experiments)}")
            if self.experiments[name].budget == "epochs":
                raise problem(f"videos.{name}: an auto-encoder plays nothing; drop it")
            self._check_seed(f"videos.{name}", self.videos[name].seed, [name])
        return self

    @model_validator(mode="after")
    def _other_parts_exist(self) -> Config:
        for name, experiment in self.experiments.items():
            for spec in [variant.spec for variant in experiment.variants]:
                self._check_frames(f"experiments.{name}", spec)
        for name, dataset in self.datasets.items():
            if isinstance(run := dataset.policy, TrainedRun):
                played: Any = self.trained(f"datasets.{name}.policy", run, "steps").environment
                for key in DYNAMICS:
                    if getattr(played, key) != (wanted := getattr(dataset.environment, key)):
                        raise problem(
                            f"datasets.{name}.environment.{key}: {run.experiment} was trained with "
                            f"{shown(getattr(played, key))}, not {shown(wanted)}; make them equal"
                        )
        return self

    def _check_frames(self, place: str, spec: Any) -> None:
        """That the data set of an auto-encoder, or the encoder of a linear agent, is there and fits."""
        if spec.agent.budget == "epochs" and (dataset := spec.environment.dataset) not in self.datasets:
            raise problem(f"{place}.environment.dataset: {unknown('data set', dataset, self.datasets)}")
        encoder = getattr(getattr(spec.agent, "features", None), "encoder", None)
        if encoder is not None:
            learned: Any = self.trained(f"{place}.agent.features.encoder", encoder, "epochs")
            if learned.environment.dataset in self.datasets:  # its own mistake is reported there
                wanted = self.datasets[learned.environment.dataset].environment.image_size
                if spec.environment.image_size != wanted:
                    raise problem(
                        f"{place}.environment.image_size: {encoder.experiment} encodes frames of {wanted} x {wanted} "
                        f"pixels, not {spec.environment.image_size}; make them equal"
                    )

    def trained(self, place: str, run: TrainedRun, budget: str) -> Spec:
        """The spec of a run that another part of the config, at `place`, names; its agent has to learn in `budget`."""
        if run.experiment not in self.experiments:
            raise problem(f"{place}.experiment: {unknown('experiment', run.experiment, self.experiments)}")
        if (found := self.experiments[run.experiment].budget) != budget:
            raise problem(f"{place}.experiment: {run.experiment} learns in {found}; name one that learns in {budget}")
        variants = {variant.name: variant.spec for variant in self.experiments[run.experiment].variants}
        if run.variant not in variants:
            raise problem(f"{place}.variant: {unknown(f'variant of {run.experiment}', run.variant, variants)}")
        self._check_seed(place, run.seed, [run.experiment])
        return variants[run.variant]

    def _check_figure(self, name: str, figure: AnyFigure) -> None:
        place = f"figures.{name}"
        for experiment in figure.experiments:
            if (budget := self.experiments[experiment].budget) != figure.budget:
                raise problem(
                    f"{place}: {figure.kind} draws agents that learn in {figure.budget}, and those of {experiment} "
                    f"learn in {budget}"
                )
        if len(set(figure.experiments)) < len(figure.experiments):
            raise problem(f"{place}.experiments: names one experiment twice; drop one")
        swept = {
            key for experiment in figure.experiments for v in self.experiments[experiment].variants for key in v.values
        }
        for key in ("facet", "x", "curves"):
            if (setting := getattr(figure, key, None)) is not None and setting not in swept:
                raise problem(
                    f"{place}.{key}: no experiment of it sweeps {setting!r}; swept: {', '.join(sorted(swept))}"
                )
        if (seed := getattr(figure, "seed", None)) is not None:
            self._check_seed(place, seed, figure.experiments)
        if isinstance(figure, LearningCurves | CostToGo | Returns | ValueEstimates) or figure.budget == "epochs":
            places = [curve for variants in self.curves(name).values() for curve in variants.values()]
            panel = "game" if isinstance(figure, Returns) else "facet"
            names = [(curve["curve"], curve.get(panel)) for curve in places]
            if repeated := {name[0] for name in names if names.count(name) > 1}:
                raise problem(f"{place}: several curves are called {sorted(repeated)}; give their points a label")
            if isinstance(figure, LatentSizes):
                points = [(curve["latent_count"], curve["split"], curve["moving_weight"]) for curve in places]
                if len(set(points)) < len(points):
                    raise problem(
                        f"{place}: several variants agree in latents, split and moving_weight, and would be one point; "
                        "draw them in figures of their own"
                    )
            if isinstance(figure, LatentSpace) and min(curve["latent_count"] for curve in places) < 2:
                raise problem(f"{place}: {figure.kind} draws two components, and one latent has one; drop that variant")
        if isinstance(figure, Returns):
            for experiment in figure.experiments:
                stops: list[Any] = [variant.spec for variant in self.experiments[experiment].variants]
                if any(spec.agent.stop_return is not None for spec in stops):
                    raise problem(
                        f"{place}: {experiment} has a stop_return, so that its seeds end at different steps, and a "
                        "mean over those that go on would mislead; draw an experiment without one"
                    )
        if isinstance(figure, ValueEstimates):
            for experiment in figure.experiments:
                specs: list[Any] = [variant.spec for variant in self.experiments[experiment].variants]
                if any(spec.environment.life_loss_terminal for spec in specs):
                    raise problem(
                        f"{place}: {experiment} learns with life_loss_terminal, and recordings do not know lost "
                        "lives, so that its values cannot be compared with what followed; draw another experiment"
                    )

    def _check_seed(self, place: str, seed: int, experiments: list[str]) -> None:
        for name in experiments:
            first, last = self.experiments[name].first_seed, self.experiments[name].last_seed
            if not first <= seed <= last:
                raise problem(f"{place}.seed: {name} has the seeds {first} to {last}, not {seed}")

    def curves(self, figure: str) -> dict[str, dict[str, dict[str, Any]]]:
        """How a figure names and places each variant, by experiment and name: curve, facet, place on the x axis."""
        settings = self.figures[figure]
        return {
            name: {variant.name: place(settings, name, variant) for variant in self.experiments[name].variants}
            for name in settings.experiments
        }


def place(figure: AnyFigure, experiment: str, variant: Variant) -> dict[str, Any]:
    """The curve that a variant is (part of), and where it lies."""
    values = variant.values
    if isinstance(figure, Sweep):
        curve = (
            figure.curve_label.format(shown(values[figure.curves]))
            if figure.curves in values
            else experiment.replace("-", " ")
        )
        return {"curve": curve, "x": figure.x_factor * value_at(variant.spec, locate(figure.x))}
    facet: dict[str, Any] = {}
    spec: Any = variant.spec
    if figure.budget == "steps":
        facet = {
            "game": spec.environment.game,
            "frame_skip": spec.environment.frame_skip,
            "budget": spec.steps,
            "discount": spec.agent.discount,
            "reward_terminal": spec.environment.reward_terminal,
        }
        if isinstance(figure, Returns):  # a panel for each game, so no need to name it
            values = {key: value for key, value in values.items() if key != "game"}
    if figure.budget == "epochs":
        agent = spec.agent
        facet = {"latent_count": agent.latents, "split": agent.split, "moving_weight": agent.moving_weight}
    if isinstance(figure, CostToGo):
        facet = {"coding": variant.spec.model_dump()["agent"]["coding"]}
    if isinstance(figure, LearningCurves) and figure.facet is not None:
        facet = {"facet": describe({figure.facet: value_at(variant.spec, locate(figure.facet))})}
        values = {key: value for key, value in values.items() if key != figure.facet}
    parts = [experiment] if len(figure.experiments) > 1 or not values else []
    return {"curve": variant.label or ": ".join([*parts, *filter(None, [describe(values)])]), **facet}


def resolved(config: Config) -> dict[str, Any]:
    """All that a config means: every default, and the spec of every variant."""
    experiments = {
        name: {
            **experiment.model_dump(include={"seeds", "first_seed"}),
            "variants": {variant.name: variant.spec.resolved() for variant in experiment.variants},
        }
        for name, experiment in config.experiments.items()
    }
    return {**config.model_dump(exclude={"experiments"}), "experiments": experiments}


def load(config: dict[str, Any], files: Iterable[Path | str] = ()) -> Config:
    """Validate a config that was merged from `files`; raises `SettingsError`."""
    for file in files:
        try:
            yaml.load(Path(file).read_text(encoding="utf-8"), Loader=UniqueKeyLoader)  # noqa: S506 (it is a SafeLoader)
        except RepeatedKeyError as error:
            raise SettingsError(f"{file}: {error}") from None
    try:
        return Config.model_validate(config)
    except ValidationError as error:
        lines = "\n".join(f"  {line}" for line in explanations(error, config))
        raise SettingsError(f"This config cannot be run; config/README.md describes every key.\n{lines}") from None


class RepeatedKeyError(yaml.YAMLError):
    """A mapping in YAML holds one key twice."""


class UniqueKeyLoader(yaml.SafeLoader):
    """YAML in which two experiments cannot silently share a name, and so a path: plain YAML keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                line = node.value[position][0].start_mark.line + 1
                raise RepeatedKeyError(
                    f"line {line}: the key {key!r} stands here a second time, and both would write one path; rename one"
                )
        return super().construct_mapping(node, deep)
