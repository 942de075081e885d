"""The scan that proves an erasure finds what is there, in each form in which it may lie, and nothing else."""

import base64
import json
import quopri
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.audience.scan import find_traces, spellings, traces_in, traces_in_file
from chalicelib.store import Key, Put
from chalicelib.store.sqlite_blobs import SqliteBlobs
from tests.audience.house import People

ADDRESS, NAME = "Ada.Lovelace@example.org", "Ada Lovelace-Müller"


def found(content: bytes | str, *words: str) -> list[str]:
    raw = content if isinstance(content, bytes) else content.encode()
    return [trace.form for trace in traces_in("here", raw, spellings(words or (ADDRESS,)))]


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (ADDRESS, "plain"),
        (ADDRESS.upper(), "plain"),
        ("ａｄａ.lovelace@example.org", "plain"),
        (f"x{quote(ADDRESS, safe='')}y", "percent-encoded"),
        ("%41da%2Elovelace%40example%2Eorg", "percent-encoded"),
        (quopri.encodestring(f"{'.' * 60}{ADDRESS}".encode()), "quoted-printable"),
        ("Ada.Lovelace=40example.org", "quoted-printable"),
        (base64.b64encode(ADDRESS.encode()), "base64"),
        (base64.urlsafe_b64encode(b"??>" + ADDRESS.encode()), "base64"),
        (b"=?utf-8?b?" + base64.b64encode(b"ab" + ADDRESS.encode()) + b"?=", "base64"),
        (base64.encodebytes(b"." * 100 + ADDRESS.encode() + b"." * 50), "base64"),
        (json.dumps({"a": "\u0001"})[:-1] + json.dumps(ADDRESS).replace("@", "\\u0040"), "JSON"),
        ("Ada.Lovelace&#64;example.org", "HTML"),
        (base64.b64encode(quote(ADDRESS, safe="").encode()), "base64, percent-encoded"),
        (base64.b64encode(base64.b64encode(ADDRESS.encode())), "base64, base64"),
    ],
)
def test_each_form_is_found(content: bytes | str, form: str) -> None:
    assert found(content) == [form]


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz"])
def test_base64_is_found_wherever_its_groups_begin(before: str) -> None:
    assert found(before.encode() + base64.b64encode(ADDRESS.encode())) == ["base64"]


def test_names_and_labels_are_found_either_way() -> None:
    assert found("<b>ada lovelace-mu\u0308ller</b>", NAME) == ["plain"]
    assert found(base64.b64encode(NAME.encode()), NAME) == ["base64"]
    assert found("x@bücher.example", "x@xn--bcher-kva.example") == ["plain"]
    assert found("x@xn--bcher-kva.example", "x@bücher.example") == ["plain"]


@pytest.mark.parametrize("content", ["", "Grace.Hopper@example.org", "ada.lovelace at example.org", "a" * 5000])
def test_what_is_not_there_is_not_found(content: str) -> None:
    assert found(content) == []
    assert found("a Bo b", "Bo") == [], "too short to prove anything"


def test_items_blobs_and_messages_are_all_looked_at(people: People) -> None:
    people.table.put_many([
        Put(Key("A", "1"), {"deep": [{"er": ADDRESS}]}),
        Put(Key("A", "expired"), {"address": ADDRESS.lower()}, 1),
        Put(Key("B", ADDRESS.lower()), {}),
        Put(Key("C", "1"), {"address": "somebody@example.org"}),
    ])  # fmt: skip
    blobs = SqliteBlobs(people.database)
    blobs.put("letters/1", b"To: " + ADDRESS.encode())
    blobs.put("letters/2", b"nobody")
    places = {trace.where for trace in find_traces(people.table, blobs, {"notices": ["{}", ADDRESS]}, [ADDRESS])}
    assert places == {
        "item A 1", "item A expired", "item B ada.lovelace@example.org", "blob letters/1", "queue notices, message 2"
    }  # fmt: skip


def test_a_file_is_read_in_pieces_and_nothing_lost_between_them(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    for before in (0, (1 << 20) - 5, 1 << 20, (1 << 20) + 3):
        path.write_bytes(b"\0" * before + ADDRESS.encode() + b"\xff" * 10)
        assert [trace.word for trace in traces_in_file(path, spellings([ADDRESS]))] == [ADDRESS], before
    path.write_bytes(b"\0" * (1 << 21))
    assert list(traces_in_file(path, spellings([ADDRESS]))) == []


@settings(max_examples=40, deadline=None)
@given(
    st.binary(max_size=300), st.binary(max_size=300), st.sampled_from([bytes, base64.b64encode, quopri.encodestring])
)
def test_whatever_stands_around_it_it_is_found(before: bytes, after: bytes, code: object) -> None:
    hidden = code(b" " + ADDRESS.encode() + b" ")  # type: ignore[operator]
    assert found(before + b"\n#" + hidden + b"#\n" + after)


@pytest.mark.parametrize(
    "piece", ["%", "%40", "=", "=3D", "&", "&amp", "\\", "\\u0041", "QUFB", "QUFB\n", "A", "/", "\r\n"]
)
def test_a_hundred_thousand_of_anything_take_no_time_to_speak_of(piece: str) -> None:
    started = time.monotonic()
    assert found(piece * 100_000) == []
    assert time.monotonic() - started < 30
