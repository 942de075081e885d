"""Importing: what other systems export, what columns are taken for, and who stays out."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from chalicelib.audience.import_formats import Format, look_at
from chalicelib.audience.import_mapping import guess
from chalicelib.audience.importing import ImportReport, read_addresses
from chalicelib.audience.subscriber import Membership, suppression_key
from chalicelib.errors import AddressError, ImportProblemError, UsageError
from tests.audience.house import NOW, People

MAILCHIMP = (
    '"Email Address","First Name","Last Name",Address,EMAIL_TYPE,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,'
    "CONFIRM_IP,LATITUDE,CC,LAST_CHANGED,UNSUB_TIME,CLEAN_TIME,LEID,EUID,NOTES,LANGUAGE,TAGS\n"
)
LISTMONK = "uuid,email,name,attributes,status,created_at,updated_at\n"


def only(people: People) -> Membership:
    (member,) = people.audience.members("digest")
    return member


def counts(report: ImportReport) -> dict[str, int]:
    names = ("new", "changed", "same", "kept_out", "repeated", "left", "unconfirmed", "suppressed", "elsewhere")
    return {name: getattr(report, name) for name in (*names, "problem_count") if getattr(report, name)}


def reason(people: People, address: str) -> str:
    item = people.table.get(suppression_key(people.audience.sid(address)))
    return str(item.data["reason"]) if item else ""


def test_mailchimp(people: People) -> None:
    tags = '"""Contacted Me"",""Speaker"""'
    report = people.load(
        f"{MAILCHIMP}ada@example.org,Ada,Lovelace,1 Main St,html,2,2024-01-01 10:00:00,192.0.2.1,2024-01-01 10:05:00,"
        f"192.0.2.1,1.5,GB,,,,1,e,a note,de,{tags}\n"
        "bo@example.org,Bo,,,html,2,,,,,,,,2024-02-02 12:00:00,,2,f,,,\n"
        "cy@example.org,Cy,,,html,2,,,,,,,,,2024-02-02 12:00:00,3,g,,,\n"
    )
    assert counts(report) == {"new": 1, "left": 1, "suppressed": 1}
    member = only(people)
    assert (member.address, member.name, member.language) == ("ada@example.org", "Ada Lovelace", "de")
    assert (member.joined, member.marks) == ("2024-01-01T10:05:00+00:00", {"tag:contacted-me", "tag:speaker"})
    assert (reason(people, "cy@example.org"), reason(people, "bo@example.org")) == ("bounce", "")
    (evidence,) = people.audience.history(member.sid)
    assert (evidence["basis"], evidence["how"]) == ("consent", "import of people.csv")
    assert evidence["what"] == "line 2; since 2024-01-01T10:05:00+00:00, as it says"
    assert "192.0.2.1" not in json.dumps([dict(item.data) for item in people.table.everything()])


def test_the_columns_of_mailchimp_are_told_and_ips_apart(people: People) -> None:
    mapped = guess(next(csv.reader([MAILCHIMP])), "mailchimp")
    assert mapped.fields == {
        "Email Address": "email", "First Name": "first_name", "Last Name": "last_name", "OPTIN_TIME": "joined",
        "CONFIRM_TIME": "confirmed", "UNSUB_TIME": "left_at", "CLEAN_TIME": "bounced_at", "LANGUAGE": "language",
        "TAGS": "tags",
    }  # fmt: skip
    assert mapped.ips == ("OPTIN_IP", "CONFIRM_IP")
    assert {"Address", "MEMBER_RATING", "NOTES", "LATITUDE"} <= set(mapped.unused)


def zipped(parts: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def test_a_zip_of_mailchimp_says_by_its_files_who_is_what(people: People) -> None:
    head = '"Email Address",OPTIN_TIME,LEID\n'
    report = people.load(
        zipped(
            {
                "subscribed_members_export_1.csv": f"{head}ada@example.org,2024-01-01 10:00:00,1\nbo@example.org,,2\n",
                "unsubscribed_members_export_1.csv": f"{head}gone@example.org,,3\nbad,,4\n",
                "cleaned_members_export_1.csv": f"{head}bo@example.org,,5\n",
                "nonsubscribed_members_export_1.csv": f"{head}shy@example.org,,6\n",
                "readme.txt": "nothing",
            }
        ),
        name="export.zip",
    )
    assert counts(report) == {
        "new": 1, "kept_out": 1, "left": 1, "suppressed": 1, "unconfirmed": 1, "problem_count": 1,
    }  # fmt: skip
    assert (report.problems[0].file, report.problems[0].row) == ("unsubscribed_members_export_1.csv", 3)
    assert only(people).address == "ada@example.org"


def test_listmonk(people: People) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(LISTMONK.strip().split(","))
    made = "2021-02-22 10:03:25.123456789 +0530 +0530"
    attributes = {"city": "Berlin", "lang": "de", "tags": ["A b", "c"], "deep": {"x": [1]}}
    writer.writerow(("u1", "ada@example.org", "Ada", json.dumps(attributes), "enabled", made, made))
    writer.writerow(("u2", "bo@example.org", "Bo", "{}", "blocklisted", made, made))
    writer.writerow(("u3", "cy@example.org", "Cy", "{}", "disabled", made, made))
    writer.writerow(("u4", "dan@example.org", "Dan", "[" * 100_000, "enabled", "0001-01-01 00:00:00 +0000 UTC", made))
    report = people.load(out.getvalue(), chosen=["attributes.city=mark:city"])
    assert counts(report) == {"new": 2, "suppressed": 1, "left": 1, "problem_count": 2}
    member = next(one for one in people.audience.members("digest") if one.name == "Ada")
    assert (member.language, member.joined) == ("de", "2021-02-22T04:33:25.123456+00:00")
    assert member.marks == {"tag:a-b", "tag:c", "city:berlin"}
    assert reason(people, "bo@example.org") == "manual"


ROSTER = 'ada@example.org\nBo Diddley <bo@example.org>\n\n# a remark\n"Cy, Jr." <CY@example.org>\nnobody\n'


def test_mailman(people: People) -> None:
    report = people.load(ROSTER, name="roster")
    assert counts(report) == {"new": 3, "problem_count": 1}
    assert report.problems[0].row == 6
    assert {one.address: one.name for one in people.audience.members("digest")} == {
        "ada@example.org": "", "bo@example.org": "Bo Diddley", "CY@example.org": "Cy, Jr.",
    }  # fmt: skip


JSON = [
    {"email": "ada@example.org", "name": "Ada", "topics": ["security"], "tags": ["x", 1], "n": 1e400},
    {"Email": 5},
    "text",
    {"email": "bo@example.org", "name": "\ud800Bo", "topics": [], "joined": None},
]


@pytest.mark.parametrize("indent", [None, 1])
def test_a_json_array(people: People, indent: int | None) -> None:
    report = people.load(json.dumps(JSON, indent=indent), name="x.json")
    assert [(problem.row, problem.message[:5]) for problem in report.problems] == [(2, "'' is"), (3, "it is")]
    ada, bo = sorted(people.audience.members("digest"), key=lambda one: one.address)
    assert (ada.topics, ada.marks, bo.topics) == ({"security"}, {"tag:x", "tag:1"}, frozenset())
    assert bo.name.isprintable()


def test_json_lines(people: People) -> None:
    lines = [json.dumps(JSON[0]), "{broken", "", json.dumps({"email": "bo@example.org"}), "[" * 50_000, "3"]
    report = people.load("\n".join(lines), name="x.jsonl")
    assert counts(report) == {"new": 2, "problem_count": 3}
    assert [problem.row for problem in report.problems] == [2, 5, 6]


@pytest.mark.parametrize(
    ("text", "taken", "words"),
    [
        ('[{"email": "ada@example.org"}', 1, "the file ends within"),
        ('[{"email": "ada@example.org"},', 1, ""),
        ('[{"email": "ada@example.org"} {"email": "b@example.org"}]', 1, "a comma"),
        ('[{"email": "ada@example.org"}, {"email": ', 1, "no JSON"),
        ('[{"email": "ada@example.org"}, ' + '{"a":' * 50_000, 1, "too deep"),
        ('[{"email": "ada@example.org"}, ' + "9" * 50_000 + "]", 1, "no JSON"),
        ('[{"email": "ada@example.org"}] trailing', 1, ""),
    ],
)
def test_json_that_breaks_off_is_named_and_what_came_before_is_taken(
    people: People, text: str, taken: int, words: str
) -> None:
    report = people.load(text, name="x.json")
    assert report.new == taken
    assert [words in problem.message for problem in report.problems] == ([True] if words else [])


def test_a_json_object_longer_than_memory_should_hold_is_named(people: People) -> None:
    text = '[{"email": "ada@example.org"}, {"email": "' + "x" * 3_000_000
    report = people.load(text, name="x.json")
    assert (report.new, [problem.row for problem in report.problems]) == (1, [2])


def test_columns_are_overruled_by_hand(people: People) -> None:
    text = (
        "Kontakt;Sprache;Ort;Ort;Datum\nada@example.org;de;Köln;;2020-01-31\nbo@example.org;;Bonn am Rhein;;31.1.20\n"
    )
    with pytest.raises(ImportProblemError, match="no column 'email'"):
        people.load(text)
    report = people.load(text, chosen=["Kontakt=email", "ort=mark:place", "Datum=joined"])
    assert [problem.row for problem in report.problems] == [3]
    members = {one.address: one for one in people.audience.members("digest")}
    assert members["ada@example.org"].language == "de"
    assert members["ada@example.org"].joined == "2020-01-31T00:00:00+00:00"
    assert members["bo@example.org"].marks == {"place:bonn-am-rhein"}
    assert members["bo@example.org"].joined == NOW.isoformat()


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ("Sprache", "COLUMN=FIELD"),
        ("=language", "COLUMN=FIELD"),
        ("nme=language", "'name'"),
        ("name=languge", "'language'"),
        ("name=mark:Ä", "mark:KIND"),
    ],
)
def test_a_wrong_word_on_columns_is_explained(people: People, chosen: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        people.load("email,name\nada@example.org,Ada\n", chosen=[chosen])


def test_a_column_can_be_left_out_by_hand(people: People) -> None:
    people.load("email,name\nada@example.org,Ada\n", chosen=["name="])
    assert only(people).name == ""


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (Format.TSV, "email\tname\nada@example.org\tAda, Lady; Byron\n"),
        (Format.MAILMAN, "Ada, Lady; Byron <ada@example.org>\n"),
        (Format.JSONL, '{"email": "ada@example.org", "name": "Ada, Lady; Byron"}\n'),
    ],
)
def test_a_format_may_be_said_instead_of_guessed(people: People, written: Format, text: str) -> None:
    people.load(text, written=written)
    assert (only(people).address, only(people).name) == ("ada@example.org", "Ada, Lady; Byron")


def test_states_of_other_systems_keep_out_and_an_unknown_one_is_named(people: People) -> None:
    states = ["Subscribed", "", "unsubscribed", "bounced", "Spam-Complaint", "pending", "sleeping", "blocked"]
    text = "email,status\n" + "".join(f"r{n}@example.org,{state}\n" for n, state in enumerate(states))
    report = people.load(text)
    assert counts(report) == {"new": 2, "left": 1, "suppressed": 3, "unconfirmed": 2, "problem_count": 1}
    assert "sleeping" in report.problems[0].message
    reasons = [reason(people, f"r{n}@example.org") for n in range(8)]
    assert reasons == ["", "", "", "bounce", "complaint", "", "", "manual"]


def test_of_two_rows_on_one_person_the_one_that_keeps_out_wins(people: People) -> None:
    text = "email,status,name,tags\na@x.org,subscribed,,\nA@x.org,unsubscribed,,\nb@x.org,,,p\nB@x.org,,Bo,q\n"
    report = people.load(text)
    assert counts(report) == {"new": 1, "left": 1, "repeated": 2}
    assert (only(people).name, only(people).marks) == ("Bo", {"tag:p", "tag:q"})


def test_whoever_left_there_and_is_a_member_here_is_named_and_stays(people: People) -> None:
    people.add("ada@example.org")
    report = people.load("email,status\nada@example.org,unsubscribed\n")
    assert counts(report) == {"left": 1, "problem_count": 1}
    assert "a member here" in report.problems[0].message
    assert only(people).state == "confirmed"


def test_whoever_changed_the_address_here_is_not_added_under_the_old_one(people: People) -> None:
    from chalicelib.store import Key

    people.table.insert(Key(f"MOVED#{people.audience.sid('old@example.org')}", "-"), {"to": "0" * 24})
    assert counts(people.load("email\nold@example.org\n")) == {"kept_out": 1}


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        (b"PK\x03\x04" + b"\0" * 100, "x.zip", "can't be unpacked"),
        (zipped({"a.txt": "x"}), "x.zip", "holds 0 lists"),
        (zipped({f"{n}.csv": "email\n" for n in range(30)}), "x.zip", "holds 30 lists"),
        (b"email\nada@example.org\n" * 60_000 + b"b\xe4r@example.org\n", "x.csv", r"x\.csv:120001: it is not UTF-8"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "x.png", "not UTF-8"),
    ],
)
def test_files_that_are_something_else_are_told_so(people: People, text: bytes, name: str, words: str) -> None:
    with pytest.raises(ImportProblemError, match=words):
        people.load(text, name=name)
    assert people.addresses() == []


def test_an_empty_array_holds_nobody(people: People) -> None:
    assert people.load("[]", name="x.json").read == 0


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ImportProblemError, match="can't be read"):
        look_at(tmp_path / "none.csv")


def hostile_lines() -> dict[str, Any]:
    return {
        "a line of two megabytes": f"{'x' * 2_000_000}@example.org\n",
        "a row of many cells over many lines": '"a\nb",' * 400_000 + "\n",
        "quotes": '"' * 100_000 + "\n",
        "commas": "," * 100_000 + "x\n",
        "semicolons in tags": f"eve@example.org,{';' * 100_000}\n",
        "NULs": "\0" * 100_000 + "\n",
    }


@pytest.mark.parametrize("what", list(hostile_lines()))
def test_a_hostile_row_costs_itself_and_the_next_is_read(people: People, what: str) -> None:
    report = people.load("email,tags\nada@example.org,x\n" + hostile_lines()[what] + "bo@example.org,y\n")
    assert set(people.addresses()) - {"eve@example.org"} == {"ada@example.org", "bo@example.org"}
    assert report.problem_count >= (1 if what != "semicolons in tags" else 0)
    assert all(len(problem.message) < 400 for problem in report.problems)
    assert what != "a row of many cells over many lines" or "longer than" in report.problems[0].message


def test_a_quote_that_never_ends_is_named_with_the_lines_it_took(people: People) -> None:
    """Where it should have ended can't be told; the lines after what was given up are read again."""
    report = people.load('email,name\nada@example.org,Ada\nbo@example.org,"' + "a\n" * 66_000 + "cy@example.org,Cy\n")
    assert people.addresses() == ["ada@example.org", "cy@example.org"]
    assert (report.problems[0].row, "up to line 65" in report.problems[0].message) == (3, True)


