"""piranha-passwd: who may log in to the web, and with which password.

Makes the web's database where there is none, and everything in it belongs to the web's user.
"""

from __future__ import annotations

import argparse
import getpass
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from piranha.access import become

if TYPE_CHECKING:
    from piranha.models import User

DEFAULT_USER = "piranha"
ROLES = ("admin", "operator", "viewer")
NAME = re.compile(r"[\w.@+-]{1,64}")
MAX_LINE = 1024  # characters of a password
DEFAULT_STATE = "/var/lib/piranha/web"

EXPLAINED = """\
The password of the web (piranha-gui, port 3636). Run it as root or as user piranha, on each
director: the two do not share users.

  piranha-passwd                             ask for the password of user piranha, the first admin
  piranha-passwd --user ann --role operator  let ann in too: she may drain and hand over
  piranha-passwd --user ann --role admin     give ann, who is known, another role
  piranha-passwd --user ann --delete         let her in no more
  piranha-passwd --list                      who may log in
  vault read lb1 | piranha-passwd            take the password from a pipe: its first line

A viewer sees everything; an operator also drains, forces and hands over; an admin also edits.
Setting a password ends every open session of that user and forgets wrong attempts.
Refused are: fewer than 10 characters, digits only, common passwords, what is like the user's or
the machine's name, and one word, name or acronym of any language, digits around it or not.
"""


class Refused(Exception):
    """Why nothing was changed, in sentences."""


def main(argv: list[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    os.environ["PIRANHA_STATE"] = options.state
    try:
        _open_database(Path(options.state))
        _do(options)
    except (Refused, become.CannotBecome) as refusal:
        print(f"piranha-passwd: {refusal}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        print("\npiranha-passwd: nothing was changed", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="piranha-passwd",
        description=EXPLAINED,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "password",
        nargs="?",
        metavar="PASSWORD",
        help="the new password; others on this machine can see it in the process list",
    )
    parser.add_argument("--user", default=DEFAULT_USER, metavar="NAME", help="default: piranha")
    parser.add_argument(
        "--role", choices=ROLES, help="default for a new user: viewer, but admin for piranha"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--delete", action="store_true", help="remove the user")
    what.add_argument("--list", action="store_true", help="list the users and their roles")
    parser.add_argument(
        "--state",
        default=os.environ.get("PIRANHA_STATE", DEFAULT_STATE),
        metavar="FOLDER",
        help=f"where the web keeps users and sessions (default: {DEFAULT_STATE})",
    )
    return parser


def _open_database(state: Path) -> None:
    """Become the web's user, and make or migrate the database."""
    become.prepare(state)
    become.drop()
    os.environ["DJANGO_SETTINGS_MODULE"] = "piranha.settings"
    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import call_command
    from django.db import DatabaseError

    try:
        django.setup()
        call_command("migrate", verbosity=0, interactive=False)
    except (ImproperlyConfigured, DatabaseError) as error:
        raise Refused(f"the web's database in {state} cannot be used: {error}") from error


def _do(options: argparse.Namespace) -> None:
    from piranha.models import User

    if options.list:
        for known in User.objects.order_by("username"):
            print(f"{known.username:<24} {known.role}")
        return
    if not NAME.fullmatch(options.user):
        raise Refused("a user's name is 1 to 64 letters, digits or one of . @ + - _")
    user = User.objects.filter(username=options.user).first()
    if options.delete:
        _delete(user, options.user)
    elif user is not None and options.role and options.password is None:
        _set_role(user, options.role)
    else:
        _set_password(user, options)
    if not User.objects.filter(role="admin").exists():
        print(
            "Warning: there is no user with the role admin, so nobody can edit lvs.cf by the web."
        )


def _delete(user: User | None, name: str) -> None:
    if user is None:
        raise Refused(f"there is no user {name}")
    user.delete()
    _record("delete user", name)
    print(f"Deleting user {name}")


def _set_role(user: User, role: str) -> None:
    user.role = role
    user.save(update_fields=["role"])
    _record("set role", user.username, role)
    print(f"User {user.username} is {role} now; the password stays as it is")


def _set_password(user: User | None, options: argparse.Namespace) -> None:
    from piranha.access import throttle
    from piranha.models import User

    name = options.user
    role = options.role or ("admin" if name == DEFAULT_USER else "viewer")
    whose = user or User(username=name, role=role)
    if options.role:
        whose.role = options.role
    password = _password(options.password)
    _check(password, whose)
    whose.set_password(password)
    whose.save()
    throttle.forget(name)
    _record("set password", name, "" if user else f"new user, {role}")
    if user is None:
        print(f"Adding user {name} with the role {role}")
    print(f"Updating password for user {name}")


def _password(given: str | None) -> str:
    if given is not None:
        print("Warning: sensitive information entered on command line.")
        return given
    if not sys.stdin.isatty():
        line = sys.stdin.readline(MAX_LINE + 2)
        if not line:
            raise Refused("no password came from the pipe")
        return line.rstrip("\r\n")
    first = getpass.getpass("New Password:")
    if getpass.getpass("Verify:") != first:
        sys.exit("Passwords do not match.")
    return first


def _check(password: str, user: User) -> None:
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    if len(password) > MAX_LINE:
        raise Refused(f"the password is longer than {MAX_LINE} characters")
    try:
        validate_password(password, user)
    except ValidationError as error:
        reasons: list[Any] = error.messages
        raise Refused("\n  ".join(["the password is refused:", *reasons])) from error


def _record(action: str, name: str, outcome: str = "") -> None:
    from piranha import audit

    who = os.environ.get("SUDO_USER") or getpass.getuser()
    audit.record_command(who, "piranha-passwd", action, name, outcome)
