"""What the theme decides about content: the inline styles of each element, for programs that read no style sheet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from chalicelib.content.values import Theme

ALERTS = {"note": "Note", "tip": "Tip", "important": "Important", "warning": "Warning", "caution": "Caution"}
"""GitHub's five kinds of alert, as Markdown names them."""


@dataclass(frozen=True, slots=True)
class Look:
    """A theme, and what the five alerts are called in the reader's language; tuples, so that it can be a key."""

    theme: Theme = field(default_factory=Theme)
    alerts: tuple[tuple[str, str], ...] = tuple(ALERTS.items())

    def style(self, tag: str) -> str:
        """The style attribute of an element with a blank before it, or ''."""
        return _styles(self.theme).get(tag, "")

    def alert(self, kind: str) -> str:
        """What an alert of a kind is called."""
        return dict(self.alerts).get(kind, "")


@lru_cache(maxsize=64)
def _styles(theme: Theme) -> Mapping[str, str]:
    mono = f"font-family:{theme.code_font};font-size:14px"
    cell = f"padding:6px 12px 6px 0;border-bottom:1px solid {theme.line};text-align:start;vertical-align:top"
    styles = {
        "a": f"color:{theme.accent}",
        "p": "margin:0 0 12px",
        "ul": "margin:0 0 12px;padding:0 0 0 22px",
        "ol": "margin:0 0 12px;padding:0 0 0 22px",
        "li": "margin:0 0 4px",
        "task": "margin:0 0 4px -22px;padding:0 0 0 22px;list-style:none;text-indent:-22px",
        "dt": "font-weight:600",
        "dd": "margin:0 0 8px 22px",
        "table": "width:100%;margin:0 0 16px;border-collapse:collapse;font-size:14px;line-height:20px",
        "th": f"{cell};font-weight:600",
        "td": cell,
        "blockquote": f"margin:0 0 12px;padding:0 0 0 16px;border-inline-start:3px solid {theme.line}",
        "pre": f"margin:0 0 16px;padding:12px 16px;background:{theme.shade};border-radius:{theme.radius}px;"
        f"line-height:20px;white-space:pre-wrap;word-break:break-word;{mono}",
        "code": mono,
        "figure": "margin:0 0 12px",
        "figcaption": "font-size:13px;line-height:20px",
        "hr": f"border:0;border-top:1px solid {theme.line};margin:24px 0",
        "heading": f"margin:24px 0 8px;font:600 18px/26px {theme.title_font}",
        "alert": f"margin:0 0 16px;padding:0 0 0 16px;border-inline-start:3px solid {theme.accent}",
        "alert-title": f"margin:0 0 4px;font-weight:600;color:{theme.accent}",
        "footnotes": f"margin:24px 0 0;padding:12px 0 0;border-top:1px solid {theme.line};"
        "font-size:13px;line-height:20px",
        "img": f"max-width:100%;height:auto;border-radius:{theme.radius}px",
        "button": "margin:4px 0 20px",
        "button-cell": f"background-color:{theme.accent};border-radius:{theme.radius}px;mso-padding-alt:11px 22px",
        "button-link": f"display:inline-block;padding:11px 22px;border-radius:{theme.radius}px;"
        f"background-color:{theme.accent};color:{theme.paper};font-weight:600;text-decoration:none",
    }
    return {tag: f' style="{style}"' for tag, style in styles.items()}
