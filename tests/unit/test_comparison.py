"""`make again`: what is compared, what may be why it differs, and what becomes of the second build."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import tiny_config
from rlgames.commands import again
from rlgames.plan.plan import Plan
from rlgames.provenance import Manifest

RESULTS, SECOND, OTHER = Path("results/tiny"), Path("results/tiny-again"), Path("results/tiny-other")
RUN = "runs/tiled/default/seed-2-2"


def machine(instruction_set: str) -> dict[str, str]:
    return {"processor": "p", "instruction_set": instruction_set}


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """All products, and a Snakemake that makes them once more."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(again.isolation, "isolate", lambda: None)
    plan = Plan(tiny_config(str(RESULTS)))
    Path("tiny.yaml").write_text(yaml.safe_dump(plan.raw))
    for path in map(Path, [*plan.targets(), *(plan.path("figure log", figure=name) for name in plan.config.figures)]):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(path.name.encode())
    for run in plan.runs():
        around = dict.fromkeys(("revision", "lock", "python"), "x") | {"versions": {}, "machine": machine("avx2")}
        facts = {"spec": {}, "code": "x", "threads": 1, "device": "cpu", "steps": 1, "diverged": [], "truncated": 0}
        made = Manifest(**run, **facts, wall_seconds=1.0, products={}, surroundings=around)  # type: ignore[arg-type]
        made.write(Path(plan.path("manifest", **run)))

    def snakemake(command: list[str]) -> int:
        assert f"results={SECOND}" in command
        assert str(SECOND / RUN / "weights.npz") in command
        if not ({"--dry-run", "--unlock"} & {*command} or (SECOND / RUN).exists()):
            shutil.copytree(RESULTS, SECOND, dirs_exist_ok=True)
        return 0

    monkeypatch.setattr(again, "build", snakemake)
    return plan


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["again", "tiny.yaml", *words])
    again.main()


def contents(folder: Path = RESULTS) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def begun() -> None:
    """A second build that was stopped at its end."""
    shutil.copytree(RESULTS, SECOND)
    (SECOND / again.MARK).touch()


@pytest.mark.usefixtures("built")
def test_the_same_bits_leave_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents()
    run(monkeypatch, str(RESULTS / RUN / "weights.npz"), "--cores", "2", "--keep-going")
    assert "Made again from nothing, with the same bits as in results/tiny: 26 files." in capsys.readouterr().out
    assert contents() == before
    assert not SECOND.exists()


def test_other_bits_are_named_with_what_may_be_why(
    built: Plan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun()
    (SECOND / RUN / "weights.npz").write_bytes(b"other")
    (SECOND / "tables/cost.csv").write_bytes(b"other")
    (SECOND / "logs/figures/one.log").write_bytes(b"other")
    (RESULTS / "figures/one.png").unlink()
    manifest = SECOND / RUN / "manifest.json"
    facts = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(facts | {"code": "y", "lock": "y", "machine": machine("sse4_2")}))
    before = contents()
    with pytest.raises(SystemExit, match="results/tiny and results/tiny-other differ in 2 of 26 files"):
        run(monkeypatch, str(RESULTS / RUN / "weights.npz"))
    text = capsys.readouterr().out
    why = "made under other conditions: code, lock, instruction set"
    assert f"{RUN}/weights.npz differs ({why})" in text
    assert "figures/one.png is not among the results" in text
    assert contents() == before
    assert (OTHER / RUN / "weights.npz").read_bytes() == b"other"
    assert built.config.results == str(RESULTS)


@pytest.mark.usefixtures("built")
def test_what_differed_is_made_from_nothing_the_next_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = RESULTS / RUN / "weights.npz"
    right = target.read_bytes()
    for kept in (OTHER, Path(f"{OTHER}-2")):
        begun()
        target.write_bytes(b"damaged")
        with pytest.raises(SystemExit, match="differ in 1 of"):
            run(monkeypatch, str(target))
        assert not SECOND.exists()
        assert (kept / RUN / "weights.npz").read_bytes() == right
        target.write_bytes(right)
    run(monkeypatch, str(target))
    assert "with the same bits" in capsys.readouterr().out


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("option", ["--dry-run", "--unlock"])
def test_what_makes_nothing_compares_and_removes_nothing(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = RESULTS / RUN / "weights.npz"
    run(monkeypatch, str(target), option)
    assert capsys.readouterr().out == f"{SECOND / RUN / 'weights.npz'} is not made, and nothing was compared.\n"
    assert not SECOND.exists()
    begun()
    shutil.rmtree(SECOND / RUN)
    half = contents(SECOND)
    run(monkeypatch, str(target), option)
    assert contents(SECOND) == half


@pytest.mark.usefixtures("built")
def test_results_of_another_config_in_the_place_of_the_second_build_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(RESULTS, SECOND)
    before = contents(SECOND)
    with pytest.raises(SystemExit, match=r"results/tiny-again, where .* would be lost: rename it"):
        run(monkeypatch, str(RESULTS / RUN / "weights.npz"))
    assert contents(SECOND) == before


CHILD = """
import signal, sys, time
signal.signal(signal.SIGINT, lambda *_: (time.sleep(1), sys.exit(7)))
signal.signal(signal.SIGTERM, lambda *_: (time.sleep(1), sys.exit(8)))
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 7), (signal.SIGTERM, 8)])
def test_snakemake_ends_by_itself_when_it_is_stopped(number: int, status: int) -> None:
    code = "import sys; from rlgames.commands.again import build; sys.exit(build([sys.executable, '-c', sys.argv[1]]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, CHILD], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    with process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
        assert process.wait(timeout=20) == status


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Name a file of results/tiny to make again, such as: make CONFIG=tiny.yaml again TARGET=results/tiny/"),
        (["results/other/figures/one.png"], "results/other/figures/one.png is not there, or not in results/tiny"),
        (["results/tiny/figures/two.png"], "make it first"),
        (["results/tiny/../tiny.yaml"], "is not there, or not in"),
    ],
)
@pytest.mark.usefixtures("built")
def test_targets_that_are_not_there(monkeypatch: pytest.MonkeyPatch, words: list[str], message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        run(monkeypatch, *words)
    assert not SECOND.exists()
