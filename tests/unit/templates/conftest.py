"""The demo's project, read once for all tests of this folder."""

import msgspec
import pytest

from contracts.project_file import ProjectFile
from templates.build import DemoFiles


@pytest.fixture(scope="session")
def project(demo: DemoFiles) -> ProjectFile:
    return msgspec.json.decode(demo.project.read_bytes(), type=ProjectFile)
