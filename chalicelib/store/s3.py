"""The Blobs on S3: the twin of sqlite_blobs.py."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.store.aws_errors import code_of, reaching
from chalicelib.store.limits import check_blob_name, utf8

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Blobs:
    """The Blobs port on a bucket, below ``prefix`` (such as ``site/``; at most 100 bytes)."""

    def __init__(self, client: "S3Client", bucket: str, prefix: str = "") -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    def put(self, name: str, content: bytes) -> None:
        """See Blobs."""
        check_blob_name(name)
        with self._reaching():
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=content)

    def get(self, name: str) -> bytes | None:
        """See Blobs."""
        check_blob_name(name)
        with self._reaching():
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
            except ClientError as error:
                if code_of(error) == "NoSuchKey":
                    return None
                raise
            with answer["Body"] as body:
                return body.read()

    def names(self, prefix: str) -> list[str]:
        """See Blobs. Sorted by code points; S3 gives them by UTF-8 bytes, which is the same."""
        utf8(prefix, "prefix")
        with self._reaching():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
            return [entry["Key"].removeprefix(self._prefix) for page in pages for entry in page.get("Contents", [])]

    def delete(self, name: str) -> None:
        """See Blobs."""
        check_blob_name(name)
        with self._reaching():
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name)

    def _reaching(self) -> AbstractContextManager[None]:
        return reaching(f"The bucket {self._bucket}")
