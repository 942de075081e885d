"""Bundles: what is taken of a site, and that nothing but the whole of it is ever taken for it."""

import errno
import hashlib
import json
import os
import subprocess
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.content import bundles
from chalicelib.content.bundles import Bundle, make_bundle, manifest_json, mark_of, opened, read_manifest, wrong_name
from chalicelib.content.load import BUILT_IN_TEMPLATES
from chalicelib.content.packing import site_files
from chalicelib.content.unpacking import is_whole, sweep, unpacked
from chalicelib.errors import BundleError, ConfigurationError, NotFoundError, UsageError

MADE = "2026-11-23T10:00:00+00:00"
FILES = {"content/site.yaml": b"name: A\n", "content/a/\xfc.md".encode("latin-1").decode("latin-1"): b"\x00\xff" * 40,
         "templates/email/_foot.mjml": b""}  # fmt: skip


def bundle_of(files: dict[str, bytes] | None = None) -> Bundle:
    return make_bundle(FILES if files is None else files, ("digest",), MADE, "a" * 40)


def test_a_bundle_comes_back_byte_for_byte() -> None:
    bundle = bundle_of()
    raw = manifest_json(bundle.manifest)
    read = read_manifest(raw, bundle.manifest.hash)
    assert read == bundle.manifest
    assert dict(opened(read, bundle.archive)) == FILES


def test_the_hash_is_that_of_the_files_as_sha256sum_tells_them_and_of_nothing_else(tmp_path: Path) -> None:
    for name, raw in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(raw)
    command = "find content templates -type f | LC_ALL=C sort | xargs sha256sum | sha256sum"
    told = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert bundle_of().manifest.hash == told.stdout.split()[0]
    other = make_bundle(dict(reversed(FILES.items())), (), "2030-01-01T00:00:00+00:00", "b" * 40, dirty=True)
    assert other.manifest.hash == bundle_of().manifest.hash
    assert other.archive == bundle_of().archive


PATHS = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1, max_size=12).filter(
        lambda part: part not in {".", ".."}
    ),
    min_size=1, max_size=4,
).map(lambda parts: "/".join(["content", *parts]))  # fmt: skip
SITES = st.dictionaries(PATHS, st.binary(max_size=200), min_size=1, max_size=8)


@given(files=SITES, commit=st.text(max_size=20).filter(str.isprintable), dirty=st.booleans())
def test_any_files_come_back(files: dict[str, bytes], commit: str, dirty: bool) -> None:
    bundle = make_bundle(files, (), MADE, commit, dirty=dirty)
    read = read_manifest(manifest_json(bundle.manifest), bundle.manifest.hash)
    assert (read, dict(opened(read, bundle.archive))) == (bundle.manifest, files)


def taken(wanted: str, manifest: bytes, archive: bytes) -> dict[str, bytes]:
    return dict(opened(read_manifest(manifest, wanted), archive))


@given(data=st.data(), flip=st.integers(1, 255))
@settings(max_examples=600)
def test_one_byte_that_is_another_is_refused(data: st.DataObject, flip: int) -> None:
    bundle = bundle_of()
    parts = [manifest_json(bundle.manifest), bundle.archive]
    which = data.draw(st.integers(0, 1))
    place = data.draw(st.integers(0, len(parts[which]) - 1))
    spoilt = bytearray(parts[which])
    spoilt[place] ^= flip
    parts[which] = bytes(spoilt)
    with pytest.raises(BundleError):
        taken(bundle.manifest.hash, *parts)


@given(data=st.data())
def test_what_is_cut_off_or_has_more_behind_it_is_refused(data: st.DataObject) -> None:
    bundle = bundle_of()
    parts = [manifest_json(bundle.manifest), bundle.archive]
    which = data.draw(st.integers(0, 1))
    length = data.draw(st.integers(0, len(parts[which]) - 1))
    parts[which] = data.draw(st.sampled_from([parts[which][:length], parts[which] + b"\n"]))
    with pytest.raises(BundleError):
        taken(bundle.manifest.hash, *parts)


