"""The JSON schema of a config, and config/README.md, made from the settings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from rlgames.settings.loading import Config

INTRODUCTION = """\
# The config, key by key

Made by `make docs` from `workflow/rlgames/settings/`; a test keeps the two in step. Editors that know YAML schemas
complete and check a config that begins with

    # yaml-language-server: $schema=../workflow/schemas/config.schema.json

| file | what it makes |
|---|---|
| `config.yaml` | the lesson, into `results/lesson`: what `make` builds |
| `smoke.yaml` | the same, tiny, into `results/smoke`: `make smoke` |
| `classic.yaml` | deep agents on CartPole, LunarLander and MinAtar, into `results/classic` |
| `full.yaml` | Pong with the lesson's budget of a million steps, into `results/full`: hours |
| `fast.yaml` | Pong on one core in few minutes, beside plain settings, into `results/fast` |
| `paper.yaml` | CleanRL's protocol on three games, ten million steps, into `results/paper`: days |
| `atari57.yaml` | DQN and Double DQN on 57 games, ten million steps, into `results/atari57`: for a cluster |

A config of your own: `snakemake --cores 2 --configfile config/mine.yaml`. Anything in it that cannot be run is refused
before the first job starts, with the key at fault and the remedy. Of several files the later ones change the earlier:
`--configfile config/full.yaml config/mine.yaml`, where the second says `experiments: {pong: {seeds: 1}}`.

A sweep names settings from the right, as far as it takes to be clear: `step_size`, `tiles`, `coding.name`. The values
of a point become the name of its folder, `runs/{experiment}/step_size=0.0125/`, cut to 64 bytes with a hash at its end
where they are long; a `name` in the point gives the folder another. `tables/variants.csv` has all settings of each.
"""


def schema() -> dict[str, Any]:
    """The JSON schema. What every point of a sweep sets may be left out, so that editors ask for names only."""
    whole = Config.model_json_schema()
    for definition in whole["$defs"].values():
        if "name" in definition["properties"]:
            definition["required"] = ["name"]
    return whole


def readme() -> str:
    whole = schema()
    parts = [INTRODUCTION, *section(heading(whole), whole)]
    order = dict.fromkeys(referenced(whole, whole))
    for name in order:
        parts += section(heading(whole["$defs"][name]), whole["$defs"][name])
    text = "\n".join(parts)
    for name in order:
        title = heading(whole["$defs"][name])
        anchor = title.lower().replace(" ", "-").replace(":", "").replace("`", "")
        text = re.sub(rf"\bsee {name}\b", f"[{title}](#{anchor})", text)
    return text


def referenced(definition: dict[str, Any], whole: dict[str, Any]) -> Iterator[str]:
    """The definitions that one refers to, each followed by those that it refers to itself."""
    for name in re.findall(r"#/\$defs/(\w+)\"", json.dumps(definition["properties"])):
        yield name
        yield from referenced(whole["$defs"][name], whole)


def heading(definition: dict[str, Any]) -> str:
    """How a kind of settings is chosen in a config, or else its name."""
    chosen = [f"`{key}: {value['const']}`" for key, value in definition["properties"].items() if "const" in value]
    return chosen[0] if chosen else definition["title"]


def section(name: str, definition: dict[str, Any]) -> Iterator[str]:
    """A heading and a table of keys for one kind of settings."""
    yield f"## {name}\n\n{one_line(definition['description'])}\n"
    rows = [
        f"| `{key}` | {values(value)} | {default(value)} | {one_line(value.get('description', ''))} |"
        for key, value in definition["properties"].items()
        if "const" not in value
    ]
    yield "\n".join(["| key | values | default | meaning |", "|---|---|---|---|", *rows]) + "\n"


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
    if value in (None, {}):
        return "none"
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=200).splitlines()[0]
    return f"`{value if isinstance(value, str) else text}`"


def one_line(text: str) -> str:
    return " ".join(text.split())
