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
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with smoke results, in which the default config is the smoke one."""
    sandbox = Sandbox(tmp_path_factory.mktemp("lesson"))
    shutil.copytree(ROOT / "trained", sandbox.folder / "trained")
    smoke = (sandbox.folder / "config" / "smoke.yaml").read_text()
    (sandbox.folder / "config" / "config.yaml").write_text(smoke)
    sandbox.snakemake("--cores", "2", *(f"results/smoke/{each}" for each in NEEDED))
    sandbox.close()
    return sandbox.folder


def test_notebook_holds_no_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells)


def test_notebook_runs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(project / "workflow"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace("10_000", "1_000").replace("STEPS = 200", "STEPS = 10")
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(project)}}).execute()
    assert (project / "results" / "notebook" / "figures" / "longer.png").exists()
    errors = [output for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type == "error"]
    assert not errors


def test_examples_of_the_public_functions(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    found = doctest.testfile(str(ROOT / "docs" / "api.md"), module_relative=False)
    assert found.attempted > 10
    assert not found.failed
