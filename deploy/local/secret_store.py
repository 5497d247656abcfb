"""Generated passwords of the embedded stack, kept in one file that only its owner may read."""

import json
import os
import secrets
from pathlib import Path

from deploy.local.errors import StackError


def write_private(path: Path, text: str, *, lasting: bool = True) -> None:
    """Writes a file of mode 0600 so that after a crash either the old or the new text is there; not `lasting`: of this process alone."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        if lasting:
            os.fsync(file.fileno())
    os.replace(new, path)


class SecretStore:
    """Named secrets in a JSON file; a name that is asked for the first time gets a new random value that stays."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._values: dict[str, str] = {}
        if path.exists():
            try:
                self._values = dict(json.loads(path.read_text(encoding="utf-8")))
            except ValueError as error:
                raise StackError(f"{path} cannot be read as JSON: {error}. Put back a copy of it: the servers' data need it.") from error

    def get(self, name: str) -> str:
        """The secret of that name: 43 characters that need no escape in an address (256 bits) unless it was set."""
        if name not in self._values:
            self.set(name, secrets.token_urlsafe(32))
        return self._values[name]

    def set(self, name: str, value: str) -> None:
        """Keeps `value` under `name`, on disk when this returns."""
        self._values[name] = value
        write_private(self.path, json.dumps(self._values, indent=1, sort_keys=True))

    def rotate(self, name: str) -> int:
        """Give a secret a new value, in one write; the one before is kept as `<name>.before`. Answers its version, `<name>.version`."""
        version = int(self._values.get(f"{name}.version", "1")) + 1
        self._values |= {f"{name}.before": self.get(name), f"{name}.version": str(version)}
        self.set(name, secrets.token_urlsafe(32))
        return version

    def __contains__(self, name: str) -> bool:
        return name in self._values
