"""Writing an export: only into a folder of its own, only what differs, and nothing is lost where it is stopped."""

import json
import os
from pathlib import Path

import pytest

from chalicelib.errors import UsageError
from chalicelib.web.folder import MANIFEST, Written, write_folder

FILES = {"index.html": b"one", "archive/a/index.html": b"two", "media/ü b.png": b"\x00", ".nojekyll": b""}


def there(folder: Path) -> dict[str, bytes]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_a_folder_holds_what_was_exported_last(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    assert write_folder(out, FILES) == Written(4, 4, 0)
    assert there(out) == FILES
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert write_folder(out, FILES) == Written(4, 0, 0)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    less = {"index.html": b"one more", "new.html": b"new"}
    assert write_folder(out, less) == Written(2, 2, 3)
    assert there(out) == less
    assert sorted(path.name for path in out.iterdir()) == [MANIFEST, "index.html", "new.html"]
    assert json.loads((out / MANIFEST).read_bytes()) == {"files": ["index.html", "new.html"]}


def test_what_others_put_there_stays(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("x")
    (tmp_path / "CNAME").write_text("news.example.org")
    write_folder(tmp_path, FILES)
    (tmp_path / "archive" / "mine.txt").write_text("mine")
    write_folder(tmp_path, {"index.html": b"one"})
    assert there(tmp_path) == {
        ".git/config": b"x", "CNAME": b"news.example.org", "archive/mine.txt": b"mine", "index.html": b"one",
    }  # fmt: skip


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.odt").write_text("years of work")
    with pytest.raises(UsageError, match=r"no export of the archive: thesis\.odt"):
        write_folder(tmp_path, FILES)
    assert there(tmp_path) == {"thesis.odt": b"years of work"}
    with pytest.raises(UsageError, match="is a file"):
        write_folder(tmp_path / "thesis.odt", FILES)


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"files": 3}', '{"files": null}'])
def test_a_broken_list_removes_nothing(tmp_path: Path, manifest: str) -> None:
    (tmp_path / MANIFEST).write_text(manifest)
    (tmp_path / "kept.html").write_text("kept")
    with pytest.raises(UsageError, match="is not what an export wrote"):
        write_folder(tmp_path, FILES)
    assert there(tmp_path) == {"kept.html": b"kept"}


ODD = ["../victim", "/etc/victim", "a/../../victim", ".git/config", "a\\b", ""]


@pytest.mark.parametrize("name", [*ODD, "link/victim"])
def test_nothing_beyond_the_folder_is_touched(tmp_path: Path, name: str) -> None:
    out, victim = tmp_path / "out", tmp_path / "victim"
    victim.write_text("here")
    (out / ".git").mkdir(parents=True)
    (out / ".git" / "config").write_text("here")
    (out / "link").symlink_to(tmp_path)
    (out / MANIFEST).write_text(json.dumps({"files": [name, 3, None]}))
    if name in ODD:  # is passed over
        assert write_folder(out, {"index.html": b"one"}).removed == 0
    else:
        with pytest.raises(UsageError, match="outside of"):
            write_folder(out, {"index.html": b"one"})
    with pytest.raises(UsageError):
        write_folder(out, {name: b"overwritten"})
    assert victim.read_text() == (out / ".git" / "config").read_text() == "here"


def test_a_link_in_place_of_a_file_is_replaced_not_followed(tmp_path: Path) -> None:
    out, victim = tmp_path / "out", tmp_path / "victim"
    victim.write_bytes(b"one")
    write_folder(out, FILES)
    (out / "index.html").unlink()
    (out / "index.html").symlink_to(victim)
    assert write_folder(out, FILES).changed == 1
    assert not (out / "index.html").is_symlink()
    assert victim.read_bytes() == b"one"


def test_who_is_stopped_in_between_is_followed_by_one_who_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path, FILES)
    replace, left = Path.replace, [3]

    class Stopped(BaseException):
        pass

    def until(self: Path, target: Path) -> Path:
        left[0] -= 1
        if not left[0]:
            raise Stopped
        return replace(self, target)

    new = {"a.html": b"a", "b.html": b"b", "c.html": b"c"}
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", until)
        with pytest.raises(Stopped):
            write_folder(tmp_path, new)
    assert FILES.items() <= there(tmp_path).items(), "what was there is still whole"
    assert write_folder(tmp_path, {"only.html": b"1"}).removed == len(FILES) + 1
    assert there(tmp_path) == {"only.html": b"1"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cant_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="can't be written to"):
        write_folder(tmp_path / "out", FILES)


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a": b"a file"})
    with pytest.raises(UsageError, match="can't be written to"):
        write_folder(tmp_path, {"a/index.html": b"below it"})
