"""What `make status`, `make prune` and `make clean-state` know by name, and that they touch nothing else."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from conftest import ROOT, tiny_config
from rlgames.commands import clean_state, prune, status
from rlgames.operations import locks
from rlgames.plan import audit, leftovers
from rlgames.plan.plan import Plan
from rlgames.plan.status import survey
from rlgames.provenance import Manifest
from rlgames.surroundings import installed_lock, versions

FILE, RESULTS = Path("config/tiny.yaml"), Path("results/tiny")
Say = Callable[..., str]


def configured(**changed: Any) -> Plan:
    config = tiny_config(str(RESULTS))
    pong = {"environment": {"name": "atari", "game": "pong"}, "agent": {"name": "dqn"}, "steps": 6000, "seeds": 2}
    config["experiments"] |= {"pong": pong}
    FILE.write_text(yaml.safe_dump(config | changed))
    return Plan.read(FILE)


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A config, all of whose products, logs and saves are there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(locks, "PATIENCE", 0.0)
    FILE.parent.mkdir()
    plan = configured()
    for path in [*plan.targets(), plan.path("checksums"), *leftovers.logs(plan)]:
        write(Path(path))
    for run in plan.runs(["pong"]):
        for name in ("save-000000000300-0f.npz", "weights-000000000300-0f.npz", "progress.json", "lock"):
            write(Path(plan.path("state", **run)) / name, b"{}")
    for run in plan.runs():
        facts = {"spec": {}, "code": "", "threads": 1, "device": "cpu", "steps": 1, "diverged": [], "truncated": 0}
        made = Manifest(**run, **facts, wall_seconds=1.0, products={})  # type: ignore[arg-type]
        made.write(Path(plan.path("manifest", **run)))
    for run in plan.runs(["pong"]):
        made.write(Path(plan.path("evaluation manifest", **run)))
    return plan


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """What a command says, with its options."""

    def run(command: Any, *options: str) -> str:
        monkeypatch.setattr(sys, "argv", [command.__name__, str(FILE), *options])
        command.main()
        return capsys.readouterr().out

    return run


def write(path: Path, content: bytes = bytes(1000)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def there() -> set[str]:
    return {str(path.relative_to(RESULTS)) for path in RESULTS.rglob("*") if path.is_file()}


@pytest.mark.parametrize("config", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_table_is_known_by_its_name(config: Path) -> None:
    plan = Plan.read(config)
    tables = [Path(path) for path in plan.targets() if Path(path).parent.name == "tables"]
    assert tables
    assert all(leftovers.is_product(plan, path) for path in tables)


def test_variant_that_is_called_datasets_is_no_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = tiny_config(str(RESULTS))
    config["experiments"]["tiled"]["sweep"] = [{"epsilon": 0.2, "name": "datasets"}]
    plan = Plan(config)
    for run in plan.runs(["tiled"]):
        write(Path(plan.path("recordings", **run)))
    assert {part.of_dataset for part in audit.recordings(plan)} == {False}


def test_nothing_of_the_config_is_dropped(plan: Plan, say: Say) -> None:
    assert leftovers.dropped(plan) == []
    before = there()
    assert "Removed 0 files that config/tiny.yaml no longer makes, 0 MB in all." in say(prune, "--yes")
    assert there() - {"logs/lock"} == before - {"logs/lock"}


def test_products_that_the_config_no_longer_makes_are_listed_and_removed(plan: Plan, say: Say) -> None:
    """A variant, seeds (in other blocks, so that some are there twice), an experiment, a figure and a video; nothing
    that is the user's own."""
    kept, kinds = there(), ("runs", "figures", "videos", "tables", "state", "logs")
    own = {write(RESULTS / place).relative_to(RESULTS).as_posix() for place in (
        "notes.txt", "figures/mine.png", "tables/mine.csv", "runs/additive/notes.txt", "videos/mine.mp4",
        "runs/tiled/default/seed-0-1/weights.npz.bak", "state/pong/default/seed-1/mine.npz", ".hidden.12.txt",
        "runs/pong/default/seed-1/plot.png", "state/notes/lock", "runs/x y/default/seed-1/weights.npz",
    )}  # fmt: skip
    config = tiny_config(str(RESULTS))
    less = {name: config["experiments"][name] for name in ("additive", "tiled")}
    less["additive"] |= {"sweep": [{"step_size": 0.0125}]}
    plan = configured(block_size=4, experiments=less, figures={"both": config["figures"]["both"]}, videos={})
    wanted = {str(Path(path).relative_to(RESULTS)) for path in [*plan.targets(), *leftovers.logs(plan)]}
    dropped = kept - wanted - {"logs/lock", "checksums.txt"}
    assert {path.partition("/")[0] for path in dropped} == set(kinds)
    assert {
        "runs/additive/step_size=0.0125/seed-0-1/weights.npz",
        "figures/one.pdf",
        "videos/tiled/default.mp4",
    } < dropped

    text = say(status)
    count = sum(not path.startswith("state/") for path in dropped)
    assert f"The config no longer makes {count} files" in text
    assert f"make CONFIG={FILE} prune" in text
    text = say(prune, "--dry-run")
    with pytest.raises(SystemExit, match="YES=1"):
        say(prune)
    assert f"Would remove {len(dropped)} files that {FILE} no longer makes" in text
    for path in dropped:
        folder, name = os.path.split(RESULTS / path)
        (line,) = [line for line in text.splitlines() if line.startswith(f"{folder}/ ")]
        assert name in line
    assert there() - {"logs/lock"} == kept | own - {"logs/lock"}
    say(prune, "--yes")
    assert there() - {"logs/lock"} == (kept - dropped) | own
    assert not (RESULTS / "runs/pong/default/seed-0").exists()
    assert "no longer makes" not in say(status)


