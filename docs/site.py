"""MkDocs' hook for the site: pages that lie elsewhere in the project, and links that lead out of it.

The repository's own pages stay where readers of the code look for them. On the site, a link to a file that is no page
is its name.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]

PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "config/README.md": "config.md",
}
"""Pages outside docs, and their places on the site."""

LINK = re.compile(r"(?<!!)\[([^]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")
IMAGE = re.compile(r"!\[([^]]*)\]\(([^)\s]+)\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages outside docs."""
    for source, place in PAGES.items():
        files.append(File.generated(config, place, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The text of a page with links that lead to other pages of the site, or else are names of files."""
    source = next((name for name, place in PAGES.items() if place == page.file.src_uri), f"docs/{page.file.src_uri}")
    folder = PurePosixPath(source).parent

    def place(target: str) -> str | None:
        """Where a file of the project is on the site; None if it is not there."""
        path = normpath(str(folder / target))
        if not (ROOT / path).exists():
            return target  # MkDocs says so
        return PAGES.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)

    def link(found: re.Match[str]) -> str:
        text, target, anchor = found[1], found[2], found[3] or ""
        there = place(target)
        return text if there is None else f"[{text}]({there}{anchor})"

    markdown = IMAGE.sub(lambda found: f"![{found[1]}]({place(found[2]) or found[2]})", markdown)
    return LINK.sub(link, markdown)
