"""The whole examination: what there is to look at here, one topic after the other. Trouble in one stops no other."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.content.values import Site
from chalicelib.doctor import local
from chalicelib.doctor.findings import About, Finding, Topic
from chalicelib.doctor.nameservers import Nameservers
from chalicelib.doctor.pages import check_pages
from chalicelib.doctor.sender import Sending, Signing, check_sender
from chalicelib.doctor.server import addresses_of, check_blocklists, check_names, check_server
from chalicelib.doctor.signature import check_mail, no_mail, signing_of
from chalicelib.doctor.trying import WAIT_SECONDS, try_events
from chalicelib.errors import ConfigurationError, SendbriefError
from chalicelib.runtime import Runtime
from chalicelib.transports import Mail, Outcome

DNS, CLOCK = About(Topic.DKIM), About(Topic.CLOCK)
ONLINE = "Run it without --offline, where there is a network."


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for. ``outputs`` are those of the stage's stack; ``mail`` is one that arrived."""

    offline: bool = False
    events: bool = False
    wait: float = WAIT_SECONDS
    mail: bytes | None = None
    selectors: tuple[str, ...] = ()
    blocklists: tuple[str, ...] = ()
    stage: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)
    nameservers: Nameservers = field(default_factory=Nameservers)


def examine(runtime: Runtime, wishes: Wishes) -> list[Finding]:
    """Every finding, by topic. Raises nothing of what it looks at."""
    examination = _Examination(runtime, wishes)
    found = list(examination.run())
    order = list(Topic)
    return sorted(found, key=lambda finding: order.index(finding.topic))


