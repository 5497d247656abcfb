"""One JSON line per happening, on standard error, without the secret halves of addresses."""

import json
import logging
import logging.handlers
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

LARGEST = 1 << 20  # bytes of the file; one older file is kept beside it
_SIGNED = re.compile(r"(https?://[^\s?'\"<>]+)\?[^\s'\"<>]*")
_USERINFO = re.compile(r"([a-z]+://)[^/@\s'\"]+@")
_log = logging.getLogger("node")


def redact(text: str) -> str:
    """Cut the query of every web address (a presigned one is a key), the user part of every address, and U+0000, which nobody can store."""
    return _USERINFO.sub(r"\1", _SIGNED.sub(r"\1?…", text.replace("\x00", "\ufffd")))


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object; exceptions go into `trace`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return redact(json.dumps(line, default=str, ensure_ascii=False))


def configure(node: str) -> None:
    """Send everything of ours, and what others warn of, to standard error; every line names the node."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    handler.addFilter(lambda record: _name(record, node))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    _log.setLevel(logging.INFO)


def keep_in(path: Path) -> None:
    """Write every line to a file too, for whoever finds the daemon dead. Raises OSError."""
    file = logging.handlers.RotatingFileHandler(path, maxBytes=LARGEST, backupCount=1, encoding="utf-8")
    file.setFormatter(JsonLines())
    logging.getLogger().addHandler(file)


def let_go() -> None:
    """Close the file."""
    for handler in logging.getLogger().handlers[:]:
        if isinstance(handler, logging.handlers.RotatingFileHandler):
            logging.getLogger().removeHandler(handler)
            handler.close()


def _name(record: logging.LogRecord, node: str) -> bool:
    record.fields = {"node": node, **getattr(record, "fields", {})}
    return True


def info(event: str, **fields: object) -> None:
    """Something that belongs to normal work."""
    _log.info(event, extra={"fields": fields})


def warning(event: str, **fields: object) -> None:
    """Something that went wrong and is dealt with."""
    _log.warning(event, extra={"fields": fields})


def error(event: str, exc: BaseException | None = None, **fields: object) -> None:
    """Something that a person should look at; `exc` adds its trace."""
    _log.error(event, exc_info=exc, extra={"fields": fields})
