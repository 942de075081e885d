"""Mails of one template in one call of SES: which go together, what is asked, what the answer says."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from chalicelib.transports import BulkPart, BulkTemplate, Mail
from chalicelib.transports.envelope import envelope_problem
from chalicelib.transports.ses_tags import tags_of

if TYPE_CHECKING:
    from mypy_boto3_sesv2.type_defs import BulkEmailEntryTypeDef, SendBulkEmailRequestTypeDef

MOST = 50
"""Recipients of a call (SES)."""
MAX_BYTES = 900_000
"""Of a call: SES takes 1 MB of JSON. A longer letter goes out as a raw message."""
_ENTRY = 700
"""Bytes of JSON around one recipient's values: names of keys, tags."""


def calls(mails: Sequence[Mail]) -> list[list[int]]:
    """The positions of the mails of each call; a mail that can't be of a bulk stands alone."""
    found: list[list[int]] = []
    open_calls: dict[BulkTemplate, tuple[list[int], int]] = {}
    for position, mail in enumerate(mails):
        part = mail.bulk
        if part is None or not fits(mail, part):
            found.append([position])
            continue
        call, size = open_calls.get(part.template, ([], MAX_BYTES))
        size += (more := _size(part))
        if size > MAX_BYTES or len(call) >= MOST:
            call, size = [], _template_size(part.template) + more
            found.append(call)
        call.append(position)
        open_calls[part.template] = (call, size)
    return found


def fits(mail: Mail, part: BulkPart) -> bool:
    """Whether a mail can be one of a call, which has one sender; SES refuses a whole call for one bad address."""
    if mail.sender != part.template.address or envelope_problem(mail):
        return False
    return _template_size(part.template) + _size(part) <= MAX_BYTES


def bulk_request(mails: Sequence[Mail], configuration_set: str | None) -> "SendBulkEmailRequestTypeDef":
    """The call for mails of one template."""
    parts = [mail.bulk for mail in mails if mail.bulk is not None]
    template = parts[0].template
    request: SendBulkEmailRequestTypeDef = {
        "FromEmailAddress": template.sender,
        "DefaultContent": {
            "Template": {
                "TemplateContent": {"Subject": template.subject, "Html": template.html, "Text": template.text},
                "TemplateData": "{}",  # SES wants it, and takes it where an entry has no values
                "Headers": [{"Name": name, "Value": value} for name, value in template.headers],
            }
        },
        "BulkEmailEntries": [_entry(mail, part) for mail, part in zip(mails, parts, strict=True)],
    }
    if template.reply_to:
        request["ReplyToAddresses"] = [template.reply_to]
    if configuration_set:
        request["ConfigurationSetName"] = configuration_set
    return request


def entries(answer: Mapping[str, Any], asked: int) -> list[tuple[str, ...]] | None:
    """Status, words and MessageId for each mail, or None where the answer is not about all of them."""
    found = answer.get("BulkEmailEntryResults") or []
    if len(found) != asked:
        return None
    return [tuple(str(entry.get(key) or "") for key in ("Status", "Error", "MessageId")) for entry in found]


def _entry(mail: Mail, part: BulkPart) -> "BulkEmailEntryTypeDef":
    return {
        "Destination": {"ToAddresses": [part.to]},
        "ReplacementTags": tags_of(mail),
        "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": part.values}},
        "ReplacementHeaders": [{"Name": name, "Value": value} for name, value in part.headers],
    }


def _size(part: BulkPart) -> int:
    """At most so many bytes of JSON: values are ASCII already, and each quote in them is escaped once more."""
    return _ENTRY + 2 * len(part.values) + len(part.to) * 2 + sum(len(n) + len(v) + 40 for n, v in part.headers)


@lru_cache(maxsize=64)
def _template_size(template: BulkTemplate) -> int:
    """At most so many bytes: a character takes six as ``\\uXXXX``, counted where it is no ASCII."""
    return 4_000 + sum(_json_size(text) for text in (template.subject, template.html, template.text))


def _json_size(text: str) -> int:
    raw = len(text.encode())
    # Two of UTF-8 become six of JSON, four become twelve; quotes, backslashes and line ends become two.
    return raw + 2 * (raw - len(text.encode("ascii", "ignore"))) + sum(map(text.count, '"\\\n\r\t'))


__all__ = ["MAX_BYTES", "MOST", "bulk_request", "calls", "entries", "fits"]
