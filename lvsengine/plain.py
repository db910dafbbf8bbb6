"""Frozen dataclasses <-> plain JSON values, with every type checked at the border.

What crosses a socket or lies in a file is checked here once, so nothing inside re-checks it.
Knows str, int, float, bool, None, enums by value, tuples of one type, dicts by string, unions
with None, and dataclasses of these.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
Plain = object  # what json.loads returns
_Reader = Callable[[Plain], object]
_AS_IS = frozenset({str, int, float, bool, NoneType})


class PlainError(ValueError):
    """The plain value does not have the shape that was asked for; the text names the place."""


def to_plain(value: object) -> Plain:
    kind = type(value)
    if kind in _AS_IS:
        return value
    names = _names(cast("Hashable", kind))
    if names is not None:
        return {name: to_plain(getattr(value, name)) for name in names}
    if isinstance(value, Enum):
        return cast("object", value.value)
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    raise TypeError(f"no way to write {value!r}")


def from_plain(kind: type[T], plain: Plain, place: str = "value") -> T:
    """Build a `kind` from a plain value.

    Fields that `kind` does not have are ignored, so that a newer peer can say more; a field
    that is absent takes its default.

    Raises:
        PlainError: A type differs, or a field without default is absent.
    """
    try:
        return cast("T", _reader(cast("Hashable", kind))(plain))
    except _Unfit as unfit:
        raise PlainError(f"{place}{unfit.place}{unfit.text}") from unfit


class _Unfit(Exception):
    """A value does not fit; each container on the way out puts its part before the place."""

    def __init__(self, text: str) -> None:
        self.place = ""
        self.text = text
        super().__init__(text)


@cache
def _reader(kind: Hashable) -> _Reader:
    """Make the reader of a kind, once: a snapshot has tens of thousands of values."""
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return _union_reader(get_args(kind))
    if origin is tuple:
        return _tuple_reader(_reader(get_args(kind)[0]))
    if origin is dict:
        return _dict_reader(_reader(get_args(kind)[1]))
    if not isinstance(kind, type):
        raise TypeError(f"no way to read {kind!r}")
    if is_dataclass(kind):
        return _dataclass_reader(kind)
    return _enum_reader(kind) if issubclass(kind, Enum) else _scalar_reader(kind)


def _union_reader(kinds: tuple[object, ...]) -> _Reader:
    (kind,) = (kind for kind in kinds if kind is not NoneType)
    read = _reader(kind)
    may_be_none = NoneType in kinds
    return lambda plain: None if plain is None and may_be_none else read(plain)


def _tuple_reader(read: _Reader) -> _Reader:
    def read_all(plain: Plain) -> tuple[object, ...]:
        items = _checked(list, plain)
        try:
            return tuple([read(item) for item in items])
        except _Unfit as unfit:
            unfit.place = f"[]{unfit.place}"
            raise

    return read_all


def _dict_reader(read: _Reader) -> _Reader:
    return lambda plain: {key: read(item) for key, item in _checked(dict, plain).items()}


def _dataclass_reader(kind: type) -> _Reader:
    # What has exactly its scalar's type needs no call; None is no value's type.
    rows = [(name, _exact(hint), _reader(hint)) for name, hint in _hints(kind).items()]

    def read(plain: Plain) -> object:
        given, name = {}, ""
        said = _checked(dict, plain)
        try:
            for name, exact, read_field in rows:
                if name in said:
                    value = said[name]
                    given[name] = value if type(value) is exact else read_field(value)
        except _Unfit as unfit:
            unfit.place = f".{name}{unfit.place}"
            raise
        try:
            return kind(**given)
        except TypeError as error:
            raise _Unfit(f": {error}") from error

    return read


def _exact(hint: object) -> object:
    """Give the scalar type of a field that is one, or that or None; None of any other."""
    kinds = set(get_args(hint) or (hint,)) - {NoneType}
    scalar = len(kinds) == 1 and get_origin(hint) in (None, Union, UnionType)
    return kinds.pop() if scalar and kinds <= _AS_IS else None


def _enum_reader(kind: type[Enum]) -> _Reader:
    def read(plain: Plain) -> Enum:
        try:
            return kind(plain)
        except ValueError as error:
            raise _Unfit(f": {error}") from error

    return read


def _scalar_reader(kind: type) -> _Reader:
    if kind is float:
        return lambda plain: float(plain) if type(plain) is int else _checked(float, plain)
    return lambda plain: _checked(kind, plain)


def _checked(kind: type[T], plain: Plain) -> T:
    if type(plain) is not kind:
        raise _Unfit(f" must be {kind.__name__}, not {type(plain).__name__}")
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


@cache
def _names(kind: Hashable) -> tuple[str, ...] | None:
    """Name a dataclass's fields; None of any other kind."""
    return tuple(item.name for item in fields(kind)) if is_dataclass(kind) else None
