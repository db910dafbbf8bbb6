"""Boot user-mode Linux once, run one command inside, and bring its exit status out.

A guest is an ordinary process of the user: Debian's user-mode kernel on the host's own root file
system. Inside, everything can be written and is lost, except the one folder `out`. The guest has
no network to the outside. Several guests may run at once. Needs the packages in `PACKAGES`.

By hand, from the checkout:

    .venv/bin/python tests/kernel/lab/boot.py --limit 60 -- ipvsadm -Ln

It does not know what is tested in the guest; `tests/kernel/run.py` does.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

PACKAGES = (
    "user-mode-linux", "kmod", "iproute2", "ipvsadm", "iptables", "iputils-ping",
    "nftables", "procps",
)  # fmt: skip
PROGRAMS = ("linux.uml", "insmod", "ip", "ipvsadm", "iptables-legacy", "nft", "ping", "ps")
INIT = Path(__file__).resolve().with_name("init.sh")
CHECKOUT = Path(__file__).resolve().parents[3]
OUT = CHECKOUT / ".build" / "kernel"

TIMED_OUT = 124  # as timeout(1)
NOT_BOOTED = 125  # as timeout(1) says of itself failing
GUEST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
GRACE_S = 10.0  # from the guest's own watchdog until the host kills the guest
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

Sink = Callable[[bytes], object]


class LabError(Exception):
    """The guest cannot be started, and the sentence says why."""


def boot(
    command: Sequence[str],
    out: Path = OUT,
    limit_s: float = 600,
    env: Mapping[str, str] | None = None,
    *,
    cwd: Path = CHECKOUT,
    memory: str = "1G",
    output: Sink | None = None,
) -> int:
    """Run `command` in a guest and return its exit status.

    Args:
        command: Program and arguments; no shell reads them.
        out: The one folder whose files reach the host. Made if it is missing.
        limit_s: Seconds from boot to power off; then the status is `TIMED_OUT`.
        env: Added to a bare environment (PATH, HOME, LANG, OUT with the path of `out`).
        memory: As the kernel's `mem=`. Only what is used is taken.
        output: Gets what the command prints, as it comes; by default this process's stdout.

    Raises:
        LabError: A program that the lab needs is missing, or the kernel did not boot.
    """
    check_programs()
    out.mkdir(parents=True, exist_ok=True)
    with _control_folder(out) as control:
        _write_job(control, command, {**_bare_environment(out), **(env or {})}, cwd)
        (control / "limit").write_text(f"{limit_s:.0f}\n")
        console = _run_kernel(control, out, limit_s + GRACE_S, memory, output or _to_stdout)
        return _status(control, console)


def check_programs(path: str | None = None) -> None:
    """Refuse, with a sentence that names the packages, when the lab cannot run here.

    Args:
        path: Where to look, as in PATH; by default PATH and where Debian puts such programs.
    """
    searched = path or f"{os.environ.get('PATH', '')}:{GUEST_PATH}"
    missing = [name for name in PROGRAMS if shutil.which(name, path=searched) is None]
    if missing:
        raise LabError(
            f"they need user-mode Linux, and {', '.join(missing)} is not installed here. "
            f"As root on Debian: apt-get install {' '.join(PACKAGES)}"
        )


@contextmanager
def _control_folder(out: Path) -> Iterator[Path]:
    """A folder in `out` for this guest alone; its name is the guest's id."""
    control = Path(tempfile.mkdtemp(prefix="guest-", dir=out))
    try:
        if any(character.isspace() for character in str(control)):
            raise LabError(f"a kernel's command line cannot hold the space in {control}")
        yield control
    finally:
        shutil.rmtree(control, ignore_errors=True)


def _bare_environment(out: Path) -> dict[str, str]:
    return {"PATH": GUEST_PATH, "HOME": "/root", "LANG": "C.UTF-8", "OUT": str(out)}


def _write_job(control: Path, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
    words = ["exec", "env", "-i", *(f"{name}={value}" for name, value in env.items()), *command]
    enter = f"cd {shlex.quote(str(cwd))} || exit {NOT_BOOTED}"
    (control / "job").write_text(f"{enter}\n{shlex.join(words)}\n")


def _run_kernel(control: Path, out: Path, limit_s: float, memory: str, output: Sink) -> bytes:
    """Run the guest to its end, or to its limit, and return what its console said."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)  # the kernel's helpers come to us, and are reaped
    words = [
        "linux.uml", f"mem={memory}", f"umid={control.name}", f"uml_dir={control}/",
        "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", f"init={INIT}",
        "con0=null,fd:2", "con1=null,fd:1", "con=null", "ssl=null",
        "quiet", "noreboot", "panic=1", f"LABOUT={out}", f"LABCTL={control}",
    ]  # fmt: skip
    guest = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # The guest's memory is a sparse, unlinked file; without this it would be on a disk.
        env={"PATH": GUEST_PATH, "HOME": str(control), "TMPDIR": "/dev/shm"},  # noqa: S108
        cwd=out,
        start_new_session=True,
        preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
    )
    guard = _guard(guest.pid)
    console = bytearray()
    pumps = [
        threading.Thread(target=_pump, args=(guest.stdout, output), daemon=True),
        threading.Thread(target=_pump, args=(guest.stderr, console.extend), daemon=True),
    ]
    try:
        for pump in pumps:
            pump.start()
        with suppress(subprocess.TimeoutExpired):
            guest.wait(limit_s)
    finally:
        guard.communicate()
        guest.wait()
        _reap_group(guest.pid)
        for pump in pumps:
            pump.join(5)
    return bytes(console)


def _pump(source: IO[bytes] | None, sink: Sink) -> None:
    """Hand on what comes, so that the guest never sees our own, perhaps shared, stdout."""
    if source is None:
        return
    with source:
        while chunk := os.read(source.fileno(), 65536):
            sink(chunk)


def _to_stdout(chunk: bytes) -> None:
    sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()


def _guard(pid: int) -> subprocess.Popen[bytes]:
    """Start what ends the guest's process group once we close its stdin, or are killed."""
    end = 'read -r never; kill -KILL "-$0"'
    return subprocess.Popen(
        ["/bin/sh", "-c", end, str(pid)],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _reap_group(pid: int) -> None:
    """Wait for the kernel's helper processes, which SIGKILL has just ended."""
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-pid, 0)


def _status(control: Path, console: bytes) -> int:
    try:
        return int((control / "status").read_text())
    except (FileNotFoundError, ValueError):
        said = console.decode(errors="replace").strip() or "nothing"
        raise LabError(
            f"the guest ended without an exit status; its console said: {said}"
        ) from None


def _raise_exit(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def end_guest_on_sigterm() -> None:
    """Let SIGTERM unwind the stack, so that the guest is killed and its folder removed."""
    signal.signal(signal.SIGTERM, _raise_exit)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Run a command in a guest.")
    parser.add_argument("--limit", type=float, default=600, metavar="S")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FOLDER")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    end_guest_on_sigterm()
    try:
        return boot(options.command, options.out.resolve(), options.limit)
    except LabError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return NOT_BOOTED


if __name__ == "__main__":
    sys.exit(main())
