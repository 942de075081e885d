"""The sink as a process: what it logs is what it accepted, also when it is killed."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from chalicelib.transports import Fate
from chalicelib.transports.smtp import SmtpSettings, SmtpTransport
from tests.transports.mails import mail, message

ROOT = Path(__file__).parent.parent.parent


def test_it_logs_every_message_before_it_answers(tmp_path: Path) -> None:
    log = tmp_path / "sink.jsonl"
    command = [sys.executable, "-m", "tests.smtp_sink", "--port", "0", "--log", str(log), "--directory", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as sink:
        assert sink.stdout
        port = int(sink.stdout.readline())
        content = message(1).replace(b"X-Test: kept", b"X-Sendbrief-Edition: weekly/2026-11-22")
        wave = [mail(1, content=content), *(mail(n) for n in range(2, 200))]
        transport = SmtpTransport(SmtpSettings.parse(f"smtp://127.0.0.1:{port}?connections=3"))
        outcomes = asyncio.run(transport.send_wave(wave))
        sink.kill()
    assert {outcome.fate for outcome in outcomes} == {Fate.SENT}
    lines = {line["recipient"]: line for line in map(json.loads, log.read_text().splitlines())}
    assert lines["reader1@example.org"] == {
        "recipient": "reader1@example.org",
        "message_id": "<1@example.org>",
        "edition": "weekly/2026-11-22",
        "size": len(content),
    }
    assert len(lines) == len(list(tmp_path.glob("*.eml"))) == 199
