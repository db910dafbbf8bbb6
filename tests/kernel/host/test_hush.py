"""The nft rules on this machine's own kernel, in a namespace that ends with each test.

The guest's kernel lacks nft's inet family; there iptables is tried.
"""

from __future__ import annotations

import subprocess
from ipaddress import ip_address

from lvsengine.hush.rules import NFT_REMOVAL, Hush, nft_rules

HUSH = Hush(
    (ip_address("192.168.26.10"), ip_address("2001:db8:26::10")),
    ((ip_address("10.11.12.1"), 80), (ip_address("2001:db8:11::1"), 8080)),
)
# Resets come from 127.0.0.1, where nobody listens: refused at once, or kept quiet about.
KNOCK = """
import socket
with socket.socket() as knocking:
    knocking.settimeout(0.5)
    try:
        knocking.connect(("127.0.0.1", 9))
    except OSError as error:
        print(type(error).__name__)
"""


def in_a_namespace(script: str, rules: str) -> list[str]:
    """Run a shell script that finds the rules in $RULES, and return its lines."""
    done = subprocess.run(
        ["unshare", "-rn", "sh", "-ec", script],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "RULES": rules, "REMOVAL": NFT_REMOVAL},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_rules_load_twice_and_go_away_twice() -> None:
    load, remove = 'echo "$RULES" | nft -f -', 'echo "$REMOVAL" | nft -f -'
    script = (
        f"{load}; {load}; nft list ruleset | grep -c drop; {remove}; {remove}; nft list ruleset"
    )
    assert in_a_namespace(script, nft_rules(HUSH, 5)) == ["4"]


def test_a_virtual_ip_sends_no_reset_until_the_rules_end_by_themselves() -> None:
    rules = nft_rules(Hush((ip_address("127.0.0.1"),)), 2)
    knock = f"/usr/bin/env python3 -c '{KNOCK}'"
    script = f'ip link set lo up; {knock}; echo "$RULES" | nft -f -; {knock}; sleep 2; {knock}'
    assert in_a_namespace(script, rules) == [
        "ConnectionRefusedError",
        "TimeoutError",
        "ConnectionRefusedError",
    ]