@pytest.mark.parametrize("command", [clean_state, prune])
def test_dry_run_writes_nothing_and_looks_who_is_at_work(plan: Plan, say: Say, command: Any) -> None:
    before = there()
    assert "logs/lock" not in before
    assert ("Would remove 8 files" in say(command, "--dry-run")) == (command is clean_state)
    assert there() == before
    lock = locks.take(Path(plan.path("lock")))
    assert lock is not None
    with lock, pytest.raises(SystemExit, match=f"Process {os.getpid()} on .* is at work"):
        say(command, "--dry-run")


@pytest.mark.parametrize(
    ("answer", "removed"),
    [("y", True), ("", False), ("n", False), (EOFError(), False), (KeyboardInterrupt(), False)],
)
@pytest.mark.usefixtures("plan")
def test_it_asks_first(monkeypatch: pytest.MonkeyPatch, say: Say, answer: Any, removed: bool) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    asked: list[str] = []

    def reply(question: str) -> str:
        asked.append(question)
        if isinstance(answer, BaseException):
            raise answer
        return str(answer)

    monkeypatch.setattr("builtins.input", reply)
    text = say(clean_state)
    assert asked == ["Remove 8 files of saves and 0 temporary files, 0 MB in all? [y/N] "]
    assert ("Nothing was removed." in text) != removed
    assert (RESULTS / "state").exists() != removed


@pytest.mark.parametrize("place", ["state", "state/pong", "state/pong/default", "state/pong/default/seed-0"])
@pytest.mark.usefixtures("plan")
def test_nothing_is_removed_through_a_link(tmp_path: Path, say: Say, place: str) -> None:
    """Behind it lie files with the names of saves and of products that are no more."""
    elsewhere = tmp_path / "elsewhere"
    (RESULTS / place).rename(elsewhere)
    (RESULTS / place).symlink_to(elsewhere, target_is_directory=True)
    foreign = [write(elsewhere / name) for name in ("thesis.tex", "save-1-0f.npz", "lock", "default/seed-7/lock")]
    for old in foreign:
        os.utime(old, (0, 0))
    runs, figures = RESULTS / "runs/gone", RESULTS / "figures"
    runs.symlink_to(elsewhere, target_is_directory=True)
    write(elsewhere / "default/seed-7/weights.npz")
    (figures / "gone.png").symlink_to(elsewhere / "thesis.tex")
    write(RESULTS / "logs/figures/gone.log")
    before = {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()}
    for command in (clean_state, prune):
        assert f"Left as it is: {RESULTS / place}, a link to {elsewhere}" in say(command, "--yes")
    assert {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()} == before
    assert runs.is_symlink()
    assert (RESULTS / place).is_symlink()
    assert (figures / "gone.png").is_symlink()


