"""docs/reference/settings.md: the variables that configure a process."""

from pydantic import SecretStr

from adapters.settings import Settings
from deploy.references.sources import HEAD, comments, table, type_name

_ABOUT = f"""# Settings

{HEAD}
Every process reads these variables (`adapters/settings.py`). `flatrender up` fills them for what it starts; on a cluster the operator does.
"""


def document() -> str:
    """The whole text."""
    prefix, noted = Settings.model_config["env_prefix"], comments(Settings)
    rows = []
    for name, field in Settings.model_fields.items():
        secret = isinstance(field.default, SecretStr)
        kind = "secret text" if secret else type_name(field.annotation)
        default = "" if secret or field.default == "" else f"`{field.default}`"
        rows.append((f"`{prefix}{name.upper()}`", kind, default, noted.get(name, "")))
    return f"{_ABOUT}\n{table(('variable', 'type', 'default', 'note'), rows)}"
