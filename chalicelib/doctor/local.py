"""What can be seen without a network: the site, the settings, the secret, the store. Pure but for where files lie."""

import stat
from collections.abc import Iterator

from chalicelib.content.load import LoadedSite
from chalicelib.content.published import Publication
from chalicelib.content.values import Severity, Site
from chalicelib.deliver.pausing import Pause
from chalicelib.doctor.findings import About, Finding, Topic
from chalicelib.settings import Settings

SITE, STORE, TRANSPORT = About(Topic.SITE), About(Topic.STORE), About(Topic.TRANSPORT)
_RESERVED = ("example", "example.org", "example.com", "example.net", "invalid", "test", "localhost")
"""Names that are nobody's (RFC 2606)."""


def is_reserved(domain: str) -> bool:
    """Whether a domain stands only in examples."""
    return any(domain == name or domain.endswith(f".{name}") for name in _RESERVED)


def check_site(loaded: LoadedSite) -> Iterator[Finding]:
    """Can mails be made of it at all."""
    grave = [problem for problem in loaded.problems if problem.severity is Severity.ERROR]
    if loaded.site is None:
        first = grave[0]
        yield SITE.error(
            f"The site can't be used: {first.file}:{first.line}: {first.message}.", "'sendbrief check' lists all."
        )
        return
    yield SITE.ok(
        "The site can be read.", f"{len(loaded.site.newsletters)} newsletters, {len(loaded.site.sources)} sources"
    )


def check_bundle(current: Publication | None) -> Finding:
    """Is there anything published to send from."""
    if current is None:
        return SITE.error("Nothing is published: the functions have no site.", "Publish it with 'sendbrief publish'.")
    commit = (
        f", commit {current.commit[:12]}{' with changes beside it' if current.dirty else ''}" if current.commit else ""
    )
    return SITE.ok("A site is published.", f"{current.hash[:12]} since {current.at[:16]}Z by {current.by}{commit}")


def check_identity(site: Site, settings: Settings) -> Iterator[Finding]:
    """Is it somebody's, and does it say whose."""
    domain = site.sender.address.rpartition("@")[2]
    if is_reserved(domain):
        make = SITE.note if settings.transport == "maildir" else SITE.error
        yield make(
            f"The sender {site.sender.address} is an example's: nobody can send from it.",
            "Write an address of your own domain in site.yaml (sender.address).",
        )
    else:
        yield SITE.ok(f"Mails are sent by {site.sender.address}.")
    if not site.imprint_url:
        yield SITE.note("Mails and pages name no imprint.", "Where one is due, set imprint_url in site.yaml.")
    if not site.privacy_url:
        yield SITE.note("Mails and pages name no privacy notice.", "Set privacy_url in site.yaml.")
    if not site.editors:
        yield SITE.warn("Nobody gets proofs and alarms.", "Name editors in site.yaml.")


def check_secret(settings: Settings) -> Iterator[Finding]:
    """Whoever knows the secret can unsubscribe, and read, everybody."""
    path = settings.data / "secret.key"
    if settings.secret or settings.store == "aws":
        yield SITE.ok("The secret is set." if settings.secret else "The secret is the stage's.")
    elif not path.exists():
        yield SITE.note("There is no secret yet.", "The first run makes one. Keep a copy of it with your backups.")
    elif path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield SITE.warn("Others of this machine can read the secret.", f"chmod 600 {path}")
    else:
        yield SITE.ok("The secret is this installation's own.")


def check_transport(settings: Settings) -> Iterator[Finding]:
    """How mails leave, and who hears what becomes of them."""
    if settings.transport == "maildir":
        yield TRANSPORT.warn(
            "Nothing leaves: mails are written to files (maildir).",
            "Set SENDBRIEF_TRANSPORT to ses or smtp when readers are to get them.",
        )
        return
    yield TRANSPORT.ok(f"Mails leave by {settings.transport}.")
    if settings.transport == "smtp" and not settings.bounces:
        yield TRANSPORT.warn(
            "What comes back is not heard: bounces are not counted, nobody is suppressed.",
            "Set SENDBRIEF_BOUNCES and SENDBRIEF_BOUNCE_ADDRESS ('Hearing back' in docs/operating.md).",
        )
    elif settings.transport == "smtp" and not settings.bounce_address:
        yield TRANSPORT.note(
            "Returned mails are told apart by what they quote.",
            "Set SENDBRIEF_BOUNCE_ADDRESS, so that each has an address of its own.",
        )
    if settings.transport == "ses" and not settings.configuration_set:
        yield TRANSPORT.error(
            "Mails go out without a configuration set: SES tells nothing of them.",
            "Set SENDBRIEF_SES_CONFIGURATION_SET.",
        )
    if settings.transport == "ses" and not settings.event_queue_url:
        yield TRANSPORT.error(
            "Events of SES are not heard: bounces are not counted, nobody is suppressed.",
            "Set SENDBRIEF_EVENT_QUEUE_URL ('Hearing back' in docs/operating.md).",
        )


def check_pause(pause: Pause | None) -> Finding:
    """Whether the site may send at all."""
    if pause is None:
        return STORE.ok("The store can be read; the site is not paused.")
    what, _, do = str(pause).partition(". ")
    return STORE.warn(f"{what.rstrip('.')}.", do)
