"""What happened, by the API: the webhooks' happenings for programs that would rather ask."""

from chalicelib.audience.happenings import checked_place, happened_since
from chalicelib.deliver.telling import Teller
from chalicelib.web.api.calls import Call, Reply


def listed(call: Call) -> Reply:
    """What happened after the cursor, the newest last, and the cursor to ask with next time."""
    place, runtime = checked_place(call.query["cursor"]) if "cursor" in call.query else "", call.runtime
    found, following = happened_since(runtime.table, place, call.now, call.query["limit"])
    items = Teller(runtime.table, runtime.blobs).payloads(found)
    return Reply(200, {"items": items, "cursor": following})
