"""The workflows for code hosts: platforms can read them, their commands exist, and one comment is kept up to date."""

import json
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import typer
import yaml
from typer.main import get_command

from chalicelib.cli.main import app, hoist
from chalicelib.cli.preview_comment import MARK
from tests.cli.house import MONDAY, Command, small_site

FOLDER = Path(__file__).resolve().parents[2] / "ci-examples"
WORKFLOWS = {path.stem: path for path in sorted(FOLDER.glob("*.yml"))}


def loaded(name: str) -> dict[Any, Any]:
    found = yaml.safe_load(WORKFLOWS[name].read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def scripts(name: str) -> Iterator[str]:
    """Every shell script of a workflow."""
    made = loaded(name)
    jobs = made["jobs"].values() if "jobs" in made else [job for job in made.values() if isinstance(job, dict)]
    for job in jobs:
        yield from (step["run"] for step in job.get("steps", []) if "run" in step)
        yield from (*job.get("before_script", []), *job.get("script", []))


def calls(name: str) -> list[list[str]]:
    """The arguments of each call of ``sendbrief``."""
    found = [line for script in scripts(name) for line in script.splitlines() if re.match(r"\s*sendbrief ", line)]
    return [shlex.split(line.split(" || ")[0])[1:] for line in found]


def test_there_is_one_for_each_host() -> None:
    assert list(WORKFLOWS) == ["forgejo", "github", "gitlab-ci"]


@pytest.mark.parametrize("name", ["github", "forgejo"])
def test_workflows_of_actions_are_what_they_should_be(name: str) -> None:
    made = loaded(name)
    on = made[True]  # YAML 1.1 takes the word for a truth value; both hosts know that
    assert {"pull_request", "push", "workflow_dispatch"} == set(on)
    assert on["push"]["branches"] == ["main"]
    assert set(made["jobs"]) == {"preview", "publish"}
    for job in made["jobs"].values():
        assert set(job) <= {"if", "runs-on", "container", "permissions", "env", "environment", "concurrency", "steps"}
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step), step
            assert set(step) <= {"id", "if", "uses", "with", "env", "run", "continue-on-error"}, step
            assert re.fullmatch(r"[\w.:/-]+@v\d+", step.get("uses", "a/b@v1"))
    assert made["jobs"]["preview"]["if"] == "github.event_name == 'pull_request'"
    assert made["jobs"]["publish"]["if"] == "github.event_name != 'pull_request' && github.ref == 'refs/heads/main'"


@pytest.mark.parametrize("name", ["github", "forgejo"])
def test_nothing_of_a_pull_request_becomes_part_of_a_script(name: str) -> None:
    assert not [script for script in scripts(name) if "${{" in script]


def test_who_may_what_is_told_for_each_job() -> None:
    jobs = loaded("github")["jobs"]
    assert loaded("github")["permissions"] == {"contents": "read"}
    assert jobs["preview"]["permissions"] == {"contents": "read", "pull-requests": "write", "id-token": "write"}
    assert jobs["publish"]["permissions"] == {"contents": "read", "id-token": "write"}
    roles = [step["with"]["role-to-assume"] for job in jobs.values() for step in job["steps"] if "role-to-assume" in
             step.get("with", {})]  # fmt: skip
    assert roles == ["${{ vars.SENDBRIEF_PREVIEW_ROLE }}", "${{ vars.SENDBRIEF_PUBLISH_ROLE }}"]


