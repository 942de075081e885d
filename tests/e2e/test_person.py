"""A person at a browser, from the form to the last unsubscribe: the command serves, a sink takes the mails."""

import re
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.browser import Person
from tests.e2e.house import House
from tests.e2e.test_gallery import CHROMIUM, axe, needs_chromium, needs_npm
from tests.smtp_sink import SmtpSink
from tests.web.site import ALARM, LOG, SITE

pytestmark = [pytest.mark.slow, needs_chromium, needs_npm]
TOPICS = "  security: {title: {en: Security, de: Sicherheit}, match: [{title: leak}]}\n"
HANG = 60


@dataclass
class Town:
    """The house with its server, and the sink that its mails go to."""

    house: House
    sink: SmtpSink
    url: str
    content: Path
    pictures: Path
    slot: datetime
    """Of the first edition, some minutes ahead: links that are made then work now, within what clocks differ by."""

    def mail(self, to: str, about: str) -> EmailMessage:
        """The newest mail to an address whose subject has a word, as soon as it is there."""
        return waited(lambda: next(iter(self.mails(to, about)[::-1]), None))

    def mails(self, to: str, about: str = "") -> list[EmailMessage]:
        """All mails to an address so far."""
        raw = [one.content for one in list(self.sink.received) if one.recipient == to]
        parsed = [message_from_bytes(content, policy=policy.default) for content in raw]
        return [mail for mail in parsed if about in str(mail["Subject"])]


def waited(find: Callable[[], EmailMessage | None]) -> EmailMessage:
    ends = time.monotonic() + HANG
    while time.monotonic() < ends:
        found = find()
        if found is not None:
            return found
        time.sleep(0.1)
    raise AssertionError("the mail did not come")


