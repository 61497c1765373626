"""How commands start and end: the environment they find, what they say, and readers that leave."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from conftest import ROOT, tiny_config
from rlgames.messages import UserError, count
from rlgames.operations.trainings import SAVE_SECONDS, save_seconds
from rlgames.plan import targets
from rlgames.plan.plan import Plan
from rlgames.playing.costs import of_picture
from rlgames.provenance import code_hash
from rlgames.settings.reading import SettingsError

LATIN = 'results: results/x\ntitle: "é"\n'


@pytest.mark.parametrize("text", ["abc", "-1", "nan", "inf", "1e400", "60s", " "])
def test_time_between_saves_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("RLGAMES_SAVE_SECONDS", text)
    with pytest.raises(
        UserError, match=r"RLGAMES_SAVE_SECONDS is '.*': give a number of seconds, such as 60, or unset it"
    ):
        save_seconds()


def test_time_between_saves(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, seconds in {"": SAVE_SECONDS, "0": 0.0, "0.2": 0.2, "1e3": 1000.0}.items():
        monkeypatch.setenv("RLGAMES_SAVE_SECONDS", text)
        assert save_seconds() == seconds


@pytest.mark.parametrize("command", ["status", "rehearse", "clean_state"])
def test_commands_end_in_the_message(tmp_path: Path, command: str) -> None:
    (tmp_path / "mine.yaml").write_bytes(LATIN.encode("latin-1"))
    words = [sys.executable, "-m", f"rlgames.commands.{command}", "mine.yaml"]
    run = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr.startswith("mine.yaml is not in UTF-8 (byte 27 is 0xe9); save it as UTF-8")
    assert len(run.stderr.splitlines()) == 1


def test_verify_says_how_much_is_there_to_verify(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(tiny_config("results/mine")))
    words = [sys.executable, "-m", "rlgames.commands.verify", "mine.yaml", "--quick"]
    nothing = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert nothing.stderr == "Nothing of mine.yaml is made yet: type make CONFIG=mine.yaml\n"
    table = tmp_path / "results/mine/tables/cost.csv"
    table.parent.mkdir(parents=True)
    table.touch()
    some = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert re.search(r" 1 of \d+ products are there: make makes the others\.$", some.stdout, flags=re.MULTILINE)


SHIPPED = "trained/pong-double-dqn"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["GAME=CartPole-v9"], "there is no environment 'CartPole-v9'; did you mean 'CartPole-v1'?"),
        (["SEED=x"], "SEED=x is no whole number: SEED=7 chooses the agent of seed 7 from a block."),
        (["SEED=-"], "SEED=- is no whole number: SEED=7 chooses the agent of seed 7 from a block."),
        (["SEED=1 2"], "SEED=1 2 is no whole number: SEED=7 chooses the agent of seed 7 from a block."),
        (["SEED=3"], f"{SHIPPED} has the seed 1, not 3; leave seed out."),
        (["GAME=pong", "SEED=3"], "pong is a game, played at random, without the seed of an agent: leave it out."),
        (
            [f"RUN={SHIPPED}", "GAME=pong"],
            f"An agent plays its own game: type make play RUN={SHIPPED}, or, for random play, make play GAME=pong",
        ),
        (["RUN=-none", "GAME=-x y"], "An agent plays its own game: type make play RUN=-none, or, for random play, make "
         "play GAME='-x y'"),
    ],
)  # fmt: skip
def test_make_play_says_what_to_type(words: list[str], said: str) -> None:
    """The command as make writes it, in this environment."""
    line = subprocess.run(
        ["make", "--no-print-directory", "-n", "play", *words], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    command = shlex.split(line.splitlines()[-1])
    assert (command[0], command[command.index("-m") + 1]) == ("python", "rlgames.commands.play")
    run = subprocess.run([sys.executable, *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr, run.stdout) == (1, f"{said}\n", "")


def test_play_draws_no_bars_where_there_is_no_terminal(tmp_path: Path) -> None:
    for what in (["--run", str(ROOT / SHIPPED)], ["--game", "CartPole-v1"]):
        words = [sys.executable, "-m", "rlgames.commands.play", *what, "--steps", "20", "--mp4", "play.mp4"]
        run = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert run.stderr == ""
        assert run.stdout.splitlines()[0] == "play.mp4 shows the episode."


def test_rehearsal_of_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(tiny_config("results/mine")))
    words = [sys.executable, "-m", "rlgames.commands.rehearse", "mine.yaml"]
    run = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout == "No training of mine.yaml has a replay buffer: there is nothing to rehearse.\n"


def test_reader_that_has_seen_enough_is_no_error() -> None:
    """As with `make status | head -1`: here the reader is gone before anything is written."""
    read, write = os.pipe()
    os.close(read)
    words = [sys.executable, "-m", "rlgames.commands.status", "config/config.yaml"]
    run = subprocess.run(words, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (run.stderr, run.returncode) == ("", 0)


def test_locale_that_takes_only_ascii_is_left() -> None:
    """The process starts itself anew, with the same words."""
    code = "import sys; sys.argv[0] = 'snakemake'; from rlgames.plan.startup import use_utf_8; use_utf_8(); "
    code += "import subprocess; subprocess.run(['printf', '%s', chr(949)], check=True)"
    environment = os.environ | {"PYTHONUTF8": "0", "LC_ALL": "C"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert run.stdout.decode() == "ε"


def test_make_takes_one_config_without_spaces() -> None:
    for name in ("config/config.yaml config/smoke.yaml", "my config.yaml"):
        words = ["make", "-n", "status", f"CONFIG={name}"]
        run = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        assert run.returncode != 0
        assert f'CONFIG="{name}" must be one file, and its path must have no space' in run.stderr


def made(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What make would do; nothing is run."""
    command, variables = ["make", "-n", *words], os.environ | environment
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("flavour", ["GPU", "dev", "cpu gpu"])
def test_flavour_that_there_is_not_is_refused(flavour: str) -> None:
    run = made("status", f"FLAVOUR={flavour}")
    assert run.returncode != 0
    assert f"There is no FLAVOUR={flavour}: it is cpu or gpu" in run.stderr


