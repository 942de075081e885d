"""What every answer of the web room owes, whoever asks and whatever for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8")


def check_answer(answer: Answer, method: str = "GET") -> Answer:
    """The answer, if it bears the headers of all answers and is no 5xx."""
    assert answer.status < 500, answer
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe-inline" not in answer.headers["content-security-policy"].replace("style-src 'unsafe-inline'", "")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"]
    assert "set-cookie" not in answer.headers
    assert "location" not in answer.headers
    if method == "HEAD":
        assert answer.body == b""
    elif answer.headers["content-type"].startswith("text/html") and answer.status != 304:
        assert answer.body.lstrip().lower().startswith(b"<!doctype html>")
        assert b"<script" not in answer.body.lower()
    return answer
