"""The JSON schema of a config, and config/README.md, made from the settings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import BaseModel

from rlgames.settings.agents import Agent
from rlgames.settings.base import Settings
from rlgames.settings.encoders import Encoder
from rlgames.settings.environments import Environment
from rlgames.settings.figure import FigureSettings
from rlgames.settings.figures import AnyFigure
from rlgames.settings.learner import DeepAgent, PredictingAgent
from rlgames.settings.linear_agents import Additive, FeatureAgent, FeatureSettings, LinearAgent, Tiled
from rlgames.settings.loading import Config
from rlgames.settings.spec import kinds
from rlgames.settings.text import words

INTRODUCTION = """\
# The config, key by key

A config says what to learn with, in what, and what to draw. Here are three that run as they stand; save one as
`config/mine.yaml` and type `make CONFIG=config/mine.yaml`.

**A sweep**: three step sizes of Sarsa on Mountain Car, twenty seeds each.

{sweep}
**An Atari game**: DQN learns Freeway from pixels, in about half an hour on one core.

{atari}
**A Gymnasium environment**, by its id: Double DQN on LunarLander.

{gymnasium}
A config that cannot be run is refused before the first job starts, with the key at fault and the remedy. With several
files, later ones change earlier ones: `snakemake --cores 2 --configfile config/full.yaml config/mine.yaml`, where the
second contains `experiments: {{pong: {{seeds: 1}}}}`.

A sweep names settings by the last parts of their paths, as many as make them unique: `step_size`, `tiles`,
`coding.name`. The values of a point become the name of its folder, `runs/{{experiment}}/step_size=0.0125/`; a long name
is cut to 64 bytes and ends in a hash, and a `name` in the point replaces it. `tables/variants.csv` lists all settings
of each variant.

Editors that support YAML schemas complete and check a config that begins with

    # yaml-language-server: $schema=../workflow/schemas/config.schema.json

