"""Signatures of webhooks, by the Standard Webhooks specification: HMAC-SHA256 over id, second and body."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from chalicelib.audience.tokens import Secrets

PREFIX = "whsec_"


def signing_secret(secrets: Secrets, url: str) -> str:
    """The secret that the program at an address checks signatures with; by the newest of the site's keys."""
    return PREFIX + base64.b64encode(_derived(secrets.keys[-1], url)).decode()


def signed_headers(secrets: Secrets, url: str, name: str, body: bytes, now: datetime) -> Mapping[str, str]:
    """The headers of one telling. With several keys there is a signature by each, so that a key can be changed."""
    second = str(int(now.timestamp()))
    signed = f"{name}.{second}.".encode() + body
    parts = [
        "v1," + base64.b64encode(hmac.new(_derived(key, url), signed, hashlib.sha256).digest()).decode()
        for key in reversed(secrets.keys)
    ]
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": second,
        "webhook-signature": " ".join(parts),
    }


def _derived(key: str, url: str) -> bytes:
    return hmac.new(f"sendbrief.webhook.v1:{key}".encode(), url.encode(), hashlib.sha256).digest()
