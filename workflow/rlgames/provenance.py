"""Where a result comes from: the hash of the code behind it, and its manifest, with checksums."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from rlgames.files import PACKAGE, checksum, reading, replacing
from rlgames.surroundings import SURROUNDINGS, note_surroundings

OUTSIDE = (
    *("rlgames.settings", "rlgames.operations", "rlgames.messages"),
    *("rlgames.provenance", "rlgames.surroundings"),
)
"""What is outside the code hash: the whole effect of the settings on a result is in its spec; the others have none."""


@cache
def code_hash(*modules: str) -> str:
    """Hash of the code behind `modules`: of the syntax trees of their closure, without comments and docstrings."""
    trees = "\n".join(f"{module} {syntax(module)}" for module in closure(modules))
    return hashlib.sha256(trees.encode()).hexdigest()[:16]


def closure(modules: Iterable[str]) -> list[str]:
    """The modules of this package that `modules` import, directly or not, themselves included; sorted."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in found and not module.startswith(OUTSIDE):
            found.add(module)
            waiting += imports(module)
    return sorted(found)


@cache
def parse(module: str) -> ast.Module:
    return ast.parse(source(module).read_text(encoding="utf-8"))


def source(module: str) -> Path:
    """The file of a module of this package."""
    path = PACKAGE.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def imports(module: str) -> tuple[str, ...]:
    """The modules of this package that importing `module` loads first, or that an import statement in it names. The
    package itself is no part of it: there is its public face, which computes nothing."""
    packages = [module.rsplit(".", count)[0] for count in range(1, module.count("."))]
    named: list[str] = []
    for node in ast.walk(parse(module)):
        if isinstance(node, ast.Import):
            named += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{source(module)}:{node.lineno}: write this relative import in full")
            named += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    ours = [name for name in named if name.startswith(f"{PACKAGE.name}.") and source(name).exists()]
    return tuple(dict.fromkeys(packages + ours))


@cache
def syntax(module: str) -> str:
    """The syntax tree of a module as text: comments, docstrings and line numbers leave it unchanged."""
    tree = parse(module)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [statement for statement in node.body if not is_text(statement)] or [ast.Pass()]
    return dump(tree)


def dump(node: Any) -> str:
    """A syntax tree as text. Empty fields are left out, since which of them exist differs between Pythons."""
    if isinstance(node, ast.AST):
        fields = [(name, getattr(node, name, None)) for name in node._fields]
        inner = ",".join(f"{name}={dump(value)}" for name, value in fields if value not in (None, []))
        return f"{type(node).__name__}({inner})"
    return f"[{','.join(map(dump, node))}]" if isinstance(node, list) else repr(node)


def is_text(statement: ast.stmt) -> bool:
    """A docstring, or a string below a name that documents it."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a run is, and where it comes from: a file beside its products."""

    experiment: str
    """Name of the experiment, or of the data set."""
    variant: str | None
    seeds: str | None
    spec: dict[str, Any]
    code: str
    """Hash of the code behind the job."""
    threads: int
    device: str
    steps: int
    diverged: list[dict[str, int]]
    truncated: int
    """Number of episodes that were cut off."""
    wall_seconds: float
    products: dict[str, str]
    """Checksums, by file name."""
    more: dict[str, Any] = field(default_factory=dict)
    """Facts that only this kind of run has."""
    surroundings: dict[str, Any] = field(default_factory=lambda: note_surroundings())
    """Revision, lock, Python, versions, machine."""

    def write(self, path: Path) -> None:
        """Write it as JSON, for people to read as well."""
        facts = {key: value for key, value in vars(self).items() if key not in ("more", "surroundings")}
        with replacing(path) as temporary:
            temporary.write_text(json.dumps({**facts, **self.more, **self.surroundings}, indent=2) + "\n")

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read a manifest. Raises `UserError` for a file that holds none."""
        with reading(path):
            facts = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(facts, dict):
                raise ValueError("no manifest")
            known = {each.name: facts.pop(each.name) for each in fields(cls) if each.name in facts}
            around = {key: facts.pop(key) for key in SURROUNDINGS}
            found = cls(**known, more=facts, surroundings=around)
            if wrong := [name for name, kinds in KINDS.items() if not isinstance(getattr(found, name), kinds)]:
                raise ValueError(f"{', '.join(wrong)} of another kind")
            if not isinstance(around["versions"], dict):
                raise ValueError("no versions")
            if not {"processor", "instruction_set"} <= around["machine"].keys():
                raise ValueError("no processor")
            return found


KINDS = {
    **dict.fromkeys(("experiment", "code", "device"), str),
    **dict.fromkeys(("variant", "seeds"), str | None),
    **dict.fromkeys(("spec", "products"), dict),
    **dict.fromkeys(("threads", "steps", "truncated"), int),
    **{"diverged": list, "wall_seconds": float | int},
}
"""What kind of value the facts of a manifest are."""


def checksums(*paths: Path) -> dict[str, str]:
    """SHA-256 of files, by name."""
    return {path.name: checksum(path) for path in paths}


def write_checksums(products: Iterable[Path], root: Path, path: Path) -> None:
    """Write the SHA-256 of products below `root`, a line each, as `sha256sum` does and checks."""
    path.write_text("".join(f"{checksum(each)}  {each.relative_to(root)}\n" for each in products), encoding="utf-8")


def read_checksums(path: Path) -> dict[str, str]:
    """What `write_checksums` wrote: by path. Raises `UserError` for another file."""
    with reading(path):
        lines = [line.split("  ", 1) for line in path.read_text(encoding="utf-8").splitlines()]
        return {name: digest for digest, name in lines}
