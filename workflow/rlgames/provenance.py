"""Where a result comes from: the hash of the code behind it, the machine, the lock, checksums."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from rlgames.files import reading, replacing

PACKAGE = Path(__file__).parent
ROOT = PACKAGE.parents[1]

OUTSIDE = ("rlgames.settings", "rlgames.operations", "rlgames.provenance", "rlgames.messages")
"""What is outside the code hash: the whole effect of the settings on a result is in its spec; the others have none."""

LIBRARIES = (
    *("numpy", "numba", "gymnasium", "ale-py", "tensorflow", "tensorflow-cpu", "keras"),
    *("opencv-python-headless", "scikit-learn", "pandas", "pyarrow"),
)
"""Libraries whose versions a manifest shows, where they are installed; the lock has all of them."""


PIN = re.compile(r"^([\w.-]+)==([^\s;]+)( *;)?", re.MULTILINE)
"""A distribution in a lock, its version, and the mark of one that only some systems get."""


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
    """The modules of this package that importing `module` loads first, or that an import statement in it names."""
    packages = [module.rsplit(".", count)[0] for count in range(1, module.count(".") + 1)]
    named: list[str] = []
    for node in ast.walk(parse(module)):
        if isinstance(node, ast.Import):
            named += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{source(module)}:{node.lineno}: write this relative import in full")
            named += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    ours = [name for name in named if name.split(".")[0] == PACKAGE.name and source(name).exists()]
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


@cache
def note_surroundings() -> dict[str, Any]:
    """What a result is made with: as it was when this was first asked, at the beginning of a job."""
    return {
        "revision": revision(),
        "lock": installed_lock(),
        "python": platform.python_version(),
        "versions": dict(versions()),
        "machine": machine(),
    }


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a run is, and where it comes from: a file beside its products."""

    experiment: str
    """Or the name of a data set."""
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
    """Episodes that were cut off."""
    wall_seconds: float
    products: dict[str, str]
    """Checksums, by file name."""
    more: dict[str, Any] = field(default_factory=dict)
    """What only this kind of run has to say."""
    surroundings: dict[str, Any] = field(default_factory=lambda: note_surroundings())
    """Revision, lock, Python, versions, machine."""

    def write(self, path: Path) -> None:
        """Write it as JSON, for people to read as well."""
        facts = {key: value for key, value in vars(self).items() if key not in ("more", "surroundings")}
        with replacing(path) as temporary:
            temporary.write_text(json.dumps({**facts, **self.more, **self.surroundings}, indent=2) + "\n")

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Raises `UserError` for a file that holds none."""
        with reading(path):
            facts = json.loads(path.read_text(encoding="utf-8"))
            known = {each.name: facts.pop(each.name) for each in fields(cls) if each.name in facts}
            around = {key: facts.pop(key) for key in SURROUNDINGS}
            found = cls(**known, more=facts, surroundings=around)
            if wrong := [name for name, kinds in KINDS.items() if not isinstance(getattr(found, name), kinds)]:
                raise ValueError(f"{', '.join(wrong)} of another kind")
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

SURROUNDINGS = ("revision", "lock", "python", "versions", "machine")


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


def versions() -> Iterator[tuple[str, str]]:
    """The libraries that are installed, with their versions."""
    for library in LIBRARIES:
        with suppress(importlib.metadata.PackageNotFoundError):
            yield library, importlib.metadata.version(library)


def installed_lock() -> str | None:
    """Hash of the lock that the environment was installed from; None for an environment made by other means, or in
    which a distribution has another version since."""
    path = Path(sys.prefix, "rlgames-lock.txt")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        return None
    return None if list(changed_versions(text)) else checksum(path)[:16]


def changed_versions(lock: str) -> Iterator[str]:
    """Names of the distributions that are not as a lock has them: of another version, in two, or missing. Those for
    other systems only, after a semicolon, may be missing."""
    found: dict[str, set[str]] = {}
    for folder in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for path in Path(folder).glob("*.dist-info"):  # reading the metadata of all would take 0.1 s of every job
            name, _, version = path.stem.rpartition("-")
            found.setdefault(normalised(name), set()).add(version)
    for name, version in versions():  # what this process finds first, wherever it lies
        found.setdefault(normalised(name), set()).add(version)
    for name, version, elsewhere in PIN.findall(lock):
        if (here := found.get(normalised(name), set())) != {version} and (here or not elsewhere):
            yield name


def normalised(name: str) -> str:
    """The name of a distribution, in one of its many ways of writing."""
    return re.sub(r"[-_.]+", "-", name).lower()


def revision() -> str | None:
    """The commit of the code, with a plus sign if the workflow differs from it; None where git does not have it.

    Files are compared by their contents, since git can be told to overlook changes. Another repository around this
    project, of which it is no part, has another commit.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*words: str) -> bytes:
        command = ["git", "--no-optional-locks", "--no-replace-objects", *words]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True).stdout

    try:
        commit = git("rev-parse", "--verify", "HEAD").decode().strip()
        entries = git("ls-tree", "-r", "-z", commit, "Snakefile", "workflow").split(b"\0")[:-1]
        committed = {
            os.fsdecode(name): facts.split()[2].decode() for facts, name in (e.split(b"\t", 1) for e in entries)
        }
    except (OSError, subprocess.CalledProcessError):
        return None
    if str((PACKAGE / "provenance.py").relative_to(ROOT)) not in committed:
        return None
    files = {str(path.relative_to(ROOT)) for kind in ("*.py", "*.smk") for path in (ROOT / "workflow").rglob(kind)}
    same = files <= committed.keys() and all(blob(ROOT / name, len(key)) == key for name, key in committed.items())
    return commit if same else f"{commit}+"


def blob(path: Path, length: int) -> str | None:
    """The name that git has for the contents of a file, of so many letters; None for a file that cannot be read."""
    try:
        content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
    except OSError:
        return None
    kind = hashlib.sha1 if length == 40 else hashlib.sha256
    return kind(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def machine() -> dict[str, Any]:
    """The processor, and the widest instruction set that numerical code may use on it."""
    model, flags = platform.processor() or platform.machine(), ""
    for key, value in cpuinfo():
        model = value if key == "model name" else model
        flags = value if key in ("flags", "Features") else flags
    known = [name for name in ("avx512f", "avx2", "avx", "sse4_2", "sve", "asimd") if name in flags.split()]
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": model,
        "instruction_set": known[0] if known else platform.machine(),
        "onednn_max_cpu_isa": os.environ.get("ONEDNN_MAX_CPU_ISA"),
        "cores": os.cpu_count(),
    }


def numerics(device: str) -> dict[str, Any]:
    """What the bits of a training depend on, besides its settings and code."""
    return {"lock": installed_lock(), "versions": dict(versions()), "device": device} | {
        key: machine()[key] for key in ("instruction_set", "onednn_max_cpu_isa")
    }


def cpuinfo() -> Iterator[tuple[str, str]]:
    """Keys and values of the first processor in Linux's list; nothing on other systems."""
    path = Path("/proc/cpuinfo")
    for line in path.read_text().splitlines() if path.exists() else ():
        if not line.strip():
            return
        key, _, value = line.partition(":")
        yield key.strip(), value.strip()


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
