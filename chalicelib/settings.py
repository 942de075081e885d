"""Settings that are not the site's. The only reader of os.environ."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

from chalicelib.errors import ConfigurationError

PROJECT_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the table in the docs: the variable, what is taken where it is not set, what it means."""

    variable: str
    default: str
    meaning: str


SETTINGS = (
    Setting("SENDBRIEF_SITE", "the folder you are in", "The site: the folder that holds `content/`."),
    Setting("SENDBRIEF_DATA", "`.sendbrief` in the site", "Where the embedded store, the secret and the Maildir lie."),
    Setting(
        "SENDBRIEF_CONTENT",
        "`folder`",
        "`folder` (the site's), or `published`: the site is what [`sendbrief publish`](editors-workflow.md) uploaded.",
    ),
    Setting("SENDBRIEF_STORE", "`sqlite`", "`sqlite` (one machine) or `aws` (DynamoDB, S3, SQS)."),
    Setting(
        "SENDBRIEF_QUEUES",
        "`sqs`",
        "With the store `aws`: `sqs`, or `table`: queues lie in the table, where there is [no SQS](kubernetes.md).",
    ),
    Setting("SENDBRIEF_TRANSPORT", "`maildir`", "`maildir` (files, nothing leaves), `smtp` or `ses`."),
    Setting("SENDBRIEF_MAILDIR", "`maildir` in the data folder", "Where the maildir transport delivers."),
    Setting(
        "SENDBRIEF_SMTP_URL",
        "none",
        "`smtp://user:password@host:port` or `smtps://…`; options `?starttls=required&connections=10&timeout=30`.",
    ),
    Setting(
        "SENDBRIEF_MAIL_LOG",
        "none",
        "The mail server's log, such as `/var/log/mail.log`: what `doubt --look` reads (Postfix, Exim).",
    ),
    Setting(
        "SENDBRIEF_SENT_FOLDER",
        "none",
        "A folder that gets a copy of every mail, `imaps://user:password@host/Sent`: what `doubt --look` searches.",
    ),
    Setting(
        "SENDBRIEF_SECRET",
        "`secret.key` in the data folder, made once",
        "Keys links and ids; several parted by commas, oldest first. This one, `SENDBRIEF_SMTP_URL`,"
        " `SENDBRIEF_BOUNCES` and `SENDBRIEF_SENT_FOLDER` may be `ssm:/name`: a parameter of AWS Systems Manager that"
        " holds the value.",
    ),
    Setting("SENDBRIEF_TICK_SECONDS", "`60`", "How often `run` and `serve` look for what is due."),
    Setting(
        "SENDBRIEF_LOG", "`text`", "`json`: `run` and `serve` write [lines of JSON](#logs) (the functions always do)."
    ),
    Setting(
        "SENDBRIEF_STAGE", "none", "What this installation is called in [logs](#logs) and metrics, such as `prod`."
    ),
    Setting(
        "SENDBRIEF_FETCH_ALLOW",
        "none",
        "Networks (CIDR) and hosts of your own that sources may lie in, parted by commas: `10.1.0.0/16, wiki.intranet`."
        " All else that is not on the public internet is never fetched.",
    ),
    Setting(
        "SENDBRIEF_TRUSTED_PROXIES",
        "none",
        "Networks (CIDR) of your own proxies before the public pages, parted by commas: `127.0.0.1, 10.1.0.0/16`. What"
        " they say in `X-Forwarded-For` is believed, so that visitors are told apart; nobody else's is.",
    ),
    Setting("SENDBRIEF_TABLE", "`sendbrief`", "DynamoDB table (store `aws`)."),
    Setting("SENDBRIEF_BUCKET", "none", "S3 bucket (store `aws`)."),
    Setting("SENDBRIEF_QUEUE_URL", "none", "SQS queue of chunks (store `aws`)."),
    Setting("SENDBRIEF_NOTICE_QUEUE_URL", "none", "SQS queue of mails to single people (store `aws`)."),
    Setting("SENDBRIEF_DEAD_LETTER_URL", "none", "SQS queue of dead letters (store `aws`)."),
    Setting("SENDBRIEF_SES_CONFIGURATION_SET", "none", "SES configuration set (transport `ses`)."),
    Setting("SENDBRIEF_SES_BULK", "`off`", "`on`: up to 50 mails of a letter in one call, see [SES](#ses)."),
    Setting("SENDBRIEF_SES_PLAN", "`essentials`", "The account's plan, for [costs](costs.md); `a-la-carte`: none."),
    Setting(
        "SENDBRIEF_EVENT_QUEUE_URL",
        "none",
        "SQS queue of events of SES, see [hearing back](#hearing-back); with any store.",
    ),
    Setting(
        "SENDBRIEF_BOUNCES",
        "none",
        "Where returned mails come in: `maildir:/path` or `imaps://user:password@host/INBOX`, see"
        " [hearing back](#hearing-back).",
    ),
    Setting(
        "SENDBRIEF_BOUNCE_ADDRESS",
        "none",
        "An address like `bounces@example.org`: each mail is then sent from `bounces+…@example.org`, an"
        " address of its own.",
    ),
)
_KNOWN = {setting.variable for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, checked. Paths are absolute."""

    site: Path
    data: Path
    content: str = "folder"
    store: str = "sqlite"
    queues: str = "sqs"
    transport: str = "maildir"
    maildir: Path = Path()
    smtp_url: str = ""
    mail_log: Path | None = None
    sent_folder: str = ""
    secret: str = ""
    tick_seconds: int = 60
    fetch_allow: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    table: str = "sendbrief"
    bucket: str = ""
    queue_url: str = ""
    notice_queue_url: str = ""
    dead_letter_url: str = ""
    configuration_set: str = ""
    ses_bulk: bool = False
    ses_plan: str = "essentials"
    event_queue_url: str = ""
    bounces: str = field(default="", repr=False)
    bounce_address: str = ""
    log: str = "text"
    stage: str = ""
    region: str = ""
    """Where AWS is asked, as boto3 reads it: for the record of processing alone."""


def load_settings(
    environment: Mapping[str, str] | None = None, *, site: Path | None = None, data: Path | None = None,
    stage: Mapping[str, str] | None = None,
) -> Settings:  # fmt: skip
    """Settings from flags, a deployed ``stage``'s, then the environment. Raises ConfigurationError with the name."""
    values = {**(os.environ if environment is None else environment), **(stage or {})}
    _refuse_unknown(values)
    root = _absolute(site or Path(values.get("SENDBRIEF_SITE") or _default_site()))
    folder = _absolute(data or Path(values.get("SENDBRIEF_DATA") or _default_data(root)))
    return Settings(
        site=root,
        data=folder,
        content=_choice(values, "SENDBRIEF_CONTENT", ("folder", "published")),
        store=_choice(values, "SENDBRIEF_STORE", ("sqlite", "aws")),
        queues=_choice(values, "SENDBRIEF_QUEUES", ("sqs", "table")),
        transport=_choice(values, "SENDBRIEF_TRANSPORT", ("maildir", "smtp", "ses")),
        maildir=_absolute(Path(values.get("SENDBRIEF_MAILDIR") or folder / "maildir")),
        smtp_url=values.get("SENDBRIEF_SMTP_URL", ""),
        mail_log=_absolute(Path(log)) if (log := values.get("SENDBRIEF_MAIL_LOG", "")) else None,
        sent_folder=values.get("SENDBRIEF_SENT_FOLDER", ""),
        secret=values.get("SENDBRIEF_SECRET", ""),
        tick_seconds=_positive(values, "SENDBRIEF_TICK_SECONDS", 60),
        fetch_allow=_places(values, "SENDBRIEF_FETCH_ALLOW"),
        trusted_proxies=_networks(values, "SENDBRIEF_TRUSTED_PROXIES"),
        table=values.get("SENDBRIEF_TABLE") or "sendbrief",
        bucket=values.get("SENDBRIEF_BUCKET", ""),
        queue_url=values.get("SENDBRIEF_QUEUE_URL", ""),
        notice_queue_url=values.get("SENDBRIEF_NOTICE_QUEUE_URL", ""),
        dead_letter_url=values.get("SENDBRIEF_DEAD_LETTER_URL", ""),
        configuration_set=values.get("SENDBRIEF_SES_CONFIGURATION_SET", ""),
        event_queue_url=values.get("SENDBRIEF_EVENT_QUEUE_URL", ""),
        bounces=values.get("SENDBRIEF_BOUNCES", ""),
        bounce_address=_bounce_address(values),
        ses_bulk=_choice(values, "SENDBRIEF_SES_BULK", ("off", "on")) == "on",
        ses_plan=_choice(values, "SENDBRIEF_SES_PLAN", ("essentials", "a-la-carte")),
        log=_choice(values, "SENDBRIEF_LOG", ("text", "json")),
        stage=_stage(values),
        region=values.get("AWS_REGION") or values.get("AWS_DEFAULT_REGION", ""),
    )


def _refuse_unknown(values: Mapping[str, str]) -> None:
    unknown = sorted(name for name in values if name.startswith("SENDBRIEF_") and name not in _KNOWN)
    if unknown:
        raise ConfigurationError(f"{unknown[0]} is no setting.", f"Known are: {', '.join(sorted(_KNOWN))}.")


def honour_region() -> None:
    """Let AWS_REGION count, as in every other SDK of AWS: boto3 reads AWS_DEFAULT_REGION alone, which wins."""
    if region := os.environ.get("AWS_REGION"):
        os.environ.setdefault("AWS_DEFAULT_REGION", region)


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What logs need to know before anything else works. ``function`` is the name on AWS Lambda, '' elsewhere."""

    json: bool = False
    stage: str = ""
    function: str = ""


def log_settings(environment: Mapping[str, str] | None = None) -> LogSettings:
    """Never raises: what is wrong with settings must find its way into the log."""
    values = os.environ if environment is None else environment
    function = values.get("AWS_LAMBDA_FUNCTION_NAME", "")
    as_json = bool(function) or values.get("SENDBRIEF_LOG", "") == "json"
    return LogSettings(as_json, values.get("SENDBRIEF_STAGE", ""), function)


def for_programs() -> dict[str, str]:
    """What another program is started with: the environment without our settings and what leads Python elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("SENDBRIEF_", "PYTHON"))}


