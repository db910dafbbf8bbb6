"""piranha-setup: after a mere `pip install`, make a service of it. setup.sh does the work."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

EXPLAINED = """\
After `pip install piranha-lvs`, as root: users pulse and piranha, their folders, systemd's units,
/etc/sysconfig/ha/lvs.cf where there is none, and the commands on the PATH. Run again it mends,
and overwrites nothing of yours. The environment must lie where every user may read it:

  python3 -m venv /opt/piranha/current
  /opt/piranha/current/bin/pip install piranha-lvs
  /opt/piranha/current/bin/piranha-setup
"""


def main(argv: list[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    script = scripts() / ("uninstall.sh" if options.uninstall else "setup.sh")
    asked = {"BIN": f"{sys.prefix}/bin", "PREFIX": options.prefix}
    if options.forward:
        asked["FORWARD"] = "yes"
    sys.stdout.flush()
    os.execve("/bin/sh", ["sh", str(script)], os.environ | asked)  # noqa: S606 - no shell's words
    return 0


def scripts() -> Path:
    """Where setup.sh lies: beside the code in a checkout, under the prefix where installed."""
    checkout = Path(__file__).resolve().parent.parent
    installed = Path(sys.prefix) / "share" / "piranha"
    return (checkout if (checkout / "pyproject.toml").exists() else installed) / "deploy"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="piranha-setup",
        description=EXPLAINED,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--prefix", default="/usr/local", help="commands go into PREFIX/sbin (default: /usr/local)"
    )
    add("--forward", action="store_true", help="let this machine forward packets, as NAT needs it")
    add("--uninstall", action="store_true", help="take it away again, but for /etc and data")
    return parser