def plain(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def link(town: Town, mail: EmailMessage, door: str) -> str:
    found = re.search(rf"{re.escape(town.url)}/{door}/[\w.-]+", plain(mail))
    assert found is not None, plain(mail)
    return found[0]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url, content = f"http://127.0.0.1:{port}", tmp_path / "site" / "content"
    today = datetime.now(ZoneInfo("Europe/Berlin"))
    slot = (today + timedelta(minutes=8)).replace(second=0, microsecond=0)
    files = {
        "site.yaml": SITE.replace("https://letters.example.org", url).replace("sources:\n", f"{TOPICS}sources:\n"),
        "newsletters/harbour-log.yaml": LOG.replace("FREQ=WEEKLY;INTERVAL=2;BYDAY=TH", "FREQ=DAILY").replace(
            "'10:00'", f"'{slot:%H:%M}'"
        ),
        "newsletters/storm-warnings.yaml": ALARM,
        f"posts/en/{today:%Y-%m-%d}-crane.md": "---\ntitle: The crane is up\n---\nIt lifts forty tonnes.\n",
        f"posts/en/{today:%Y-%m-%d}-valve.md": "---\ntitle: A leak in the valve\n---\nUpdate the pump today.\n",
        f"posts/de/{today:%Y-%m-%d}-valve.md": "---\ntitle: Ein Leak im Ventil\n---\nDie Pumpe braucht Pflege.\n",
    }
    for name, text in files.items():
        (content / name).parent.mkdir(parents=True, exist_ok=True)
        (content / name).write_text(text, "utf-8")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    with SmtpSink() as sink:
        house = House(tmp_path / "site", tmp_path / "data", f"smtp://127.0.0.1:{sink.port}")
        server = house.start("serve", "--no-tick", "--port", str(port))
        try:
            assert server.stdout is not None
            told = server.stdout.readline()
            assert "Serving" in told or server.communicate(timeout=HANG) == (), told
            yield Town(house, sink, url, content, pictures, slot)
        finally:
            server.terminate()
            server.communicate(timeout=HANG)


@pytest.mark.parametrize(("width", "scripts"), [(375, True), (1280, True), (375, False)])
def test_a_person_comes_chooses_reads_and_goes(town: Town, width: int, scripts: bool) -> None:
    address = "nia@example.org"
    with Person(str(CHROMIUM), town.url, width=width, scripts=scripts) as person:

        def look(name: str, *words: str) -> None:
            """The page says this, looks well, and has nothing for axe (which is a script itself)."""
            for word in words:
                assert word in person.text(), (name, person.text())
            person.shoot(town.pictures, name)
            if scripts:
                assert [(one["id"], one["nodes"][0]["html"][:200]) for one in axe(person)] == [], name

        person.visit(f"{town.url}/")
        look("front", "Harbour Software Guild")
        person.press(".ask .button")
        look("subscribe", "Tick what you want to read")
        assert person.evaluate("document.querySelector('.options').getClientRects().length") == 0
        person.click("[name=newsletter][value=harbour-log]")
        assert person.evaluate("document.querySelector('.options').getClientRects().length") == 1
        person.type("#address", address)
        person.type("#name", "Nia")
        time.sleep(2.1)
        person.press("button[type=submit]")
        look("check-mail", "Check your mail")

        person.visit(link(town, town.mail(address, "confirm"), "c"))
        look("confirm", "One more step", "The Harbour Log")
        person.press("main button")
        look("welcome", "You are in")
        person.press("main .button")
        look("preferences", "n…@example.org")
        person.click("[name='topics.harbour-log'][value=chosen]")
        person.click("[name='topic.harbour-log'][value=security]")
        person.click("[name=language][value=de]")
        person.press("main button")
        look("saved", "Saved.")

        send_edition(town)
        mail = town.mail(address, "Hafenlogbuch")
        assert "Ein Leak im Ventil" in plain(mail)
        assert "crane" not in plain(mail)
        person.visit(link(town, mail, "p") + "?lang=de")
        look("preferences-de", "Was Sie bekommen")
        person.press("#data ~ form button")
        look("check-mail-data", "Sehen Sie in Ihre Mails")
        person.visit(link(town, town.mail(address, "Ihre Daten"), "d") + "?lang=de")
        look("data", address, "Neu ausgewählt")

        person.visit(link(town, mail, "u") + "?lang=de")
        look("leave", "Das Hafenlogbuch abbestellen")
        person.press("main button")
        look("left", "Sie sind abgemeldet")
        assert person.strayed == [], "nothing is fetched from elsewhere"
    before = len(town.mails(address))
    add(town, "bo@example.com")
    (town.content / "posts" / "en" / f"{datetime.now(ZoneInfo('Europe/Berlin')):%Y-%m-%d}-leak.md").write_text(
        "---\ntitle: A leak\n---\nMended.\n"
    )
    send_edition(town, days=1)
    assert town.mail("bo@example.com", "Harbour Log")
    assert len(town.mails(address)) == before, "no mail to who has left"


def add(town: Town, address: str) -> None:
    town.house.run("subscribers", "add", address, "--newsletter", "harbour-log", "--basis", "consent")


def send_edition(town: Town, days: int = 0) -> None:
    """The edition of the next slot, or of one so many days later, is composed and goes out."""
    slot = town.slot + timedelta(days=days)
    for moment in (slot - timedelta(minutes=2), slot + timedelta(minutes=1)):
        town.house.run("tick", "--now", moment.isoformat(timespec="minutes"))


def test_another_leaves_by_one_click_of_the_mail_program(town: Town) -> None:
    add(town, "bo@example.com")
    send_edition(town)
    mail = town.mail("bo@example.com", "Harbour Log")
    url = str(mail["List-Unsubscribe"]).strip("<>").split(">")[0]
    assert str(mail["List-Unsubscribe-Post"]) == "List-Unsubscribe=One-Click"
    with urllib.request.urlopen(urllib.request.Request(url, data=b"List-Unsubscribe=One-Click")) as answer:
        assert (answer.status, answer.url, answer.headers["Set-Cookie"]) == (200, url, None)
    assert '"unsubscribed"' in town.house.run("subscribers", "show", "bo@example.com", "--json")