@pytest.mark.usefixtures("plan")
def test_clean_state_removes_temporary_files_of_ours_only(say: Say) -> None:
    run = RESULTS / "runs/pong/default/seed-0"
    ours = [
        run / ".weights.4711.npz", run / "evaluation/.episodes.12.parquet", RESULTS / ".config.9.yaml",
        RESULTS / "state/pong/default/seed-0/.save-000000000300-0f.4711.npz", RESULTS / "figures/.both.3.png",
        RESULTS / "state/pong/default/seed-1/.progress.4711.json",
    ]  # fmt: skip
    own = [run / ".notes.4711.txt", RESULTS / ".thesis.1.tex", RESULTS / "figures/.mine.3.png", run / ".weights.npz"]
    for path in ours + own:
        os.utime(write(path), (0, 0))
    assert "8 files of saves and 6 temporary files" in say(clean_state, "--yes")
    assert not any(path.exists() for path in ours)
    assert all(path.exists() for path in own)
    assert not (RESULTS / "state").exists()


def record(path: str, *params: str) -> None:
    """As Snakemake notes with what it made a file, or was told to take it for made."""
    name = base64.urlsafe_b64encode(path.encode()).decode()
    parts = [name[start : start + 254] for start in range(0, len(name), 254)]
    file = Path(".snakemake/metadata", *("@" + part for part in parts[:-1]), parts[-1])
    write(file, json.dumps({"params": list(map(repr, params))}).encode())


def test_status_says_what_make_will_do_after_an_edit_and_a_touch(plan: Plan, say: Say) -> None:
    """Four runs were made with other code: Snakemake knows one as such, one was touched since, of two nothing is
    known, or nothing that can be read."""
    runs = plan.runs()
    for run in runs:
        wanted = {
            "spec": json.loads(plan.run_spec(SimpleNamespace(**run))),
            "code": plan.run_code(SimpleNamespace(**run)),
        }
        manifest = Path(plan.path("manifest", **run))
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | wanted))
    for number, run in enumerate(runs[:4]):
        path, known = plan.path("manifest", **run), SimpleNamespace(**run)
        Path(path).write_text(json.dumps(json.loads(Path(path).read_text()) | {"code": "older"}))
        if number == 0:
            record(path, plan.argument(plan.run_spec(known)), "older", plan.run_modules(known))
        if number == 1:
            record(path, plan.argument(plan.run_spec(known)), plan.run_code(known), plan.run_modules(known))
        if number == 2:
            record(path)
            (note,) = [file for file in Path(".snakemake").rglob("*") if file.is_file() and "[]" in file.read_text()]
            note.write_text("[")
    assert [(run.stale, run.kept) for run in survey(plan)[:5]] == [
        (True, False), (True, True), (True, True), (True, True), (False, False),
    ]  # fmt: skip
    text = say(status)
    assert (
        ", 1 of them with other settings or code, to be made again, 3 of them with other settings or code, which"
        in text
    )
    assert "are gone: 3 runs with other settings or code, such as" in text


def test_runs_of_other_versions_or_of_another_lock_are_told(plan: Plan, say: Say) -> None:
    """The lock alone does not tell: it was once claimed whatever versions a job had loaded, and may be None."""
    found = dict(versions())
    now = {"lock": installed_lock(), "versions": found}
    for run in [*plan.runs(["pong"]), *plan.runs(["additive"]), *plan.runs(["tiled"])]:
        manifest = Path(plan.path("manifest", **run))
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | now))
    for run in plan.runs(["pong"]):
        Path(plan.path("evaluation manifest", **run)).write_text(manifest.read_text())
    assert (
        "No run diverged, was cut off by a limit that the config does not set, or was made under another lock."
        in say(status)
    )
    facts = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(facts | {"versions": found | {"numpy": "1.0"}}))
    assert "Made under another lock (numpy 1.0): tiled/default, seeds 2-2" in say(status)
    manifest.write_text(json.dumps(facts | {"lock": None}))
    assert "Made under another lock: tiled/default, seeds 2-2" in say(status)
