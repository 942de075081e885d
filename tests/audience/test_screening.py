"""The second look: what is flagged, what is refused, and what is nobody's business."""

import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.audience import known_domains
from chalicelib.audience.address import parse_address
from chalicelib.audience.screening import Finding, is_disposable, screen, screen_name
from chalicelib.errors import AddressError

DATA = Path(__file__).resolve().parents[2] / "chalicelib" / "audience" / "data" / "disposable.txt"


def codes(typed: str) -> list[str]:
    return [finding.code for finding in screen(parse_address(typed))]


@pytest.mark.parametrize(
    "typed",
    ["ada@example.org", "ada@gmail.com", "ada@GMX.de", "ada@mail.com", "ada@ymail.com", "ada@gmx.net", "ada@web.dk",
     "ada@posteo.net", "ada@bücher.example", "ada@münchen.de", "ada@例え.jp", "ada@メール例え.jp", "ada@почта.рф",
     "ada@παράδειγμα.gr", "ada@한국語漢字.kr", "informatik@example.org", "infos@example.org", "ada+info@example.org",
     "ada@duck.com", "ada@simplelogin.com", "ada@privaterelay.appleid.com", "ada@mail.ru", "ada@uni-rostock.de",
     "ada@yahoo.dr", "ada@hmail.com", "ada@gmailx.org"],
)  # fmt: skip
def test_most_addresses_are_nobodys_business(typed: str) -> None:
    assert codes(typed) == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Ada@gmial.com", "Ada@gmail.com"),
        ("ada+x@gmal.com", "ada+x@gmail.com"),
        ("ada@gmaill.com", "ada@gmail.com"),
        ("ada@gnail.com", "ada@gmail.com"),
        ("ada@gmail.co", "ada@gmail.com"),
        ("ada@gmail.con", "ada@gmail.com"),
        ("ada@gmial.con", "ada@gmail.com"),
        ("ada@outlok.com", "ada@outlook.com"),
        ("ada@protonmial.com", "ada@protonmail.com"),
        ("ada@yahooo.de", "ada@yahoo.de"),
        ("ada@example.con", "ada@example.com"),
        ("ada@example.ogr", "ada@example.org"),
        ("ada@t-onlin.de", "ada@t-online.de"),
        ("ada@postoe.de", "ada@posteo.de"),
    ],
)
def test_a_slip_of_the_finger_is_asked_about(typed: str, meant: str) -> None:
    (finding, *_) = screen(parse_address(typed))
    assert (finding.code, finding.refuses, finding.suggestion) == ("misspelt", False, meant)


@pytest.mark.parametrize("known", sorted(known_domains.KNOWN))
def test_no_provider_is_taken_for_another_nor_for_a_throw_away(known: str) -> None:
    assert codes(f"ada@{known}") == []


@pytest.mark.parametrize(
    "local",
    ["info", "Marketing", "sales", "support", "ABUSE", "noc", "security", "postmaster", "hostmaster", "usenet", "news",
     "webmaster", "www", "uucp", "ftp", "no-reply", "noreply", "do_not_reply", "mailer-daemon", "info+x",
     "chess-request", "kontakt"],
)  # fmt: skip
def test_offices_are_flagged_and_never_refused(local: str) -> None:
    assert screen(f"{local}@example.org") == (Finding("role", refuses=False, shown="example.org"),)


@pytest.mark.parametrize(
    "domain",
    [
        "exжmple.org",
        "exλmple.org",
        "gmаil.com",
        "pаypal.com",
        "раураӏ.com",
        "exаmple.org",
        "gmaıl.com",
        "gmáil.com",
        "hοtmail.com",
        "мail.example.org",
    ],
)
def test_names_that_look_like_others_are_flagged_and_shown_as_they_are(domain: str) -> None:
    (finding,) = screen(parse_address(f"ada@{domain}"))
    assert (finding.code, finding.refuses) == ("look-alike", False)
    assert "xn--" in finding.shown


@pytest.mark.parametrize("name", ["Аda Lovelace", "Ada Lοvelace", "Adа"])
def test_a_persons_name_with_letters_of_two_alphabets_in_a_word_is_flagged(name: str) -> None:
    assert screen_name(name) == (Finding("look-alike"),)


@pytest.mark.parametrize(
    "name",
    ["", "Ada Lovelace", "Анна Smith", "山田太郎", "山田 たろう", "佐々木", "ジョン", "김철수", "Mª José", "O’Neil",
     "Oʼneil", "محمد", "Ada 👩‍💻", "1984", "सुनीता", "Ｆｕｌｌ Width", "Jean-Luc", "Łukasz", "Ζωή Παπά"],
)  # fmt: skip
def test_names_in_any_alphabet_are_names(name: str) -> None:
    assert screen_name(name) == ()


def test_throw_aways_are_flagged_or_refused_as_the_site_says_with_all_below_them() -> None:
    for address in ("ada@mailinator.com", "ada@MAILINATOR.com", "ada@x.y.mailinator.com"):
        assert [(f.code, f.refuses) for f in screen(address)] == [("disposable", False)]
        assert [(f.code, f.refuses) for f in screen(address, refuse_disposable=True)] == [("disposable", True)]
    assert not is_disposable("mailinator.com.example.org")
    assert not is_disposable("harbourmailinator.com")
    assert not is_disposable("com")


def test_the_list_says_where_it_is_from_and_holds_domains_alone() -> None:
    lines = DATA.read_text("utf-8").splitlines()
    assert "CC0" in lines[0]
    domains = [line for line in lines if not line.startswith("#")]
    assert len(domains) > 5000
    assert domains == sorted(set(domains))
    assert all(
        set(domain) <= set(string.ascii_lowercase + string.digits + "-.") and "." in domain for domain in domains
    )


@pytest.mark.parametrize(("mail", "refused"), [(True, False), (False, True), (None, False)])
def test_only_a_domain_that_surely_takes_no_mail_is_refused(mail: bool | None, refused: bool) -> None:
    asked: list[str] = []

    def resolver(domain: str) -> bool | None:
        asked.append(domain)
        return mail

    found = screen("Ada@Example.org", resolver=resolver)
    assert asked == ["example.org"]
    assert found == ((Finding("no-mail", refuses=True, shown="example.org"),) if refused else ())


def test_all_that_is_found_is_told_in_one_order() -> None:
    found = screen("info@gmial.com", refuse_disposable=True, resolver=lambda _: False)
    assert [finding.code for finding in found] == ["misspelt", "role", "disposable", "no-mail"]


TYPED = st.from_regex(r"[a-z+.-]{1,8}@(xn--)?[a-zа-я0-9.-]{1,20}\.(com|de|xn--p1ai)", fullmatch=True)


@given(st.text(max_size=40) | TYPED)
@settings(max_examples=40)
def test_whatever_can_be_mailed_can_be_looked_at(text: str) -> None:
    screen_name(text)
    try:
        address = parse_address(text)
    except AddressError:
        return
    for finding in screen(address):
        assert finding.shown.isascii()
        if finding.suggestion:
            assert parse_address(finding.suggestion) == finding.suggestion


def test_the_longest_address_and_a_name_without_end_are_looked_at_at_once() -> None:
    domain = ".".join(["a" * 60] * 3) + ".com"
    assert screen(f"{'a+' * 30}@{domain}") == ()
    assert screen_name("а" * 100_000) == ()
    assert screen_name("аa" * 50_000) == (Finding("look-alike"),)
