"""A fresh root folder with this machine's /usr in it: a machine to install on, without an init."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.unit import PATH, Unit

PROGRAM_FILES = ("bin", "sbin", "lib", "lib64", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64")
SEEN = (*PROGRAM_FILES, "usr/share", "dev", "proc")
UNITS = Path("usr/local/lib/systemd/system")


@dataclass(frozen=True, slots=True)
class Machine:
    """`root` is its /; what is mounted there is seen only by what `enter` runs."""

    root: Path

    @classmethod
    def made(cls, root: Path) -> Machine:
        root.mkdir(mode=0o755)
        root.chmod(0o755)  # mkdir asks the umask
        for name in ("etc", "tmp", "usr"):
            (root / name).mkdir()
        (root / "tmp").chmod(0o1777)
        for name in SEEN:
            here, there = Path("/") / name, root / name
            if here.is_symlink():
                there.symlink_to(os.readlink(here))
            elif here.is_dir():
                there.mkdir()
        for name in ("hosts", "nsswitch.conf"):
            shutil.copy(f"/etc/{name}", root / "etc" / name)
        return cls(root)

    def copy(self, root: Path) -> Machine:
        subprocess.run(["cp", "-a", self.root, root], check=True)
        return Machine(root)

    def enter(self, *words: str) -> list[str]:
        """Give the words that run something here, as root."""
        mounts = " && ".join(
            f"mount --rbind /{name} {shlex.quote(str(self.root / name))}"
            for name in SEEN
            if (self.root / name).is_dir() and not (self.root / name).is_symlink()
        )
        script = f'{mounts} && exec chroot {shlex.quote(str(self.root))} "$@"'
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *words]

    def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.enter(*words),
            env={"PATH": PATH, "LANG": "C.UTF-8"} | environ,
            capture_output=True,
            text=True,
            timeout=120,
            cwd="/",
        )

    def as_user(self, user: str, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("setpriv", "--reuid", user, "--regid", user, "--init-groups", *words)

    def unit(self, name: str) -> Unit:
        return Unit.read(self.root / UNITS / name)

    def unit_words(self, name: str, setting: str = "ExecStart") -> list[str]:
        """Give the words that run a unit's command as its user, with its capabilities."""
        unit = self.unit(name)
        options = _options(self.root / "etc/sysconfig" / name.removesuffix(".service"))
        return self.enter(*unit.privileges(), *unit.words(setting, options))

    @contextmanager
    def service(
        self, name: str, environ: dict[str, str], log: Path
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a unit's ExecStart until the block ends; then SIGTERM, or SIGKILL after 20 s."""
        with (
            log.open("wb") as out,
            subprocess.Popen(
                self.unit_words(name),
                env=self.unit(name).environment() | environ,
                stdout=out,
                stderr=out,
                cwd="/",
            ) as running,
        ):
            try:
                yield running
            finally:
                running.terminate()
                try:
                    running.wait(20)
                finally:
                    running.kill()
                    print(log.read_text())  # pytest shows it where a test fails


def _options(path: Path) -> str:
    for line in path.read_text().splitlines():
        if line.startswith("OPTIONS="):
            return " ".join(shlex.split(line.removeprefix("OPTIONS=")))
    return ""


def owner_and_mode(machine: Machine, path: str) -> str:
    """Describe it as in the contract: `root:piranha 2770`, by the machine's own names."""
    found = (machine.root / path).lstat()
    user = _name(machine.root / "etc/passwd", found.st_uid)
    group = _name(machine.root / "etc/group", found.st_gid)
    return f"{user}:{group} {found.st_mode & 0o7777:04o}"


def _name(file: Path, number: int) -> str:
    names = {row.split(":")[2]: row.split(":")[0] for row in file.read_text().splitlines()}
    return {"0": "root", **names}[str(number)]