def _absolute(path: Path) -> Path:
    try:
        return path.expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:  # no such user, a loop of links, a NUL
        raise ConfigurationError(f"{str(path)!r} is no path: {error}.", "Name another folder.") from None


def _default_site() -> Path:
    """Where the functions run, the site lies beside the code; elsewhere it is the folder one stands in."""
    return PROJECT_ROOT if os.environ.get("AWS_LAMBDA_FUNCTION_NAME") else Path.cwd()


def _default_data(site: Path) -> Path:
    """Where the functions run, nothing else can be written to; elsewhere it lies in the site."""
    on_lambda = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    return Path("/tmp/sendbrief") if on_lambda else site / ".sendbrief"  # noqa: S108 (each function has its own)


def _bounce_address(values: Mapping[str, str]) -> str:
    """An ASCII address to which each mail's reference is added behind a plus."""
    name = "SENDBRIEF_BOUNCE_ADDRESS"
    value = values.get(name, "").strip()
    if value and not re.fullmatch(r"[A-Za-z0-9._=-]{1,40}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,8}", value):
        raise ConfigurationError(
            f"{name} is '{value[:60]}'.",
            "Set it to a plain address like bounces@example.org, 40 characters before the @.",
        )
    return value


def _choice(values: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    value = values.get(name) or known[0]
    if value not in known:
        raise ConfigurationError(f"{name} is '{value}'.", f"Set it to {' or '.join(known)}.")
    return value


def _stage(values: Mapping[str, str]) -> str:
    """A word, as it becomes the dimension of metrics."""
    stage = values.get("SENDBRIEF_STAGE", "")
    if stage and not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", stage):
        raise ConfigurationError(
            f"SENDBRIEF_STAGE is '{stage[:60]}'.", "Set it to a word of letters, digits, - and _, such as prod."
        )
    return stage


def _places(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Networks, addresses and host names, parted by commas or blanks."""
    places = tuple(re.split(r"[\s,]+", values.get(name, "").strip(" ,\n\t")))
    for place in places:
        try:
            ip_network(place, strict=False)
        except ValueError:
            if place and not re.fullmatch(r"(?!.*\.\.)[\w-][\w.-]*[a-zA-Z][\w.-]*", place, re.ASCII):
                raise ConfigurationError(
                    f"{name} has '{place[:60]}', which is neither a network nor a host.",
                    "Write networks like 10.1.0.0/16 and hosts like wiki.intranet, parted by commas.",
                ) from None
    return tuple(place for place in places if place)


def _networks(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Networks and addresses, parted by commas or blanks."""
    places = tuple(place for place in re.split(r"[\s,]+", values.get(name, "")) if place)
    for place in places:
        try:
            ip_network(place, strict=False)
        except ValueError:
            raise ConfigurationError(
                f"{name} has '{place[:60]}', which is no network.", "Write networks like 10.1.0.0/16 or 127.0.0.1."
            ) from None
    return places


def _positive(values: Mapping[str, str], name: str, default: int) -> int:
    text = values.get(name) or str(default)
    if not re.fullmatch("[0-9]{1,6}", text) or int(text) < 1:
        raise ConfigurationError(f"{name} is '{text[:40]}'.", "Set it to a number of seconds, 999999 at most.")
    return int(text)