def forged(files: list[tuple[str, bytes]], compression: int = 0) -> tuple[bytes, bytes]:
    """The archive of other files, with a manifest of the true bundle that vouches for its bytes."""
    made = BytesIO()
    with ZipFile(made, "w", compression) as archive:
        for name, raw in files:
            archive.writestr(name, raw)
    from dataclasses import replace

    return manifest_json(replace(bundle_of().manifest, archive=mark_of(made.getvalue()))), made.getvalue()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([*FILES.items()][:-1], "templates/email/_foot.mjml is missing"),
        ([*FILES.items(), ("content/more.md", b"x")], "more.md"),
        ([*FILES.items(), ("../../evil", b"x")], "evil"),
        ([("content/site.yaml", b"name: B\n"), *[*FILES.items()][1:]], "site.yaml was changed"),
        ([("content/site.yaml", b"name: longer\n"), *[*FILES.items()][1:]], "site.yaml"),
    ],
)
def test_an_archive_of_other_files_is_refused(files: list[tuple[str, bytes]], words: str) -> None:
    with pytest.raises(BundleError, match="is not what was published") as raised:
        taken(bundle_of().manifest.hash, *forged(files))
    assert words in str(raised.value)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_stands_twice_in_the_archive_is_refused() -> None:
    with pytest.raises(BundleError):
        taken(bundle_of().manifest.hash, *forged([*FILES.items(), ("content/site.yaml", b"name: A\n")]))


def test_a_bomb_is_read_no_further_than_the_manifest_says() -> None:
    files = [("content/site.yaml", b"\0" * 50_000_000), *[*FILES.items()][1:]]
    with pytest.raises(BundleError):
        taken(bundle_of().manifest.hash, *forged(files, ZIP_DEFLATED))


@pytest.mark.parametrize("said", ["null", "[]", "{}", '{"files": 1}', "[" * 100_000])
def test_no_manifest_is_refused_with_words(said: str) -> None:
    with pytest.raises(BundleError, match="can't be read"):
        read_manifest(said.encode(), "a" * 64)


def test_a_manifest_of_another_bundle_or_another_version_is_refused() -> None:
    raw = manifest_json(bundle_of().manifest)
    with pytest.raises(BundleError):
        read_manifest(raw, "a" * 64)
    said = json.loads(raw)
    del said["digest"]
    said["sendbrief-bundle"] = 2
    said["digest"] = hashlib.sha256((json.dumps(said, ensure_ascii=False, indent=1) + "\n").encode()).hexdigest()
    with pytest.raises(BundleError, match="another version"):
        read_manifest(json.dumps(said).encode(), bundle_of().manifest.hash)


@pytest.mark.parametrize(
    "name",
    ["content", "content/../x", "../content/x", "/content/x", "content//x", "content/./x", "content/a\\b", "x.md",
     "content/a\nb", "content/\udcff", "content/" + "a" * 500, ".sendbrief/secret.key", "content/a\0"],
)  # fmt: skip
def test_names_that_lead_elsewhere_or_bend_are_none(name: str) -> None:
    assert wrong_name(name)
    with pytest.raises(UsageError, match="can't be published"):
        make_bundle({name: b""}, (), MADE)
    if name.isascii():
        manifest = bundles.Manifest({name: mark_of(b"")}, mark_of(b""), (), MADE)
        with pytest.raises(BundleError, match="names what no bundle holds"):
            read_manifest(manifest_json(manifest), manifest.hash)


def test_a_site_that_is_too_large_is_refused_with_its_largest_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "MAX_ARCHIVE_BYTES", 2_000_000)
    files = {f"content/{size}.png": b"x" * size * 100_000 for size in (1, 9, 3, 8, 2, 5)}
    with pytest.raises(UsageError) as raised:
        make_bundle(files, (), MADE)
    assert "2.8 MB, more than the 2 MB" in str(raised.value)
    assert "content/9.png (0.9 MB), content/8.png (0.8 MB), content/5.png (0.5 MB)" in raised.value.hint
    with pytest.raises(UsageError, match="10,001 files"):
        make_bundle({f"content/{number}": b"" for number in range(10_001)}, (), MADE)


