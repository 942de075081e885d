"""What every mail of a site has around its words: who sends it, where that is, and the look."""

import re

from chalicelib.content.values import Site, localize
from chalicelib.render.messages import Catalogue
from chalicelib.render.plain import LinkList, wrap
from chalicelib.render.text import ascii_url, clean, columns, direction, one_line
from chalicelib.render.theming import theme_values


def frame_context(site: Site, language: str, catalogue: Catalogue) -> dict[str, object]:
    """The names that all templates share. Raises RenderError where the theme can't be used."""
    name = one_line(localize(site.name, language, site.fallback))
    footer = clean(localize(site.footer, language, site.fallback))
    address = localize(site.postal_address, language, site.fallback)
    return {
        "language": language,
        "direction": direction(language),
        "site_name": name,
        "sender_name": one_line(localize(site.sender.name, language, site.fallback)) or name,
        "postal_address": [line for part in address.splitlines() if (line := one_line(part))],
        "footer": [line for block in re.split(r"\n\s*\n", footer) if (line := one_line(block))],
        "site_url": ascii_url(site.base_url),
        "imprint_url": ascii_url(site.imprint_url),
        "privacy_url": ascii_url(site.privacy_url),
        "theme": theme_values(site),
        "t": catalogue,
        "links": LinkList(),
        "guest": None,
        "wrap": wrap,
        "columns": columns,
    }
