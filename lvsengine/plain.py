"""Frozen dataclasses <-> plain JSON values, with every type checked at the border.

What crosses a socket or lies in a file is checked here once, so nothing inside re-checks it.
Knows str, int, float, bool, None, enums by value, tuples of one type, dicts by string, unions
with None, and dataclasses of these.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
Plain = object  # what json.loads returns


class PlainError(ValueError):
    """The plain value does not have the shape that was asked for; the text names the place."""


def to_plain(value: object) -> Plain:
    if isinstance(value, Enum):
        return cast("object", value.value)
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    return value


def from_plain(kind: type[T], plain: Plain, place: str = "value") -> T:
    """Build a `kind` from a plain value.

    Fields that `kind` does not have are ignored, so that a newer peer can say more; a field
    that is absent takes its default.

    Raises:
        PlainError: A type differs, or a field without default is absent.
    """
    return cast("T", _read(kind, plain, place))


def _read(kind: object, plain: Plain, place: str) -> object:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return _read_union(get_args(kind), plain, place)
    if origin is tuple:
        items = _checked(list, plain, place)
        return tuple(_read(get_args(kind)[0], item, f"{place}[]") for item in items)
    if origin is dict:
        entries = _checked(dict, plain, place)
        return {key: _read(get_args(kind)[1], item, place) for key, item in entries.items()}
    if not isinstance(kind, type):
        raise TypeError(f"{place}: no way to read {kind!r}")
    if is_dataclass(kind):
        return _read_dataclass(kind, _checked(dict, plain, place), place)
    return _read_scalar(kind, plain, place)


def _read_union(kinds: tuple[object, ...], plain: Plain, place: str) -> object:
    if plain is None and NoneType in kinds:
        return None
    (kind,) = (kind for kind in kinds if kind is not NoneType)
    return _read(kind, plain, place)


def _read_dataclass(kind: type, plain: dict[str, Plain], place: str) -> object:
    hints = _hints(kind)
    given = {
        name: _read(hint, plain[name], f"{place}.{name}")
        for name, hint in hints.items()
        if name in plain
    }
    try:
        return kind(**given)
    except TypeError as error:
        raise PlainError(f"{place}: {error}") from error


def _read_scalar(kind: type, plain: Plain, place: str) -> object:
    if issubclass(kind, Enum):
        try:
            return kind(plain)
        except ValueError as error:
            raise PlainError(f"{place}: {error}") from error
    if kind is float and type(plain) is int:
        return float(plain)
    return _checked(kind, plain, place)


def _checked(kind: type[T], plain: Plain, place: str) -> T:
    if type(plain) is not kind:
        raise PlainError(f"{place} must be {kind.__name__}, not {type(plain).__name__}")
    return plain


def outline(kind: type) -> Iterator[str]:
    """Describe a dataclass and those inside it, in text: what each is, and its fields."""
    waiting, told = [kind], set[type]()
    while waiting:
        one = waiting.pop(0)
        if one in told:
            continue
        told.add(one)
        yield f"{one.__name__}: {inspect.getdoc(one)}"
        for name, hint in _hints(one).items():
            yield f"    {name}: {_word(hint)}"
            waiting += [inner for inner in _inside(hint) if is_dataclass(inner)]
        yield ""


def _inside(hint: object) -> Iterator[type]:
    if isinstance(hint, type):
        yield hint
    for inner in get_args(hint):
        yield from _inside(inner)


def _word(hint: object) -> str:
    if get_origin(hint) is tuple:
        return f"list of {_word(get_args(hint)[0])}"
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(map(_word, get_args(hint)))
    return "null" if hint is NoneType else getattr(hint, "__name__", str(hint))


@cache
def _hints(kind: type) -> dict[str, object]:
    return {item.name: get_type_hints(kind)[item.name] for item in fields(kind)}
