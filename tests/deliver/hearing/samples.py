"""Real kinds of mails that come back, with the references of one of our mails put in."""

from datetime import UTC, datetime
from pathlib import Path

from chalicelib.audience.tokens import MailTokens
from chalicelib.deliver.hearing.references import bounce_sender, edition_reference, signed_message_id
from tests.simulation.world import SECRETS

FOLDER = Path(__file__).parent / "samples"
NAMES = sorted(path.stem for path in FOLDER.glob("*.eml"))
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
EDITION, CHUNK, POSITION = "digest/2026-11-26", 0, 3
SIGNER = MailTokens(SECRETS)
REFERENCE = edition_reference(EDITION, CHUNK, POSITION)
MESSAGE_ID = signed_message_id(REFERENCE, SIGNER, "example.org")
VERP = bounce_sender("bounces@example.org", REFERENCE, SIGNER.sign(REFERENCE))
FORGED = f"{REFERENCE}.aaaaaaaaaa@example.org"


def sample(name: str, *, message_id: str = MESSAGE_ID, verp: str = VERP) -> bytes:
    text = (FOLDER / f"{name}.eml").read_text("utf-8")
    return text.replace("@@MESSAGE-ID@@", message_id).replace("@@VERP@@", verp).encode()
