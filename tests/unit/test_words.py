"""What is shown to people, on a terminal and in the report: no more than text, whatever a config or a file holds."""

from __future__ import annotations

import html
import json
import logging
import re
import shlex
import sys
from pathlib import Path

import pytest
from docutils.core import publish_parts  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from conftest import tiny_config
from rlgames.commands import status
from rlgames.messages import Logged, Plain, UserError, plain
from rlgames.plan import words
from rlgames.plan.plan import Plan
from rlgames.settings.loading import SettingsError
from rlgames.settings.text import canonical

NASTY = [
    ".. include:: secret.txt", ".. raw:: html\n\n   <b>bold</b>", "a\n\n.. include:: secret.txt\n\nb", "`x`_ and y_",
    "|x|", "*a* **b** ``c`` :math:`d`", "1. one", "- one", "==\nab\n==", ":field: x", ">>> print()", "::\n\n  block",
    "<script>alert(1)</script>", "a \\ b", "[1]_ and [#]_", "http://example.org",
    "q* = max_a q*(s, a)", "__ anonymous", "--x  option",
]  # fmt: skip


@pytest.mark.parametrize("text", NASTY)
def test_caption_in_the_report_is_its_text(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.txt").write_text("TOP SECRET")
    monkeypatch.chdir(tmp_path)
    assert shown(text) == " ".join(text.split())


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)).filter(str.strip))
def test_any_caption_in_the_report_is_its_text(text: str) -> None:
    assert shown(text) == " ".join(text.split())


def shown(text: str) -> str:
    """What a reader of the report sees of a caption."""
    body = publish_parts(words.plain_rst(text), writer="html", settings_overrides={"report_level": 1})["body"]
    assert set(re.findall(r"<(/?\w+)", body)) <= {"p", "/p"}, body
    return " ".join(html.unescape(re.sub(r"</?p>", " ", body)).split())


def test_captions_of_figures_and_videos_are_escaped() -> None:
    config = tiny_config("results/words")
    nasty = "</script> .. include:: x"
    config["figures"]["one"]["caption"] = config["videos"]["tiled"]["caption"] = nasty
    config["figures"]["one"]["title"] = "</script><script>alert(1)</script>"
    plan = Plan(config)

    class Run:
        experiment = "tiled"

    for caption in (words.caption(plan, "one"), words.video_caption(plan, Run)):
        assert caption.startswith(r"\<\/script\> \.\. include\:\: x")
    spec = plan.figure_spec("one")
    assert "<" not in spec
    assert json.loads(spec)["options"]["title"] == config["figures"]["one"]["title"]
    assert "<" not in canonical(plan.raw)


ESCAPES = "\x1b]0;title\x07\x1b[2J\x9b31m\r\x08\u202eabc"


def test_nothing_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert plain("ε, é, 漢字\n\ttabs stay") == "ε, é, 漢字\n\ttabs stay"
    record = logging.LogRecord("x", logging.ERROR, "x", 1, ESCAPES, (), None)
    words.say(ESCAPES)
    texts = [
        str(UserError(ESCAPES)), str(SettingsError(ESCAPES)), Plain().format(record), Logged().format(record),
        capsys.readouterr().err,
    ]  # fmt: skip
    for text in texts:
        assert text.rstrip("\n").isprintable(), repr(text)
        assert r"\x1b]0;title" in text


def test_suggested_commands_quote_what_they_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As pasted into a shell, each is one command over one name."""
    monkeypatch.chdir(tmp_path)
    file = Path("my; touch 'config'.yaml")
    config = tiny_config("results/words")
    file.write_text(json.dumps(config))
    orphan = Path("results/words/state/gone/it's; $(x)/seed-0")
    for folder in (orphan, Path("results/words/state/tiled/default/seed-0-1")):
        folder.mkdir(parents=True)
    locked = Path(".snakemake/locks/0.output.lock")
    locked.parent.mkdir(parents=True)
    locked.write_text("results/words/figures/one.png\n")
    monkeypatch.setattr(sys, "argv", ["status", str(file)])
    status.main()
    lines = capsys.readouterr().out.splitlines()
    (unlock,) = [line.split("here: ")[1] for line in lines if "left its lock" in line]
    assert shlex.split(unlock) == ["make", f"CONFIG={file}", "FLAGS=--unlock"]
    commands = [shlex.split(line.split(" MB: ")[1]) for line in lines if "resumes from" in line]
    assert commands == [["rm", "-r", str(orphan.parents[1])]]
