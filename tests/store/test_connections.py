"""What `flatrender doctor` says of PostgreSQL's connections."""

from urllib.parse import urlsplit

import pytest

from cli import doctor_checks
from deploy.connections import needed, of_consumers
from tests.support.password import PASSWORD


@pytest.fixture
def configured(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = urlsplit(database)
    monkeypatch.setenv("FLATRENDER_PG_DSN", f"postgresql://{parts.hostname}:{parts.port}{parts.path}")
    monkeypatch.setenv("FLATRENDER_PG_PASSWORD", PASSWORD)


async def test_the_server_is_asked_how_many_it_lets_in(configured: None) -> None:
    finding = await doctor_checks._database()
    assert finding.good and "lets in 57 connections" in finding.text and f"need {needed(12)}" in finding.text


async def test_a_pool_that_the_server_cannot_give_is_told(configured: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLATRENDER_PG_POOL", "50")
    finding = await doctor_checks._database()
    assert not finding.good and "Raise max_connections" in finding.advice and str(of_consumers(50)) in finding.advice


async def test_a_database_that_cannot_be_asked_is_no_success(configured: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLATRENDER_PG_DSN", "postgresql://127.0.0.1:1/postgres")
    finding = await doctor_checks._database()
    assert not finding.good and "FLATRENDER_PG_DSN" in finding.advice


async def test_without_a_configured_database_the_embedded_ones_limit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLATRENDER_PG_DSN", raising=False)
    assert (await doctor_checks._database()).good
