"""The docs as a site, as a reader opens it: from a folder, in Chromium."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from conftest import ROOT, opened


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = ["mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    run = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout + run.stderr) == (0, "")
    return folder


@pytest.fixture
def reference(browser: Browser, site: Path) -> Iterator[Page]:
    with opened(browser, site / "reference.html") as page:
        yield page


def test_reference_has_the_names_that_users_type_and_their_types(reference: Page) -> None:
    names = [heading.rstrip(" ¶") for heading in reference.locator("h3").all_inner_texts()]
    public = [
        "rlgames.load",
        "Run",
        "Agent",
        "rlgames.play",
        "rlgames.results",
        "Results",
        "rlgames.export",
        "Recording",
    ]
    assert names[: len(public)] == public
    signature = "".join(reference.locator("#rlgames\\.load + div").inner_text().split())
    assert signature == "load(run:Path|str,*,seed:int|None=None,point:int=-1)->Run"


def test_search_works_from_a_folder(reference: Page) -> None:
    reference.locator(".md-search__input").click()
    reference.keyboard.type("recordings")
    expect(reference.locator(".md-search-result__link").first).to_be_visible(timeout=20_000)
