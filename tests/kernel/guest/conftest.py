"""What every kernel test may ask for. These tests run inside the guest: see tests/kernel."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator

import pytest

from lvsengine.ipvs.exchange import Link, SocketLink
from lvsengine.ipvs.kernel import KernelPlane
from tests.kernel.lab.director import Director, a_director
from tests.kernel.lab.namespaces import in_namespace, make_namespace, remove_namespace
from tests.kernel.lab.network import Network
from tests.kernel.lab.pair import Pair
from tests.kernel.lab.real_servers import RealServers


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


@pytest.fixture(scope="session")
def real_servers_of_session(network: Network) -> Iterator[RealServers]:
    real_servers = RealServers()
    yield real_servers
    real_servers.stop()


@pytest.fixture
def real_servers(real_servers_of_session: RealServers) -> Iterator[RealServers]:
    """The three real servers, serving; what the test did to them is undone after it."""
    yield real_servers_of_session
    real_servers_of_session.recover_all()


@pytest.fixture
def director(lab: Network) -> Iterator[Director]:
    """The director dirA, not started yet; stopped after the test."""
    with a_director("dirA") as director:
        yield director


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> Iterator[str]:
    """A network namespace for one test alone: an empty IPVS table, and lo."""
    name = f"test-{abs(hash(request.node.nodeid)):x}"
    make_namespace(name)
    yield name
    remove_namespace(name)


@pytest.fixture
async def plane(namespace: str) -> AsyncIterator[KernelPlane]:
    """The kernel plane of a namespace for one test alone."""

    def connect() -> Link:
        with in_namespace(namespace):
            return SocketLink()

    plane = await KernelPlane.open(connect)
    yield plane
    await plane.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With the failure of a pair's test, show what both directors said."""
    report = yield
    pair = getattr(item, "funcargs", {}).get("pair")
    if report.failed and isinstance(pair, Pair):
        report.sections.append(("the directors' logs", pair.logs()))
    return report
