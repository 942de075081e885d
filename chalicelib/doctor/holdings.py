"""What is wrong with a stage's table, queues and alarms. Pure."""

from collections.abc import Iterator, Sequence

from chalicelib.cloud.account import Subscription
from chalicelib.cloud.holdings import AlarmFacts, QueueFacts, TableFacts
from chalicelib.doctor.findings import About, Finding, Topic

TABLE, QUEUES, ALARMS = About(Topic.TABLE), About(Topic.QUEUES), About(Topic.ALARMS)
EXPIRY = "x"
"""The attribute by which items expire (store/dynamodb.py)."""
LONGEST_RUN = {"chunks": 900, "notices": 120, "events": 60}
"""Seconds that a function may work on what it took off a queue (.chalice/config.json)."""
FEWEST_TRIES = 5
"""AWS Lambda asks for at least as many: a function that is throttled counts as a try."""


def check_table(table: TableFacts | None, name: str) -> Iterator[Finding]:
    """Is it there and safe from a slip."""
    if table is None:
        yield TABLE.error(f"There is no table '{name}' in this region.", "Correct SENDBRIEF_TABLE or AWS_REGION.")
        return
    if table.status not in {"ACTIVE", "UPDATING"}:
        yield TABLE.error(f"The table {name} is {table.status}.", "Wait; if it stays, look at the DynamoDB console.")
    update = f"aws dynamodb update-table --table-name {name}"
    if not table.protected:
        yield TABLE.warn(f"The table {name} can be deleted by one command.", f"{update} --deletion-protection-enabled")
    if not table.on_demand:
        yield TABLE.note(
            f"The table {name} has provisioned capacity: bursts are throttled, quiet days are paid.",
            f"{update} --billing-mode PAY_PER_REQUEST",
        )
    if not table.own_encryption:
        yield TABLE.note(
            f"The table {name} is encrypted by DynamoDB's own key, whose use nobody can look up.",
            f"{update} --sse-specification Enabled=true,SSEType=KMS",
        )
    if table.protected and table.on_demand and table.own_encryption:
        yield TABLE.ok(f"The table {name} is protected, on demand and encrypted.")


def check_recovery(on: bool, name: str) -> Finding:
    """Point-in-time recovery."""
    if on:
        return TABLE.ok(f"The table {name} can be put back to any moment of its last days.")
    return TABLE.error(
        f"The table {name} can't be put back to an earlier moment.",
        f"aws dynamodb update-continuous-backups --table-name {name} "
        "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true",
    )


def check_expiry(attribute: str, name: str) -> Finding:
    """TTL."""
    if attribute == EXPIRY:
        return TABLE.ok(f"The table {name} drops what has expired.")
    return TABLE.warn(
        f"The table {name} keeps what has expired: it is read no more, and paid for ever.",
        f"aws dynamodb update-time-to-live --table-name {name} --time-to-live-specification "
        f"Enabled=true,AttributeName={EXPIRY}",
        attribute and f"its attribute is {attribute}",
    )


def check_queue(kind: str, queue: QueueFacts | None, url: str) -> Iterator[Finding]:
    """``kind``: chunks, notices or events."""
    if queue is None:
        yield QUEUES.error(f"There is no queue of {kind}: {url}.", "Correct its URL, or deploy the stage again.")
        return
    longest = LONGEST_RUN[kind]
    if not queue.tries:
        yield QUEUES.error(
            f"The queue of {kind} has no dead letters: what fails is lost after its days.",
            "Give it a redrive policy with 20 tries.",
        )
    elif queue.tries < FEWEST_TRIES:
        yield QUEUES.warn(f"The queue of {kind} gives up after {queue.tries} tries.", "Set maxReceiveCount to 20.")
    if queue.visibility < longest:
        yield QUEUES.error(
            f"The queue of {kind} gives a message out again after {queue.visibility} s, though it may be"
            f" worked on for {longest}.",
            f"Set its visibility timeout to {6 * longest}.",
        )
    elif queue.tries >= FEWEST_TRIES:
        yield QUEUES.ok(f"The queue of {kind} is set up right.", f"{queue.waiting} wait")


def check_dead(kind: str, waiting: int) -> Finding:
    """Dead letters of a queue."""
    if waiting:
        return QUEUES.warn(
            f"{waiting} dead letters of {kind}.", "'sendbrief redrive --list' says why; without it, tries again."
        )
    return QUEUES.ok(f"No dead letters of {kind}.")


def check_alarms(alarms: Sequence[AlarmFacts], prefix: str, topic: str) -> Iterator[Finding]:
    """Are there any, on, and telling the topic."""
    if not alarms:
        yield ALARMS.error(
            f"There are no alarms '{prefix}…': nobody hears when sending stops.", "Deploy the stage again."
        )
        return
    deaf = [
        alarm.name
        for alarm in alarms
        if not alarm.enabled or not alarm.actions or (topic and topic not in alarm.actions)
    ]
    if deaf:
        yield ALARMS.warn(
            f"{len(deaf)} alarms tell nobody.",
            "aws cloudwatch enable-alarm-actions --alarm-names " + " ".join(deaf[:5]),
            ", ".join(deaf),
        )
    else:
        yield ALARMS.ok(f"{len(alarms)} alarms are on.")
    for alarm in alarms:
        if alarm.state == "ALARM":
            yield ALARMS.warn(f"The alarm {alarm.name} is raised.", "Its description says what to do.")


def check_alarm_mail(found: Sequence[Subscription]) -> Finding:
    """Whether somebody hears of alarms."""
    if any(one.confirmed for one in found):
        return ALARMS.ok("Somebody is told of alarms.", ", ".join(one.protocol for one in found if one.confirmed))
    if found:
        return ALARMS.warn(
            "Nobody is told of alarms: the subscription waits to be confirmed.",
            "Press the link in AWS's mail; if it is older than three days, deploy the stage again.",
        )
    return ALARMS.warn(
        "Nobody is told of alarms.", "Deploy the stage with EditorsMail, and press the link in AWS's mail."
    )