This page is made by `make docs` from `workflow/rlgames/settings/`; a test keeps the two in step.
See also [the configs of this project](../docs/use.md#configs).

{contents}
"""

EXAMPLES = {
    "sweep": """\
results: results/mine
experiments:
  step-sizes:
    environment: {name: mountain-car}
    agent: {name: sarsa, coding: {name: tiled}, epsilon: 0.1}
    episodes: 200
    seeds: 20
    sweep: {step_size: [0.0125, 0.0625, 0.125]}
figures:
  step-sizes: {kind: learning-curves, experiments: [step-sizes], scale: log}
""",
    "atari": """\
results: results/mine
experiments:
  freeway:
    environment: {name: atari, game: freeway, image_size: 48, max_steps: 6000}
    agent: {name: dqn, network: compact, head_scale: 0.07, n: 5, step_size: 5.0e-4, pixel_centre: 142,
      pixel_scale: 64, games: 16, updates_per_step: 0.125, target_mix: 0.01, epsilon_steps: 100000, epsilon_repeat: 2.0}
    steps: 1000000
    seeds: 1
figures:
  freeway: {kind: returns, experiments: [freeway]}
videos:
  freeway: {seed: 0}
""",
    "gymnasium": """\
results: results/mine
experiments:
  lander:
    environment: {name: gymnasium, id: LunarLander-v3}
    agent: {name: double-dqn, network: mlp, games: 8, step_size: 5.0e-4, updates_per_step: 0.125}
    steps: 200000
    seeds: 2
figures:
  lander: {kind: returns, experiments: [lander]}
videos:
  lander: {seed: 0}
""",
}
"""Complete configs."""

FAMILIES: dict[str, tuple[type[Settings], ...]] = {
    "A config, and what is in it": (Settings,),
    "Environments": kinds(Environment),
    "Linear agents over tiles": (LinearAgent,),
    "Codings of tiles": (Additive, Tiled),
    "Deep agents": (DeepAgent,),
    "Encoders": (Encoder,),
    "Linear agents on Atari": (FeatureAgent,),
    "Agents that predict": (PredictingAgent,),
    "Features": (FeatureSettings,),
    "Figures": (FigureSettings,),
}
"""The headings under which kinds of settings stand, by their classes; of several that fit, the last."""

SHARED = "Keys that several kinds share"


def schema() -> dict[str, Any]:
    """The JSON schema. What every point of a sweep sets may be left out, so that editors ask for names only."""
    whole = Config.model_json_schema()
    for definition in whole["$defs"].values():
        if "name" in definition["properties"]:
            definition["required"] = ["name"]
    return whole


def readme() -> str:
    whole = schema()
    examples = {name: f"```yaml\n{text}```\n" for name, text in EXAMPLES.items()}
    order = list(dict.fromkeys(referenced(whole, whole)))
    shared = shared_groups(whole)
    families: dict[str, list[str]] = {each: [] for each in FAMILIES}
    for name in order:
        families[family(name)].append(name)
    contents = "\n".join(
        f"- {link(each)}: {', '.join(link(heading(whole['$defs'][name])) for name in names)}"
        for each, names in families.items()
    )
    parts = [INTRODUCTION.format(**examples, contents=f"{contents}\n- {link(SHARED)}")]
    for each, names in families.items():
        parts.append(f"## {each}\n")
        if each == next(iter(FAMILIES)):
            parts += section(heading(whole), whole, {})
        for name in names:
            parts += section(heading(whole["$defs"][name]), whole["$defs"][name], inherited(name, shared))
    parts.append(f"## {SHARED}\n")
    for group, keys in shared.items():
        parts += [f"### {title(group)}\n\n{one_line(group.__doc__ or '')}\n", table_of(keys)]
    text = "\n".join(parts)
    for name in order:
        text = re.sub(rf"\bsee {name}\b", link(heading(whole["$defs"][name])), text)
    return text


def family(name: str) -> str:
    """The heading under which the settings of a class stand."""
    known, found = [Settings], {}
    while known:
        kind = known.pop()
        found[kind.__name__] = kind
        known += kind.__subclasses__()
    return [heading for heading, classes in FAMILIES.items() if issubclass(found[name], classes)][-1]


def shared_groups(whole: dict[str, Any]) -> dict[type[BaseModel], dict[str, Any]]:
    """The keys that several agents or figures inherit, by the class that has them, as the schema tells of them."""
    found: dict[type[BaseModel], dict[str, Any]] = {}
    users: dict[type[BaseModel], set[str]] = {}
    for kind in (*kinds(Agent), *kinds(AnyFigure)):
        described = whole["$defs"][kind.__name__]["properties"]
        for parent in kind.__mro__[1:]:
            own = {key: described[key] for key in vars(parent).get("__annotations__", {}) if key in described}
            own = {key: value for key, value in own.items() if owner(kind, key) is parent and "const" not in value}
            if own:
                found.setdefault(parent, {}).update(own)
                users.setdefault(parent, set()).add(kind.__name__)
    return {group: keys for group, keys in found.items() if len(users[group]) > 1}


def owner(kind: type[BaseModel], key: str) -> type[BaseModel]:
    """The class that a key's meaning comes from: the nearest that declares it."""
    return next(each for each in kind.__mro__ if key in vars(each).get("__annotations__", {}))


def inherited(name: str, shared: dict[type[BaseModel], dict[str, Any]]) -> dict[str, type[BaseModel]]:
    """The keys of an agent or figure that stand with a shared group, and that group; none for other settings."""
    kind = next((each for each in (*kinds(Agent), *kinds(AnyFigure)) if each.__name__ == name), None)
    if kind is None:
        return {}
    return {
        key: group
        for group, keys in shared.items()
        for key in keys
        if key in kind.model_fields and owner(kind, key) is group
    }


def title(group: type[BaseModel]) -> str:
    """The name of a class as a heading."""
    return words(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", group.__name__).lower())


def link(heading: str) -> str:
    anchor = re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
    return f"[{heading}](#{anchor})"


def referenced(definition: dict[str, Any], whole: dict[str, Any]) -> Iterator[str]:
    """The definitions that one refers to, each followed by those that it refers to itself."""
    for name in re.findall(r"#/\$defs/(\w+)\"", json.dumps(definition["properties"])):
        yield name
        yield from referenced(whole["$defs"][name], whole)


def heading(definition: dict[str, Any]) -> str:
    """How a kind of settings is chosen in a config, or else its name."""
    chosen = [f"`{key}: {value['const']}`" for key, value in definition["properties"].items() if "const" in value]
    return chosen[0] if chosen else definition["title"]


def section(name: str, definition: dict[str, Any], elsewhere: dict[str, type[BaseModel]]) -> Iterator[str]:
    """A heading and a table of keys for one kind of settings; keys that stand `elsewhere` are named only."""
    yield f"### {name}\n\n{one_line(definition['description'])}\n"
    own = {
        key: value for key, value in definition["properties"].items() if key not in elsewhere and "const" not in value
    }
    if own:
        yield table_of(own)
    groups: dict[type[BaseModel], list[str]] = {}
    for key, group in elsewhere.items():
        groups.setdefault(group, []).append(f"`{key}`")
    if groups:
        yield (
            "Besides: "
            + "; ".join(f"{link(title(group))}: {', '.join(keys)}" for group, keys in groups.items())
            + ".\n"
        )


def table_of(keys: dict[str, Any]) -> str:
    """A table of keys."""
    rows = [
        f"| `{key}` | {values(value)} | {default(value)} | {one_line(value.get('description', ''))} |"
        for key, value in keys.items()
    ]
    return "\n".join(["| key | values | default | meaning |", "|---|---|---|---|", *rows]) + "\n"


def values(field: dict[str, Any]) -> str:
    """What a key may hold, in words."""
    if "anyOf" in field:
        return " or ".join(values(choice) for choice in field["anyOf"] if choice.get("type") != "null")
    if "oneOf" in field:
        return " or ".join(values(choice) for choice in field["oneOf"])
    if "$ref" in field:
        return f"see {field['$ref'].rsplit('/', 1)[-1]}"
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if "patternProperties" in field:
        (inner,) = field["patternProperties"].values()
        return f"names, and under each: {values(inner)}"
    kind = {"integer": "whole number", "number": "number", "string": "text", "array": "list", "object": "mapping"}
    kind["boolean"] = "`true` or `false`"
    bounds = {"minimum": "from {:,}", "exclusiveMinimum": "above {:,}", "maximum": "to {:,}"}
    bounds["exclusiveMaximum"] = "below {:,}"
    return " ".join([kind[field["type"]], *(text.format(field[key]) for key, text in bounds.items() if key in field)])


def default(field: dict[str, Any]) -> str:
    if "default" not in field:
        return "required"
    value = field["default"]
    if value in (None, {}, ""):
        return "none"
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=200).splitlines()[0]
    return f"`{value if isinstance(value, str) else text}`"


def one_line(text: str) -> str:
    return " ".join(text.split())
