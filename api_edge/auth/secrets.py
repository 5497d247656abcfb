"""Secrets that commands make: of a salt that the edge draws, which comes back in the outcome alone; shown to who asked."""

from typing import Any
from uuid import UUID

import msgspec

from api_edge.auth.secret_texts import first_text, hint_of, secret_hash, secret_text
from api_edge.auth.signing import Signer
from api_edge.errors import Refused
from contracts.identity.secrets import SecretOf
from contracts.message import Command

FILLED = ("secret_sha256", "hint", "salt")
"""The command's fields that the edge fills."""


class SecretKind(msgspec.Struct, frozen=True):
    """A kind of secret; its command has the fields FILLED, and its outcome's body has the salt."""

    use: str  # what it is derived for
    mark: str  # how its text begins
    id: str  # the body's field with the id that it belongs to
    shown: SecretOf  # the body's field that clients find it in


API_KEY = SecretKind("api-key", "fr", "key_id", "key")
JOIN_TOKEN = SecretKind("join-token", "fj", "token_id", "token")


def drawn(signer: Signer, kind: SecretKind, command: Any) -> Command:
    """The command with a new secret's salt and hash."""
    salt = signer.draw_salt()
    secret = signer.secret_of(kind.use, salt)
    assert secret is not None, "the newest version makes new secrets"
    filled: Command = msgspec.structs.replace(command, salt=salt, secret_sha256=secret_hash(secret), hint=hint_of(secret))
    return filled


def text_of(signer: Signer, kind: SecretKind, command_id: UUID, body: dict[str, Any]) -> str:
    """Take the salt out of an outcome's body; the secret's text. Raises Refused when the secret that made it is forgotten."""
    id = UUID(str(body[kind.id]))
    if salt := body.pop("salt", ""):
        secret, text = signer.secret_of(kind.use, salt), secret_text
    else:  # decided for an edge of the release before
        secret, text = signer.first_format(kind.use, command_id), first_text
    if secret is None:
        detail = f"The {kind.shown} was made by a secret of this service that is no longer known. Revoke it and create a new one."
        raise Refused("secret.forgotten", detail)
    return text(kind.mark, id, secret)
