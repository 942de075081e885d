"""The comparison with others measures what it says: whole letters, sent once to each reader, ratios of medians."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.peers import environments
from bench.peers.environments import AbsentError, go_program, python_for
from bench.peers.letter import Parts, parts, write_site
from bench.peers.measuring import Row, contend, looked_at, ours, rows_of
from bench.peers.reading import PEOPLE, Read, reader
from bench.smtp import Run


def mail(n: int, name: str = "", link: str = "https://news.example.org/u/") -> bytes:
    return f"Subject: News\r\nContent-Type: text/plain\r\n\r\nDear {name or f'Reader {n}'}, {link}{n}\r\n".encode()


def read(mails: dict[str, bytes] | None = None) -> Read:
    found = {f"reader{n}@example.org": mail(n) for n in range(PEOPLE)} | (mails or {})
    return Read(found, len(found))


@pytest.fixture
def letter(tmp_path: Path) -> Parts:
    write_site(tmp_path)
    return parts(tmp_path)


def test_the_letter_has_ten_thousand_bytes_and_open_fields(letter: Parts) -> None:
    assert 7_000 < sum(map(len, letter.html)) < 9_000
    for several in (letter.html, letter.text):
        assert several[1::2] == ["name", "first_name", "preferences_url", "unsubscribe_url"]
    assert "\x02" not in "".join(letter.html + letter.text)


def test_what_was_read_has_the_mean_size_of_all() -> None:
    assert read().size() == pytest.approx(len(mail(0)) + 1, abs=1.1)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (Read({}, 0), "0 mails came for 0 people"),
        (replace(read(), count=PEOPLE + 1), f"{PEOPLE + 1} mails came for {PEOPLE}"),
        (read({"stranger@example.org": mail(1)}), f"for {PEOPLE + 1} people"),
        (read({"reader3@example.org": mail(3, "Reader")}), "reader3@example.org lacks its name"),
        (read({"reader3@example.org": mail(3, link="/u/")}), "reader3@example.org lacks its name or its link"),
        (read(dict.fromkeys(("reader1@example.org", "reader2@example.org"), mail(0, "Reader 1 2 Reader 2"))), "same"),
    ],
)  # fmt: skip
def test_a_contender_that_does_not_do_it_all_is_not_measured(wrong: Read, said: str) -> None:
    with pytest.raises(RuntimeError, match=said):
        wrong.size()


def test_ratios_are_ours_to_theirs_by_medians() -> None:
    runs = {"Sendbrief": [Run(90, 1), Run(100, 2), Run(900, 9)], "slow": [Run(5, 40), Run(4, 30), Run(1, 20)]}
    first, slow = rows_of([ours(), replace(ours(), who="slow", readers=7)], {"Sendbrief": 1.0, "slow": 2.0}, runs)
    assert (first.rate, first.ratio, first.cpu) == (100, 1, 2)
    assert slow == Row("slow", 7, 2.0, 4, 25, 30)


def test_a_contender_that_ends_badly_says_how(letter: Parts) -> None:
    failing = replace(ours(), command=[sys.executable, "-c", "raise SystemExit('no such list')"])
    with pytest.raises(AbsentError, match="ended with 1: no such list"):
        contend(failing, letter, 1, 1)


def test_one_that_sends_nothing_is_found_out(letter: Parts) -> None:
    idle = replace(ours(), command=[sys.executable, "-c", 'print(\'{"seconds": 1, "cpu": 1}\')'])
    with pytest.raises(AbsentError, match="0 mails came"):
        looked_at(idle, letter)


def test_where_go_is_missing_its_program_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(AbsentError, match="Go is not installed"):
        go_program("smtppool")


@pytest.mark.slow
def test_a_peer_that_cannot_be_installed_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "none.txt").write_text("not a requirement at all\n")
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    monkeypatch.setattr(environments, "THEIRS", tmp_path)
    with pytest.raises(AbsentError, match="none could not be installed"):
        python_for("none")
    assert not list(tmp_path.glob(".venv-peers/none/installed.txt"))


@pytest.mark.slow
def test_our_whole_way_reaches_everybody_once(letter: Parts) -> None:
    assert 9_500 < looked_at(ours(), letter) < 11_000
    with reader() as (port, found):
        run = contend(ours(), letter, port, 30, before=5)
    assert (found.count, len(found.mails)) == (35, 30)
    assert run.rate > 0


@pytest.mark.slow
def test_the_command_says_which_peers_there_are() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.peers", "listserv"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "no such peer: listserv" in done.stderr
