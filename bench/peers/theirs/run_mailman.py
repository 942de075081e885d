"""Mailman 3's core: a list with full personalisation and VERP, a post through its pipeline, its outgoing runner.

Archives and digests are off. A post's body is one for all in Mailman: what is the reader's own is the address it goes
to and comes back to, the To header and a footer. Its database is SQLite, as it comes.
"""

import json
import resource
import sys
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from mailman.core.initialize import initialize

CONFIG = """\
[mailman]
layout: bench
[paths.bench]
var_dir: {folder}/var
[mta]
incoming: mailman.mta.null.NullMTA
smtp_host: 127.0.0.1
smtp_port: {port}
verp_personalized_deliveries: yes
[archiver.mhonarc]
enable: no
[archiver.mail_archive]
enable: no
[archiver.prototype]
enable: no
"""
FOOTER = """\
Dear $user_name, you are $user_email on $fqdn_listname.
Leave: {base}/u/$user_email
Choose: {base}/p/$user_email
"""
ADDRESS = "digest@news.example.org"


def prepare(job: dict):
    """A list and its members, with a footer of its own."""
    folder = Path(job["folder"])
    (folder / "mailman.cfg").write_text(CONFIG.format(**job))
    footer = folder / "var" / "templates" / "lists" / ADDRESS / "en" / "list:member:regular:footer.txt"
    footer.parent.mkdir(parents=True)
    footer.write_text(FOOTER.format(**job))
    initialize(str(folder / "mailman.cfg"))
    from mailman.app.lifecycle import create_list
    from mailman.database.transaction import transaction
    from mailman.interfaces.archiver import ArchivePolicy
    from mailman.interfaces.domain import IDomainManager
    from mailman.interfaces.mailinglist import Personalization
    from zope.component import getUtility

    with transaction():
        getUtility(IDomainManager).add("news.example.org")
        digest = create_list(ADDRESS, ["owner@example.org"])
        digest.personalize = Personalization.full
        digest.archive_policy, digest.digests_enabled = ArchivePolicy.never, False
        digest.send_welcome_message = False
    subscribe(digest, job["count"])
    return digest


def subscribe(digest, count: int) -> None:
    """Members with names, each with a preferred address."""
    from mailman.database.transaction import transaction
    from mailman.interfaces.usermanager import IUserManager
    from mailman.utilities.datetime import now
    from zope.component import getUtility

    manager = getUtility(IUserManager)
    with transaction():
        for n in range(count):
            user = manager.create_user(f"reader{n}@example.org", f"Reader {n}")
            address = next(iter(user.addresses))
            address.verified_on = now()
            digest.subscribe(address)


def post(job: dict) -> bytes:
    """The letter as its author sends it to the list."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Bench <news@example.org>", ADDRESS, job["subject"]
    message["Message-ID"] = "<post@example.org>"
    html, text = ("".join("reader" if n % 2 else part for n, part in enumerate(job[kind])) for kind in ("html", "text"))
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    return message.as_bytes(policy=policy.SMTP.clone(linesep="\n"))


def send(digest, mail: bytes, recipients: set[str] | None = None) -> dict[str, float]:
    """A post through the list's pipeline and its outgoing runner; how long that took."""
    from mailman.bin.runner import make_runner
    from mailman.config import config
    from mailman.core.pipelines import process
    from mailman.database.transaction import transaction
    from mailman.email.message import Message

    message, told = message_from_bytes(mail, Message), {"original_size": len(mail)}
    if recipients is not None:
        told["recipients"] = recipients
    before, begun = _cpu(), time.perf_counter()
    with transaction():
        process(digest, message, told, digest.posting_pipeline)
    make_runner("out", 0, 1, once=True).run()
    figures = {"seconds": time.perf_counter() - begun, "cpu": _cpu() - before}
    if left := [name for name in ("out", "retry", "shunt", "bounces") if config.switchboards[name].files]:
        raise SystemExit(f"Mailman left something in {left}.")
    return figures


def main() -> None:
    """Post to a few, then to all, and say how long that took."""
    job = json.load(sys.stdin)
    digest, mail = prepare(job), post(job)
    send(digest, mail, {f"reader{n}@example.org" for n in range(job["before"])})
    print(json.dumps(send(digest, mail)))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
