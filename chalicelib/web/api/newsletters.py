"""Newsletters by the API: what they offer, and how many get them."""

from collections import Counter
from itertools import islice
from typing import Any

from chalicelib.audience.choices import offered
from chalicelib.content.values import Newsletter, Site
from chalicelib.web.api.calls import Call, Reply
from chalicelib.web.api.problems import ProblemError

MOST_COUNTED = 50_000
"""Members that are counted while somebody waits; of larger lists the answer says that there are more."""


def listed(call: Call) -> Reply:
    """All newsletters of the site."""
    site = call.runtime.site
    return Reply(200, {"items": [_row(site, newsletter) for newsletter in site.newsletters.values()]})


def get(call: Call) -> Reply:
    """One newsletter, with its members."""
    site = call.runtime.site
    newsletter = site.newsletters.get(call.parts["newsletter"])
    if newsletter is None:
        raise ProblemError(404, "There is no such newsletter.")
    members = call.runtime.audience.members(newsletter.name)
    counts = Counter(str(member.state) for member in islice(members, MOST_COUNTED))
    complete = next(members, None) is None
    counted = {"confirmed": counts["confirmed"], "unsubscribed": counts["unsubscribed"], "complete": complete}
    return Reply(200, {**_row(site, newsletter), "members": counted})


def _row(site: Site, newsletter: Newsletter) -> dict[str, Any]:
    topics = offered(site, newsletter).topics
    return {
        "name": newsletter.name,
        "title": dict(newsletter.title),
        "description": dict(newsletter.description),
        "languages": list(site.languages),
        "cadences": list(newsletter.cadences),
        "topics": [{"name": topic.name, "title": dict(topic.title)} for topic in topics],
        "triggered": newsletter.schedule is None,
    }
