"""The code hash, files that appear whole, and the path grammar."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rlgames import provenance
from rlgames.files import replacing
from rlgames.plan import paths


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small package in place of this one."""
    folder = tmp_path / "rlgames"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "one.py").write_text(
        '"""Text."""\nfrom rlgames import two\nimport json\n\ndef f():\n    return two.g()\n'
    )
    (folder / "two.py").write_text("def g():\n    from rlgames.three import h\n    return h()\n")
    (folder / "three.py").write_text("def h():\n    return 1\n")
    (folder / "other.py").write_text("x = 1\n")
    monkeypatch.setattr(provenance, "PACKAGE", folder)
    yield folder
    forget()


def fresh_hash(module: str) -> str:
    forget()
    return provenance.code_hash(module)


def test_hash_is_the_same_on_every_python(package: Path) -> None:
    """A fixed value: were it to differ between Pythons, another one would train everything again."""
    (package / "one.py").write_text("def f(x: int = 1, *, y=None) -> list:\n    return [f'{x}', y]\n")
    assert fresh_hash("rlgames.one") == "b9732fb55b33f208"


@pytest.mark.usefixtures("package")
def test_closure_follows_imports_wherever_they_stand() -> None:
    fresh_hash("rlgames.one")
    assert provenance.closure(["rlgames.one"]) == ["rlgames.one", "rlgames.three", "rlgames.two"]


def test_hash_sees_code_and_nothing_else(package: Path) -> None:
    before = fresh_hash("rlgames.one")
    three = package / "three.py"
    three.write_text('"""A docstring."""\n\n\n# a comment\ndef h():\n    """Another."""\n    return (1)  # the same\n')
    assert fresh_hash("rlgames.one") == before
    (package / "other.py").write_text("x = 2\n")
    assert fresh_hash("rlgames.one") == before
    three.write_text("def h():\n    return 2\n")
    assert fresh_hash("rlgames.one") != before


def test_relative_imports_are_refused(package: Path) -> None:
    (package / "three.py").write_text("from . import other\n")
    with pytest.raises(ValueError, match=r"three.py:1: write this relative import in full"):
        fresh_hash("rlgames.one")


def forget() -> None:
    for cached in (provenance.parse, provenance.imports, provenance.syntax, provenance.code_hash):
        cached.cache_clear()


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.txt"
    with replacing(path) as temporary:
        temporary.write_text("first")
    with pytest.raises(TypeError), replacing(path) as temporary:
        temporary.write_bytes("text where bytes are due")  # type: ignore[arg-type]
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


def test_paths() -> None:
    run = {"experiment": "tilings", "variant": "tilings=2", "seeds": "0-99"}
    assert paths.path("results/x", "weights", **run) == "results/x/runs/tilings/tilings=2/seed-0-99/weights.npz"
    assert paths.path("results/x", "figure", format="png") == "results/x/figures/{figure}.png"
    with pytest.raises(KeyError, match="no part"):
        paths.path("results/x", "config", figure="f")
