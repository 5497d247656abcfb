"""The domains' tables of contents, found by their names."""

import importlib

from consumers.runtime.domain import Domain
from contracts.domains import DOMAINS, LOG


def domain_named(name: str) -> Domain:
    """A domain's table of contents. Raises ValueError for a name that is none."""
    if name not in DOMAINS:
        raise ValueError(f"there is no domain {name!r}; there are {', '.join(DOMAINS)} and {LOG}")
    domain: Domain = importlib.import_module(f"consumers.{name}").DOMAIN
    return domain


def all_domains() -> list[Domain]:
    """Every domain's table of contents."""
    return [domain_named(name) for name in DOMAINS]
