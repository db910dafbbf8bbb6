"""The unit files, as systemd's own tools judge them; and the shell scripts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.deploy.machine import UNITS, Machine
from tests.deploy.wheels import CHECKOUT

NAMES = (
    "pulse.service", "piranha-gui.service", "piranha-received.service", "piranha-received.path",
)  # fmt: skip
# What systemd-analyze calls exposure, in tenths; 100 is a service without any of it.
MOST_EXPOSED = {"pulse.service": 23, "piranha-gui.service": 14, "piranha-received.service": 22}
THREE = {"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_NET_BIND_SERVICE"}


@pytest.mark.parametrize("name", NAMES)
def test_systemd_finds_nothing_to_say(installed: Machine, name: str) -> None:
    done = installed.run("systemd-analyze", "verify", f"/{UNITS}/{name}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", MOST_EXPOSED)
def test_a_unit_is_no_more_open_than_it_was(installed: Machine, name: str) -> None:
    path = installed.root / UNITS / name
    threshold = f"--threshold={MOST_EXPOSED[name]}"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", threshold, path],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_pulse_has_three_capabilities_and_the_web_none(installed: Machine) -> None:
    pulse, web = installed.unit("pulse.service"), installed.unit("piranha-gui.service")
    for setting in ("AmbientCapabilities", "CapabilityBoundingSet"):
        assert set(pulse.settings[setting].split()) == THREE
        assert web.settings[setting] == ""
    assert (pulse.settings["User"], web.settings["User"]) == ("pulse", "piranha")


@pytest.mark.parametrize(
    "script", sorted(CHECKOUT.glob("deploy/*.sh")), ids=lambda path: path.name
)
def test_shellcheck_finds_nothing_to_say(script: Path) -> None:
    done = subprocess.run(["shellcheck", script], capture_output=True, text=True)
    assert done.stdout == ""