# What is taken of a site.


def site(root: Path, **files: str) -> Path:
    for name, text in {"content/site.yaml": "name: A\n", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root


def test_content_and_own_templates_are_taken_and_what_is_hidden_is_not(tmp_path: Path) -> None:
    root = site(
        tmp_path, **{"templates/email/x/body.mjml": "m", "content/.git/HEAD": "x", "content/posts/.draft.md": "x",
                     "content/.env": "x", ".sendbrief/secret.key": "s", "README.md": "r", "content/a b/ü.md": "u"}
    )  # fmt: skip
    assert site_files(root) == {
        "content/site.yaml": b"name: A\n", "content/a b/ü.md": b"u", "templates/email/x/body.mjml": b"m"
    }  # fmt: skip


def test_built_in_templates_and_the_state_are_not_taken_wherever_they_lie(tmp_path: Path) -> None:
    root = site(tmp_path, **{"content/data/secret.key": "s"})
    (root / "templates").symlink_to(BUILT_IN_TEMPLATES)
    assert list(site_files(root, root / "content" / "data")) == ["content/site.yaml"]


def test_links_within_the_site_are_taken_for_what_they_lead_to(tmp_path: Path) -> None:
    root = site(tmp_path, **{"content/posts/a.md": "a"})
    (root / "content" / "b.md").symlink_to("posts/a.md")
    (root / "content" / "more").symlink_to("posts")
    found = site_files(root)
    assert (found["content/b.md"], found["content/more/a.md"]) == (b"a", b"a")


@pytest.mark.parametrize(
    ("link", "target", "words"),
    [
        ("content/posts/x.md", "/etc/passwd", "leads out of"),
        ("content/posts/x.md", "../../README.md", "leads out of"),
        ("content/posts/x", "../..", "leads out of"),
        ("content/posts/x.md", "nowhere.md", "or nowhere"),
        ("content/posts/x.md", "x.md", "or nowhere"),
        ("content/posts/x", "..", "in a circle"),
        ("content/posts/x", ".", "in a circle"),
    ],
)
def test_links_that_lead_elsewhere_are_refused_by_name(tmp_path: Path, link: str, target: str, words: str) -> None:
    root = site(tmp_path / "site", **{"content/posts/a.md": "a", "README.md": "r"})
    (root / link).symlink_to(target)
    with pytest.raises(UsageError, match=link) as raised:
        site_files(root)
    assert words in raised.value.message


def test_what_is_no_file_and_what_is_no_site_is_refused_by_name(tmp_path: Path) -> None:
    root = site(tmp_path / "site")
    os.mkfifo(root / "content" / "pipe")
    with pytest.raises(UsageError, match="content/pipe"):
        site_files(root)
    with pytest.raises(NotFoundError, match="no folder content/"):
        site_files(tmp_path / "elsewhere")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "content").symlink_to(root / "content")
    with pytest.raises(UsageError, match="content can't be published"):
        site_files(tmp_path / "other")


# Where it is unpacked.


def test_a_site_that_lies_within_the_data_folder_is_refused(tmp_path: Path) -> None:
    root = site(tmp_path / "data" / "site")
    with pytest.raises(NotFoundError, match=r"no content/site\.yaml"):
        site_files(root, tmp_path / "data")


def test_it_is_unpacked_once_and_used_again(tmp_path: Path) -> None:
    bundle, asked = bundle_of(), []

    def archive() -> bytes:
        asked.append(1)
        return bundle.archive

    folder = unpacked(bundle.manifest, archive, tmp_path / "bundles")
    assert folder == unpacked(bundle.manifest, archive, tmp_path / "bundles") == tmp_path / "bundles" / folder.name
    assert (folder.name, len(asked)) == (bundle.manifest.hash, 1)
    assert {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    } == FILES
    assert list((tmp_path / "bundles").iterdir()) == [folder]


