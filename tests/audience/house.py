"""An audience on one SQLite file, and a small site with two newsletters to import into."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chalicelib.audience.audience import Audience, make_member
from chalicelib.audience.importing import ImportJob, ImportReport, import_people
from chalicelib.audience.subscriber import Basis
from chalicelib.audience.tokens import Secrets
from chalicelib.content.values import Newsletter, Topic
from chalicelib.store import Table
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_database import Database
from tests.render.values import NEWSLETTER, site

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SECRETS = Secrets(("s" * 40,))
TOPICS = (Topic("security", {"*": "Security"}, ()), Topic("news", {"*": "News"}, ()))
SITE = site(topics=TOPICS, newsletters={"digest": NEWSLETTER, "alerts": replace(NEWSLETTER, name="alerts")})


class People:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = Database(folder / "people.db")
        self.table = SqliteTable(self.database)
        self.audience = Audience(self.table, SECRETS)

    def add(self, address: str, newsletter: str = "digest", **changes: Any) -> str:
        member = replace(make_member(SECRETS, newsletter, address, "", "en"), **changes)
        return self.audience.subscribe([member], Basis.CONSENT, "a test", NOW)[0]

    def load(
        self,
        text: str | bytes,
        table: Table | None = None,
        newsletter: Newsletter = NEWSLETTER,
        name: str = "people.csv",
        **options: Any,
    ) -> ImportReport:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        job = ImportJob(path, SITE, newsletter, Basis.CONSENT, SECRETS, NOW, **options)
        return import_people(job, table or self.table)

    def addresses(self) -> list[str]:
        return sorted(member.address for member in self.audience.members("digest"))
