"""Make chalicelib/lint/data/clients.json from the data of caniemail.com: what which mail program understands.

The data is that of the npm package ``caniemail`` (MIT): ``npm install caniemail``, then
``python tools/client_support.py node_modules/caniemail``. Only programs that Sendbrief's readers are likely to use are
kept, the newest version of each, and only features that can be seen in HTML and CSS.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

OUT = Path(__file__).resolve().parents[1] / "chalicelib" / "lint" / "data" / "clients.json"
CLIENTS = {
    "outlook.windows": "Outlook (Windows)",
    "outlook.outlook-com": "Outlook.com and new Outlook",
    "outlook.macos": "Outlook (macOS)",
    "outlook.ios": "Outlook (iOS)",
    "outlook.android": "Outlook (Android)",
    "gmail.desktop-webmail": "Gmail",
    "gmail.ios": "Gmail (iOS)",
    "gmail.android": "Gmail (Android)",
    "apple-mail.macos": "Apple Mail (macOS)",
    "apple-mail.ios": "Apple Mail (iOS)",
    "thunderbird.macos": "Thunderbird",
    "gmx.desktop-webmail": "GMX",
    "gmx.ios": "GMX (iOS)",
    "gmx.android": "GMX (Android)",
    "web-de.desktop-webmail": "WEB.DE",
    "web-de.ios": "WEB.DE (iOS)",
    "web-de.android": "WEB.DE (Android)",
}
NAMED: dict[str, list[list[str]]] = {
    "css-left-right-top-bottom": [["property", name] for name in ("left", "right", "top", "bottom")],
    "css-gap": [["property", name] for name in ("gap", "column-gap", "row-gap")],
    "css-grid-template": [["property", f"grid-template-{name}"] for name in ("areas", "columns", "rows")],
    "css-variables": [["function", "var"]],
    "css-unit-calc": [["function", "calc"]],
    "css-modern-color": [["function", name] for name in ("lch", "oklch", "lab", "oklab")],
    "css-important": [["value", "!important"]],
    "css-color-scheme": [["property", "color-scheme"]],
    "css-at-media-prefers-color-scheme": [["media", "prefers-color-scheme"]],
    "css-at-media-prefers-reduced-motion": [["media", "prefers-reduced-motion"]],
    "css-at-media-hover": [["media", "hover"], ["media", "any-hover"]],
    "css-at-media-orientation": [["media", "orientation"]],
    "css-at-media-device-pixel-ratio": [["media", "device-pixel-ratio"]],
    "css-sytem-ui": [["value", name] for name in ("system-ui", "ui-serif", "ui-sans-serif", "ui-monospace")],
    "css-margin-inline-start-end": [["property", "margin-inline-start"], ["property", "margin-inline-end"]],
    "css-margin-inline-block": [["property", "margin-inline"], ["property", "margin-block"]],
    "css-padding-inline-start-end": [["property", "padding-inline-start"], ["property", "padding-inline-end"]],
    "css-padding-inline-block": [["property", "padding-inline"], ["property", "padding-block"]],
    "css-border-inline-block-individual": [["property", "border-inline-start"], ["property", "border-inline-end"]],
    "html-semantics": [
        ["element", name] for name in ("article", "aside", "details", "footer", "header", "main", "nav", "section")
    ],
    "html-image-maps": [["element", "map"]],
    "html-svg": [["element", "svg"], ["suffix", ".svg"]],
    "html-lists": [["element", name] for name in ("ul", "ol", "dl")],
    "html-h1-h6": [["element", f"h{level}"] for level in range(1, 7)],
    "html-srcset": [["attribute", "srcset"], ["attribute", "sizes"]],
    "html-mailto-links": [["href", "mailto:"]],
    "html-anchor-links": [["href", "#"]],
    "image-base64": [["src", "data:image/"]],
}  # fmt: skip
"""Features whose title does not say by itself how they are written."""
PASSED_OVER = {"html-doctype", "html-comments", "css-comments", "css-selector-class", "css-unit-px", "css-unit-percent"}


def matches(feature: dict[str, Any]) -> list[list[str]]:
    """How a feature is seen: kind and word each; none where it can't be."""
    slug, title = feature["slug"], feature["title"].strip()
    if slug in NAMED:
        return NAMED[slug]
    if feature["category"] == "image":
        return [["suffix", f".{slug.removeprefix('image-')}"]] if slug != "image-mp4" else [["suffix", ".mp4"]]
    if feature["category"] == "html":
        return _html(title)
    return _css(title) if feature["category"] == "css" else []


def _html(title: str) -> list[list[str]]:
    if pair := re.match(r'<(\w+) (\w+)="(\w+)">', title):
        return [["pair", f"{pair[1]} {pair[2]}={pair[3]}"]]
    if title.endswith(" attribute"):
        return [["attribute", title.removesuffix(" attribute")]]
    element = re.match(r"<(\w+)>", title) or re.match(r"([a-z]+)\Z", title)
    return [["element", element[1]]] if element else []


def _css(title: str) -> list[list[str]]:
    for pattern, kind in (
        (r"@([a-z-]+)\Z", "at"), (r":([a-z-]+)(?:\(\))?\Z", "pseudo"), (r"::([a-z-]+)\Z", "pseudo"),
        (r"([a-z-]+)\(\)\Z", "function"), (r"([a-z]+) unit\Z", "unit"),
    ):  # fmt: skip
        if match := re.match(pattern, title):
            return [[kind, match[1]]]
    if pair := re.match(r"([a-z-]+):\s*([a-z-]+)\Z", title):
        return [["declaration", f"{pair[1]}:{pair[2]}"]]
    name = re.sub(r" (?:shorthand|property)\Z", "", title)
    return [["property", name]] if re.fullmatch(r"[a-z-]+", name) else []


def support(feature: dict[str, Any]) -> dict[str, str]:
    """``n`` or ``a`` (in part) for each program that does not fully understand it in its newest version."""
    found = {}
    for client in CLIENTS:
        family, platform = client.split(".")
        versions = feature["stats"].get(family, {}).get(platform, {})
        newest = max(versions, key=_version, default="")
        says = versions[newest][:1] if newest else ""
        if says in {"n", "a"}:
            found[client] = says
    return found


def _version(name: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", name)]


def reduced(package: Path) -> dict[str, Any]:
    """The whole data set as the lint reads it."""
    data = json.loads((package / "data" / "caniemail.json").read_text("utf-8"))
    version = json.loads((package / "package.json").read_text("utf-8"))["version"]
    features = {}
    for feature in sorted(data["data"], key=lambda feature: str(feature["slug"])):
        seen, lacks = matches(feature), support(feature)
        if seen and lacks and feature["slug"] not in PASSED_OVER:
            features[feature["slug"]] = {"title": feature["title"].strip(), "seen": seen, "support": lacks}
    return {
        "source": f"https://www.caniemail.com, by the npm package caniemail {version} (MIT)",
        "date": data["last_update_date"][:10],
        "clients": CLIENTS,
        "features": features,
    }


def main() -> int:
    """The command."""
    if len(sys.argv) != 2:
        sys.stderr.write("Name the folder of the npm package: node_modules/caniemail\n")
        return 2
    made = reduced(Path(sys.argv[1]))
    lines = json.dumps(made, indent=1, ensure_ascii=False)
    lines = re.sub(r"\[\s+\"([^\"]*)\",\s+\"([^\"]*)\"\s+\]", r'["\1", "\2"]', lines)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(lines + "\n", "utf-8")
    sys.stdout.write(f"{OUT}: {len(made['features'])} features, {made['date']}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
