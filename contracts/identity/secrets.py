"""Secrets that were shown once more."""

from typing import Literal
from uuid import UUID

from contracts.entity import Entity, Row
from contracts.message import Command, Event, message
from contracts.visibility import Public

SecretOf = Literal["key", "token"]


class RevealedSecret(Row, frozen=True, kw_only=True):
    """A command whose secret was shown at its operation."""

    command_id: Public[UUID]
    what: Public[SecretOf]
    thing_id: Public[UUID]


REVEALED = Entity(
    "identity.revealed_secrets",
    RevealedSecret,
    key=("command_id",),
    about="commands whose secret was shown at their operation, which is done once",
    newest=False,
)


@message("identity.secret.reveal")
class RevealSecret(Command, frozen=True, kw_only=True):
    """Have the secret that a command made shown at its operation, which is done once; the edge asks this for who asked for the secret."""

    command_id: UUID
    what: SecretOf
    thing_id: UUID  # the key's or the token's id


@message("identity.secret.revealed", public=True)
class SecretRevealed(Event, frozen=True, kw_only=True):
    """The secret that a command made was shown at its operation."""

    command_id: Public[UUID]
    what: Public[SecretOf]
    thing_id: Public[UUID]
