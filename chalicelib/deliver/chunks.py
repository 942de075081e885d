"""Chunks, ledgers and compiled letters of an edition: where they lie."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.deliver.ledger import Ledger, ledger_from_data, ledger_to_data, new_ledger
from chalicelib.deliver.recording import Recorder
from chalicelib.errors import StoreError
from chalicelib.render.letter import Letter
from chalicelib.render.variants import Variant
from chalicelib.store import Blobs, Data, Insert, Item, Key, Put, Table, Write, every

CHUNK_SIZE = 500
"""Recipients in a chunk: its ledger stays near 1 KB, which is what one write of it costs."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One frozen recipient: who, and which variant; ``both`` is the one with the guest's content too, '' for none."""

    sid: str
    variant: str
    both: str = ""


@dataclass(frozen=True, slots=True)
class HeldLedger:
    """A ledger as read, with the version it was read at."""

    ledger: Ledger
    item: Item


class ChunkStore:
    """The frozen recipients of an edition and what became of them."""

    def __init__(self, table: Table, blobs: Blobs) -> None:
        self._table, self._blobs = table, blobs

    def writes(
        self, edition: str, number: int, recipients: Sequence[Recipient], skips: Mapping[int, str],
        waits: Mapping[int, tuple[float, str]] | None = None,
    ) -> list[Write]:  # fmt: skip
        """What freezes one chunk: its recipients and its ledger.

        ``skips`` maps positions to why; ``waits`` to when their time comes (epoch seconds) and why then.
        """
        frozen = {"recipients": [[r.sid, r.variant, *([r.both] if r.both else [])] for r in recipients]}
        ledger = ledger_to_data(new_ledger(skips, len(recipients), waits))
        return [Insert(_chunk_key(edition, number), frozen), Insert(ledger_key(edition, number), ledger)]

    def recipients(self, edition: str, number: int) -> list[Recipient]:
        """Who is in a chunk. Raises StoreError where it is gone."""
        recipients = self.kept(edition, number)
        if recipients is None:
            raise StoreError(f"Chunk {number} of {edition} is missing from the store.", "Restore it from a backup.")
        return recipients

    def kept(self, edition: str, number: int) -> list[Recipient] | None:
        """Who is in a chunk; None where that is not kept any more."""
        item = self._table.get(_chunk_key(edition, number))
        return [Recipient(*values) for values in item.data["recipients"]] if item else None

    def ledger(self, edition: str, number: int) -> HeldLedger:
        """A chunk's ledger. Raises StoreError where it is gone."""
        item = self._table.get(ledger_key(edition, number))
        if item is None:
            raise StoreError(f"The ledger of chunk {number} of {edition} is missing.", "Restore it from a backup.")
        return HeldLedger(ledger_from_data(item.data), item)

    def write_ledger(self, held: HeldLedger, ledger: Ledger) -> HeldLedger:
        """Put the ledger in place of the one that was read. Raises ConflictError where somebody else was first."""
        return HeldLedger(ledger, self._table.replace(held.item, ledger_to_data(ledger)))

    async def record(self, recorder: Recorder, held: HeldLedger, ledger: Ledger) -> HeldLedger:
        """As ``write_ledger``, by a recorder that may put several ledgers into one commit."""
        return HeldLedger(ledger, await recorder.replace(held.item, ledger_to_data(ledger)))

    def ledgers(self, edition: str) -> Iterator[tuple[int, HeldLedger]]:
        """All ledgers of an edition, with their chunk's number."""
        for item in every(self._table, f"EDITION#{edition}", prefix="LEDGER#"):
            yield int(item.key.sk.removeprefix("LEDGER#")), HeldLedger(ledger_from_data(item.data), item)

    def keep_variants(self, edition: str, variants: Sequence[Variant]) -> None:
        """Remember which variants an edition's recipients need."""
        puts = [
            Put(
                Key(f"EDITION#{edition}", f"VARIANT#{v.key}"),
                {"language": v.language, "entries": list(v.entry_ids), **({"guest": True} if v.guest else {})},
            )
            for v in variants
        ]
        self._table.put_many(puts)

    def variants(self, edition: str) -> list[Variant]:
        """All variants an edition's recipients need."""
        items = every(self._table, f"EDITION#{edition}", prefix="VARIANT#")
        return [_variant(item.data) for item in items]

    def has_letter(self, edition: str, variant: str) -> bool:
        """Whether a variant was compiled already."""
        return bool(self._blobs.names(_letter_name(edition, variant)))

    def keep_letter(self, edition: str, variant: str, letter: Letter) -> None:
        """Keep a compiled variant: a deployment in mid-send can't make two versions of one edition."""
        self._blobs.put(_letter_name(edition, variant), letter.to_bytes())

    def drop_letters(self, edition: str) -> None:
        """Forget all compiled variants of an edition that nobody got yet."""
        for name in self._blobs.names(_letter_name(edition, "").removesuffix(".json")):
            self._blobs.delete(name)

    def letter(self, edition: str, variant: str) -> Letter:
        """A compiled variant. Raises StoreError where it is gone."""
        raw = self._blobs.get(_letter_name(edition, variant))
        if raw is None:
            raise StoreError(f"Letter {variant} of {edition} is missing from the store.", "Restore it from a backup.")
        return Letter.from_bytes(raw)


def _variant(data: Data) -> Variant:
    return Variant(data["language"], tuple(data["entries"]), data.get("guest", False))


def ledger_key(edition: str, number: int) -> Key:
    """A ledger's key. It is an item of its own: it changes with every wave, the recipients never do."""
    return Key(f"EDITION#{edition}", f"LEDGER#{number:06d}")


def _chunk_key(edition: str, number: int) -> Key:
    return Key(f"EDITION#{edition}", f"CHUNK#{number:06d}")


def _letter_name(edition: str, variant: str) -> str:
    return f"editions/{edition}/letter-{variant}.json"


def task_body(edition: str, number: int) -> str:
    """The queue message for a chunk."""
    return json.dumps({"edition": edition, "chunk": number})


def read_task(body: str) -> tuple[str, int]:
    """The edition and chunk of a queue message. Raises StoreError for anything else."""
    try:
        data: Any = json.loads(body)
        return str(data["edition"]), int(data["chunk"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise StoreError(f"A queue message is no chunk: {body[:80]!r}.", "It goes to the dead letters.") from None
