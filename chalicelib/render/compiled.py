"""Templates compiled once in a process, whichever site asks: the built-in ones are the same for all."""

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

MOST = 500


class Compiled(BytecodeCache):
    """Compiled templates by name and file, each with the checksum of its source. One for each kind of environment:
    what escapes or counts compiles the same source to other code.
    """

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """See BytecodeCache: what does not fit the bucket's checksum is left out."""
        kept = self._kept.get(bucket.key)
        if kept is not None:
            bucket.bytecode_from_string(kept)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """See BytecodeCache."""
        if len(self._kept) >= MOST:
            self._kept.clear()
        self._kept[bucket.key] = bucket.bytecode_to_string()
