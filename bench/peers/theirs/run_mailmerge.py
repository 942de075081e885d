"""mailmerge, by its command: a template, a CSV and a server's address in files. It opens a connection for each mail."""

import contextlib
import csv
import json
import os
import resource
import sys
import time
from pathlib import Path

from mailmerge.__main__ import main as mailmerge

TEMPLATE = """\
TO: {{{{name}}}} <{{{{email}}}}>
SUBJECT: {subject}
FROM: Bench <news@example.org>
LIST-UNSUBSCRIBE: <{{{{unsubscribe_url}}}}>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="boundary-of-the-parts"

--boundary-of-the-parts
Content-Type: text/plain; charset=us-ascii

{text}
--boundary-of-the-parts
Content-Type: text/html; charset=us-ascii

{html}
--boundary-of-the-parts--
"""


def prepare(job: dict) -> list[str]:
    """Write its files; the arguments that name them."""
    folder = Path(job["folder"])
    html, text = (
        "".join(f"{{{{{part}}}}}" if n % 2 else part for n, part in enumerate(job[kind])) for kind in ("html", "text")
    )
    html = html.replace("><", ">\n<")  # it encodes nothing, and lines of a mail end after 998 characters
    template, database, config = folder / "template.txt", folder / "readers.csv", folder / "server.conf"
    template.write_text(TEMPLATE.format(subject=job["subject"], html=html, text=text))
    config.write_text(f"[smtp_server]\nhost = 127.0.0.1\nport = {job['port']}\nratelimit = 0\n")
    with database.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("email", "name", "first_name", "unsubscribe_url", "preferences_url"))
        for n in range(job["count"]):
            links = (f"{job['base']}/{kind}/{n:080x}" for kind in "up")
            rows.writerow((f"reader{n}@example.org", f"Reader {n}", "Reader", *links))
    named = ("--template", template, "--database", database, "--config", config)
    return [*map(str, named), "--no-dry-run", "--output-format", "raw"]


def main() -> None:
    """Send to a few, then to all, and say how long that took. What it prints of each mail goes nowhere."""
    job = json.load(sys.stdin)
    arguments = prepare(job)
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        mailmerge([*arguments, "--limit", str(job["before"])], standalone_mode=False)
        before, begun = _cpu(), time.perf_counter()
        mailmerge([*arguments, "--no-limit"], standalone_mode=False)
        seconds, cpu = time.perf_counter() - begun, _cpu() - before
    print(json.dumps({"seconds": seconds, "cpu": cpu}))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
