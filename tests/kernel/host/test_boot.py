"""The guest as its host sees it: what comes out, when it ends, what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.kernel.lab.boot import CHECKOUT, TIMED_OUT, LabError, boot, check_programs


def processes_naming(text: str) -> list[str]:
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "stat,args"], capture_output=True, text=True, check=True
    )
    return [
        line
        for line in listed.stdout.splitlines()
        if text in line and "linux.uml" in line and not line.startswith("Z")
    ]


def test_output_status_and_files_come_out_and_nothing_stays(tmp_path: Path) -> None:
    said: list[bytes] = []
    script = (
        'echo "it is $(uname -r) with $WORD"; echo kept > "$OUT/kept"; echo lost > /lost; exit 3'
    )
    status = boot(["sh", "-c", script], tmp_path, 60, {"WORD": "a 'word'"}, output=said.append)

    assert status == 3
    assert b"".join(said).endswith(b" with a 'word'\n")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert not Path("/lost").exists()
    assert processes_naming(str(tmp_path)) == []


def test_a_guest_past_its_limit_powers_itself_off(tmp_path: Path) -> None:
    began = time.monotonic()
    assert boot(["sleep", "60"], tmp_path, 1) == TIMED_OUT
    assert time.monotonic() - began < 30
    assert processes_naming(str(tmp_path)) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_of_a_guest_outlives_its_host_process(
    tmp_path: Path, number: signal.Signals
) -> None:
    module = ["-m", "tests.kernel.lab.boot", "--out", str(tmp_path)]
    command = [sys.executable, *module, "--", "sh", "-c", "echo up; sleep 60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=CHECKOUT) as host:
        assert host.stdout
        assert host.stdout.readline() == b"up\n"
        assert processes_naming(str(tmp_path))
        os.kill(host.pid, number)
        host.wait(10)
    deadline = time.monotonic() + 5
    while processes_naming(str(tmp_path)):
        assert time.monotonic() < deadline, "a guest's process is still there"
        time.sleep(0.05)


def test_without_user_mode_linux_a_sentence_names_the_packages(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"linux\.uml, .* apt-get install user-mode-linux"):
        check_programs(str(tmp_path))
