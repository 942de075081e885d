"""Importing again: cut off anywhere, run twice, tried first; and what was exported, taken in elsewhere."""

import io
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.audience.address import clean_name
from chalicelib.audience.audience import Audience, make_member
from chalicelib.audience.exporting import ExportFormat, export
from chalicelib.audience.importing import ImportJob, import_people
from chalicelib.audience.looking import LookingTable
from chalicelib.audience.subscriber import Basis, Membership, MemberState, membership_to_data
from chalicelib.errors import ImportProblemError
from chalicelib.store import Put
from tests.audience.house import NOW, SECRETS, SITE, People
from tests.audience.test_audience import Cut, CutOff
from tests.render.values import NEWSLETTER
from tests.simulation.memory import MemoryTable

MONTHLY = replace(NEWSLETTER, cadences=("every", "monthly"))
ROWS = "email\n" + "".join(f"reader{n}@example.org\n" for n in range(200))


@pytest.mark.parametrize("cut", [0, 1, 3, 5])
def test_an_import_goes_on_where_it_was_cut_off(people: People, cut: int) -> None:
    with pytest.raises(Cut):
        people.load(ROWS, CutOff(people.table, cut), saved_every=2)
    assert len(people.addresses()) == 33 * cut
    report = people.load(ROWS, saved_every=2)
    saved = 33 * (cut // 2 * 2)
    assert (report.read, report.done_before, report.same) == (200, saved, 33 * cut - saved)
    assert len(people.addresses()) == 200
    again = people.load(ROWS, saved_every=2)
    assert (again.done_before, again.same, again.new) == (0, 200, 0)


def test_another_file_newsletter_or_reading_does_not_go_on_there(people: People) -> None:
    with pytest.raises(Cut):
        people.load(ROWS, CutOff(people.table, 2), saved_every=1)
    assert people.load(ROWS + "new@example.org\n", saved_every=1).done_before == 0
    assert people.load(ROWS, saved_every=1, newsletter=replace(NEWSLETTER, name="alerts")).done_before == 0
    assert people.load(ROWS, saved_every=1, chosen=["email=email"]).done_before == 0
    assert people.load(ROWS, saved_every=1).done_before == 66


def everything(people: People) -> dict[Any, Any]:
    return {item.key: (item.data, item.version) for item in people.table.everything()}


def test_importing_twice_changes_nothing(people: People) -> None:
    text = "email,name,tags,status\na@example.org,A,x,\nb@example.org,B,,bounced\nc@example.org,C,,left\n"
    people.load(text)
    before = everything(people)
    report = people.load(text)
    assert (report.same, report.new, report.changed) == (1, 0, 0)
    assert everything(people) == before


def test_a_trial_changes_nothing_and_tells_the_same(people: People) -> None:
    people.add("ada@example.org")
    before = everything(people)
    text = ROWS + "ada@example.org\nnobody\n"
    tried = people.load(text, LookingTable(people.table))
    assert everything(people) == before
    assert people.load(text) == tried


def test_rows_of_other_newsletters_are_counted_and_taken_on_demand(people: People) -> None:
    out = io.StringIO()
    people.add("ada@example.org")
    people.add("bo@example.org", "alerts")
    export([*people.audience.members("digest"), *people.audience.members("alerts")], out)
    report = people.load(out.getvalue())
    assert (report.same, report.elsewhere) == (1, 1)
    assert people.load(out.getvalue(), chosen=["newsletter="]).new == 1


def exported(members: Iterable[Membership], written: ExportFormat) -> str:
    out = io.StringIO()
    export(members, out, written)
    return out.getvalue()


moments = st.timedeltas(timedelta(0), timedelta(10_000)).map(lambda ago: (NOW - ago).isoformat())
words = st.text("aZ0 ,;:'\"=+-@%éß\u200d\u0301中🎈\t\n[{", max_size=8)
marks = st.tuples(st.sampled_from(["tag", "opened-survey"]), words.map(clean_name).filter(bool)).map(":".join)
locals_ = st.text("ab0=+_-", min_size=1, max_size=5)


@st.composite
def memberships(draw: st.DrawFn) -> Membership:
    made = make_member(
        SECRETS, "digest", f"{draw(locals_)}@example.org", draw(words), draw(st.sampled_from(["en", "de", ""]))
    )
    return replace(
        made,
        topics=draw(st.none() | st.frozensets(st.sampled_from(["security", "news"]))),
        cadence=draw(st.sampled_from(["every", "monthly"])),
        state=draw(st.sampled_from([MemberState.CONFIRMED, MemberState.UNSUBSCRIBED])),
        paused_until=draw(st.just("") | st.dates(date(2000, 1, 1), date(2100, 1, 1)).map(date.isoformat)),
        joined=draw(moments),
        marks=draw(st.frozensets(marks, max_size=3)),
    )


@pytest.mark.parametrize("written", [ExportFormat.CSV, ExportFormat.JSON, ExportFormat.JSONL])
@settings(max_examples=15, deadline=None)
@given(members=st.lists(memberships(), min_size=1, max_size=4, unique_by=lambda one: one.sid))
def test_what_is_exported_is_the_same_once_it_is_taken_in_elsewhere(
    written: ExportFormat, members: list[Membership], tmp_path_factory: pytest.TempPathFactory
) -> None:
    here, there = MemoryTable(), MemoryTable()
    here.put_many(Put(one.key, membership_to_data(one)) for one in members)
    text = exported(Audience(here, SECRETS).members("digest"), written)
    path = _file(tmp_path_factory, text)
    report = import_people(ImportJob(path, SITE, MONTHLY, Basis.CONSENT, SECRETS, NOW), there)
    assert report.problems == []
    assert list(Audience(there, SECRETS).members("digest")) == list(Audience(here, SECRETS).members("digest"))
    assert exported(Audience(there, SECRETS).members("digest"), written) == text


@settings(max_examples=15, deadline=None)
@given(members=st.lists(memberships(), min_size=1, max_size=4, unique_by=lambda one: one.sid))
def test_what_listmonk_would_import_comes_back_too(
    members: list[Membership], tmp_path_factory: pytest.TempPathFactory
) -> None:
    confirmed = [replace(one, state=MemberState.CONFIRMED) for one in members]
    path = _file(tmp_path_factory, exported(confirmed, ExportFormat.LISTMONK))
    there = MemoryTable()
    assert import_people(ImportJob(path, SITE, MONTHLY, Basis.CONSENT, SECRETS, NOW), there).problems == []
    assert set(Audience(there, SECRETS).members("digest")) == set(confirmed)


@settings(max_examples=60, deadline=None)
@given(
    content=st.binary(max_size=200)
    | st.text(st.characters(codec="utf-8"), max_size=200).map(str.encode)
    | st.text('email,"\n;\t[]{}:<>@.x\r', max_size=120).map(lambda text: f"email,tags\n{text}".encode())
)
def test_no_file_whatever_it_holds_leads_to_anything_but_words(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    job = ImportJob(_file(tmp_path_factory, content), SITE, NEWSLETTER, Basis.CONSENT, SECRETS, NOW)
    try:
        report = import_people(job, MemoryTable())
    except ImportProblemError as error:
        said = [error.message]
    else:
        said = [problem.message for problem in report.problems]
    assert all(words.isprintable() for words in said)


def _file(factory: pytest.TempPathFactory, content: str | bytes) -> Path:
    path = factory.getbasetemp() / "members"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
