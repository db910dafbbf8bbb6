"""What every kernel test may ask for. These tests run inside the guest: see tests/kernel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel.lab.namespaces import make_namespace, remove_namespace
from tests.kernel.lab.network import Network


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    """The lab's network, built once; ask for `lab` instead unless you tidy up yourself."""
    network = Network()
    network.build()
    yield network
    network.remove()


@pytest.fixture
def lab(network: Network) -> Iterator[Network]:
    """The lab's network, put back as it was after the test."""
    yield network
    network.tidy()


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> Iterator[str]:
    """A network namespace for one test alone: an empty IPVS table, and lo."""
    name = f"test-{abs(hash(request.node.nodeid)):x}"
    make_namespace(name)
    yield name
    remove_namespace(name)
