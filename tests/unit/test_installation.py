"""What a manifest says of lock, versions and revision is so, wherever the project and its environment lie."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from rlgames import surroundings
from rlgames.surroundings import changed_versions, installed_lock, revision

LOCK = Path(sys.prefix, "rlgames-lock.txt")


def test_lock_is_claimed_while_every_distribution_is_as_it_says() -> None:
    text = LOCK.read_text()
    assert installed_lock() == surroundings.checksum(LOCK)[:16]
    assert list(changed_versions(text)) == []
    assert list(changed_versions(text.replace("numpy==2", "numpy==1"))) == ["numpy"]
    assert list(changed_versions(text.replace("\npsutil==7", "\npsutil==6"))) == ["psutil"]
    assert list(changed_versions(f"{text}\nnowhere-to-be-found==1.0 \\\n")) == ["nowhere-to-be-found"]
    assert list(changed_versions(f"{text}\nfor-windows==1.0 ; sys_platform == 'win32' \\\n")) == []
    assert list(changed_versions(f"{text}\nPyYAML==1.0 ; sys_platform == 'win32' \\\n")) == ["PyYAML"]


@pytest.mark.parametrize("text", [None, b"\xff\xfe", b"numpy==1.0 \\\n"])
def test_lock_that_is_missing_or_no_text_or_of_other_versions_is_not_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes | None
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    if text is not None:
        (tmp_path / LOCK.name).write_bytes(text)
    assert installed_lock() is None


def test_other_versions_found_first_or_beside_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As PYTHONPATH brings them in, and as an installation leaves them that was interrupted."""
    info = tmp_path / "numpy-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 9.9\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert dict(surroundings.versions())["numpy"] == "9.9"
    assert list(changed_versions(LOCK.read_text())) == ["numpy"]
    monkeypatch.undo()
    info.rename(tmp_path / "psutil-9.9.dist-info")
    paths = {"purelib": str(tmp_path), "platlib": surroundings.sysconfig.get_path("platlib")}
    monkeypatch.setattr(surroundings.sysconfig, "get_path", paths.__getitem__)
    assert list(changed_versions(LOCK.read_text())) == ["psutil"]


def git(folder: Path, *words: str) -> str:
    named = ["-c", "user.name=x", "-c", "user.email=x@x", "-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main"]
    return subprocess.run(
        ["git", *named, *words], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


def copy(folder: Path) -> Path:
    """The smallest project, without git."""
    (folder / "workflow/rlgames").mkdir(parents=True)
    shutil.copy(ROOT / "Snakefile", folder)
    for name in ("__init__", "provenance", "files"):
        (folder / f"workflow/rlgames/{name}.py").write_text(f"x = '{name}'\n")
    return folder


def commit(folder: Path) -> str:
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "x")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    return at(copy(tmp_path / "project"), monkeypatch)


def at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the library lie there."""
    monkeypatch.setattr(surroundings, "ROOT", folder)
    monkeypatch.setattr(surroundings, "PACKAGE", folder / "workflow/rlgames")
    return folder


def test_commit_is_told_with_a_plus_for_every_change(project: Path) -> None:
    assert revision() is None
    commit(project)
    (project / "README.md").write_text("no code")
    head, file = git(project, "rev-parse", "HEAD"), project / "workflow/rlgames/files.py"
    assert revision() == head
    for flag in ("--no-assume-unchanged", "--assume-unchanged", "--skip-worktree"):
        git(project, "update-index", flag, "workflow/rlgames/files.py")
        file.write_text("x = 'other'\n")
        assert revision() == f"{head}+", flag
        file.write_text("x = 'files'\n")
        assert revision() == head
    (project / "workflow/rlgames/new.py").write_text("x = 1\n")  # of which git knows nothing
    assert revision() == f"{head}+"
    (project / "workflow/rlgames/new.py").unlink()
    file.unlink()
    assert revision() == f"{head}+"


def test_repository_around_the_project_is_not_its_own(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    around = project.parent
    (around / "another.txt").write_text("x")
    (around / ".gitignore").write_text("project\n")
    head = commit(around)
    assert revision() is None  # ignored there
    (around / ".gitignore").unlink()
    assert revision() is None  # not added
    git(around, "add", "project")
    git(around, "commit", "--quiet", "--message", "part of it")
    assert revision() == git(around, "rev-parse", "HEAD") != head
    at(copy(around / "second"), monkeypatch)
    assert revision() is None
    (around / "link").symlink_to(project, target_is_directory=True)
    at(around / "link", monkeypatch)
    assert revision() == git(around, "rev-parse", "HEAD")


def test_archives_clones_and_variables_of_git(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head, parent = commit(project), project.parent
    for name in ("shallow", "worktree", "archive"):
        (parent / name).mkdir()
    git(parent, "clone", "--quiet", "--depth", "1", f"file://{project}", "shallow")
    git(project, "worktree", "add", "--quiet", "--detach", str(parent / "worktree"))
    git(project, "archive", "--output", str(parent / "archive.tar"), "HEAD")
    shutil.unpack_archive(parent / "archive.tar", parent / "archive")
    other = copy(parent / "other")
    (other / "README.md").write_text("another project")
    commit(other)
    for variables in ({}, {"GIT_DIR": str(other / ".git"), "GIT_WORK_TREE": str(other), "GIT_INDEX_FILE": "/nowhere"}):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        for name, found in {"project": head, "shallow": head, "worktree": head, "archive": None}.items():
            at(parent / name, monkeypatch)
            assert revision() == found, name


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_repository_of_another_user_says_nothing(project: Path) -> None:
    commit(project)
    for path in (project, project / ".git"):
        os.chown(path, 1234, -1)
    assert revision() is None


def test_without_git_nothing_is_said(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(project)
    monkeypatch.setenv("PATH", "/nowhere")
    assert revision() is None
