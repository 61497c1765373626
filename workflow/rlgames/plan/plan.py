"""A config as jobs: its targets, and the spec, code hash and input of each job."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from rlgames.files import PACKAGE
from rlgames.plan import paths
from rlgames.provenance import code_hash
from rlgames.settings import loading as settings
from rlgames.settings.names import unknown
from rlgames.settings.several_games import judged
from rlgames.settings.spec import Spec
from rlgames.settings.sweeps import Variant
from rlgames.settings.text import as_json, canonical
from rlgames.surroundings import installed_lock

FORMATS = ("png", "pdf", "csv")
VIDEO_FORMATS = ("mp4", "html")
GAMEPLAY_FORMATS = ("mp4", "html", "gif", "png")
EPISODES = ("best", "median", "random")
"""Evaluation episodes that videos show."""
DATASET_PRODUCTS = ("dataset recordings", "frames", "dataset manifest")
EVALUATION_PRODUCTS = ("evaluation episodes", "evaluation recordings", "evaluation manifest")


class Plan:
    """A validated config, as the rules need it."""

    def __init__(self, config: dict[str, Any], files: Iterable[Path | str] = ()) -> None:
        """Validate `config`, merged from `files`; raises `SettingsError`."""
        self.raw = config
        self.config = settings.load(config, files)
        self.arguments: dict[str, str] = {}
        """Contents of the files that jobs read their long arguments from, by path."""

    @classmethod
    def read(cls, file: Path) -> Plan:
        """The plan of a config file; raises `SettingsError`."""
        return cls(settings.read(file), [file])

    def path(self, product: str, **known: object) -> str:
        """A path below the results folder; what is not `known` stays a wildcard."""
        return paths.path(self.config.results, product, **known)

    # What the config asks for.

    def targets(self) -> list[str]:
        """All of it."""
        names = self.config.experiments
        figures = [self.path("figure", figure=name, format=kind) for name in self.config.figures for kind in FORMATS]
        tables = dict.fromkeys(table for name in names for table in self.agent(name).tables)
        runs = [
            path for name in names for kind in self.agent(name).products for path in self.run_products(kind, [name])
        ]
        evaluations = [path for product in EVALUATION_PRODUCTS for path in self.evaluation_products(product)]
        datasets = [path for product in DATASET_PRODUCTS for path in self.dataset_products(product)]
        videos = [path for name, variant in self.filmed() for path in self.videos_of(name, variant)]
        others = {"datasets": self.config.datasets, "several-games": judged(names)}
        wanted = ["variants", "cost", *tables, *filter(others.get, others)]
        return [
            self.path("page"), self.path("config"), *figures, *videos,
            *(self.path("table", table=table) for table in wanted), *runs, *evaluations, *datasets,
        ]  # fmt: skip

    def shown(self) -> list[str]:
        """All that the page shows, or names."""
        return [target for target in self.targets() if target != self.path("page")]

    def page_look(self) -> str:
        """Hash of what the page looks like: templates, style and script, which are no modules."""
        files = [PACKAGE / "pages" / name for name in ("page.html", "sheet.html", "page.css", "page.js")]
        return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]

    def agent(self, experiment: str) -> Any:
        """The kind of agent of an experiment: the settings of its first variant's."""
        return self.config.experiments[experiment].agent_kind

    def trained_by(self, rule: str) -> list[str]:
        """The experiments whose agents a rule trains."""
        return [name for name in self.config.experiments if self.agent(name).rule == rule]

    @cached_property
    def training_rules(self) -> set[str]:
        return {self.agent(name).rule for name in self.config.experiments}

    def evaluated(self) -> list[str]:
        """The experiments whose agents play evaluation episodes."""
        return [name for name in self.config.experiments if self.agent(name).evaluated]

    def names(self, rule: str) -> str:
        """A pattern for the names of the experiments that a rule trains, so that a path belongs to one rule."""
        return "|".join(self.trained_by(rule)) or "(?!)"

    def other_names(self, *rules: str) -> str:
        """A pattern for all other names, those that the config lacks included: they get a message of their own."""
        return rf"(?!({'|'.join(map(self.names, rules))})/)[a-z0-9-]+"

    def filmed(self) -> list[tuple[str, str]]:
        """Experiment and variant of every video."""
        return [(name, variant) for name in self.config.videos for variant in self.config.experiments[name].named]

    def videos_of(self, experiment: str, variant: str) -> list[str]:
        """The videos of a variant: of three evaluation episodes, or of its last training episode."""
        known = {"experiment": experiment, "variant": variant}
        if not self.agent(experiment).evaluated:
            return [self.path("video", **known, format=kind) for kind in VIDEO_FORMATS]
        return [
            self.path("gameplay", **known, which=which, format=kind) for which in EPISODES for kind in GAMEPLAY_FORMATS
        ]

    def picture_costs(self) -> list[str]:
        """What Snakemake notes of every encoding, figure and video: time and memory."""
        videos = [path for name, variant in self.filmed() for path in self.video_costs(name, variant)]
        encodings = self.run_products("encoding cost", self.trained_by("train_encoder"))
        return [*encodings, *(self.path("figure cost", figure=name) for name in self.config.figures), *videos]

    def video_costs(self, experiment: str, variant: str) -> list[str]:
        known = {"experiment": experiment, "variant": variant}
        if self.agent(experiment).evaluated:
            return [self.path("gameplay cost", **known, which=which) for which in EPISODES]
        return [self.path("video cost", **known)]

    @cached_property
    def variants(self) -> dict[tuple[str, str], Variant]:
        """Every variant, by experiment and name."""
        return {
            (name, variant.name): variant
            for name, experiment in self.config.experiments.items()
            for variant in experiment.variants
        }

    @cached_property
    def blocks(self) -> dict[str, dict[str, None]]:
        """The blocks of seeds of every experiment, in order."""
        size = self.config.block_size
        return {name: dict.fromkeys(each.blocks(size)) for name, each in self.config.experiments.items()}

    def runs(self, experiments: Iterable[str] | None = None) -> list[dict[str, str]]:
        """The training jobs of some experiments (default: all), as wildcards: experiment, variant, seeds."""
        return [
            {"experiment": name, "variant": variant.name, "seeds": seeds}
            for name in (self.config.experiments if experiments is None else experiments)
            for variant in self.config.experiments[name].variants
            for seeds in self.blocks[name]
        ]

    def run_products(self, product: str, experiments: Iterable[str] | None = None) -> list[str]:
        """A product of every run of some experiments (default: all)."""
        return [self.path(product, **run) for run in self.runs(experiments)]

    def evaluation_products(self, product: str) -> list[str]:
        """A product of every evaluation."""
        return self.run_products(product, self.evaluated())

    def dataset_products(self, product: str) -> list[str]:
        """A product of every data set."""
        return [self.path(product, dataset=name) for name in self.config.datasets]

    # What a job gets. Snakemake compares params as text, so that each is one canonical value.

    def argument(self, text: str) -> str:
        """The path of a file of `text`, named by its hash: what is too long for a shell line. It is written when
        Snakemake starts its jobs (`rlgames.plan.startup`)."""
        path = self.path("argument", hash=hashlib.sha256(text.encode()).hexdigest()[:16])
        self.arguments[path] = text
        return path

    def listed(self, files: Iterable[str]) -> str:
        """The path of a file of paths, one a line."""
        return self.argument("\n".join(map(str, files)))

    def code(self, command: str, *modules: str) -> str:
        """Hash of the code behind a command and the modules that its spec names."""
        return code_hash(f"rlgames.commands.{command}", *modules)

    def config_spec(self) -> str:
        """The config as JSON, in its own order: folders are named, and figures follow each other, by it."""
        return as_json(self.raw, in_order=True)

    def config_meaning(self) -> str:
        """Hash of what the config means, so that a changed default writes the resolved config anew."""
        return hashlib.sha256(json.dumps(settings.resolved(self.config)).encode()).hexdigest()

    def order(self) -> str:
        """All runs in the order of the config, which is that of the tables' rows."""
        return json.dumps(self.runs())

    def lock(self) -> str:
        return str(installed_lock())

    def spec(self, run: Any) -> Spec:
        """The spec behind the wildcards of a run; what the config lacks raises `SettingsError`."""
        if run.experiment not in self.config.experiments:
            raise settings.SettingsError(unknown("experiment", run.experiment, self.config.experiments))
        variants = self.config.experiments[run.experiment].named
        if run.variant not in variants:
            raise settings.SettingsError(unknown(f"variant of {run.experiment}", run.variant, variants))
        blocks = self.blocks[run.experiment]
        if (seeds := getattr(run, "seeds", None)) is not None and seeds not in blocks:
            raise settings.SettingsError(unknown(f"block of seeds of {run.experiment}", seeds, blocks))
        return variants[run.variant].spec

    def run_spec(self, run: Any) -> str:
        return self.spec(run).canonical()

    def run_modules(self, run: Any) -> str:
        """The modules that a training imports by name, by the role that they have there, as JSON."""
        spec = self.spec(run)
        return canonical(spec.agent.modules(spec.environment))

    def run_code(self, run: Any) -> str:
        spec = self.spec(run)
        return self.code(spec.agent.rule, *spec.agent.modules(spec.environment).values())

    def first_weights(self, run: Any) -> list[str]:
        """The file that a deep agent starts from, if any."""
        path = self.spec(run).agent.first_weights
        return [] if path is None else [path.replace("{seed}", run.seeds)]

    def encoder(self, run: Any) -> list[str]:
        """The weights of the encoder that a linear agent sees through, if any."""
        encoder = self.spec(run).agent.encoder_run
        if encoder is None:
            return []
        return [self.path("weights", experiment=encoder.experiment, variant=encoder.variant, seeds=encoder.seed)]

    def evaluation_spec(self, run: Any) -> str:
        """How to evaluate: environment, what weights need to play with, protocol; nothing of how the agent learned."""
        spec = self.spec(run)
        agent = spec.agent.model_dump(include=spec.agent.playing())
        evaluation = self.config.evaluation.model_dump()
        return canonical({"environment": spec.environment.model_dump(), "agent": agent, "evaluation": evaluation})

    def evaluation_modules(self, run: Any) -> str:
        spec = self.spec(run)
        return canonical(spec.agent.playing_modules(spec.environment))

    def evaluation_code(self, run: Any) -> str:
        spec = self.spec(run)
        return self.code("evaluate", *spec.agent.playing_modules(spec.environment).values())

    def dataset(self, name: str) -> Any:
        """The settings of a data set; a name that the config lacks raises `SettingsError`."""
        if name not in self.config.datasets:
            raise settings.SettingsError(unknown("data set", name, self.config.datasets))
        return self.config.datasets[name]

    def dataset_spec(self, name: str) -> str:
        return canonical(self.dataset(name).model_dump())

    def policy(self, dataset: str) -> list[str]:
        """The recordings that a data set is made of, if they are those of a trained agent."""
        run = self.dataset(dataset).policy
        known = {} if run == "random" else {"experiment": run.experiment, "variant": run.variant, "seeds": run.seed}
        return [self.path("evaluation recordings", **known)] if known else []

    def frames(self, run: Any) -> str:
        """The frames that are learned from."""
        spec: Any = self.spec(run)
        return self.path("frames", dataset=spec.environment.dataset)

    def frames_environment(self, run: Any) -> str:
        """The game whose frames are learned from."""
        spec: Any = self.spec(run)
        return canonical(self.dataset(spec.environment.dataset).environment.model_dump())

    def other_frames(self, run: Any) -> list[str]:
        """The frames on which an auto-encoder is judged besides, if there are any."""
        spec: Any = self.spec(run)
        return [self.path("frames", dataset=name) for name in (spec.environment.judged_on,) if name is not None]

    def encoding_spec(self, run: Any) -> str:
        spec: Any = self.spec(run)
        game = self.dataset(spec.environment.dataset).environment.game
        return canonical({"game": game, "split": spec.agent.split})

    def encoding_modules(self, run: Any) -> str:
        return canonical({"agent": self.spec(run).agent.module})

    def encoding_code(self, run: Any) -> str:
        return self.code("encode", self.spec(run).agent.module)

    def figure(self, name: str) -> Any:
        """The settings of a figure; a name that the config lacks raises `SettingsError`."""
        if name not in self.config.figures:
            raise settings.SettingsError(unknown("figure", name, self.config.figures))
        return self.config.figures[name]

    def figure_spec(self, name: str) -> str:
        """What to draw: the options, and the curves as [experiment, variant, columns], in order."""
        figure = self.figure(name)
        curves = [
            [experiment, variant.name, figure.columns(experiment, variant)]
            for experiment in figure.experiments
            for variant in self.config.experiments[experiment].variants
        ]
        options = figure.model_dump(exclude={"kind", "experiments", "caption"} | figure.placing)
        return canonical({"curves": curves, "options": options})

    def figure_inputs(self, name: str) -> dict[str, list[str]]:
        figure = self.figure(name)
        return {product: self.run_products(product, figure.experiments) for product in figure.products}

    def figure_modules(self, name: str) -> str:
        """The modules that a figure imports by name, by their roles, as JSON: also the games that it plays again."""
        figure = self.figure(name)
        modules = {"figure": figure.module}
        for experiment in self.config.drawn(figure).values() if figure.plays_again else ():
            modules |= {each.spec.environment.name: each.spec.environment.module for each in experiment.variants}
        return canonical(modules)

    def figure_code(self, name: str) -> str:
        return self.code("figure", *json.loads(self.figure_modules(name)).values())

    def video_input(self, run: Any) -> str:
        """The recordings with the seed that the video shows."""
        self.spec(run)
        if run.experiment not in self.config.videos:
            raise settings.SettingsError(unknown("video of", run.experiment, self.config.videos))
        seed = self.config.videos[run.experiment].seed
        (seeds,) = [each for each in self.blocks[run.experiment] if paths.first(each) <= seed <= paths.last(each)]
        product = "evaluation recordings" if self.agent(run.experiment).evaluated else "recordings"
        return self.path(product, experiment=run.experiment, variant=run.variant, seeds=seeds)

    def video_seed(self, run: Any) -> int:
        return self.config.videos[run.experiment].seed

    def video_module(self, run: Any) -> str:
        """The module of the game that is played again."""
        return self.spec(run).environment.module

    def video_code(self, run: Any) -> str:
        return self.code("video", self.video_module(run))

    def gameplay_modules(self, run: Any) -> str:
        """The modules that a video of an evaluation episode imports by name, by their roles, as JSON: the game, the
        features of an agent, if they tell where things are on the screen, and what plays with its weights, if its
        network has more to show than was recorded."""
        spec = self.spec(run)
        return canonical(spec.agent.filming_modules(spec.environment))

    def gameplay_code(self, run: Any) -> str:
        return self.code("gameplay", *json.loads(self.gameplay_modules(run)).values())

    def gameplay_encoder(self, run: Any) -> list[str]:
        """The weights of the encoder that tells where things are on the screen, if any."""
        return self.encoder(run) if "features" in json.loads(self.gameplay_modules(run)) else []

    def gameplay_weights(self, run: Any) -> list[str]:
        """The weights of the agent, if its network has more to show than was recorded."""
        if "player" not in json.loads(self.gameplay_modules(run)):
            return []
        seed = self.video_seed(run)
        return [self.path("weights", experiment=run.experiment, variant=run.variant, seeds=seed)]