def test_the_one_for_gitlab_is_what_it_should_be() -> None:
    made = loaded("gitlab-ci")
    assert made["stages"] == ["preview", "publish"]
    for name in made["stages"]:
        job = made[name]
        assert job["stage"] == name
        assert job["extends"] == ".sendbrief"
        assert all(isinstance(line, str) for line in job["script"])
        assert job["rules"]
    assert made["preview"]["artifacts"] == {"when": "always", "paths": ["preview"], "expire_in": "2 weeks"}
    assert "CI_DEFAULT_BRANCH" in made["publish"]["rules"][0]["if"]
    assert made["publish"]["id_tokens"]["AWS_ID_TOKEN"]["aud"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_secret_stands_in_a_file(name: str) -> None:
    text = WORKFLOWS[name].read_text("utf-8")
    assert not re.search(r"AKIA|arn:aws|(?i:password|secret_access_key): *(?!\$)\S", text)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_scripts_are_what_a_shell_reads(name: str) -> None:
    for script in scripts(name):
        subprocess.run(["sh", "-n", "-c", script], check=True)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_call_exists_with_those_options(name: str) -> None:
    root = get_command(app)
    assert isinstance(root, typer.core.TyperGroup)
    assert {call[0] for call in calls(name)} == {"check", "preview", "publish"}
    for call in calls(name):
        words = hoist(call)
        with root.make_context("sendbrief", list(words)) as context:
            command = root.get_command(context, call[0])
            assert command
            command.make_context(call[0], call[1:], parent=context).close()


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_calls_do_what_they_are_there_for(
    name: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_site(command)
    monkeypatch.chdir(tmp_path)
    for call in calls(name):
        more = ["--now", MONDAY, "--no-pictures"] if call[0] == "preview" else []
        command.run(*[word.replace("$", "") for word in call], *more)
    assert (tmp_path / "preview" / "comment.md").read_text("utf-8").startswith(MARK)
    assert (tmp_path / "preview" / "digest" / "index.html").exists()
    (published,) = command.run("publish", "--list", "--json").json
    assert published["commit"] in {"GITHUB_SHA", "CI_COMMIT_SHA"}


# The comment.


class Host(BaseHTTPRequestHandler):
    """A code host: its comments, and what it was asked."""

    comments: list[dict[str, Any]]
    asked: list[tuple[str, str, str]]
    kind, pages, refuses = "github", 1, 0

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self) -> None:
        cls, asked = type(self), urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length) or b"null")
        token = self.headers.get("authorization", self.headers.get("private-token", ""))
        cls.asked.append((self.command, asked.path, token))
        answer: Any = None
        if cls.refuses:
            self.send_response(cls.refuses)
            self.end_headers()
            return
        if asked.path.endswith("/user"):
            answer = {"username": "project_7_bot"}
        elif self.command == "GET":
            page = int(parse_qs(asked.query)["page"][0])
            half = -(-len(cls.comments) // cls.pages) or 1
            answer = cls.comments[(page - 1) * half : page * half] if cls.pages > 1 else cls.comments
            if cls.kind == "github" and page > cls.pages:
                answer = []
        elif self.command == "POST":
            who = {"gitlab": {"author": {"username": "project_7_bot"}}}.get(
                cls.kind, {"user": {"login": {"github": "github-actions[bot]"}.get(cls.kind, "forgejo-actions")}}
            )
            cls.comments.append({"id": len(cls.comments) + 1, "body": body["body"], **who})
        else:
            number = int(asked.path.rpartition("/")[2])
            next(one for one in cls.comments if one["id"] == number)["body"] = body["body"]
        raw = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = do_PATCH = do_PUT = _answer  # noqa: N815


@pytest.fixture
def host() -> Iterator[type[Host]]:
    kind = type("OneHost", (Host,), {"comments": [], "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    kind.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    yield kind
    server.shutdown()
    server.server_close()
    thread.join()


def put(host: type[Host], kind: str, file: Path, **values: str) -> subprocess.CompletedProcess[str]:
    host.kind = kind
    url = host.url  # type: ignore[attr-defined]
    environment = {
        "GITHUB_API_URL": f"{url}/api/v1", "GITHUB_REPOSITORY": "guild/news", "PULL_REQUEST": "12",
        "CI_API_V4_URL": f"{url}/api/v4", "CI_PROJECT_ID": "7", "CI_MERGE_REQUEST_IID": "12",
        "COMMENT_TOKEN": "hush-hush", **values,
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, str(FOLDER / "comment.py"), kind, str(file)], env=environment, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "comment.md"
    path.write_text(f"{MARK}\n\nThe first.\n", "utf-8")
    return path


@pytest.mark.parametrize(
    ("kind", "token"), [("github", "Bearer hush-hush"), ("forgejo", "token hush-hush"), ("gitlab", "hush-hush")]
)
def test_it_is_made_once_and_then_changed(host: type[Host], kind: str, token: str, file: Path) -> None:
    stranger = {"user": {"login": "mallory"}, "author": {"username": "mallory"}}
    host.comments += [
        {"id": 1, "body": "Looks good.", **stranger},
        {"id": 2, "body": f"{MARK}\n\nA trap.", **stranger},
        {"id": 3, "body": "no author is known"},
    ]
    assert put(host, kind, file).stdout == "The comment was made.\n"
    file.write_text(f"{MARK}\n\nThe second.\n", "utf-8")
    assert put(host, kind, file).stdout == "The comment was changed.\n"
    assert [one["body"] for one in host.comments[3:]] == [f"{MARK}\n\nThe second.\n"]
    assert host.comments[1]["body"].endswith("A trap.")
    assert {sent for _, _, sent in host.asked} == {token}
    actions = "/api/v1/repos/guild/news/issues"
    made, changed = f"{actions}/12/comments", f"{actions}/comments/4"
    if kind == "gitlab":
        made = "/api/v4/projects/7/merge_requests/12/notes"
        changed = f"{made}/4"
    assert ("POST", made, token) in host.asked
    assert host.asked[-1] == ("PUT" if kind == "gitlab" else "PATCH", changed, token)


def test_it_is_found_on_a_later_page(host: type[Host], file: Path) -> None:
    host.comments += [{"id": number, "body": "x", "user": {"login": "ada"}} for number in range(1, 8)]
    put(host, "github", file)
    host.pages = 4
    assert put(host, "github", file).stdout == "The comment was changed.\n"
    assert len(host.comments) == 8


def test_a_refusal_is_told_without_the_token(host: type[Host], file: Path) -> None:
    host.refuses = 403
    ran = put(host, "github", file)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "GET /issues/12/comments was answered with 403.\n"
    ran = put(host, "github", file, GITHUB_API_URL="http://127.0.0.1:1")
    assert (ran.returncode, "hush" in ran.stderr, "failed" in ran.stderr) == (1, False, True)


def test_misuse_is_told(host: type[Host], file: Path, tmp_path: Path) -> None:
    assert "COMMENT_TOKEN is not set" in put(host, "github", file, COMMENT_TOKEN="").stderr
    assert put(host, "sourcehut", file).returncode == 2
    assert put(host, "github", tmp_path / "nowhere").returncode == 1
    file.write_text("No mark.\n")
    assert "does not begin with the mark" in put(host, "github", file).stderr
    assert host.comments == []
