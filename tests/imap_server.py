"""A small IMAP server (RFC 3501) with one account, for tests: what `deliver/hearing/imap.py` and a Sent folder ask."""

import re
import socketserver
import threading
from types import TracebackType
from typing import Self

USER, PASSWORD = "bounces", "hush p@ss/%"


class ImapServer:
    """Serves 127.0.0.1 from a thread. ``folders`` are mails by UID; ``seen`` what was marked; ``cut`` ends a
    connection at a command that begins so; ``exists`` is a count of mails that is not true."""

    def __init__(self, *mails: bytes, moves: bool = True) -> None:
        self.folders = {"INBOX": dict(enumerate(mails, 1)), "Heard": dict[int, bytes]()}
        self.seen, self.commands, self.moves, self.cut, self.exists = set[int](), list[str](), moves, "", b""
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens, its password escaped."""
        return f"imap://{USER}:hush%20p%40ss%2F%25@127.0.0.1:{self._server.server_address[1]}/INBOX"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def answer(self, command: str) -> tuple[list[bytes], str]:
        """The untagged answers to a command, and how it ended."""
        verb, _, rest = command.partition(" ")
        if verb == "CAPABILITY":
            return [b"CAPABILITY IMAP4rev1" + b" MOVE" * self.moves], "OK done"
        if verb == "LOGIN":
            return [], "OK in" if rest == f'{USER} "{PASSWORD}"' else f"NO no {rest}"
        if verb == "SELECT":
            count = self.exists or b"%d" % len(self.folders.get(rest.strip('"'), ()))
            ended = "OK [READ-WRITE] in" if rest.strip('"') in self.folders else "NO no folder"
            return ([count + b" EXISTS"] if ended.startswith("OK") else []), ended
        return self._of_uid(rest) if verb == "UID" else ([], "OK done")

    def _of_uid(self, rest: str) -> tuple[list[bytes], str]:
        verb, _, about = rest.partition(" ")
        inbox = self.folders["INBOX"]
        if verb == "SEARCH":
            among = re.match(r"(\d+):(\d+) ", about)
            window = list(inbox)[int(among[1]) - 1 : int(among[2])] if among else list(inbox)
            if among and int(among[2]) > len(inbox):
                return [], "BAD no such message"
            found = [uid for uid in window if uid not in self.seen]
            if named := re.fullmatch(r'HEADER Message-ID "(.+)"', about):
                found = [uid for uid, mail in inbox.items() if named[1].encode() in mail]
            return [" ".join(["SEARCH", *map(str, found)]).encode()], "OK done"
        uid = int(about.partition(" ")[0])
        if verb == "FETCH":
            mail = inbox.get(uid)
            if "BODY.PEEK[" not in about:
                self.seen.add(uid)
            whole = f"{uid} FETCH (UID {uid} BODY[]<0> {{{len(mail or b'')}}}\r\n".encode() + (mail or b"") + b")"
            return ([whole] if mail is not None else []), "OK done"
        if verb == "STORE":
            self.seen.add(uid)
        if verb == "MOVE":
            self.folders["Heard"][uid] = inbox.pop(uid)
        return [], "OK done"


def _handler(server: ImapServer) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"* OK ready\r\n")
            while line := self.rfile.readline().decode().strip():
                tag, _, command = line.partition(" ")
                server.commands.append(command)
                if server.cut and command.startswith(server.cut):
                    return
                untagged, ended = server.answer(command)
                self.wfile.write(b"".join(b"* " + one + b"\r\n" for one in untagged) + f"{tag} {ended}\r\n".encode())

    return Handler
