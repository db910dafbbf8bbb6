from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from piranha.access import validators
from piranha.access.validators import NotOfThisMachine, NotOneWord
from piranha.models import User


@pytest.mark.parametrize(
    "password",
    [
        "administrator",
        "Passwort12345678",
        "P@ssw0rd2024!",
        "redhat1234567",
        "iptables!!2026!!",
        "Sicherheit",
        "motdepasse",
        "zhongguo2026!",
        "contraseña1",
        "безопасность",
        "rotartsinimda",
        "schadenfreude",
        "qwzxkvjrtp",
        "12Frankfurt34",
    ],
)
def test_one_word_name_or_acronym_of_any_language_is_refused(password: str) -> None:
    with pytest.raises(ValidationError, match="word"):
        NotOneWord().validate(password)


@pytest.mark.parametrize(
    "password",
    [
        "stage-Lantern-42-otter",
        "correct horse battery staple",
        "k7Rq2mVx9LpD",
        "correcthorsebatterystaple",
        "8841-xkq-220-17",
        "Ünter+den+Linden+77",
        "山明水秀 風和日麗 一帆風順",
    ],
)
def test_several_words_or_a_mixture_are_taken(password: str) -> None:
    validate_password(password, User(username="ann"))


def test_the_machine_s_own_dictionaries_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "words").write_text("Donaudampfschifffahrtsgesellschaft\n", encoding="utf-8")
    word = "donaudampfschifffahrtsgesellschaft"
    NotOneWord().validate(word)
    monkeypatch.setattr(validators, "DICTIONARIES", tmp_path)
    with pytest.raises(ValidationError, match="is the word"):
        NotOneWord().validate(word)


def test_without_dictionaries_the_own_list_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validators, "DICTIONARIES", tmp_path / "none")
    with pytest.raises(ValidationError):
        NotOneWord().validate("administrator")


@pytest.mark.parametrize("password", ["lb1-2026-!x", "Piranha!2026", "2026.lb1.shop"])
def test_the_machine_s_and_the_product_s_names_are_refused(password: str) -> None:
    with pytest.raises(ValidationError, match="everybody here knows"):
        NotOfThisMachine(("lb1", "lb1.shop", "piranha")).validate(password)


def test_a_name_within_much_else_is_no_harm() -> None:
    NotOfThisMachine(("lb1",)).validate("stage-lb1-Lantern-42-otter")


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("abc", "too short"),
        ("0123456789", "entirely numeric"),
        ("the-operator-1", "too similar to the username"),
        ("qwertyuiop", "too common"),
    ],
)
def test_django_s_own_rules_hold_too(password: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        validate_password(password, User(username="the-operator"))


def test_each_rule_is_told_beforehand() -> None:
    assert "one word" in NotOneWord().get_help_text()
    assert "machine" in NotOfThisMachine().get_help_text()
