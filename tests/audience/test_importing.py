"""Importing: whatever a spreadsheet writes, row by row, and people's own decisions stand."""

from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.audience.importing import ImportReport
from chalicelib.errors import ImportProblemError
from tests.audience.house import NOW, People
from tests.render.values import NEWSLETTER


@pytest.mark.parametrize(
    "text",
    [
        "email,name,language\nada@example.org,Ada,de\n",
        "\ufeffemail,name,language\r\nada@example.org,Ada,de\r\n",
        "name;E-Mail;lang\nAda;ada@example.org;DE\n",
        '"email"\t"name"\t"language"\n"ada@example.org"\t"Ada"\t"de-AT"\n',
        " Email Address , NAME,Language \n  ada@example.org ,  Ada , de_DE\n\n,,\n",
        "email,name,language,\rada@example.org,Ada,de,surplus,cells\r",
    ],
)
def test_what_spreadsheets_write_is_read(people: People, text: str) -> None:
    report = people.load(text)
    assert (report.read, report.new, report.problems) == (1, 1, [])
    member = next(people.audience.members("digest"))
    assert (member.address, member.name, member.language) == ("ada@example.org", "Ada", "de")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no column 'email'"),
        (b"name,mailbox\nAda,x\n", "name, mailbox"),
        ("email\nada@example.org\n".encode("utf-16"), "UTF-16"),
        ("email\nada@example.org\n".encode("utf-16-be"), "no column"),
        ("email,name\nada@example.org,Bjørn\n".encode("latin-1"), "UTF-8"),
        (b"x," * 300_000 + b"email\n", "longer than"),
    ],
)
def test_a_file_that_is_no_such_csv_is_refused_as_a_whole(people: People, content: bytes, words: str) -> None:
    with pytest.raises(ImportProblemError, match=words):
        people.load(content)
    assert people.addresses() == []


def test_a_folder_or_missing_file_is_refused(people: People) -> None:
    (people.folder / "people.csv").mkdir()
    with pytest.raises((ImportProblemError, OSError)):
        people.load("")


def rows(report: ImportReport) -> list[int]:
    return [problem.row for problem in report.problems]


def test_bad_rows_are_numbered_by_the_line_they_begin_on(people: People) -> None:
    text = (
        "email,name\n"  # 1
        "ada@example.org,Ada\n"  # 2
        "no address,Bo\n"  # 3
        '"cy@example.org","Cy\nof\nmany lines"\n'  # 4-6
        '"bad","two\nlines"\n'  # 7-8
        "\n"  # 9
        ",nobody\n"  # 10
        "dan@example.org,Dan\n"  # 11
    )
    report = people.load(text)
    assert rows(report) == [3, 7, 10]
    assert people.addresses() == ["ada@example.org", "cy@example.org", "dan@example.org"]


def test_an_open_quote_is_named_and_swallows_nobody_in_silence(people: People) -> None:
    report = people.load('email,name\nada@example.org,Ada\nbo@example.org,"Bo\ncy@example.org,Cy\n')
    assert rows(report) == [3]
    assert "line 4" in report.problems[0].message
    assert people.addresses() == ["ada@example.org"]


def test_a_row_with_a_stray_quote_is_named_and_the_next_is_read(people: People) -> None:
    report = people.load('email,name\nbo@example.org,"Bo" x\ncy@example.org,Cy\n')
    assert rows(report) == [2]
    assert people.addresses() == ["cy@example.org"]


def test_a_thousand_columns_a_nul_and_a_huge_cell_harm_nobody(people: People) -> None:
    columns = [f"a_rather_long_column_{n}" for n in range(1000)]
    head = ",".join([*columns, "email", "name"])
    line = ",".join(["x"] * 1000)
    report = people.load(
        f"{head}\n{line},ada@example.org,A\0da\n{line},b\0@example.org,Bo\n{line},cy@example.org,{'x' * 200_000}\n"
        f"{line},dan@example.org,{'x' * 100_000}\n"
    )
    assert rows(report) == [3, 4]
    assert people.addresses() == ["ada@example.org", "dan@example.org"]
    assert sorted(len(member.name) for member in people.audience.members("digest")) == [4, 100]


def test_repeated_departed_and_suppressed_people_are_counted_and_kept_out(people: People) -> None:
    people.add("gone@example.org")
    people.audience.leave(people.audience.sid("gone@example.org"), "digest", NOW, "link")
    people.audience.suppress(people.audience.sid("stop@example.org"), "complaint", NOW)
    report = people.load("email\nada@example.org\nADA@example.org\ngone@example.org\nStop@example.org\n")
    assert (report.read, report.new, report.repeated, report.kept_out) == (4, 1, 1, 2)
    gone = people.audience.membership("digest", people.audience.sid("gone@example.org"))
    assert gone is not None
    assert gone.state == "unsubscribed"
    assert people.audience.membership("digest", people.audience.sid("stop@example.org")) is None


def test_importing_again_keeps_members_own_choices_and_fills_in_what_is_missing(people: People) -> None:
    people.add("ada@example.org", language="de", topics=frozenset({"security"}), cadence="monthly")
    report = people.load("email,name,language,topics\nada@example.org,Ada,en,news\n")
    assert report.changed == 1
    member = next(people.audience.members("digest"))
    assert (member.name, member.language, member.cadence) == ("Ada", "de", "monthly")
    assert member.topics == frozenset({"security"})
    assert people.load("email,name,language,topics\nada@example.org,Eve,en,news\n").same == 1


def test_unknown_languages_and_topics_are_named_and_the_person_is_taken(people: People) -> None:
    report = people.load("email,language,topics\nada@example.org,fr,news;securty\n")
    assert rows(report) == [2, 2]
    assert "security" in report.problems[1].message
    member = next(people.audience.members("digest"))
    assert (member.language, member.topics) == ("en", frozenset({"news"}))


def test_the_file_may_lie_anywhere(people: People, tmp_path: Path) -> None:
    people.folder = tmp_path / "ein Ordner ü"
    people.folder.mkdir()
    assert people.load("email\nada@example.org\n").new == 1


def test_a_cadence_is_one_that_the_newsletter_offers(people: People) -> None:
    text = "email,cadence\na@example.org,Monthly\nb@example.org,\nc@example.org,daily\n"
    report = people.load(text, newsletter=replace(NEWSLETTER, cadences=("every", "monthly")))
    assert [(problem.row, "'daily' is not offered" in problem.message) for problem in report.problems] == [(4, True)]
    cadences = {member.address: member.cadence for member in people.audience.members("digest")}
    assert cadences == {"a@example.org": "monthly", "b@example.org": "every", "c@example.org": "every"}
    assert people.audience.has_monthly("digest")


def test_a_cadence_that_is_not_offered_is_named(people: People) -> None:
    report = people.load("email,cadence\na@example.org,monthly\n")
    assert (rows(report), people.audience.has_monthly("digest")) == ([2], False)
