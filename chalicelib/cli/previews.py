"""Writing a preview: an edition's mails as files, and a page that shows them side by side."""

from datetime import datetime
from html import escape
from pathlib import Path

from chalicelib.compose.edition import Content
from chalicelib.content.values import Site
from chalicelib.deliver.proofs import Sample, sample_mail, samples
from chalicelib.errors import UsageError

PREVIEW_ADDRESS = "reader@example.org"
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
:root{{color-scheme:light dark;font:16px/26px -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}}
body{{margin:24px auto;max-width:1200px;padding:0 16px}}h1{{font:26px Georgia,serif}}
h2{{font-size:16px;margin-top:40px}}
.frames{{display:flex;flex-wrap:wrap;gap:24px}}iframe{{border:1px solid #d8dee4;height:800px;background:#fff}}
pre{{white-space:pre-wrap;font-size:13px;line-height:20px;border-left:2px solid #d8dee4;padding-left:16px}}
</style><h1>{title}</h1>{body}</html>
"""


def write_preview(site: Site, content: Content, folder: Path, now: datetime) -> list[Path]:
    """The paths written: ``<language>.html``, ``.txt`` and ``.eml``, and ``index.html``. Raises RenderError."""
    made = samples(site, content)
    files: dict[str, bytes] = {}
    for sample in made:
        mail = sample_mail(site, content, sample, PREVIEW_ADDRESS, now)
        files[f"{sample.language}.html"] = body_of(mail.content, "html").encode()
        files[f"{sample.language}.txt"] = body_of(mail.content, "plain").encode()
        files[f"{sample.language}.eml"] = mail.content
    files["index.html"] = _index(content, made, files).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, raw in files.items():
            (folder / name).write_bytes(raw)
    except OSError as error:
        raise UsageError(
            f"{folder} can't be written to: {error.strerror}.", "Name another folder with --out."
        ) from None
    return [folder / name for name in files]


def body_of(message: bytes, subtype: str) -> str:
    """One part of a message as text, as a mail client reads it."""
    from email import message_from_bytes, policy

    part = message_from_bytes(message, policy=policy.default).get_body((subtype,))
    return str(part.get_content()) if part else ""


def _index(content: Content, made: list[Sample], files: dict[str, bytes]) -> str:
    body = ""
    for sample in made:
        tag = sample.language
        size = len(files[f"{tag}.eml"]) / 1024
        text = files[f"{tag}.txt"].decode()
        body += (
            f"<h2>{escape(tag)} · {escape(sample.rendered.subject)} · {size:.0f} KB · "
            f'<a href="{tag}.eml">{tag}.eml</a></h2><div class="frames">'
            f'<iframe src="{tag}.html" width="375" title="{tag}, phone" sandbox></iframe>'
            f'<iframe src="{tag}.html" width="700" title="{tag}, desktop" sandbox></iframe></div>'
            f"<details><summary>Text part</summary><pre>{escape(text)}</pre></details>"
        )
    return _PAGE.format(title=escape(content.edition_id), body=body)
