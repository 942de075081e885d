"""Public keys for records of DKIM."""

import base64
from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import PublicFormat


@cache
def rsa_key(bits: int, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    """Base64 of one."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
    return base64.b64encode(key.public_bytes(serialization.Encoding.DER, form)).decode()


@cache
def ed25519_key() -> str:
    raw = ed25519.Ed25519PrivateKey.generate().public_key()
    return base64.b64encode(raw.public_bytes(serialization.Encoding.Raw, PublicFormat.Raw)).decode()
