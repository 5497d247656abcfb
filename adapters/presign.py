"""Presigned S3 addresses (signature version 4 in the query), in microseconds: botocore's generate_presigned_url takes 850, its signer 350.

Written from the AWS documentation "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qs, quote, urlsplit

LONGEST = 7 * 24 * 3600  # seconds; more is refused by every S3
REGION = "us-east-1"
CREATE_ONLY = {"if-none-match": "*"}  # signed with an address, it writes an object that is not there yet, and replaces none
BODY_HASH = "x-amz-checksum-sha256"  # signed with an address, its body is the one with this SHA-256, in base64
_FORM = "%Y%m%dT%H%M%SZ"


class Presigner:
    """Signs addresses of one bucket, path style, for `url`; the day's key is kept."""

    def __init__(self, url: str, bucket: str, access_key: str, secret_key: str) -> None:
        parts = urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._host = parts.netloc
        self._bare = self._carried({})
        self._root = f"{parts.path.rstrip('/')}/{quote(bucket, safe='-_.~')}/"
        self._access_key = access_key
        self._secret = secret_key.encode()
        self._day = ""
        self._key = b""
        self._second = 0, ""
        self._plain_moment = ""
        self._plain: dict[tuple[int, str], str] = {}  # queries that have nothing of their own, of that moment, by lifetime and headers

    def sign(
        self,
        method: str,
        key: str,
        seconds: int,
        query: dict[str, str] | None = None,
        now: datetime | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """The address under which anyone may do `method` to the object for `seconds`. Raises ValueError for an impossible time.

        With `headers` (names in lower case) it works only for a request that carries them with these very values; their names, not their
        values, stand in the address.
        """
        if not 1 <= seconds <= LONGEST:
            raise ValueError(f"a presigned address lives 1 to {LONGEST} seconds, not {seconds}")
        moment = now.strftime(_FORM) if now else self._now()
        scope = f"{moment[:8]}/{REGION}/s3/aws4_request"
        signed, lines = self._carried(headers) if headers else self._bare
        text = self._text(moment, scope, seconds, signed, query) if query else self._plain_text(moment, scope, seconds, signed)
        path = self._root + quote(key, safe="/-_.~")
        request = f"{method}\n{path}\n{text}\n{lines}\n{signed}\nUNSIGNED-PAYLOAD"
        to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(self._day_key(moment[:8]), to_sign.encode(), "sha256").hex()
        return f"{self._origin}{path}?{text}&X-Amz-Signature={signature}"

    def _carried(self, headers: Mapping[str, str]) -> tuple[str, str]:
        """The names of the signed headers, and their lines in the request that is signed."""
        carried = sorted({"host": self._host, **headers}.items())
        return ";".join(name for name, _ in carried), "".join(f"{name}:{value}\n" for name, value in carried)

    def _now(self) -> str:
        """The present second, which is written once."""
        second = int(time.time())
        if second != self._second[0]:
            self._second = second, datetime.fromtimestamp(second, UTC).strftime(_FORM)
        return self._second[1]

    def _plain_text(self, moment: str, scope: str, seconds: int, signed: str) -> str:
        """The query of an address without parameters: the same for all that are signed in one second."""
        if self._plain_moment != moment:
            self._plain_moment, self._plain = moment, {}
        if (text := self._plain.get((seconds, signed))) is None:
            text = self._plain[seconds, signed] = self._text(moment, scope, seconds, signed, {})
        return text

    def _text(self, moment: str, scope: str, seconds: int, signed: str, query: dict[str, str]) -> str:
        fields = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self._access_key}/{scope}",
            "X-Amz-Date": moment,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": signed,
            **query,
        }
        return "&".join(f"{name}={value}" for name, value in sorted((_encoded(k), _encoded(v)) for k, v in fields.items()))

    def _day_key(self, day: str) -> bytes:
        if day != self._day:
            key = b"AWS4" + self._secret
            for part in (day, REGION, "s3", "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._day, self._key = day, key
        return self._key


def signed_headers(url: str) -> frozenset[str]:
    """The names of the headers, besides the host, that a request to this address must carry; none for an address of another kind."""
    [names] = parse_qs(urlsplit(url).query).get("X-Amz-SignedHeaders", [""])[:1]
    return frozenset(names.lower().split(";")) - {"host", ""}


def checksum(sha256: str) -> str:
    """A SHA-256 in hexadecimal as S3 writes it."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")
