"""What people see, in headless Chromium: no mail needs sideways scrolling, on any width, in any language."""

import re
import shutil
import subprocess
from email import message_from_bytes, policy
from html import escape
from pathlib import Path

import pytest

from tests.e2e.house import ROOT, House

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: apt install chromium)"),
]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=3000",
    "--dump-dom",
]
WIDTHS = (320, 375, 700)
_PROBE = """<!doctype html><meta charset="utf-8"><body>{frames}<script>
addEventListener('load', () => {{ for (const frame of document.querySelectorAll('iframe')) {{
  const page = frame.contentDocument.documentElement;
  frame.dataset.found = page.scrollWidth + '/' + frame.clientWidth + '/' + page.scrollHeight + '/' + page.lang; }} }});
</script></body>"""
_FRAME = '<iframe width="{width}" height="600" frameborder="0" srcdoc="{html}"></iframe>'


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The HTML of one mail of each newsletter and language of the demo."""
    data = tmp_path_factory.mktemp("demo")
    House(ROOT, data).run("demo", "--no-serve")
    found: dict[str, str] = {}
    for path in sorted((data / "maildir" / "new").iterdir()):
        message = message_from_bytes(path.read_bytes(), policy=policy.default)
        html = message.get_body(("html",))
        assert html is not None
        edition = str(message["X-Sendbrief-Edition"]).partition("/")[0]
        found[f"{edition}-{message['Content-Language']}"] = html.get_content()
    return found


def probe(html: str, folder: Path) -> list[list[str]]:
    """Scroll width, width, height and language of a page in a frame of each width."""
    page = folder / "probe.html"
    frames = "".join(_FRAME.format(width=width, html=escape(html, quote=True)) for width in WIDTHS)
    page.write_text(_PROBE.format(frames=frames), "utf-8")
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder / 'profile'}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    return [match.split("/") for match in re.findall(r'data-found="([^"]+)"', done.stdout)]


@pytest.mark.parametrize(
    "name", ["community-digest-en", "community-digest-de", "security-advisories-en", "security-advisories-de"]
)
def test_no_mail_scrolls_sideways(letters: dict[str, str], name: str, tmp_path: Path) -> None:
    found = probe(letters[name], tmp_path)
    assert len(found) == len(WIDTHS)
    for needed, width, height, language in found:
        assert int(needed) <= int(width), f"{name} is {needed} px wide in a window of {width}"
        assert int(height) > 600
        assert language == name[-2:]


def test_the_probe_sees_what_is_too_wide(tmp_path: Path) -> None:
    wide = "<!doctype html><html lang='en'><body><div style='width:900px'>wide</div>"
    assert all(int(needed) > int(width) for needed, width, *_ in probe(wide, tmp_path))
