"""Which queues' dead letters a process can see, by its settings; on SQS each has a dead-letter queue of its own."""

from pathlib import Path

import pytest

from chalicelib.adapters import Adapters
from chalicelib.settings import load_settings

SQS = "https://sqs.example.org/1/"


@pytest.mark.parametrize(("values", "names"), [
    ({}, ["chunks", "notices"]),
    ({"SENDBRIEF_EVENT_QUEUE_URL": f"{SQS}events"}, ["chunks", "notices", "events"]),
    ({"SENDBRIEF_STORE": "aws"}, ["chunks"]),
    ({"SENDBRIEF_STORE": "aws", "SENDBRIEF_NOTICE_QUEUE_URL": f"{SQS}n"}, ["chunks", "notices"]),
])  # fmt: skip
def test_queues_are_those_that_settings_name(
    values: dict[str, str], names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    given = {"SENDBRIEF_QUEUE_URL": f"{SQS}chunks", "SENDBRIEF_DEAD_LETTER_URL": f"{SQS}dead", **values}
    adapters = Adapters(load_settings(given, site=tmp_path, data=tmp_path))
    assert list(adapters.queues) == names
    for name, queue in adapters.queues.items():
        if hasattr(queue, "_dead_letter_url"):
            assert (queue._dead_letter_url is not None) is (name == "chunks"), "that setting is of chunks alone"
    adapters.close()
