"""axe-core's judgement of a page: what people with a screen reader, or weak eyes, run into."""

from __future__ import annotations

import json
from functools import cache

from playwright.sync_api import Page

from tests.bench.processes import CHECKOUT

AXE = CHECKOUT / ".build" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")
RUN = "() => axe.run(document, {resultTypes: ['violations']}).then(JSON.stringify)"


def grave_violations(page: Page) -> list[str]:
    """One line for each serious or critical violation: rule, what it asks, where it is broken."""
    page.evaluate(_script())  # by the debugger's door: the page's own policy allows no such script
    found = json.loads(page.evaluate(RUN))["violations"]
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {node['target']} {node['html']}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


@cache
def _script() -> str:
    if not AXE.exists():
        raise FileNotFoundError(f"{AXE} is missing: run deploy/prepare.sh test")
    return AXE.read_text()
