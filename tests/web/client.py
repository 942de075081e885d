"""A small client over Chalice's test client: every answer it gives is checked for what all answers owe."""

from typing import Any

from tests.web.answers import Answer, check_answer


class Client:
    """Requests to the Chalice app in process."""

    def __init__(self, http: Any) -> None:
        self._http = http

    def request(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
        """One request, its answer checked."""
        raw = self._http.request(method, path, headers=dict(headers or {}), body=body)
        headers = {name.lower(): str(value) for name, value in raw.headers.items()}
        answer = Answer(raw.status_code, headers, raw.body)
        return check_answer(answer, method)

    def get(self, path: str, **headers: str) -> Answer:
        """GET."""
        return self.request("GET", path, {name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, body: bytes = b"", content_type: str = "application/x-www-form-urlencoded") -> Answer:
        """POST."""
        return self.request("POST", path, {"Content-Type": content_type}, body)
