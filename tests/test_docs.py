"""The documents tell the truth: commands run, and settings, keys, codes and links are all there are."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from chalicelib.cli.main import app
from chalicelib.content.load import NOTICES, template_names
from chalicelib.settings import SETTINGS
from tools.gallery import SHOWN, page

ROOT = Path(__file__).resolve().parents[1]
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
CONTENT, OPERATING = ROOT / "docs" / "content.md", ROOT / "docs" / "operating.md"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
READERS = {"text", "texts", "localized", "flag", "parsed", "span", "choice", "each", "sub", "node"}


def text_of(path: Path) -> str:
    return path.read_text("utf-8")


def section(path: Path, heading: str) -> str:
    """What stands below a heading, up to the next of its level or above."""
    level = heading.split(" ")[0]
    _, found, rest = text_of(path).partition(f"\n{heading}\n")
    assert found, f"{path.name} has no heading '{heading}'"
    return re.split(rf"^#{{1,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(markdown: str) -> list[str]:
    """The words in backticks of each table row's first cell."""
    cells = [row.split("|")[1] for row in markdown.splitlines() if row.startswith("| `")]
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


def calls(*rooms: str) -> Iterator[ast.Call]:
    for room in rooms:
        for path in sorted((ROOT / "chalicelib" / room).glob("*.py")):
            yield from (node for node in ast.walk(ast.parse(text_of(path))) if isinstance(node, ast.Call))


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def constant(call: ast.Call, position: int) -> str | None:
    node = call.args[position] if len(call.args) > position else None
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


@cache
def codes_in_use() -> set[str]:
    """Every problem code that the code can report."""
    found: set[str | None] = set()
    for call in calls("content", "collect", "compose", "outreach", "lint"):
        name = name_of(call)
        if name in {"error", "warning", "Problem"}:
            found.add(constant(call, 2))
        elif name == "wrong":
            found.add(constant(call, 2) if len(call.args) > 2 else "bad-value")
        elif name == "Finding":
            found.add(constant(call, 0))
        elif name == "_RefusedError":
            found.add(constant(call, 1))
    return {code for code in found if code}


@cache
def keys_in_use() -> set[str]:
    """Every key that content may hold: what the readers of fields ask for."""
    keys = {constant(call, 0) for call in calls("content", "outreach") if name_of(call) in READERS}
    keys |= {
        constant(call, 1) for call in calls("content") if call.args and getattr(call.args[0], "id", "") == "fields"
    }
    tree = ast.parse(text_of(ROOT / "chalicelib" / "content" / "posts.py"))
    known = next(n for n in tree.body if isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "") == "KNOWN_KEYS")
    keys |= set(ast.literal_eval(known.value))
    return {key for key in keys if key and re.fullmatch(r"[a-z_]+", key)} | {"feed", "folder", "calendar"}


def commands() -> set[str]:
    """Every command of ``sendbrief``, hidden ones too."""
    root = get_command(app)
    assert isinstance(root, typer.core.TyperGroup)
    names = set[str]()
    for name, command in root.commands.items():
        inner = getattr(command, "commands", None)
        names |= {f"{name} {sub}" for sub in inner} if inner else {name}
    return names


@dataclass(frozen=True)
class Step:
    """A command of a console block and the lines of its output that the document shows."""

    command: str
    shown: tuple[str, ...]


def steps(path: Path) -> list[Step]:
    found: list[Step] = []
    for language, block in FENCE.findall(text_of(path)):
        if language != "console":
            continue
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = part.rstrip("\n").split("\n")
            found.append(Step(command, tuple(shown)))
    return found


def test_the_settings_are_the_table_line_by_line() -> None:
    rows = [row for row in section(OPERATING, "## Settings").splitlines() if row.startswith("| `SENDBRIEF_")]
    assert rows == [f"| `{s.variable}` | {s.default} | {s.meaning} |" for s in SETTINGS]


def test_every_problem_code_is_explained_and_no_other() -> None:
    assert first_cells(section(CONTENT, "## Problem codes")) == sorted(codes_in_use())


def test_every_content_key_is_explained() -> None:
    explained = set(re.findall(r"`([a-z_]+)[`:]", text_of(CONTENT)))
    assert keys_in_use() - explained == set()


@pytest.mark.parametrize(
    "heading",
    [
        "## content/site.yaml",
        "### theme",
        "### subscribing",
        "### privacy",
        "### pace",
        "### brake",
        "### webhooks",
        "### sources",
        "## content/newsletters/\\<name\\>.yaml",
        "### schedule",
        "### sections",
        "## Posts and events",
        "## Edition notes",
    ],
)
def test_every_explained_content_key_exists(heading: str) -> None:
    explained = first_cells(section(CONTENT, heading).split("\n#")[0])
    assert explained
    assert [key for key in explained if key not in keys_in_use()] == []


def test_every_command_is_explained_and_no_other() -> None:
    explained = [cell.removeprefix("sendbrief ") for cell in first_cells(section(OPERATING, "## Commands"))]
    assert set(explained[: len(commands())]) == commands()


def test_every_command_named_anywhere_exists() -> None:
    known = commands() | {command.split(" ")[0] for command in commands()}
    for path in DOCS:
        for named in re.findall(r"`sendbrief ([a-z]+(?: [a-z]+)?)", text_of(path)):
            assert named in known or named.split(" ")[0] in known, f"{path.name}: sendbrief {named}"


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    text = FENCE.sub("", text_of(path))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("https://", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), f"{path.name} links to {target}"
        if anchor:
            headings = [heading_anchor(line) for line in text_of(there).splitlines() if line.startswith("#")]
            assert anchor in headings, f"{path.name} links to {target}"