def test_problems_beyond_a_thousand_are_counted_only(people: People) -> None:
    report = people.load("email\n" + "nobody\n" * 1200)
    assert (report.problem_count, len(report.problems)) == (1200, 1000)


def test_addresses_alone_are_read_with_their_rows(tmp_path: Path) -> None:
    path = tmp_path / "bounced.txt"
    path.write_text("ada@example.org\n@spam.example\nnobody\n Bo <BO@Example.ORG>\n")
    found = list(read_addresses(path))
    assert [row for row, _ in found] == [1, 2, 3, 4]
    assert [one for _, one in found if isinstance(one, str)] == ["ada@example.org", "@spam.example", "BO@example.org"]
    assert isinstance(found[2][1], AddressError)
    path.write_text('email,why\nada@example.org,"x"\n')
    assert list(read_addresses(path)) == [(2, "ada@example.org")]


def test_times_to_come_and_marks_with_unseen_letters_are_left_out(people: People) -> None:
    rows = [{"email": "ada@example.org", "joined": "2030-01-01", "marks": ["tag:a\u202eb", "tag:ok", "Tag:x", "tag:"]}]
    report = people.load(json.dumps(rows), name="x.json", chosen=["marks=marks"])
    assert (only(people).joined, only(people).marks) == (NOW.isoformat(), {"tag:ok"})
    assert ["2030" in report.problems[0].message, "3 of its" in report.problems[1].message] == [True, True]
