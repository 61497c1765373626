"""Write what is generated from the code: config/README.md, the JSON schema of a config, and the diagram of the packages
in docs/architecture.md (`make docs`)."""

from __future__ import annotations

import json
import re
from pathlib import Path

from rlgames.files import ROOT
from rlgames.plan.picture import picture
from rlgames.settings.documentation import readme, schema

PICTURE = re.compile(r"(?<=```mermaid\n).*?(?=```)", re.DOTALL)


def pages() -> dict[Path, str]:
    """The files, and what is to be in them."""
    architecture = ROOT / "docs" / "architecture.md"
    return {
        ROOT / "workflow" / "schemas" / "config.schema.json": json.dumps(schema(), indent=2) + "\n",
        ROOT / "config" / "README.md": readme(),
        architecture: PICTURE.sub("\n".join(picture()) + "\n", architecture.read_text(encoding="utf-8")),
    }


def main() -> None:
    for path, text in pages().items():
        if path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"Written: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
