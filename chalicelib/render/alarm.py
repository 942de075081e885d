"""The mail to the editors where something waits for a person. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.content.values import Site
from chalicelib.render.frame import frame_context
from chalicelib.render.rendered import Rendered
from chalicelib.render.renderer import tidy
from chalicelib.render.templates import Templates
from chalicelib.render.text import cut, header_text, one_line

FOLDER = "email/_alarm"
MAX_SUBJECT = 120


@dataclass(frozen=True, slots=True)
class AlarmMail:
    """``kind`` names the words below ``mail.alarm``, which ``values`` fill; ``words`` are details, in English."""

    kind: str
    language: str
    words: str = ""
    commands: Sequence[str] = ()
    values: Mapping[str, str] = field(default_factory=dict)


def render_alarm(site: Site, mail: AlarmMail, *, templates: Templates) -> Rendered:
    """The mail, the same for every editor. Raises RenderError."""
    catalogue = templates.catalogue(mail.language, site.fallback)
    frame = frame_context(site, mail.language, catalogue)
    said = {part: catalogue(f"mail.alarm.{mail.kind}.{part}", **mail.values) for part in ("subject", "title", "text")}
    why = catalogue("mail.alarm.why", sender=str(frame["sender_name"]))
    context = {
        **frame, "title": said["title"], "text": said["text"], "subject_words": said["subject"], "why": why,
        "words": one_line(mail.words), "commands": list(mail.commands), "public": False, "archive_url": "",
        "unsubscribe_url": "", "preferences_url": "", "preheader": said["text"],
    }  # fmt: skip
    subject = cut(header_text(templates.text(f"{FOLDER}/subject.txt", context)), MAX_SUBJECT)
    context["subject"] = subject
    html = templates.html(f"{FOLDER}/body.mjml", context)
    return Rendered(subject, html, tidy(templates.text(f"{FOLDER}/body.txt", context)), said["text"])
