"""Types of fields that stand in many messages and rows, with who may see them where that is the same everywhere."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from contracts.visibility import Internal, Public, Secret

Moment = Annotated[datetime, Meta(tz=True)]
AnyMoment = Annotated[datetime, Meta(extra_json_schema={"format": "date-time"})]
"""In events: those of earlier releases may lack the offset from UTC."""
Metadata = Public[dict[str, Any]]
"""A caller's own, given back as it came."""
ObjectKey = Internal[str]
"""Where an object lies in storage; outside, it is had by a presigned address alone."""
SecretHash = Secret[str]
"""SHA-256 in hex of what a key or a node proves itself by."""
