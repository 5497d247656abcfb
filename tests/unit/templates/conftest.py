"""The demo's files, made once for all tests of this folder."""

import msgspec
import pytest

from contracts.project import ProjectFile
from templates.build import DemoFiles, build_demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    return build_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def project(demo: DemoFiles) -> ProjectFile:
    return msgspec.json.decode(demo.project.read_bytes(), type=ProjectFile)