def heading_anchor(line: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower()).replace(" ", "-")


def test_every_chore_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    for path in DOCS:
        for named in re.findall(r"(?:`|\$ )make ([a-z-]+)", text_of(path)):
            assert named in targets, f"{path.name}: make {named}"


ELSEWHERE = {"deploy.md": "tests/e2e/test_deploy_document.py follows it, with a local AWS"}


@pytest.mark.parametrize(
    "path", [path for path in DOCS if steps(path) and path.name not in ELSEWHERE], ids=lambda path: path.name
)
def test_console_blocks_run_and_show_what_they_show(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    if path.name != "README.md":  # its session begins with nothing, the others look at the example site
        shutil.copytree(ROOT / "content", folder / "content")
        run("sendbrief demo --no-serve", folder)
    for step in steps(path):
        if step.command.startswith(("make ", "git ", "cd ")):
            continue  # chores of this checkout: that they exist is another test
        done = run(step.command, folder)
        assert done.returncode == 0, f"{path.name}: {step.command}\n{done.stdout}{done.stderr}"
        if step.shown:
            assert normal(done.stdout, folder) == normal("\n".join(step.shown), folder), f"{path.name}: {step.command}"


def json_rows() -> list[tuple[str, list[str]]]:
    """The table of JSON shapes: a command and the keys it is said to have."""
    rows = [row.split("|") for row in section(OPERATING, "## Commands").splitlines() if row.startswith("| `")]
    table = [row for row in rows if not row[1].strip().startswith("`sendbrief")]
    return [(row[1].strip(" `"), re.findall(r"`(\w+)`", row[2])) for row in table]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the example was played once."""
    folder = tmp_path_factory.mktemp("played")
    shutil.copytree(ROOT / "content", folder / "content")
    run("sendbrief demo --no-serve", folder)
    run("sendbrief suppressions add @blocked.example", folder)
    run("sendbrief site pause --restored", folder)
    return folder


@pytest.mark.parametrize(("command", "keys"), json_rows())
def test_json_has_the_keys_that_are_told(command: str, keys: list[str], played: Path) -> None:
    arguments = {
        "draft": "draft community-digest --now 2026-11-17T12:00",
        "simulate": "simulate community-digest --from 2026-10-01 --to 2026-11-30",
        "subscribers import": "subscribers import content/sample-subscribers.csv --newsletter community-digest "
        "--basis consent",
        "subscribers show": "subscribers show mira.okafor@example.org",
        "subscribers erase": "subscribers erase luke.obrien@example.com",
        "suppressions import": "suppressions import addresses.txt",
        "doubt": f"doubt {json.loads(run('sendbrief status --json', played).stdout)['editions'][0]['id']}",
        "who": "who mira.okafor@example.org",
        "doctor": "doctor --offline",
        "cost": "cost --next --now 2026-11-17T12:00",
        "check": "--site broken check",
        "lint": "lint broken/mail.mjml",
    }
    (played / "broken" / "content").mkdir(parents=True, exist_ok=True)
    (played / "addresses.txt").write_text("blocked@example.org\n", "utf-8")
    (played / "broken" / "mail.mjml").write_text("<mjml></mjml>", "utf-8")
    answer = json.loads(run(f"sendbrief {arguments.get(command, command)} --json", played).stdout)
    assert list(answer[0] if isinstance(answer, list) else answer) == keys


def test_an_edition_has_the_keys_that_are_told(played: Path) -> None:
    (told,) = re.findall(r"An edition in `status` and `tick` has (.*?)\. Books", text_of(OPERATING), re.DOTALL) or [""]
    found = json.loads(run("sendbrief status --json", played).stdout)["editions"][0]
    assert set(found) == set(re.findall(r"`(\w+)`", told.split(", at every")[0])) - {"status", "tick"}


def test_the_mistake_in_the_readme_is_named_as_it_says(tmp_path: Path) -> None:
    run("sendbrief new site", tmp_path)
    file = tmp_path / "content" / "newsletters" / "digest.yaml"
    file.write_text(text_of(file).replace("draft_before:", "draft_befor:"), "utf-8")
    done = run("sendbrief check", tmp_path)
    assert done.returncode == 1
    assert done.stdout.strip() in text_of(ROOT / "README.md")


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A command line without a shell, with this environment's programs and none of its settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SENDBRIEF_")}
    program, *arguments = shlex.split(command)
    programs = {"sendbrief": [sys.executable, "-m", "chalicelib.cli.main"], "python3": [sys.executable]}
    return subprocess.run(
        [*programs[program], *arguments], cwd=folder, env=kept | {"COLUMNS": "120", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def normal(output: str, folder: Path) -> list[str]:
    """Output without what differs from day to day and place to place."""
    output = output.replace(f"{folder.resolve()}/", "").replace(f"{folder}/", "")
    output = re.sub(r"\d{4}-\d{2}-\d{2}", "<date>", output)
    return [" ".join(line.split()) for line in output.splitlines() if line.strip()]


def test_the_gallery_shows_every_template_and_nothing_that_is_gone() -> None:
    assert text_of(ROOT / "docs" / "gallery.md") == page()
    shown = set(re.findall(r'src="gallery/([^"]+)"', page()))
    assert shown == {path.name for path in (ROOT / "docs" / "gallery").glob("*.webp")}
    assert {*template_names(ROOT / "nowhere"), *NOTICES} - {"digest"} <= set(SHOWN)
