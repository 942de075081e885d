"""A local AWS for tests and for `make local-aws`: ministack in a virtual environment of its own.

It pins its own botocore, hence the environment of its own. It listens on 127.0.0.1 alone, keeps its
state in memory, and ends with whoever started it.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

VERSION = "1.5.33"
RUNTIME = ("boto3==1.43.106", "s3transfer==0.19.3")
"""boto3 of the release whose botocore that version pins."""
ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv-local-aws"
REGION = "eu-central-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}


class LocalAwsUnavailableError(Exception):
    """The local AWS could not be installed or started here; the message says why."""


class LocalAws:
    """A running local AWS at ``endpoint``."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def client(self, service: str, **config: Any) -> Any:
        """A boto3 client with dummy credentials, which the caller closes."""
        session = boto3.session.Session("test", "test", region_name=REGION)
        settings = Config(s3={"addressing_style": "path"}, **config)
        return session.client(service, endpoint_url=self.endpoint, config=settings)  # type: ignore[call-overload]


def install() -> Path:
    """The interpreter of the environment, made once. Raises LocalAwsUnavailableError where pip can't."""
    python = ENVIRONMENT / "bin" / "python"
    with _installing():
        if _installed("ministack") != VERSION or _installed("boto3") is None:
            _run(sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT))
            _run(str(python), "-m", "pip", "install", "--quiet", f"ministack=={VERSION}")
            # The runtime of Lambda brings boto3; the functions run in this environment.
            _run(str(python), "-m", "pip", "install", "--quiet", "--no-deps", *RUNTIME)
    return python


@contextlib.contextmanager
def running(port: int = 0) -> Iterator[LocalAws]:
    """A fresh local AWS on ``port`` (0: any free one), ended with the block however that ends."""
    python = install()
    port = port or _free_port()
    with tempfile.TemporaryDirectory(prefix="local-aws-") as directory:
        log_path = Path(directory, "log")
        with log_path.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603
                [python, str(ROOT / "tools" / "ministack_server.py")],
                env=_environment(port, directory),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            _await_health(process, port, log_path)
            yield LocalAws(f"http://127.0.0.1:{port}")
        finally:
            _stop(process)


def _environment(port: int, directory: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "TMPDIR": directory,
        "S3_DATA_DIR": f"{directory}/s3",
        "PYTHONWARNINGS": "ignore",
    }


def _await_health(process: "subprocess.Popen[bytes]", port: int, log: Path, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise LocalAwsUnavailableError(f"The local AWS did not start on port {port}:\n{log.read_text()[-2000:]}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """It leads a process group of its own, in which its Lambda workers are too."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=5)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=5)


@contextlib.contextmanager
def _installing() -> Iterator[None]:
    """Parallel test runs wait for the first of them."""
    with (ROOT / ".venv-local-aws.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _installed(package: str) -> str | None:
    found = list(ENVIRONMENT.glob(f"lib/python3*/site-packages/{package}-*.dist-info"))
    return found[0].name.removeprefix(f"{package}-").removesuffix(".dist-info") if found else None


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise LocalAwsUnavailableError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _make_resources(aws: LocalAws) -> dict[str, str]:
    """Table, bucket and queues as Sendbrief wants them; the environment variables that name them."""
    from chalicelib.store.dynamodb import create_table

    with contextlib.ExitStack() as stack:
        dynamodb, s3, sqs = (
            stack.enter_context(contextlib.closing(aws.client(name))) for name in ("dynamodb", "s3", "sqs")
        )
        create_table(dynamodb, "sendbrief")
        s3.create_bucket(Bucket="sendbrief", CreateBucketConfiguration={"LocationConstraint": REGION})
        urls = []
        for name in ("sendbrief", "sendbrief-notices"):
            dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
            arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "5"})
            urls.append(sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})["QueueUrl"])
    return {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "SENDBRIEF_STORE": "aws",
        "SENDBRIEF_TABLE": "sendbrief",
        "SENDBRIEF_BUCKET": "sendbrief",
        "SENDBRIEF_QUEUE_URL": urls[0],
        "SENDBRIEF_NOTICE_QUEUE_URL": urls[1],
        **CREDENTIALS,
    }


def main() -> int:
    """Run in the foreground until Ctrl-C, having printed the variables to set."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 4566
    try:
        with running(port) as aws:
            for name, value in _make_resources(aws).items():
                sys.stdout.write(f"export {name}={value}\n")
            sys.stdout.write("# Running until Ctrl-C; nothing is kept.\n")
            sys.stdout.flush()
            signal.pause()
    except KeyboardInterrupt:
        return 0
    except LocalAwsUnavailableError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
