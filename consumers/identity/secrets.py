"""Secrets that were shown at their operations: each once."""

from consumers.runtime.domain import Context, Decision, refuse
from consumers.runtime.state import View
from consumers.runtime.table import Table
from contracts.identity import secrets
from contracts.identity.secrets import RevealSecret, SecretRevealed

REVEALED = Table.of(secrets.REVEALED)


def reveal(cmd: RevealSecret, view: View, ctx: Context) -> Decision:
    """Whoever gets this done may show the secret; of all that ask at once, one does."""
    shown = view.get(REVEALED, cmd.command_id)
    if shown is not None:
        return refuse("secret.shown", f"the secret was shown at {shown.created_at:%Y-%m-%d %H:%M:%S} UTC; it is shown once", "command_id")
    return [SecretRevealed(command_id=cmd.command_id, what=cmd.what, thing_id=cmd.thing_id)]