def guarded(about: About, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """What a look finds; an error of ours on the way is a finding, too."""
    try:
        yield from look()
    except SendbriefError as error:
        yield about.error(error.message, error.hint)


class _Examination:
    def __init__(self, runtime: Runtime, wishes: Wishes) -> None:
        self._runtime, self._wishes, self._settings = runtime, wishes, runtime.settings
        self._dns = wishes.nameservers

    def run(self) -> Iterator[Finding]:
        site = yield from self._site()
        yield from guarded(local.SITE, lambda: local.check_secret(self._settings))
        yield from local.check_transport(self._settings)
        if site is not None:
            yield from local.check_identity(site, self._settings)
        if self._settings.store == "sqlite":
            yield from guarded(local.STORE, self._embedded)
        if self._wishes.mail is not None:
            yield from check_mail(self._wishes.mail)
        elif self._settings.transport != "maildir":
            yield no_mail()
        yield from self._offline() if self._wishes.offline else self._online(site)

    def _site(self) -> Generator[Finding, None, Site | None]:
        """What is sent from: the folder, or what is published."""
        if self._settings.content == "published":
            if self._wishes.offline and self._settings.store == "aws":
                yield local.SITE.skipped("The published site was not read: it lies on AWS.", ONLINE)
                return None
            yield from guarded(local.SITE, lambda: [local.check_bundle(self._runtime.shelf.current())])
        try:
            loaded = self._runtime.loaded
        except SendbriefError as error:
            yield local.SITE.error(error.message, error.hint)
            return None
        yield from local.check_site(loaded)
        return loaded.site or loaded.readable

    def _embedded(self) -> Iterator[Finding]:
        from chalicelib.deliver.pausing import paused
        from chalicelib.doctor.holdings import check_dead

        if not (self._settings.data / "sendbrief.db").exists():
            yield local.STORE.note("There is no store yet.", "The first run makes it.")
            return
        yield local.check_pause(paused(self._runtime.table))
        for kind in ("chunks", "notices"):
            queue = self._runtime.queue if kind == "chunks" else self._runtime.notice_queue
            yield check_dead(kind, len(queue.dead()))

    def _offline(self) -> Iterator[Finding]:
        sends = self._settings.transport != "maildir"
        left_out = {
            "the sender's domain (DKIM, SPF, DMARC, MX)": sends,
            "AWS (account, identity, events, table, queues, alarms)": self._on_aws,
            "the SMTP server": self._settings.transport == "smtp",
            "the public pages": True,
        }
        named = "; ".join(words for words, here in left_out.items() if here)
        yield CLOCK.skipped(f"Without a network these were not looked at: the clock; {named}.", ONLINE)

    @property
    def _on_aws(self) -> bool:
        settings = self._settings
        return settings.transport == "ses" or settings.store == "aws" or bool(self._wishes.outputs)

    def _online(self, site: Site | None) -> Iterator[Finding]:
        signing, envelope, region = self._signing(site), self._envelope(site), self._settings.region
        if self._on_aws:
            from chalicelib.doctor.stage import Stage

            stage = Stage(self._runtime, self._wishes.stage, self._wishes.outputs)
            try:
                yield from stage.look(site)
            finally:
                stage.close()
            if self._settings.transport == "ses":
                signing, envelope, region = stage.signing or signing, stage.envelope, stage.region
        else:
            yield CLOCK.skipped(
                "The clock was not compared: only AWS's answers tell the time.",
                "See that 'timedatectl' says: System clock synchronized: yes.",
            )
        if site is not None:
            sends = self._settings.transport == "ses"
            yield from self._network(site, Sending(_domain(site), envelope, sends, region, signing))

    def _network(self, site: Site, sending: Sending) -> Iterator[Finding]:
        settings = self._settings
        if settings.transport == "maildir":
            yield DNS.skipped(
                f"The DNS of {sending.domain} was not looked at: what it needs depends on how mails leave.",
                "Set SENDBRIEF_TRANSPORT first.",
            )
        else:
            yield from check_sender(sending, self._dns.ask)
        if settings.transport == "smtp":
            yield from guarded(About(Topic.SMTP), self._server)
        yield from check_pages(site, self._runtime.fetch, self._wishes.outputs.get("EndpointURL", ""))
        if self._wishes.events:
            yield from guarded(About(Topic.EVENTS), lambda: self._events(site))

    def _signing(self, site: Site | None) -> Signing | None:
        """As the options say: selectors, or a mail that arrived."""
        if site is None:
            return None
        if self._wishes.selectors:
            return Signing(_domain(site), self._wishes.selectors)
        return signing_of(self._wishes.mail, _domain(site)) if self._wishes.mail else None

    def _envelope(self, site: Site | None) -> str | None:
        bounces = self._settings.bounce_address.rpartition("@")[2]
        return bounces or (_domain(site) if site else None)

    def _server(self) -> Iterator[Finding]:
        facts = self._runtime.smtp_facts()
        yield from check_server(facts, self._runtime.clock())
        if facts.loopback:
            return
        addresses = addresses_of(facts, self._dns.ask)
        yield from check_names(addresses, self._dns.ask, self._dns.reverse)
        yield from check_blocklists(addresses, self._wishes.blocklists, self._dns.ask)

    def _events(self, site: Site) -> Iterator[Finding]:
        runtime, settings = self._runtime, self._settings
        if settings.transport != "ses" or not settings.event_queue_url:
            raise ConfigurationError(
                "Events can be tried only with SES and a queue of events.",
                "Set SENDBRIEF_TRANSPORT=ses and SENDBRIEF_EVENT_QUEUE_URL.",
            )
        alone = settings.store == "sqlite"  # on AWS the function works the queue off
        yield from try_events(
            self._hand,
            runtime.table,
            site.sender.address,
            runtime.clock,
            wait=self._wishes.wait,
            hear=self._hear if alone else lambda: None,
        )

    def _hand(self, mails: Sequence[Mail]) -> Sequence[Outcome]:
        import asyncio

        async def send() -> Sequence[Outcome]:
            try:
                return await self._runtime.transport.send_wave(mails)
            finally:
                await self._runtime.transport.aclose()

        return asyncio.run(send())

    def _hear(self) -> None:
        from chalicelib.deliver.hearing.listening import within

        until = within(5.0)
        self._runtime.listener.queue(self._runtime.event_queue, self._runtime.clock, stop=until)


def _domain(site: Site) -> str:
    return site.sender.address.rpartition("@")[2].lower()


__all__ = ["Wishes", "examine", "guarded"]
