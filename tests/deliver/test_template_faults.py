"""A site's template that can't be run: its edition is held, the file and line are told, and nobody gets anything."""

from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.compose.edition import State
from tests.deliver.house import ID, House
from tests.deliver.test_planning import SITE

FAULTS = {
    "syntax": "<mjml>\n<mj-body>\n{% if %}\n</mj-body></mjml>",
    "missing": "<mjml>\n<mj-body>\n{{ no_such_thing }}\n</mj-body></mjml>",
    "endless": "<mjml>\n<mj-body>\n{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}\n</mj-body></mjml>",  # noqa: E501
}


@pytest.mark.parametrize("what", FAULTS)
def test_the_planner_names_file_and_line_and_sends_nothing(tmp_path: Path, what: str) -> None:
    broken = tmp_path / "site" / "templates" / "email" / "digest" / "body.mjml"
    broken.parent.mkdir(parents=True)
    broken.write_text(FAULTS[what])
    house = House(tmp_path, site=replace(SITE, root=tmp_path / "site"))
    house.start()
    held = house.edition()
    assert (held.state, held.planned) == (State.HELD, None)
    assert "email/digest/body.mjml, line 3" in held.why
    assert house.queue.receive() == []
    assert not house.transport.handed
    assert house.blobs.names(f"editions/{ID}/letter-") == []
    house.database.close()
