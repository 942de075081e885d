"""Make chalicelib/audience/data/disposable.txt from the package ``disposable-email-domains``, one domain a line.

The package (MIT) holds the list of the project of that name (CC0). ``pip download --no-deps disposable-email-domains``,
then ``python tools/disposable_domains.py disposable_email_domains-….whl``.
"""

import ast
import re
import sys
import zipfile
from datetime import date
from pathlib import Path

OUT = Path(__file__).resolve().parents[1] / "chalicelib" / "audience" / "data" / "disposable.txt"
_DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")


def main(wheel: Path) -> None:
    """Read the wheel without running it, and write what is a domain."""
    version = wheel.name.split("-")[1]
    with zipfile.ZipFile(wheel) as archive:
        name = "disposable_email_domains/__init__.py"
        made = date(*archive.getinfo(name).date_time[:3])
        tree = ast.parse(archive.read(name))
    sets = [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign) and isinstance(node.value, ast.Set)]
    domains = sorted(domain for domain in ast.literal_eval(sets[0]) if _DOMAIN.fullmatch(domain))
    head = (
        "# Domains whose addresses are thrown away after an hour. Source: the project disposable-email-domains (CC0),\n"
        f"# by its package of that name, version {version} of {made}. Made anew by tools/disposable_domains.py.\n"
    )
    OUT.write_text(head + "\n".join(domains) + "\n", "utf-8")
    sys.stdout.write(f"{len(domains)} domains in {OUT.name}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