@pytest.mark.parametrize(
    ("target", "switch", "option"),
    [
        ("prune", "YES", "--yes"),
        ("clean-state", "DRY", "--dry-run"),
        ("verify", "QUICK", "--quick"),
        ("play", "HUMAN", "--human"),
        ("lock", "UPGRADE", "--upgrade"),
    ],
)
def test_switches_of_make_are_on_or_off(target: str, switch: str, option: str) -> None:
    for value in ("1", "yes", "Y", "true"):
        assert option in made(target, f"{switch}={value}").stdout
    for value in ("0", "no", "N", "false", ""):
        assert option not in made(target, f"{switch}={value}").stdout
    run = made(target, f"{switch}=maybe")
    assert run.returncode != 0
    assert f"type {switch}=1 or {switch}=0" in run.stderr
    assert option not in made(target, **{switch: "no"}).stdout


def test_make_removes_no_environment_that_it_did_not_install(tmp_path: Path) -> None:
    assert "rm -rf .venv " in made("clean").stdout
    assert "rm -rf .venv " in made("clean", VENV=str(tmp_path)).stdout
    run = made("clean", f"VENV={tmp_path}")
    assert run.returncode != 0
    assert "rm " not in run.stdout
    (tmp_path / "rlgames-lock.txt").touch()
    assert f"rm -rf {tmp_path} " in made("clean", f"VENV={tmp_path}").stdout