@pytest.mark.parametrize("act", ["change", "remove", "add", "link", "empty"])
def test_a_folder_that_was_spoilt_is_made_anew(tmp_path: Path, act: str) -> None:
    bundle = bundle_of()
    folder = unpacked(bundle.manifest, lambda: bundle.archive, tmp_path)
    file = folder / "content" / "site.yaml"
    if act == "change":
        file.write_bytes(b"name: B\n")
    if act in {"remove", "link"}:
        file.unlink()
    if act == "add":
        (folder / "content" / "more.md").write_text("x")
    if act == "link":
        (tmp_path / "twin").write_bytes(b"name: A\n")
        file.symlink_to(tmp_path / "twin")
    if act == "empty":
        file.write_bytes(b"")
    assert not is_whole(folder, bundle.manifest)
    assert is_whole(unpacked(bundle.manifest, lambda: bundle.archive, tmp_path), bundle.manifest)
    assert file.read_bytes() == b"name: A\n"
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [folder.name]


def test_nothing_stays_of_an_archive_that_is_not_whole(tmp_path: Path) -> None:
    bundle = bundle_of()
    with pytest.raises(BundleError):
        unpacked(bundle.manifest, lambda: bundle.archive[:-9], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_a_folder_too_is_refused_with_words(tmp_path: Path) -> None:
    bundle = bundle_of({"content/a": b"1", "content/a/b": b"2"})
    with pytest.raises(ConfigurationError, match="can't be unpacked"):
        unpacked(bundle.manifest, lambda: bundle.archive, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_where_the_disk_is_full_all_goes_but_what_is_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for number in range(3):
        bundle = bundle_of({"content/site.yaml": b"%d" % number})
        made.append(unpacked(bundle.manifest, lambda bundle=bundle: bundle.archive, tmp_path))
        os.utime(made[-1], (1e9 + number, 1e9 + number))
    write, full = Path.write_bytes, [True]

    def limited(path: Path, raw: bytes) -> int:
        if full.pop():
            raise OSError(errno.ENOSPC, "No space left on device")
        full.append(False)
        return write(path, raw)

    monkeypatch.setattr(Path, "write_bytes", limited)
    bundle = bundle_of({"content/site.yaml": b"new"})
    full.insert(0, False)
    folder = unpacked(bundle.manifest, lambda: bundle.archive, tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([made[-1], folder])
    full[:] = [True, True]
    other = bundle_of({"content/site.yaml": b"newer"})
    with pytest.raises(ConfigurationError, match="No space left on device"):
        unpacked(other.manifest, lambda: other.archive, tmp_path)
    assert list(tmp_path.iterdir()) == [folder]


def test_folders_that_nobody_took_up_for_a_day_go_but_for_the_newest(tmp_path: Path) -> None:
    import time

    made = []
    for number in range(5):
        bundle = bundle_of({"content/site.yaml": b"%d" % number})
        made.append(unpacked(bundle.manifest, lambda bundle=bundle: bundle.archive, tmp_path))
        at = time.time() - (10 - number) * 50_000
        os.utime(made[-1], (at, at))
    (tmp_path / ".half").mkdir()
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([".half", *(path.name for path in made[2:])])
    os.utime(tmp_path / ".half", (0, 0))
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in made[2:])
    sweep(tmp_path / "nowhere")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(files=SITES.filter(lambda files: not any(f"{a}/" in b for a in files for b in files)))
def test_any_files_are_unpacked_as_they_were(tmp_path: Path, files: dict[str, bytes]) -> None:
    bundle = make_bundle(files, (), MADE)
    folder = unpacked(bundle.manifest, lambda: bundle.archive, tmp_path)
    assert is_whole(folder, bundle.manifest)
