"""Whether a domain takes mail, by the DNS: the only place that asks it. Answers are kept in the store for a while."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.store import Key, Put, Table

if TYPE_CHECKING:
    from dns.resolver import Resolver

PATIENCE = 2.0
"""Seconds for all questions about a domain: somebody waits before a form."""
KEPT_SECONDS: Mapping[bool | None, int] = {True: 86_400, False: 3600, None: 60}
"""Who takes mail today does so tomorrow; who does not may be mending it; who can't tell is not asked by all at once."""


class MailServers:
    """Asks the nameservers of this machine, or those given (addresses, with a port for tests)."""

    def __init__(
        self, table: Table, nameservers: Sequence[str] = (), port: int = 53, patience: float = PATIENCE
    ) -> None:
        self._table, self._nameservers, self._port, self._patience = table, nameservers, port, patience

    def takes_mail(self, domain: str, now: datetime) -> bool | None:
        """Whether a domain (A-labels) has mail servers; None where the DNS gives no answer in time.

        RFC 5321 section 5.1: without MX the domain's own addresses count. A null MX (RFC 7505) says no.
        """
        key = Key(f"MX#{domain}", "-")
        kept = self._table.get(key)
        if kept is not None:
            known: bool | None = kept.data["mail"]
            return known
        found = self._ask(domain)
        self._table.put_many([Put(key, {"mail": found}, int(now.timestamp()) + KEPT_SECONDS[found])])
        return found

    def _ask(self, domain: str) -> bool | None:
        from dns import exception, name, rdatatype, resolver

        ends = time.monotonic() + self._patience
        try:
            asked, whole = self._resolver(), name.from_text(f"{domain}.")
            for kind in (rdatatype.MX, rdatatype.A, rdatatype.AAAA):
                try:
                    answer = asked.resolve(whole, kind, lifetime=max(ends - time.monotonic(), 0.05), search=False)
                except resolver.NoAnswer:
                    continue
                return kind != rdatatype.MX or any(server.exchange != name.root for server in answer)
        except resolver.NXDOMAIN:
            return False
        except (exception.DNSException, OSError):
            return None
        return False

    def _resolver(self) -> "Resolver":
        from dns.resolver import Resolver

        made = Resolver(configure=not self._nameservers)
        if self._nameservers:
            made.nameservers, made.port = list(self._nameservers), self._port
        return made