def test_make_names_a_mistyped_target_before_snakemake_starts() -> None:
    words = [sys.executable, "-m", "rlgames.commands.status", "config/smoke.yaml", "--results", "--target"]
    for target, hint in {
        "results/smoke/figures/pongg.png": "there is no figure 'pongg'; did you mean 'pong'?",
        "results/smok/figures/pong.png": "did you mean 'results/smoke/figures/pong.png'?",
    }.items():
        run = subprocess.run([*words, "final_scores", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert (run.returncode, len(run.stderr.splitlines())) == (1, 1)
        assert hint in run.stderr


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("tilings", "did you mean 'results/smoke/figures/tilings.png'?"),
        ("pong.pdf", "did you mean 'results/smoke/figures/pong.pdf'?"),
        ("final-score", "did you mean 'results/smoke/tables/final-scores.csv'?"),
        ("results/smoke/figures/pong.svg", "choose from: results/smoke/figures/pong.png, "),
        ("results/smoke/videos/pong/agent.name=dqn/best.svg", "agent.name=dqn/best.mp4, "),
        ("results/smoke/figures/", "results/smoke/figures is a folder; name a file in it, such as results/smoke/"),
        ("README.md", "name a file of results/smoke, such as results/smoke/index.html"),
        ("config/smoke.yaml", "there is no target 'config/smoke.yaml'"),
        ("results/lesson/figures/tilings.png", "add CONFIG=config/config.yaml"),
    ],
)
def test_target_that_nothing_makes_is_named_with_what_was_meant(
    monkeypatch: pytest.MonkeyPatch, target: str, hint: str
) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(SettingsError) as error:
        targets.check(Plan.read(Path("config/smoke.yaml")), target)
    assert hint in str(error.value)


def test_file_of_results_that_no_rule_makes_is_refused_wherever_snakemake_is_started() -> None:
    """As `make again` and Snakemake without make do."""
    plan = Plan(tiny_config("results/asked"))
    with pytest.raises(SettingsError, match=r"choose from: results/asked/figures/both.png"):
        targets.check_names(plan, "results/asked/figures/both.svg")
    for word in ("figures/both.png", "logs/figures/both.tsv", "report.html", "config.yaml"):
        targets.check_names(plan, f"results/asked/{word}")


def test_targets_that_something_makes() -> None:
    plan = Plan(tiny_config("results/asked"))
    for target in (*plan.targets(), "./results/asked/index.html", "results/asked/checksums.txt", "final_scores"):
        targets.check(plan, target)


def test_one_thing_is_no_plural() -> None:
    assert [count(number, "notice") for number in (0, 1, 2)] == ["0 notices", "1 notice", "2 notices"]


@pytest.mark.parametrize("results", ["results/x", "logs", "a/logs/b"])
def test_costs_of_pictures_wherever_the_results_are(tmp_path: Path, results: str) -> None:
    folder, found = tmp_path / results, []
    for name in ("figures/logs", "videos/logs/runs", "videos/pong/default/best", "runs/codes/datasets/seed-0/encoding"):
        path = folder / f"logs/{name}.tsv"
        path.parent.mkdir(parents=True)
        pd.DataFrame({"s": [1.5]}).to_csv(path, sep="\t")
        row = of_picture(path, folder)
        found.append((row["job"], row["experiment"], row["variant"]))
    assert found == [
        ("figure logs", None, None), ("video", "logs", "runs"), ("video best", "pong", "default"),
        ("encoding", "codes", "datasets"),
    ]  # fmt: skip


def test_video_of_a_seed_that_diverged_says_so(tmp_path: Path) -> None:
    """Its block has recordings of the other seeds, or none."""
    columns = ["experiment", "variant", "seed", "episode", "steps", "return", "ending", "actions", "environment"]
    pd.DataFrame({column: [] for column in columns}).to_parquet(tmp_path / "recordings.parquet")
    module, mp4 = "rlgames.environments.mountain_car", tmp_path / "videos/wild/step_size=1.0.mp4"
    code = code_hash("rlgames.commands.video", module)
    words = [
        sys.executable, "-m", "rlgames.commands.video", "--code", code, "--module", module, "--seed", "3",
        "--log", "x.log", "--recordings", "recordings.parquet",
        "--mp4", str(mp4), "--html", str(mp4.with_suffix(".html")),
    ]  # fmt: skip
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    assert mp4.stat().st_size > 1000
    page = Path(f"{mp4.with_suffix('')}.html").read_text()
    assert "wild, step_size=1.0: seed 3 diverged, and has no last episode to show" in page
