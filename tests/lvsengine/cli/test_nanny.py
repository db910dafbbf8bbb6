from __future__ import annotations

import resource
import socket
import threading
from collections.abc import Iterator

import pytest

from lvsengine.cli import nanny


@pytest.fixture
def web() -> Iterator[int]:
    """A web server on loopback for one question; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            there, _ = server.accept()
            with there:
                there.recv(1024)
                there.sendall(b"HTTP/1.0 200 OK\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        socket.create_connection(server.getsockname()).close()  # where nobody has asked yet
        thread.join(timeout=5)


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_an_answer_that_is_expected_is_up(web: int, capsys: pytest.CaptureFixture[str]) -> None:
    send = r"GET / HTTP/1.0\r\n\r\n"
    status = nanny.main(["-h", "127.0.0.1", "-p", str(web), "-s", send, "-x", "HTTP", "-t", "5"])
    shown = lines(capsys)
    took = shown.pop(3)
    assert shown == [
        f"check     send_expect of 127.0.0.1:{web} within 5 s",
        r"sent      GET / HTTP/1.0\r\n\r\n",
        r"received  HTTP/1.0 200 OK\r\n\r\n",
        rf"up        127.0.0.1:{web} answered 'HTTP/1.0 200 OK...'",
    ]
    assert took.startswith("took      ")
    assert status == 0


def test_port_80_without_any_means_is_taken_for_a_web_server(
    web: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert nanny.main(["--server=127.0.0.1", f"--rport={web}"]) == 0
    shown = lines(capsys)
    assert shown[0] == "nanny: no monitor configured, assuming web service on port 80"
    assert shown[1] == f"check     send_expect of 127.0.0.1:{web} within 10 s"


def test_a_closed_port_is_down(closed_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert nanny.main(["-h", "127.0.0.1", "-p", str(closed_port)]) == 1
    shown = lines(capsys)
    assert shown[1:3] == ["sent      (nothing)", "received  (nothing)"]
    assert shown[-1] == f"down      connection refused by 127.0.0.1:{closed_port}"


def test_a_program_is_run_instead_of_sending(capsys: pytest.CaptureFixture[str]) -> None:
    status = nanny.main(["-h", "10.0.0.1", "-e", "echo %h %p", "-s", "x", "-x", "10.0.0.1 80"])
    shown = lines(capsys)
    assert shown[0] == (
        "External program use requested: (echo %h %p), IGNORING send string option (x)"
    )
    assert shown[1] == "check     send_program of 10.0.0.1:80 within 10 s"
    assert shown[-1] == "up        'echo 10.0.0.1 80' printed '10.0.0.1 80'"
    assert status == 0


@pytest.mark.parametrize(("options", "status"), [(["-T"], 0), ([], 1)])
def test_backslashes_may_be_taken_as_they_are(options: list[str], status: int) -> None:
    echo = ["-h", "10.0.0.1", "-e", r"echo \t", "-x", r"\t"]
    assert nanny.main([*echo, *options]) == status


def test_a_regular_expression_is_searched_for() -> None:
    assert nanny.main(["-h", "10.0.0.1", "-e", "echo OK 17", "-x", r"\d+$", "--regex"]) == 0


def test_udp_without_a_question_says_that_it_cannot_be_checked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert nanny.main(["-h", "10.0.0.1", "-p", "53", "-u"]) == 0
    assert lines(capsys)[-1] == (
        "up        no check is possible for udp without send or send_program"
    )


def test_a_command_line_of_the_original_is_taken_as_it_stands(
    closed_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    old = (
        f"-c -h 127.0.0.1 -p {closed_port} -r {closed_port} -f 1 -s hello -x OK -q --regex -v"
        " -a 15 -I /sbin/ipvsadm -t 6 -w 1 -V 192.0.2.100 -M m -U none --nodaemon --lvs"
    )
    assert nanny.main(old.split()) == 1
    assert lines(capsys)[0] == f"check     send_expect of 127.0.0.1:{closed_port} within 6 s"


def test_norun_says_what_would_be_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert nanny.main(["-h", "2001:db8::1", "-p", "25", "--norun"]) == 0
    assert lines(capsys) == ["check     tcp_connect of [2001:db8::1]:25 within 10 s"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "nanny: No address supplied. Use '--help' for help.\n"),
        (["-h", "one"], "nanny: bad IP address -- one\n"),
        (
            ["-h", "10.0.0.1", "-p", "0"],
            "nanny: argument -p/--port: 0 is not between 1 and 65535. Use '--help' for help.\n",
        ),
        (
            ["-h", "10.0.0.1", "-t", "soon"],
            "nanny: argument -t/--interval: 'soon' is not a whole number."
            " Use '--help' for help.\n",
        ),
        (["--serv=10.0.0.1"], "nanny: unrecognized arguments: --serv=10.0.0.1."),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        nanny.main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith(complaint)


def test_help_teaches_by_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        nanny.main(["--help"])
    shown = capsys.readouterr().out
    assert caught.value.code == 0
    assert "$ nanny -h 10.0.0.1 -p 25 -t 3 -x 220" in shown
    assert "without effect" in shown
    assert "%h %p: address, port" in shown


def test_a_try_that_cannot_be_made_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as taken:
        lowest = taken.fileno()
    loop_needs = 3  # its poll and its own pair of sockets
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + loop_needs, hard))
    try:
        assert nanny.main(["-h", "127.0.0.1", "-p", "9"]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert lines(capsys)[-1] == "down      not tried: too few file descriptors are left"
