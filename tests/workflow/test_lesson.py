"""The notebook and the examples of docs/api.md, run against a part of the smoke results."""

from __future__ import annotations

import doctest
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from conftest import ROOT, Sandbox

NOTEBOOK = ROOT / "notebooks" / "lesson.ipynb"
NEEDED = (
    "figures/tilings.png",
    "runs/pong/agent.name=dqn/seed-0/evaluation/episodes.parquet",
    "videos/pong/agent.name=dqn/best.mp4",
)
"""Of the smoke results, what notebook and examples look at."""


@pytest.fixture(scope="module")
def project(sandbox: Sandbox) -> Path:
    """A copy of the project with these results, and with the agents that come with it."""
    shutil.copytree(ROOT / "trained", sandbox.folder / "trained", dirs_exist_ok=True)
    smoke = ("--configfile", "config/smoke.yaml")
    sandbox.snakemake("--cores", "2", *(f"results/smoke/{each}" for each in NEEDED), *smoke)
    return sandbox.folder


def tiny(text: str) -> str:
    """What a student reads, with the smoke results and fewer steps."""
    for usual, small in (
        ("config/config.yaml", "config/smoke.yaml"),
        ("10_000", "1_000"),
        ("STEPS = 200", "STEPS = 10"),
    ):
        text = text.replace(usual, small)
    return text


def test_notebook_holds_no_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells)


def test_notebook_runs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(project / "workflow"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        cell.source = tiny(cell.source)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(project)}}).execute()
    assert (project / "results" / "notebook" / "figures" / "longer.png").exists()
    outputs = {cell.id: cell.get("outputs", []) for cell in notebook.cells}
    for name, shown in outputs.items():
        assert not [output for output in shown if output.output_type == "error"], name
        text = "".join(each.get("text", "") + each.get("data", {}).get("text/plain", "") for each in shown)
        assert len(text) < 3000, name  # a screen that is drawn again and again would be ten times as long
        assert "\x1b" not in text, name
    drawn = {name for name, shown in outputs.items() if any("image/png" in each.get("data", {}) for each in shown)}
    assert {"cell-4", "cell-6", "cell-11", "cell-18"} <= drawn


def test_examples_of_the_public_functions(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    page = project / "api.md"
    page.write_text(tiny((ROOT / "docs" / "api.md").read_text()))
    found = doctest.testfile(str(page), module_relative=False)
    assert found.attempted > 10
    assert not found.failed
