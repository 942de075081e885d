"""`python -m tools.openapi`: docs/openapi.json anew, from the table of routes."""

import json
from pathlib import Path

from chalicelib.web.api.openapi import document

COPY = Path(__file__).resolve().parent.parent / "docs" / "openapi.json"


def text() -> str:
    """The committed copy as it should be."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    COPY.write_text(text(), "utf-8")
