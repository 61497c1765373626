"""Config files as text: what is refused with its file, line and column, and texts that nothing can show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rlgames.pages.page import paragraphs
from rlgames.settings.reading import SettingsError, check_texts, read

REFUSED = {
    "octal": ("seeds: 010", "line 1, column 8: YAML reads 010 as 8; write 8, or 10 if that is meant"),
    "negative-octal": ("a:\n  b: -012", "line 2, column 6: YAML reads -012 as -10"),
    "base-60": ("a: 1:30", "line 1, column 4: YAML reads 1:30 as 90; write 90, or put it in quotes"),
    "base-60-with-a-point": ("a: 1:30.5", "YAML reads 1:30.5 as 90.5"),
    "off": (
        "experiments:\n  off: {}",
        "line 2, column 3: YAML reads the key off as the truth value false; put it in quotes",
    ),
    "yes-within-a-point": ("sweep: [{yes: 1}]", "the key yes as the truth value true"),
    "number": ("1: {}", "YAML reads the key 1 as 1 (int); put it in quotes"),
    "date": ("2024-01-01: {}", "the key 2024-01-01 as"),
    "nothing": ("~: {}", "the key ~ as None (nothing)"),
    "list": ("[a, b]: 1", "a key must be a name"),
    "twice": ("a: 1\nb: 2\na: 3", "line 3, column 1: the key 'a' appears a second time"),
    "twice-in-quotes": ("a: 1\n'a': 3", "the key 'a' appears a second time"),
    "tab": ("a:\n\t- b", "line 2, column 1: found character that cannot start any token"),
    "unclosed": ("a: [1, 2\nb: 1", "line 2, column 2: did not find expected ',' or ']'"),
    "colon": ("title: one: two", "line 1, column 11: mapping values are not allowed"),
    "object": ("a: !!python/object/apply:os.system [ls]", "line 1, column 4: could not determine a constructor"),
    "two-documents": ("a: 1\n---\nb: 2", "line 2, column 1"),
    "bell": ("a: \x07", "control characters are not allowed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_yaml_that_is_not_what_it_looks_like_is_named_with_its_place(tmp_path: Path, case: str) -> None:
    text, message = REFUSED[case]
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError) as error:
        read(file)
    assert str(error.value).startswith(str(file))
    assert message in str(error.value)


def test_yaml_that_is_what_it_looks_like(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("a: 0x1F\nb: 1_000\nc: '010'\nd: 0\n'off': 10\nbase: &x {q: 0.10}\nz: {<<: *x, r: -5}\nε: 1.0e+3\n")
    base = {"q": 0.1}
    assert read(file) == {
        "a": 31, "b": 1000, "c": "010", "d": 0, "off": 10, "base": base, "z": base | {"r": -5}, "ε": 1000.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (">-\n  One\n  line.\n\n  Another.", ["One line.", "Another."]),
        (">\n  One\n  line.\n\n\n  Another.\n", ["One line.", "Another."]),
        ("|-\n  One\n  line.\n\n  Another.", ["One\nline.", "Another."]),
        ("One\n  line.", ["One line."]),
        ('""', []),
    ],
)
def test_empty_line_begins_a_new_paragraph(tmp_path: Path, text: str, found: list[str]) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"abstract: {text}\n")
    assert paragraphs(read(file)["abstract"]) == found


def test_file_that_is_not_in_utf_8_or_not_there_is_named(tmp_path: Path) -> None:
    file = tmp_path / "latin one.yaml"
    file.write_bytes("title: é".encode("latin-1"))
    with pytest.raises(SettingsError, match=r"latin one.yaml is not in UTF-8 \(byte 7 is 0xe9\).*'.*latin one.yaml'"):
        read(file)
    with pytest.raises(SettingsError, match=r"none.yaml cannot be read \(No such file"):
        read(tmp_path / "none.yaml")
    with pytest.raises(SettingsError, match=r"cannot be read \(Is a directory"):
        read(tmp_path)


@pytest.mark.parametrize("text", ["\ud800", "a\x1b[31m", "nul\x00", "carriage\r", "\x9b31m"])
def test_text_that_no_file_or_terminal_takes_is_named(text: str) -> None:
    config: Any = {"figures": {"it": {"title": text}}}
    with pytest.raises(SettingsError) as error:
        check_texts(config)
    assert str(error.value).startswith("figures.it.title: ")
    assert str(error.value).isprintable()
    for place in ({text: 1}, {"a": [{"b": [text]}]}):
        with pytest.raises(SettingsError, match="leave it out"):
            check_texts(place)
    check_texts({"figures": {"it": {"title": "ε,\ta tab\nand a line"}}})
