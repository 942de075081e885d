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
from tests.audience.test_import_formats import zipped
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


def test_each_change_of_a_person_far_apart_in_a_file_is_a_piece_of_evidence(people: People) -> None:
    others = [f"r{n}@example.org," for n in range(80)]
    rows = ["email,tags", "ada@example.org,a", *others[:40], "ada@example.org,b", *others[40:], "ada@example.org,c"]
    report = people.load("\n".join(rows))
    assert (report.new, report.changed, report.repeated) == (81, 2, 0)
    sid = people.audience.sid("ada@example.org")
    member = people.audience.membership("digest", sid)
    assert member
    assert member.marks == {"tag:a", "tag:b", "tag:c"}
    assert [one["action"] for one in people.audience.history(sid)] == ["subscribed", "changed", "changed"]


def test_a_second_newsletter_leaves_the_profile_as_full_as_it_was(people: People) -> None:
    people.load("email,name,language\nada@example.org,Ada,de\n")
    people.load("email\nada@example.org\n", newsletter=replace(NEWSLETTER, name="alerts"))
    profile = people.audience.profile("ada@example.org")
    assert (profile.name, profile.language) == ("Ada", "de")
    assert profile.newsletters == {"digest": "confirmed", "alerts": "confirmed"}


def test_whoever_left_in_both_places_is_no_problem(people: People) -> None:
    people.add("ada@example.org")
    people.audience.leave(people.audience.sid("ada@example.org"), "digest", NOW, "a link")
    report = people.load("email,status\nada@example.org,unsubscribed\n")
    assert (report.left, report.problem_count) == (1, 0)


class Rivalled:
    """A table where somebody else is first, once."""

    def __init__(self, people: People) -> None:
        self._people, self._first = people, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._people.table, name)

    def transact(self, writes: Any) -> None:
        if self._first:
            self._first = False
            self._people.add("ada@example.org", language="de")
        self._people.table.transact(writes)


def test_somebody_who_subscribes_during_an_import_keeps_what_they_chose(people: People) -> None:
    report = people.load("email,language,name\nada@example.org,en,Ada\nbo@example.org,,\n", Rivalled(people))  # type: ignore[arg-type]
    assert (report.new, report.changed) == (1, 1)
    member = people.audience.membership("digest", people.audience.sid("ada@example.org"))
    assert member
    assert (member.language, member.name) == ("de", "Ada")


def test_a_zip_goes_on_in_the_part_where_it_was_cut_off(people: People) -> None:
    rows = "\n".join(f"r{n}@example.org" for n in range(70))
    parts = {
        "unsubscribed_1.csv": "Email Address,LEID\na@x.org,1\nb@x.org,2\n",
        "subscribed_1.csv": f"Email Address\n{rows}\n",
    }
    content = zipped(parts)
    with pytest.raises(Cut):
        people.load(content, CutOff(people.table, 1), name="x.zip")
    report = people.load(content, name="x.zip")
    assert (report.read, report.done_before, report.left, report.same, report.new) == (72, 2, 0, 33, 37)


def test_a_name_that_looks_guarded_stays_as_it_is(people: People) -> None:
    people.add("ada@example.org", name="'=1")
    text = exported(people.audience.members("digest"), ExportFormat.CSV)
    assert "''=1" in text
    there = MemoryTable()
    path = people.folder / "x.csv"
    path.write_text(text)
    import_people(ImportJob(path, SITE, NEWSLETTER, Basis.CONSENT, SECRETS, NOW), there)
    assert [one.name for one in Audience(there, SECRETS).members("digest")] == ["'=1"]


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
        zone=draw(st.sampled_from(["", "Asia/Tokyo", "America/Argentina/Buenos_Aires"])),
    )


@pytest.mark.parametrize("written", [ExportFormat.CSV, ExportFormat.JSON, ExportFormat.JSONL])
@settings(max_examples=8, deadline=None)
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


@settings(max_examples=8, deadline=None)
@given(members=st.lists(memberships(), min_size=1, max_size=4, unique_by=lambda one: one.sid))
def test_what_listmonk_would_import_comes_back_too(
    members: list[Membership], tmp_path_factory: pytest.TempPathFactory
) -> None:
    confirmed = [replace(one, state=MemberState.CONFIRMED) for one in members]
    path = _file(tmp_path_factory, exported(confirmed, ExportFormat.LISTMONK))
    there = MemoryTable()
    assert import_people(ImportJob(path, SITE, MONTHLY, Basis.CONSENT, SECRETS, NOW), there).problems == []
    assert set(Audience(there, SECRETS).members("digest")) == set(confirmed)


@settings(max_examples=30, deadline=None)
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
