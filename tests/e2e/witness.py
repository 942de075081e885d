"""A witness between a function and the local AWS: hands every call on, and remembers what IAM would have been asked."""

import http.client
import json
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

SERVICES = ("DYNAMODB", "S3", "SQS", "SSM")
QUEUES = ("ChunkQueue", "NoticeQueue", "EventQueue", "ChunkDeadLetter", "NoticeDeadLetter", "EventDeadLetter")
OF_ITEMS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
"""What a transaction's parts are called by IAM."""
Asked = tuple[str, str]
"""An action and a resource, as tests/e2e/policies.py writes them."""


@dataclass
class Witness:
    """A server on 127.0.0.1 as a context, before the one at ``upstream``."""

    upstream: str
    asked: set[Asked] = field(default_factory=set)
    url: str = ""

    def __enter__(self) -> Self:
        handler = type("BoundHandler", (_Handler,), {"witness": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @property
    def environment(self) -> dict[str, str]:
        """What makes a function's boto3 come here."""
        return {f"AWS_ENDPOINT_URL_{service}": self.url for service in SERVICES}


def asked_of(method: str, path: str, target: str, body: bytes) -> set[Asked]:
    """What IAM is asked for a call. Raises AssertionError for one that nobody thought of."""
    service, _, operation = target.partition(".")
    if service.startswith("DynamoDB"):
        return {(f"dynamodb:{name}", "arn:TableResource") for name in _of_table(operation, json.loads(body))}
    if service == "AmazonSQS":
        said = json.loads(body)
        return {(f"sqs:{operation.removesuffix('Batch')}", _queue(said.get("QueueUrl") or said["QueueName"]))}
    if service == "AmazonSSM":
        name = json.loads(body)["Name"].replace("/dev/", "/${Stage}/")
        prefix = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter"
        return {(f"ssm:{operation}", prefix + name)}
    assert not target, target
    return {_of_bucket(method, path)}


def _of_table(operation: str, said: dict[str, Any]) -> set[str]:
    if operation == "TransactWriteItems":
        return {OF_ITEMS[kind] for part in said["TransactItems"] for kind in part}
    return {operation}


def _queue(name: str) -> str:
    (found,) = [queue for queue in QUEUES if queue in name]
    return f"arn:{found}Resource"


def _of_bucket(method: str, path: str) -> Asked:
    parts = urlsplit(path)
    key = unquote(parts.path.lstrip("/")).partition("/")[2]
    if not key:
        assert "list-type" in parse_qs(parts.query), path
        return "s3:ListBucket", "arn:BucketResource"
    action = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}[method]
    return f"s3:{action}", f"arn:BucketResource/{key}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    witness: Witness

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.witness.asked |= asked_of(self.command, self.path, self.headers.get("X-Amz-Target", ""), body)
        upstream = http.client.HTTPConnection(urlsplit(self.witness.upstream).netloc, timeout=60)
        try:
            kept = {name: value for name, value in self.headers.items() if name.lower() not in {"connection", "expect"}}
            upstream.request(self.command, self.path, body or None, kept)
            answer = upstream.getresponse()
            content = answer.read()
        except ConnectionError:  # the local AWS is gone: the test is over
            return
        finally:
            upstream.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"transfer-encoding", "connection", "content-length", "date", "server"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        with suppress(ConnectionError):  # a function that was stopped asks no more
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass  # noqa: N815 (http.server's names)

    def log_message(self, format: str, *args: Any) -> None:
        pass
