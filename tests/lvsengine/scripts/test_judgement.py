from __future__ import annotations

import stat

import pytest

from lvsengine.scripts.judgement import Names, Seen, refusal

FOLDER, FILE, LINK = stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK
PULSE, BOB = 990, 1000
NAMES = Names({BOB: "bob"}.__getitem__, {50: "staff", 0: "root"}.__getitem__)
ROOT_FOLDER = Seen("/", 0, 0, FOLDER | 0o755)
ADVICE = "keep it where only root may write, such as /usr/local/libexec"


def judged(*way: Seen) -> str:
    return refusal([ROOT_FOLDER, *way], {0, PULSE}, NAMES)


@pytest.mark.parametrize(
    "seen",
    [
        Seen("/opt/check", 0, 0, FILE | 0o755),
        Seen("/opt/check", PULSE, PULSE, FILE | 0o700),
        Seen("/opt/check", 0, 0, FILE | 0o775),  # the group is root's
        Seen("/opt/check", 0, 50, FILE | 0o755),
        Seen("/opt", BOB, 50, LINK | 0o777),  # only who may write / can change it
    ],
)
def test_what_only_root_and_we_may_write_is_run(seen: Seen) -> None:
    assert judged(seen) == ""


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (Seen("/pub", 0, 0, FOLDER | 0o1777), "everybody may write the folder /pub"),
        (Seen("/c", 0, 0, FILE | 0o757), "everybody may write /c"),
        (Seen("/opt", 0, 50, FOLDER | 0o775), "group staff may write the folder /opt"),
        (Seen("/c", BOB, 0, FILE | 0o755), "user bob may write /c"),
        (Seen("/home/bob", BOB, 0, FOLDER | 0o500), "user bob may write the folder /home/bob"),
        (
            Seen("/c", 0, 0, FILE | 0o775, has_acl=True),
            "group root or one in its access list may write /c",
        ),
    ],
)
def test_what_others_may_write_is_refused_by_name_and_path(seen: Seen, says: str) -> None:
    assert judged(seen) == f"{says}; {ADVICE}"


def test_the_first_place_on_the_way_is_named() -> None:
    told = judged(Seen("/srv", BOB, 0, FOLDER | 0o755), Seen("/srv/check", 0, 0, FILE | 0o777))
    assert told.startswith("user bob may write the folder /srv;")
