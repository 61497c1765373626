"""Config files as text: YAML that means what it looks like, in characters that every file and terminal takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import yaml

from rlgames.messages import UserError


class SettingsError(UserError):
    """A config that cannot be run. The message names every key at fault and the remedy."""


def read(file: Path | str) -> Any:
    """What a config file says. Raises `SettingsError`, with its name and the place, where that is not what YAML takes
    it for, or where YAML cannot be read."""
    try:
        return yaml.load(Path(file).read_text(encoding="utf-8"), Loader=CarefulLoader)  # noqa: S506 (a SafeLoader)
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{file} is not in UTF-8 (byte {error.start} is {error.object[error.start]:#x}); save it as UTF-8, or: "
            f"iconv -f latin1 -t utf-8 {shlex.quote(str(file))}"
        ) from None
    except OSError as error:
        raise SettingsError(
            f"{file} cannot be read ({error.strerror}); give the path of a config, such as config/config.yaml"
        ) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise SettingsError(f"{file}{place}: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{file}: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise SettingsError(f"{file} is nested too deeply to be read; unfold it") from None


def check_texts(value: Any, place: str = "") -> None:
    """Raise `SettingsError` for a text, at any depth, with characters that no file or terminal takes."""
    if isinstance(value, dict):
        for key, inner in value.items():
            check_texts(key, place)
            check_texts(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list):
        for inner in value:
            check_texts(inner, place)
    elif isinstance(value, str) and (found := FORBIDDEN.search(value)):
        raise SettingsError(
            f"{ascii(place)[1:-1]}: {value!a} holds the character {found[0]!a}, which files and terminals do "
            "not take; leave it out"
        )


FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters but tabs and ends of lines, and halves of surrogate pairs."""

OTHERWISE = {
    "int": (
        r"[-+]?0[0-7_]+|[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+",
        "YAML reads {text} as {value}; write {value}, or {plain}",
    ),
    "float": (
        r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*",
        "YAML reads {text} as {value}; write {value}, or put it in quotes",
    ),
}
"""Numbers that YAML 1.1 reads differently from how they look, by their tags: octal and base-60 ones."""


class CarefulLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML that takes nothing for what it does not look like, and in which two experiments cannot silently share a
    name, and so a path: plain YAML keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise fault(key, "a key must be a name, not a list or a mapping")
            if key.tag != "tag:yaml.org,2002:str":
                value = self.construct_object(key, deep=True)
                kind = type(value).__name__ if value is not None else "nothing"
                what = f"the truth value {str(value).lower()}" if isinstance(value, bool) else f"{value!r} ({kind})"
                raise fault(key, f"YAML reads the key {key.value} as {what}; put it in quotes, or choose another name")
            if key.value in seen:
                raise fault(
                    key,
                    f"the key {key.value!r} appears a second time in one mapping; rename or remove one of the two",
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_scalar(self, node: yaml.ScalarNode) -> Any:
        text = super().construct_scalar(node)
        pattern, message = OTHERWISE.get(node.tag.rpartition(":")[2], ("(?!)", ""))
        if re.fullmatch(pattern, text):
            value = yaml.safe_load(text)
            plain = "put it in quotes" if ":" in text else f"{int(text.replace('_', ''))} if that is meant"
            raise fault(node, message.format(text=text, value=value, plain=plain))
        return text


def fault(node: yaml.Node, message: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=message, problem_mark=node.start_mark)
