"""Presigned S3 addresses (signature version 4 in the query), in microseconds: botocore's generate_presigned_url takes 850, its signer 350.

Written from the AWS documentation "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
"""

import hashlib
import hmac
import time
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

LONGEST = 7 * 24 * 3600  # seconds; more is refused by every S3
REGION = "us-east-1"
_FORM = "%Y%m%dT%H%M%SZ"


class Presigner:
    """Signs addresses of one bucket, path style, for `url`; the day's key is kept."""

    def __init__(self, url: str, bucket: str, access_key: str, secret_key: str) -> None:
        parts = urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._host = parts.netloc
        self._root = f"{parts.path.rstrip('/')}/{quote(bucket, safe='-_.~')}/"
        self._access_key = access_key
        self._secret = secret_key.encode()
        self._day = ""
        self._key = b""
        self._second = 0, ""
        self._latest: tuple[tuple[str, int], str] = ("", 0), ""  # the text of the last query that had nothing of its own

    def sign(self, method: str, key: str, seconds: int, query: dict[str, str] | None = None, now: datetime | None = None) -> str:
        """The address under which anyone may do `method` to the object for `seconds`. Raises ValueError for an impossible time."""
        if not 1 <= seconds <= LONGEST:
            raise ValueError(f"a presigned address lives 1 to {LONGEST} seconds, not {seconds}")
        moment = now.strftime(_FORM) if now else self._now()
        scope = f"{moment[:8]}/{REGION}/s3/aws4_request"
        text = self._text(moment, scope, seconds, query) if query else self._plain(moment, scope, seconds)
        path = self._root + quote(key, safe="/-_.~")
        request = f"{method}\n{path}\n{text}\nhost:{self._host}\n\nhost\nUNSIGNED-PAYLOAD"
        to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(self._day_key(moment[:8]), to_sign.encode(), "sha256").hex()
        return f"{self._origin}{path}?{text}&X-Amz-Signature={signature}"

    def _now(self) -> str:
        """The present second, which is written once."""
        second = int(time.time())
        if second != self._second[0]:
            self._second = second, datetime.fromtimestamp(second, UTC).strftime(_FORM)
        return self._second[1]

    def _plain(self, moment: str, scope: str, seconds: int) -> str:
        """The query of an address without parameters: the same for all that are signed in one second."""
        if self._latest[0] != (moment, seconds):
            self._latest = (moment, seconds), self._text(moment, scope, seconds, {})
        return self._latest[1]

    def _text(self, moment: str, scope: str, seconds: int, query: dict[str, str]) -> str:
        fields = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self._access_key}/{scope}",
            "X-Amz-Date": moment,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": "host",
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


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")
