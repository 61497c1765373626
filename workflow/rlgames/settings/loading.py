"""Typed settings: what may stand in a config file, checked before the first job starts.

The resolved settings of a run, its *spec*, are this package's whole effect on a result: they travel to the job as
canonical JSON, so that these modules stay outside the code hash (see `rlgames.provenance`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Annotated, Any, get_args

from pydantic import Field, ValidationError, field_validator, model_validator

from rlgames.files import ROOT
from rlgames.settings import memory
from rlgames.settings.base import Settings, TrainedRun
from rlgames.settings.datasets import Dataset
from rlgames.settings.encoders import AutoEncoder, Keypoints
from rlgames.settings.environments import Atari, DatasetFrames
from rlgames.settings.evaluation import Evaluation
from rlgames.settings.experiments import Experiment
from rlgames.settings.explanations import explanations, problem
from rlgames.settings.figure import check_drawn, check_seed
from rlgames.settings.figures import AnyFigure, Video
from rlgames.settings.learner import AgentSettings, DeepAgent, GameAgent, PredictingAgent
from rlgames.settings.linear_agents import OverFeatures, TiledKeypoints, misfit
from rlgames.settings.names import minimal_actions, unknown
from rlgames.settings.reading import SettingsError, check_texts, read
from rlgames.settings.spec import Spec
from rlgames.settings.sweeps import Variant
from rlgames.settings.text import flat, shown, tidy, words

NAME = r"[a-z0-9]+(?:-[a-z0-9]+)*"
"""Names of experiments and figures: safe in a path, in a target, and where file names ignore case."""


DYNAMICS = ("game", "frame_skip", "actions", "sticky", "noop_max", "fire_reset", "fire_each_life", "max_steps")
"""Settings of an Atari game on which the course of an episode depends; the others change only what is seen of it."""

OURS = {"", "benchmarks", "config", "docs", "envs", "notebooks", "profiles", "site", "tests", "trained", "workflow"}
"""Folders of the project, relative to it, besides those whose names begin with a dot."""


Names = Annotated[str, Field(pattern=f"^{NAME}$", max_length=100)]


class Config(Settings):
    """A whole config file."""

    results: str = Field(pattern=r"^[\w./-]*[\w-]$")
    """Folder of all results, relative to the working directory; one for each config."""
    title: str = ""
    """Title of the results page; by default, the name of the results folder."""
    abstract: str = ""
    """A few sentences at the head of the results page. After `>-` they may take many lines, and an empty line begins a
    new paragraph."""
    block_size: int = Field(default=100, ge=1, le=1_000_000)
    """Seeds of a linear agent over tiles that one job trains. Results do not depend on it, but names of files do."""
    threads: int = Field(default=1, ge=1, le=64)
    """Cores for training one deep agent, value network or auto-encoder. Results do not depend on it, and one core per
    training is fastest overall. Linear agents use one."""
    evaluation: Evaluation = Evaluation()
    """Evaluation of agents that learn step by step."""
    datasets: dict[Names, Dataset] = Field(default={})
    """The data sets, by name."""
    experiments: dict[Names, Experiment] = Field(min_length=1)
    """The experiments, by name."""
    figures: dict[Names, AnyFigure] = Field(default={})
    """The figures, by name."""
    videos: dict[Names, Video] = Field(default={})
    """The videos, by the name of their experiment."""

    @field_validator("results")
    @classmethod
    def _is_a_folder(cls, results: str) -> str:
        try:
            results = tidy(results)
        except ValueError as error:
            raise problem(str(error)) from None
        if is_ours(results):
            raise problem(
                f"{results} belongs to the project itself, or to its tools; name a folder of its own, such as "
                "results/mine"
            )
        return results

    @model_validator(mode="after")
    def _has_a_title(self) -> Config:
        if not self.title:
            self.__dict__["title"] = words(PurePath(self.results).name)
        return self

    @model_validator(mode="after")
    def _names_exist(self) -> Config:
        for name, figure in self.figures.items():
            place = f"figures.{name}"
            figure.complete(name)
            for experiment in figure.experiments:
                if experiment not in self.experiments:
                    raise problem(f"{place}.experiments: {unknown('experiment', experiment, self.experiments)}")
            if len(set(figure.experiments)) < len(figure.experiments):
                raise problem(f"{place}.experiments: names the same experiment twice; drop one")
            figure.check(place, drawn := self.drawn(figure))
            if figure.plays_again:
                check_drawn(place, drawn)
        for name in self.videos:
            if name not in self.experiments:
                raise problem(f"videos: {unknown('experiment', name, self.experiments)}")
            if "recordings" not in self.experiments[name].agent_kind.products:
                raise problem(f"videos.{name}: {self.experiments[name].agent_kind.name} plays no game; drop this video")
            check_seed(f"videos.{name}.seed", self.videos[name].seed, {name: self.experiments[name]})
            check_drawn(f"videos.{name}", {name: self.experiments[name]})
        return self

    @model_validator(mode="after")
    def _other_parts_exist(self) -> Config:
        for name, experiment in self.experiments.items():
            for spec in [variant.spec for variant in experiment.variants]:
                self._check_frames(f"experiments.{name}", spec)
                self._check_first_weights(f"experiments.{name}.agent.initial_weights", spec, experiment)
        for name, dataset in self.datasets.items():
            if isinstance(run := dataset.policy, TrainedRun):
                played: Any = self.trained(f"datasets.{name}.policy", run, GameAgent).environment
                if not isinstance(played, Atari):
                    raise problem(f"datasets.{name}.policy: {run.experiment} plays no Atari game; name one that does")
                has, wanted = played.model_dump(), dataset.environment.model_dump()
                for key in ("fire_reset", "fire_each_life"):
                    if has[key]:
                        raise problem(
                            f"datasets.{name}.policy: {run.experiment} plays with {key}, and the console's memory "
                            "cannot be read in such games; name an experiment without it"
                        )
                for key in DYNAMICS:
                    if has[key] != wanted[key]:
                        raise problem(
                            f"datasets.{name}.environment.{key}: {run.experiment} was trained with {shown(has[key])}, "
                            f"not {shown(wanted[key])}; make them equal"
                        )
        return self

    def _check_frames(self, place: str, spec: Any) -> None:
        """That the data set that is learned from, and the encoder of a linear agent, are there and fit."""
        environment: Any = spec.environment
        if isinstance(environment, DatasetFrames):
            named = {"dataset": environment.dataset, "judged_on": environment.judged_on or environment.dataset}
            for key, name in named.items():
                if name not in self.datasets:
                    raise problem(f"{place}.environment.{key}: {unknown('data set', name, self.datasets)}")
            if environment.judged_on == environment.dataset:
                raise problem(
                    f"{place}.environment.judged_on: the agent already learns from {environment.dataset}; name another "
                    "data set"
                )
            own, other = (self.datasets[name].environment for name in named.values())
            for key in ("game", "image_size"):
                if (has := getattr(own, key)) != (wanted := getattr(other, key)):
                    raise problem(
                        f"{place}.environment.judged_on: its {key} is {shown(wanted)}, but that of "
                        f"{environment.dataset} is {shown(has)}; make them equal"
                    )
        seen, where = environment, f"{place}.environment"
        if isinstance(spec.agent, PredictingAgent):
            if environment.judged_on is not None:
                raise problem(
                    f"{place}.environment.judged_on: a policy's values are judged on its own episodes; leave this key "
                    "out"
                )
            seen, where = self.datasets[environment.dataset].environment, f"datasets.{environment.dataset}.environment"
            agent = spec.agent
            if isinstance(agent, OverFeatures) and (why := misfit(agent.features, seen)) is not None:
                raise problem(f"{place}.{why}")
        if (encoder := spec.agent.encoder_run) is not None:
            self._check_encoder(place, spec.agent.features, encoder, seen, where)

    def _check_encoder(self, place: str, features: Any, encoder: TrainedRun, environment: Atari, where: str) -> None:
        """That the encoder of a linear agent is there, and fits what the agent sees: `where` the config says what."""
        kind = Keypoints if isinstance(features, TiledKeypoints) else AutoEncoder
        learned: Any = self.trained(f"{place}.agent.features.encoder", encoder, kind)
        if learned.environment.dataset in self.datasets:  # its own mistake is reported there
            seen = self.datasets[learned.environment.dataset].environment
            if seen.game != environment.game:
                raise problem(
                    f"{place}.agent.features.encoder: {encoder.experiment} encodes frames of {seen.game}, not of "
                    f"{environment.game}; name an encoder of {environment.game}"
                )
            wanted = seen.image_size
            if environment.image_size != wanted:
                raise problem(
                    f"{where}.image_size: {encoder.experiment} encodes frames of {wanted} x {wanted} "
                    f"pixels, not {environment.image_size}; make them equal"
                )
        if isinstance(learned.agent, Keypoints) and features.pairs >= learned.agent.points:
            raise problem(
                f"{place}.agent.features.pairs: {encoder.experiment} has {learned.agent.points} points, and at "
                f"least one of them is controlled; give at most {learned.agent.points - 1}"
            )

    def _check_first_weights(self, place: str, spec: Spec, experiment: Experiment) -> None:
        """That a run of this config from whose weights another starts is there, and has such a network."""
        if (named := self._first_run(spec)) is None or self._are_there(named, experiment):
            return  # random weights, or those of another config, or of what this one has dropped
        chain: list[tuple[str, str]] = []
        while named is not None:
            step = named["experiment"], named["variant"]
            if step in chain:
                runs = " starts from ".join("/".join(each) for each in [*chain, step])
                raise problem(f"{place}: {runs}, and so from itself; leave the key out of the first to be trained")
            chain.append(step)
            other = self._named(place, *step)
            if len(chain) == 1:
                self._check_start(place, spec, other, experiment, named)
            named = self._first_run(other.spec)

    def _first_run(self, spec: Spec) -> re.Match[str] | None:
        """The run of this config, by experiment, variant and seed, from whose weights a spec starts; None if none."""
        runs = re.escape(f"{self.results}/runs/")
        path = r"(?P<experiment>[^/]+)/(?P<variant>[^/]+)/seed-(?P<seed>[^/]+)/weights\.npz"
        return re.fullmatch(runs + path, spec.agent.first_weights or "")

    def _are_there(self, named: re.Match[str], experiment: Experiment) -> bool:
        """Whether the weights that a run names are made by nothing in this config, and are there."""
        if named["variant"] in getattr(self.experiments.get(named["experiment"]), "named", {}):
            return False
        seeds = range(experiment.first_seed, experiment.last_seed + 1)
        return all(Path(named[0].replace("{seed}", str(seed))).is_file() for seed in seeds)

    def _named(self, place: str, experiment: str, variant: str) -> Variant:
        """A variant of this config that another part of it, at `place`, names."""
        if experiment not in self.experiments:
            raise problem(f"{place}: {unknown('experiment', experiment, self.experiments)}")
        if (found := self.experiments[experiment].named.get(variant)) is None:
            raise problem(
                f"{place}: {unknown(f'variant of {experiment}', variant, self.experiments[experiment].named)}"
            )
        return found

    def _check_start(
        self, place: str, spec: Spec, other: Variant, experiment: Experiment, named: re.Match[str]
    ) -> None:
        """That weights of the variant `other` mean in a training of `spec` what they meant in its own."""
        run = f"{named['experiment']}/{named['variant']}"
        if not isinstance(other.spec.agent, DeepAgent):
            raise problem(f"{place}: {run} was trained by {other.spec.agent.name}; name a run of a deep agent")
        theirs = self.experiments[named["experiment"]]
        ours = f"{experiment.first_seed} {experiment.last_seed}" if named["seed"] == "{seed}" else named["seed"]
        for seed in ours.split():
            if not seed.isdigit():
                raise problem(f"{place}: seed-{seed} is no run's folder; write seed-{{seed}}, or a number")
            remedy = "make the seeds of the two agree" if named["seed"] == "{seed}" else "name one of these"
            check_seed(place, int(seed), {named["experiment"]: theirs}, remedy)
        sides: Any = (spec, other.spec)
        wanted, has = (
            (
                *(each.agent.network, each.environment.observation_shape, memory.network(each.agent, each.environment)),
                *(each.agent.samples, type(each.agent).outputs, actions(each.environment)),
            )
            for each in sides
        )
        if wanted != has:
            raise problem(
                f"{place}: {run} has another network; make the network, its units, what it sees, the actions, and the "
                "kind of agent, with its atoms or bins, equal"
            )
        mine, its = (each.agent.model_dump(include=each.agent.playing() - {"name", "head_scale"}) for each in sides)
        if changed := [key for key in mine if key in its and mine[key] != its[key]]:
            key = changed[0]
            raise problem(
                f"{place}: weights of {run} are for {key}: {shown(its[key])}, not {shown(mine[key])}; make them equal"
            )

    def trained(self, place: str, run: TrainedRun, kind: type[AgentSettings]) -> Spec:
        """The spec of a run that another part of the config, at `place`, names; its agent has to be of this kind."""
        if run.experiment not in self.experiments:
            raise problem(f"{place}.experiment: {unknown('experiment', run.experiment, self.experiments)}")
        experiment = self.experiments[run.experiment]
        if (unit := experiment.agent_kind.unit) != kind.unit:
            raise problem(f"{place}.experiment: {run.experiment} learns in {unit}; name one that learns in {kind.unit}")
        if run.variant not in experiment.named:
            raise problem(f"{place}.variant: {unknown(f'variant of {run.experiment}', run.variant, experiment.named)}")
        agent = experiment.named[run.variant].spec.agent
        if not isinstance(agent, kind):
            wanted = get_args(kind.model_fields["name"].annotation)[0]
            raise problem(
                f"{place}: {run.experiment}/{run.variant} was trained by {agent.name}; name a run of {wanted}"
            )
        check_seed(f"{place}.seed", run.seed, {run.experiment: experiment})
        return experiment.named[run.variant].spec

    def drawn(self, figure: AnyFigure) -> dict[str, Experiment]:
        """The experiments of a figure, by name."""
        return {name: self.experiments[name] for name in figure.experiments}


def actions(environment: Any) -> Any:
    """What tells whether the actions of two environments are as many: their number, where settings tell it."""
    kind = getattr(environment, "actions", None)
    return minimal_actions(environment.game) if kind == "minimal" else kind


def is_ours(folder: str) -> bool:
    """Whether a folder is one of the project itself or of its tools, or lies in one."""
    if {".git", ".snakemake"} & {*PurePath(folder).parts}:
        return True
    place, project = Path(folder).resolve(), ROOT.resolve()
    if not place.is_relative_to(project):
        return False
    first = next(iter(place.relative_to(project).parts), "")
    return first in OURS or first.startswith(".") or (project / first).is_file()


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


def table(config: Config) -> Iterator[dict[str, Any]]:
    """A row for each variant: its experiment, the name of its folder, its label, and all its settings."""
    for name, experiment in config.experiments.items():
        for variant in experiment.variants:
            yield {"experiment": name, "variant": variant.name, "label": variant.label, **flat(variant.spec.resolved())}


def load(config: dict[str, Any], files: Iterable[Path | str] = ()) -> Config:
    """Validate a config that was merged from `files`; raises `SettingsError`."""
    for file in files:
        if not isinstance(found := read(file), dict | None):
            raise SettingsError(
                f"{file} must be a mapping of keys, such as results and experiments, to values, not {found!r:.50}"
            )
    try:
        check_texts(config)
        loaded = Config.model_validate({} if config is None else config)
    except ValidationError as error:
        lines = "\n".join(f"  {line}" for line in explanations(error, config))
        raise SettingsError(f"This config cannot be run; config/README.md describes every key.\n{lines}") from None
    except RecursionError:
        raise SettingsError(
            "This config is nested without end: an alias (*name) stands within its own anchor (&name); write that "
            "part out"
        ) from None
    for file in files:
        if Path(loaded.results).resolve() == Path(file).resolve().parent:
            raise SettingsError(
                f"results: {loaded.results} is the folder of {file}, and the results' own config.yaml would replace "
                "it; name a folder for the results alone"
            )
    return loaded
