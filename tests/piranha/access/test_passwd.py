from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.test import Client, RequestFactory
from django.urls import reverse

from piranha.access import passwd
from piranha.models import AuditEntry, Role, User
from tests.piranha.access.conftest import NEW_PASSWORD, PASSWORD, LogInByForm
from tests.piranha.conftest import File

ROOT = Path(__file__).parents[3]
# As installed, but never as another user than the tests run as.
PROGRAM = (
    "from piranha.access import become, passwd; become.USER = ''; raise SystemExit(passwd.main())"
)
Run = Callable[..., int]


@pytest.fixture
def run(db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the command on the test's database."""
    monkeypatch.setattr(passwd, "_open_database", lambda _state: None)
    monkeypatch.setenv("PIRANHA_STATE", str(tmp_path))

    def ran(*arguments: str, typed: str = "") -> int:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        return passwd.main(list(arguments))

    return ran


def test_the_first_run_makes_the_admin_of_the_manual(run: Run) -> None:
    assert run(typed=f"{PASSWORD}\n") == 0
    user = User.objects.get()
    assert (user.username, user.role) == ("piranha", Role.ADMIN)
    assert user.check_password(PASSWORD)


def test_it_says_what_it_does_in_the_original_s_words(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run(typed=PASSWORD)
    run(NEW_PASSWORD)
    assert capsys.readouterr().out.splitlines() == [
        "Adding user piranha with the role admin",
        "Updating password for user piranha",
        "Warning: sensitive information entered on command line.",
        "Updating password for user piranha",
    ]


def test_another_user_looks_only_unless_told_otherwise(run: Run) -> None:
    run(typed=PASSWORD)
    run("--user", "ann", typed=PASSWORD)
    run("--user", "bob", "--role", "operator", typed=PASSWORD)
    assert dict(User.objects.values_list("username", "role")) == {
        "piranha": "admin",
        "ann": "viewer",
        "bob": "operator",
    }


def test_the_role_of_a_known_user_changes_without_a_password(
    run: Run, ann: User, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--user", "ann", "--role", "viewer") == 0
    ann.refresh_from_db()
    assert ann.role == "viewer"
    assert ann.check_password(PASSWORD)
    out = capsys.readouterr().out
    assert "User ann is viewer now; the password stays as it is" in out
    assert "Warning: there is no user with the role admin" in out


def test_a_user_is_deleted_and_out_at_the_next_click(
    run: Run, ann: User, client: Client, try_login: LogInByForm, lvs_cf: File
) -> None:
    try_login(client)
    assert client.get(reverse("control")).status_code == 200
    assert run("--user", "ann", "--delete") == 0
    assert client.get(reverse("control")).status_code == 302
    assert run("--user", "ann", "--delete") == 1


def test_users_are_listed_with_their_roles(
    run: Run, ann: User, capsys: pytest.CaptureFixture[str]
) -> None:
    run("--list")
    assert capsys.readouterr().out.split() == ["ann", "admin"]


def test_a_new_password_ends_every_session_and_the_next_click_asks_for_it(
    run: Run, ann: User, client: Client, try_login: LogInByForm, lvs_cf: File
) -> None:
    beside = Client()
    for browser in (client, beside):
        try_login(browser)
        assert browser.get(reverse("control")).status_code == 200

    run("--user", "ann", typed=NEW_PASSWORD)

    for browser in (client, beside):
        asked = browser.get(reverse("control"))
        assert asked["Location"] == f"{reverse('login')}?next={reverse('control')}"
    assert try_login(client).status_code == 422
    assert try_login(client, NEW_PASSWORD).status_code == 303


def test_a_new_password_opens_a_door_that_wrong_ones_closed(
    run: Run, ann: User, client: Client, try_login: LogInByForm
) -> None:
    for _ in range(6):
        try_login(client, "wrong")
    run("--user", "ann", typed=NEW_PASSWORD)
    assert try_login(client, NEW_PASSWORD).status_code == 303


def test_everything_is_in_the_audit_log(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ops")
    run("--user", "ann", typed=PASSWORD)
    run("--user", "ann", "--role", "admin")
    run("--user", "ann", "--delete")
    found = [(e.who, e.address, e.action, e.subject) for e in AuditEntry.objects.order_by("pk")]
    assert found == [
        ("ops", "piranha-passwd", "set password", "ann"),
        ("ops", "piranha-passwd", "set role", "ann"),
        ("ops", "piranha-passwd", "delete user", "ann"),
    ]


@pytest.mark.parametrize(
    ("arguments", "typed", "says"),
    [
        ([], "", "no password came from the pipe"),
        ([], "\n", "too short"),
        ([], "short", "too short"),
        ([], "Administrator1", "is the word administrator"),
        ([], "x-1-" * 300, "longer than 1024 characters"),
        (["--user", "a b"], PASSWORD, "1 to 64 letters"),
        (["--user", "a\nb"], PASSWORD, "1 to 64 letters"),
        (["--user", "x" * 65], PASSWORD, "1 to 64 letters"),
    ],
)
def test_what_is_refused_is_told_with_its_reason_and_changes_nothing(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: list[str], typed: str, says: str
) -> None:
    assert run(*arguments, typed=typed) == 1
    assert says in capsys.readouterr().err
    assert not User.objects.exists()
    assert not AuditEntry.objects.exists()


def test_only_the_first_line_of_a_pipe_is_the_password(run: Run) -> None:
    run(typed=f"{PASSWORD}\r\nmore\n")
    request = RequestFactory().post("/")
    assert authenticate(request, username="piranha", password=PASSWORD) is not None


def command(state: Path) -> list[str]:
    return [sys.executable, "-c", PROGRAM, "--state", str(state)]


def on_a_terminal(state: Path, *lines: str) -> tuple[str, int]:
    """Type lines, each after its prompt; return what the terminal showed, and the exit status."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, command(state))  # noqa: S606
    shown = b""
    for prompt, line in zip((b"New Password:", b"Verify:"), lines, strict=True):
        while prompt not in shown:
            shown += os.read(terminal, 1024)
        os.write(terminal, line.encode() + b"\n")
    while True:
        try:
            more = os.read(terminal, 1024)
        except OSError:  # the other end is closed
            break
        if not more:
            break
        shown += more
    os.close(terminal)
    return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_on_a_terminal_it_asks_twice_without_echo_and_makes_the_database_itself(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    shown, status = on_a_terminal(state, PASSWORD, PASSWORD)
    assert status == 0
    assert shown.startswith("New Password:")
    assert "Verify:" in shown
    assert "Updating password for user piranha" in shown
    assert PASSWORD not in shown
    assert (state.stat().st_mode & 0o777, (state / "secret-key").stat().st_mode & 0o777) == (
        0o700,
        0o600,
    )
    assert PASSWORD.encode() not in (state / "web.sqlite3").read_bytes()
    assert b"argon2" in (state / "web.sqlite3").read_bytes()


def test_two_that_differ_change_nothing(tmp_path: Path) -> None:
    shown, status = on_a_terminal(tmp_path / "state", PASSWORD, NEW_PASSWORD)
    assert status == 1
    assert "\r\nPasswords do not match.\r\n" in shown


def test_a_state_folder_that_cannot_be_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = subprocess.run(
        command(tmp_path / "file" / "state"),
        check=False, capture_output=True, text=True, cwd=ROOT, input=PASSWORD,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("piranha-passwd: the state folder")
    assert len(done.stderr.splitlines()) == 1


def test_its_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        passwd.main(["--help"])
    out = capsys.readouterr().out
    assert "--user ann --role operator" in out
    assert "Refused are: fewer than 10 characters" in out
