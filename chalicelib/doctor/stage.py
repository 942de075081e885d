"""What AWS says: gathered by the operator's adapters, judged topic by topic."""

from collections.abc import Iterator, Mapping

from chalicelib.cloud import account as ses
from chalicelib.cloud import holdings as aws_holdings
from chalicelib.cloud.looking import Looking, Told
from chalicelib.content.values import Site
from chalicelib.doctor import amazon, holdings
from chalicelib.doctor.answers import organisational
from chalicelib.doctor.findings import About, Finding, Topic
from chalicelib.doctor.local import STORE, check_pause
from chalicelib.doctor.sender import HOSTED, Signing
from chalicelib.errors import SendbriefError
from chalicelib.runtime import Runtime

CLOCK, ACCOUNT = About(Topic.CLOCK), About(Topic.ACCOUNT)
SLOW, WRONG = 30.0, 300.0
"""Seconds by which a clock may be off: slots are late by them; beyond five minutes AWS takes no signature."""


class Stage:
    """One look at AWS. ``signing`` and ``envelope`` are what it tells of how mails are sent; None: not known."""

    def __init__(self, runtime: Runtime, name: str, outputs: Mapping[str, str]) -> None:
        self._runtime, self._settings, self._outputs = runtime, runtime.settings, outputs
        self._name, self._aws = name, Looking(runtime.clock)
        self.signing: Signing | None = None
        self.envelope: str | None = outputs.get("MailFromDomain")

    @property
    def region(self) -> str:
        """The region that is asked, '' where none is set."""
        return self._aws.region()

    def close(self) -> None:
        """Give connections back."""
        self._aws.close()

    def look(self, site: Site | None) -> Iterator[Finding]:
        """All of it; where AWS answers nothing at all, one finding says so."""
        told = ses.read_account(self._aws)
        if told.for_all:
            yield ACCOUNT.skipped(f"AWS was not asked: {told.why}.", told.do)
            return
        if self._settings.transport == "ses":
            yield from self._account(told)
            if site is not None:
                yield from self._identity(site.sender.address)
            yield from self._events()
        if self._settings.store == "aws":
            yield from self._store()
        if self._name:
            yield from self._alarms()
        yield check_clock(self._aws.skew)

    def _account(self, told: Told[ses.Account]) -> Iterator[Finding]:
        if told.value is None:
            yield amazon.unknown(ACCOUNT, told, "What the account may send")
        else:
            yield from amazon.check_account(told.value)

    def _identity(self, address: str) -> Iterator[Finding]:
        """The most specific identity counts: SES takes one of a domain for all below it."""
        domain = address.rpartition("@")[2].lower()
        for name in dict.fromkeys((domain, organisational(domain))):
            told = ses.read_identity(self._aws, name)
            if told.why:
                yield amazon.unknown(amazon.IDENTITY, told, f"The identity {name}")
                return
            if told.value is not None:
                self._sends(told.value, name)
                yield from amazon.check_identity(told.value, name)
                return
        yield from amazon.check_identity(None, domain)

    def _sends(self, identity: ses.Identity, name: str) -> None:
        self.envelope = identity.mail_from
        self.signing = Signing(name, identity.tokens, "" if identity.own_keys else identity.hosted or HOSTED)

    def _events(self) -> Iterator[Finding]:
        name = self._settings.configuration_set
        if not name:
            return
        told = ses.read_configuration_set(self._aws, name)
        if told.why:
            yield amazon.unknown(amazon.EVENTS, told, f"The configuration set {name}")
        else:
            yield from amazon.check_configuration_set(told.value, name)
        if told.value is None and not told.why:
            return
        where = ses.read_destinations(self._aws, name)
        if where.why:
            yield amazon.unknown(amazon.EVENTS, where, f"Where events of {name} go")
            return
        ours = self._outputs.get("EventTopicArn", "")
        yield from amazon.check_destinations(where.value or (), name, ours)
        topics = [ours] if ours else [one.topic for one in where.value or () if one.topic]
        for topic in topics[:1]:
            yield self._wiring(topic)

    def _wiring(self, topic: str) -> Finding:
        url = self._settings.event_queue_url
        queue = aws_holdings.read_queue(self._aws, url).value if url else None
        told = ses.read_subscriptions(self._aws, topic)
        if told.why:
            return amazon.unknown(amazon.EVENTS, told, f"Who {topic} tells")
        return amazon.check_wiring(told.value or (), topic, queue.arn if queue else "")

    def _store(self) -> Iterator[Finding]:
        name = self._settings.table
        table = aws_holdings.read_table(self._aws, name)
        if table.why:
            yield amazon.unknown(holdings.TABLE, table, f"The table {name}")
        else:
            yield from holdings.check_table(table.value, name)
        if table.value is not None or table.why:
            yield from self._settings_of(name)
            yield from self._paused()
        yield from self._queues()

    def _settings_of(self, name: str) -> Iterator[Finding]:
        recovery, expiry = aws_holdings.read_recovery(self._aws, name), aws_holdings.read_expiry(self._aws, name)
        if recovery.why:
            yield amazon.unknown(holdings.TABLE, recovery, f"Whether {name} can be put back")
        else:
            yield holdings.check_recovery(bool(recovery.value), name)
        if expiry.why:
            yield amazon.unknown(holdings.TABLE, expiry, f"Whether {name} forgets")
        else:
            yield holdings.check_expiry(expiry.value or "", name)

    def _paused(self) -> Iterator[Finding]:
        from chalicelib.deliver.pausing import paused

        try:
            yield check_pause(paused(self._runtime.table))
        except SendbriefError as error:
            yield STORE.error(error.message, error.hint)

    def _queues(self) -> Iterator[Finding]:
        settings, outputs = self._settings, self._outputs
        urls = {
            "chunks": (settings.queue_url, outputs.get("ChunkDeadLetterUrl", settings.dead_letter_url)),
            "notices": (settings.notice_queue_url, outputs.get("NoticeDeadLetterUrl", "")),
            "events": (settings.event_queue_url, outputs.get("EventDeadLetterUrl", "")),
        }
        for kind, (url, dead) in urls.items():
            if url:
                told = aws_holdings.read_queue(self._aws, url)
                if told.why:
                    yield amazon.unknown(holdings.QUEUES, told, f"The queue of {kind}")
                else:
                    yield from holdings.check_queue(kind, told.value, url)
            letters = aws_holdings.read_queue(self._aws, dead).value if dead else None
            if letters is not None:
                yield holdings.check_dead(kind, letters.waiting)

    def _alarms(self) -> Iterator[Finding]:
        prefix, topic = f"sendbrief-{self._name}-", self._outputs.get("AlarmTopicArn", "")
        told = aws_holdings.read_alarms(self._aws, prefix)
        if told.why:
            yield amazon.unknown(holdings.ALARMS, told, "Which alarms there are")
        else:
            yield from holdings.check_alarms(told.value or (), prefix, topic)
        if not topic:
            return
        who = ses.read_subscriptions(self._aws, topic)
        if who.why:
            yield amazon.unknown(holdings.ALARMS, who, "Who is told of alarms")
        else:
            yield holdings.check_alarm_mail(who.value or ())


def check_clock(skew: float | None) -> Finding:
    """``skew``: seconds by which AWS's clock is ahead of ours; None where it said nothing."""
    fix = "Have the clock set by the network: sudo timedatectl set-ntp true"
    if skew is None:
        return CLOCK.skipped("The clock was not compared: AWS did not tell the time.", "Run it again.")
    if abs(skew) > WRONG:
        return CLOCK.error(f"The clock is off by {abs(skew):.0f} s: AWS refuses what it signs.", fix)
    if abs(skew) > SLOW:
        return CLOCK.warn(f"The clock is off by {abs(skew):.0f} s: slots come early or late by it.", fix)
    return CLOCK.ok("The clock is right.", f"{skew:+.0f} s beside AWS's, to the second")
