"""The kernel plane keeps the promise of every plane, on a real kernel."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest

from lvsengine.ipvs.exchange import Link, SocketLink
from lvsengine.ipvs.kernel import KernelPlane
from lvsengine.ipvs.plane import Plane
from tests.kernel.lab.namespaces import in_namespace, make_namespace, remove_namespace
from tests.lvsengine.ipvs.plane_contract import PlaneContract, closing


@pytest.fixture(scope="class")
def contract_namespace(request: pytest.FixtureRequest) -> Iterator[None]:
    request.cls.namespace = "plane-contract"
    make_namespace("plane-contract")
    yield
    remove_namespace("plane-contract")


@pytest.mark.usefixtures("contract_namespace")
class TestKernel(PlaneContract):
    keeps_service_order = False  # the kernel has a hash table
    namespace: ClassVar[str]

    @asynccontextmanager
    async def open_plane(self) -> AsyncIterator[Plane]:
        plane = await KernelPlane.open(self.connect)
        async with closing(plane):
            await plane.flush()
            assert plane.name == "kernel"
            yield plane

    def connect(self) -> Link:
        with in_namespace(self.namespace):
            return SocketLink()
