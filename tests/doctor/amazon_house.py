"""What SES says of an account and its identities (API v2), as a server on this machine says it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

ACCOUNT: dict[str, Any] = {
    "ProductionAccessEnabled": True,
    "SendingEnabled": True,
    "EnforcementStatus": "HEALTHY",
    "SendQuota": {"Max24HourSend": 50000.0, "MaxSendRate": 14.0, "SentLast24Hours": 120.0},
    "SuppressionAttributes": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
    "PricingAttributes": {"CurrentPlan": "NONE"},
}
TOKENS = ["aaa", "bbb", "ccc"]
IDENTITY: dict[str, Any] = {
    "IdentityType": "DOMAIN",
    "VerifiedForSendingStatus": True,
    "DkimAttributes": {
        "SigningEnabled": True,
        "Status": "SUCCESS",
        "Tokens": TOKENS,
        "SigningAttributesOrigin": "AWS_SES",
        "SigningHostedZone": "dkim.amazonses.com",
    },
    "MailFromAttributes": {
        "MailFromDomain": "bounce.havel.net",
        "MailFromDomainStatus": "SUCCESS",
        "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
    },
}
SET: dict[str, Any] = {
    "ConfigurationSetName": "sendbrief",
    "DeliveryOptions": {"TlsPolicy": "OPTIONAL"},
    "SendingOptions": {"SendingEnabled": True},
    "SuppressionOptions": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
}
KINDS = ["SEND", "DELIVERY", "BOUNCE", "COMPLAINT", "REJECT", "RENDERING_FAILURE"]


def destinations(topic: str, kinds: list[str] = KINDS, *, enabled: bool = True) -> dict[str, Any]:
    one = {"Name": "events", "Enabled": enabled, "MatchingEventTypes": kinds, "SnsDestination": {"TopicArn": topic}}
    return {"EventDestinations": [one]}


@dataclass
class FakeAccount:
    """``says`` are answers by path below /v2/email; a number stands for a refusal with that status."""

    says: dict[str, Any] = field(default_factory=dict)
    date: str = ""
    """What the clock shows, as HTTP writes it; '' for the right time."""
    asked: list[str] = field(default_factory=list)
    url: str = ""


_CODES = {403: "AccessDeniedException", 404: "NotFoundException", 400: "UnrecognizedClientException", 500: "Internal"}


class _Handler(BaseHTTPRequestHandler):
    account: FakeAccount

    def do_GET(self) -> None:
        path = self.path.removeprefix("/v2/email")
        self.account.asked.append(path)
        found = self.account.says.get(path, 404)
        status = found if isinstance(found, int) else 200
        content = json.dumps({"message": "no"} if isinstance(found, int) else found).encode()
        self.send_response(status)
        if status != 200:
            self.send_header("x-amzn-ErrorType", _CODES[status])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return self.account.date or super().date_time_string(timestamp)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@contextmanager
def serving_account(**says: Any) -> Iterator[FakeAccount]:
    """SES that boto3 asks as long as it lasts. ``account``, ``identity``, ``set``: what it says at first."""
    account = FakeAccount(
        {
            "/account": says.get("account", ACCOUNT),
            "/identities/havel.net": says.get("identity", IDENTITY),
            "/configuration-sets/sendbrief": says.get("set", SET),
        }
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"account": account}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    account.url = f"http://127.0.0.1:{server.server_port}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL_SESV2": account.url,
        }.items():  # fmt: skip
            patch.setenv(name, value)
        yield account
    server.shutdown()
    server.server_close()
    thread.join(10)
