"""NATS and JetStream: the connection, atomic publishing, the pull loop, and the streams' administration."""

from adapters.nats.admin import Change, create_stream, ensure_consumer, ensure_stream, stream_state
from adapters.nats.connection import (
    ApiError,
    Connection,
    ConnectionLost,
    ConnectRefused,
    NoAnswer,
    PublishForbidden,
    StreamError,
    Unavailable,
    api,
    connect,
    header_lines,
)
from adapters.nats.publish import FEW, Frame, begin_each, begin_now, begin_row, store, stored
from adapters.nats.pull import ConsumerMissing, PullConsumer, ack, ack_all, deliveries_of, in_progress, nak, nak_all, sequences_of
from adapters.nats.reader import ForeignMessage, Genuine, PositionGone, StreamReader

__all__ = [
    "FEW",
    "ApiError",
    "Change",
    "ConnectRefused",
    "Connection",
    "ConnectionLost",
    "ConsumerMissing",
    "ForeignMessage",
    "Frame",
    "Genuine",
    "NoAnswer",
    "PositionGone",
    "PublishForbidden",
    "PullConsumer",
    "StreamError",
    "StreamReader",
    "Unavailable",
    "ack",
    "ack_all",
    "api",
    "begin_each",
    "begin_now",
    "begin_row",
    "connect",
    "create_stream",
    "deliveries_of",
    "ensure_consumer",
    "ensure_stream",
    "header_lines",
    "in_progress",
    "nak",
    "nak_all",
    "sequences_of",
    "store",
    "stored",
    "stream_state",
]
