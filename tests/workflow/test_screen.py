"""What a user sees of a real run: in a pseudo terminal, in a pipe, at a failure, and of a dry run."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import struct
import termios
from pathlib import Path

import pytest
import yaml

from conftest import Sandbox, tiny_config

RESULTS = "results/seen"
SEEN = Path("config/seen.yaml")
BOOKKEEPING = ("jobid", "localrule", "Select jobs", "Building DAG", "Execute ", "steps (", "Provided", "Complete log")


class Terminal:
    """As much of a terminal as the screen of a run needs."""

    def __init__(self, width: int) -> None:
        self.width, self.row, self.column = width, 0, 0
        self.lines: list[list[str]] = [[]]
        self.cursor = True
        self.cut = ""  # the beginning of a command whose rest is in the next text

    def feed(self, text: str) -> None:
        text = self.cut + text
        whole = re.sub(r"\x1b(\[[?\d;]*)?$", "", text)
        self.cut, text = text[len(whole) :], whole
        for match in re.finditer(r"\x1b\[(\??)(\d*)[\d;]*([A-Za-z])|(.|\n)", text):
            private, number, command, character = match.groups()
            if private and number == "25":
                self.cursor = command == "h"
            elif command == "A":
                self.row = max(self.row - int(number or 1), 0)
            elif command == "K":
                del self.lines[self.row][0 if number == "2" else self.column :]
            elif character == "\r":
                self.column = 0
            elif character == "\n":
                self._down()
            elif character:
                self._put(character)

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append([])

    def _put(self, character: str) -> None:
        if self.column == self.width:
            self.column = 0
            self._down()
        line = self.lines[self.row]
        line += " " * (self.column + 1 - len(line))
        line[self.column] = character
        self.column += 1

    def shown(self) -> list[str]:
        return ["".join(line).rstrip() for line in self.lines]


def in_terminal(sandbox: Sandbox, *arguments: str, width: int = 100) -> tuple[Terminal, list[list[str]], int]:
    """Snakemake in a terminal: how that looks in the end, and whenever it was drawn, and the exit status."""
    number, leader = pty.fork()
    if not number:
        os.chdir(sandbox.folder)
        environment = {**sandbox.environment, "TERM": "xterm"}
        environment.pop("NO_COLOR", None)
        command = sandbox.command(*arguments)
        os.execve(command[0], command, environment)  # noqa: S606
    fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    terminal, seen, decoder = Terminal(width), [], codecs.getincrementaldecoder("utf-8")()
    while True:
        try:
            data = os.read(leader, 1 << 16)
        except OSError:  # it has ended
            break
        if not data:
            break
        terminal.feed(decoder.decode(data))
        seen.append(terminal.shown())
    os.close(leader)
    return terminal, seen, os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


@pytest.fixture(scope="module")
def built(sandbox: Sandbox) -> tuple[Terminal, list[list[str]], int]:
    """A whole run in a terminal."""
    (sandbox.folder / SEEN).write_text(yaml.safe_dump(tiny_config(RESULTS)))
    return in_terminal(sandbox, "--cores", "2", "--configfile", str(SEEN))


def test_terminal_shows_one_screen_of_what_runs_and_what_is_done(built: tuple[Terminal, list[list[str]], int]) -> None:
    terminal, seen, status = built
    assert status == 0
    lines = terminal.shown()
    assert sum(line.startswith(f"rlgames: 14 jobs for {RESULTS}, about ") for line in lines) == 1
    assert sum(line.startswith(f"rlgames: {RESULTS}: all done in ") for line in lines) == 1
    for name, words in {
        "additive step_size=0.0125": "4 of 4 seeds trained", "tiled": "3 of 3 seeds trained", "videos": "1 of 1: tiled",
        "figures": "2 of 2: ", "tables": "5 of 5: ",
    }.items():  # fmt: skip
        assert any(re.match(rf"{re.escape(name)} +{words}", line) for line in lines), lines
    assert len(lines) < 20
    running = [line for screen in seen for line in screen if re.fullmatch(r"tiled seeds 0-1 .* left", line)]
    assert running, seen
    assert any(re.search(r": \d+% done in .*, about .* left$", line) for screen in seen for line in screen)
    assert not any(word in line for line in lines for word in BOOKKEEPING)
    assert terminal.cursor  # as it was


def test_pipe_gets_few_plain_lines(sandbox: Sandbox, built: object) -> None:
    assert built
    (sandbox.folder / RESULTS / "runs/tiled/default/seed-0-1/manifest.json").unlink()
    lines = sandbox.snakemake("--cores", "2", "--configfile", str(SEEN)).splitlines()
    assert not any("\x1b" in line or word in line for line in lines for word in BOOKKEEPING)
    said = [line for line in lines if not line.startswith(("Using workflow", "Truncated"))]
    assert re.fullmatch(rf"rlgames: \d+ jobs for {RESULTS}, about .* on 2 cores, up to \d+ MB of disk\.", said[0])
    assert re.fullmatch(rf"rlgames: {RESULTS}: all done in .*", said[-1])
    assert sorted(said[1:-1]) == ["figure both is done", "figure one is done", "tiled: 3 of 3 seeds trained"]


@pytest.mark.parametrize("watch", ["terminal", "pipe"])
def test_failure_is_last_with_its_run_its_cause_its_log_and_what_to_type(
    sandbox: Sandbox, built: object, watch: str
) -> None:
    assert built
    product = sandbox.folder / RESULTS / "runs/tiled/default/seed-2-2/episodes.parquet"
    whole = product.read_bytes()
    (sandbox.folder / RESULTS / "figures/one.png").unlink(missing_ok=True)
    product.write_bytes(b"damaged")
    words = ("--cores", "1", "--configfile", str(SEEN), "--", f"{RESULTS}/figures/one.png")
    if watch == "pipe":
        text = sandbox.snakemake(*words, fails=True)
    else:
        terminal, _, status = in_terminal(sandbox, *words, width=500)
        assert status == 1
        text = "\n".join(terminal.shown()).rstrip()
    product.write_bytes(whole)
    *_, failed, cause, log, _, remedy = text.splitlines()
    assert failed == "Failed: figure one (figure)."
    assert cause.startswith(f"Cause: {RESULTS}/runs/tiled/default/seed-2-2/episodes.parquet is damaged")
    assert log == f"Log: {RESULTS}/logs/figures/one.log"
    assert remedy.endswith(f"same command again: snakemake {' '.join(words)}")
    assert "Traceback" not in text
    assert "exec python" not in text  # no shell line


def test_nothing_to_do_is_said_in_a_line(sandbox: Sandbox, built: object) -> None:
    assert built
    sandbox.snakemake("--cores", "2", "--configfile", str(SEEN))
    lines = sandbox.snakemake("--cores", "2", "--configfile", str(SEEN)).splitlines()
    assert [line for line in lines if not line.startswith("Using workflow")] == [
        "Nothing to be done (all requested files are present and up to date)."
    ]


def test_dry_run_has_a_line_for_each_job_and_a_sum(sandbox: Sandbox) -> None:
    (sandbox.folder / "config/unseen.yaml").write_text(yaml.safe_dump(tiny_config("results/unseen")))
    words = ("--dry-run", "--configfile", "config/unseen.yaml")
    lines = [line for line in sandbox.snakemake(*words).splitlines() if not line.startswith("Using")]
    assert len(lines) == 15
    assert all(len(line) < 200 for line in lines)
    assert any(
        re.match(r"train_linear +tiled seeds 0-1 +because: missing episodes.parquet and 3 more", line) for line in lines
    )
    assert re.fullmatch(r"This was a dry-run: 14 jobs, .* on one core, up to \d+ MB of disk\.", lines[-1])
    assert not (sandbox.folder / "results/unseen").exists()  # and it writes nothing
    shells = sandbox.snakemake("--printshellcmds", *words).splitlines()
    assert sum("exec python -m rlgames.commands." in line for line in shells) == 14
    assert max(map(len, shells)) < 3000


def test_dry_run_of_the_largest_config_has_short_shell_lines(sandbox: Sandbox) -> None:
    text = sandbox.snakemake("--dry-run", "--printshellcmds", "--configfile", "config/atari57.yaml")
    assert max(map(len, text.splitlines())) < 3000


def test_all_that_snakemake_has_to_say_can_be_asked_for(sandbox: Sandbox, built: object) -> None:
    assert built
    text = sandbox.snakemake(
        "--verbose", "--cores", "1", "--configfile", str(SEEN), "--force", "--", f"{RESULTS}/config.yaml"
    )
    assert "localrule config:" in text
    assert "1 of 1 steps (100%) done" in text
