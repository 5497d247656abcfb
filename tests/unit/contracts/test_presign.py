"""Presigned addresses are those that botocore makes."""

from datetime import UTC, datetime
from functools import cache
from typing import Any
from unittest.mock import patch

import botocore.auth
import botocore.session
import pytest
from botocore.config import Config

from adapters.presign import BODY_HASH, CREATE_ONLY, Presigner, checksum, signed_headers

NOW = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)


@cache
def client_for(url: str) -> Any:
    config = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    keys = {"aws_access_key_id": "an-access-key", "aws_secret_access_key": "a secret"}
    return botocore.session.get_session().create_client("s3", region_name="us-east-1", endpoint_url=url, config=config, **keys)


def by_botocore(url: str, operation: str, parameters: dict[str, object], seconds: int) -> str:
    client = client_for(url)
    with patch.object(botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: NOW.replace(tzinfo=None)):
        return str(client.generate_presigned_url(operation, Params={"Bucket": "bucket", **parameters}, ExpiresIn=seconds))


@pytest.mark.parametrize("url", ["http://127.0.0.1:8333", "https://s3.example.org"])
@pytest.mark.parametrize("key", ["a/b/c.mp4", "ü + ?&=#%~!'()*.txt", "a//b"])
@pytest.mark.parametrize(
    ("method", "operation", "more", "query"),
    [
        ("GET", "get_object", {}, {}),
        ("PUT", "put_object", {}, {}),
        ("GET", "get_object", {"ResponseContentDisposition": "attachment; x"}, {"response-content-disposition": "attachment; x"}),
        ("PUT", "upload_part", {"UploadId": "u/+1=", "PartNumber": 12}, {"uploadId": "u/+1=", "partNumber": "12"}),
    ],
)
def test_an_address_has_botocores_signature(
    url: str, key: str, method: str, operation: str, more: dict[str, object], query: dict[str, str]
) -> None:
    ours = Presigner(url, "bucket", "an-access-key", "a secret").sign(method, key, 60, query, NOW)
    theirs = by_botocore(url, operation, {"Key": key, **more}, 60)
    assert ours.rpartition("X-Amz-Signature=")[2] == theirs.rpartition("X-Amz-Signature=")[2]
    assert ours.partition("?")[0] == theirs.partition("?")[0]


@pytest.mark.parametrize(
    ("operation", "more", "query", "headers"),
    [
        ("put_object", {"IfNoneMatch": "*"}, {}, CREATE_ONLY),
        ("put_object", {"ContentLength": 12}, {}, {"content-length": "12"}),
        (
            "upload_part",
            {"UploadId": "u", "PartNumber": 1, "ContentLength": 5},
            {"uploadId": "u", "partNumber": "1"},
            {"content-length": "5"},
        ),
    ],
)
def test_an_address_with_headers_has_botocores_signature(
    operation: str, more: dict[str, object], query: dict[str, str], headers: dict[str, str]
) -> None:
    ours = Presigner("http://127.0.0.1:8333", "bucket", "an-access-key", "a secret").sign("PUT", "a/b", 60, query, NOW, headers)
    theirs = by_botocore("http://127.0.0.1:8333", operation, {"Key": "a/b", **more}, 60)
    assert ours.rpartition("X-Amz-Signature=")[2] == theirs.rpartition("X-Amz-Signature=")[2]
    assert signed_headers(ours) == set(headers)


def test_an_address_names_its_headers_and_not_their_values() -> None:
    signer = Presigner("http://127.0.0.1:8333", "bucket", "an-access-key", "a secret")
    address = signer.sign("PUT", "a", 60, now=NOW, headers={**CREATE_ONLY, BODY_HASH: checksum("ab" * 32)})
    assert signed_headers(address) == {"if-none-match", BODY_HASH} and checksum("ab" * 32) not in address
    assert signed_headers(signer.sign("PUT", "a", 60, now=NOW)) == set()
    assert signed_headers("http://127.0.0.1/a?x=y") == signed_headers("nonsense") == set()


def test_two_addresses_of_one_second_differ_in_what_they_ask_for() -> None:
    signer = Presigner("http://127.0.0.1:8333", "bucket", "an-access-key", "a secret")
    plain, creating, later = (signer.sign("PUT", "a", seconds, headers=h) for seconds, h in ((60, None), (60, CREATE_ONLY), (61, None)))
    assert [len(signed_headers(one)) for one in (plain, creating, later)] == [0, 1, 0]
    assert ["X-Amz-Expires=60" in one for one in (plain, creating, later)] == [True, True, False]
