"""What a table of settings may be, checked before anything looks at all of it.

YAML can spell values that contain themselves or that double with every line; JSON can spell
integers that no database holds.
"""

from collections.abc import Iterator, Mapping

MAX_DEPTH = 16
MAX_VALUES = 10_000
INTEGER_BITS = 63


def require_plain(settings: Mapping[str, object]) -> None:
    """Refuse what is too deep, too large, or of a kind that JSON has not.

    Raises:
        ValueError: one line that says what and where.
    """
    for number, (place, depth, value) in enumerate(_values("", 0, settings)):
        if depth > MAX_DEPTH:
            raise ValueError(
                f"{place[:40]}... nests deeper than {MAX_DEPTH} tables and lists; flatten it"
            )
        if number > MAX_VALUES:
            raise ValueError(f"the settings hold more than {MAX_VALUES} values; leave some out")
        _require_plain_value(place, value)


def _values(place: str, depth: int, value: object) -> Iterator[tuple[str, int, object]]:
    """Every value with its place, those inside it after it."""
    yield place, depth, value
    inner: Iterator[tuple[object, object]] = iter(())
    if isinstance(value, Mapping):
        inner = iter(value.items())
    elif isinstance(value, list | tuple):
        inner = iter(enumerate(value))
    for name, below in inner:
        if isinstance(value, Mapping) and not isinstance(name, str):
            raise ValueError(f"{place or 'the file'} has a name that is not text; quote it")  # noqa: TRY004
        yield from _values(f"{place}.{name}" if place else str(name), depth + 1, below)


def is_text(value: str) -> bool:
    """Whether UTF-8 can spell it: half a surrogate pair stands for a byte that is no text."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _require_plain_value(place: str, value: object) -> None:
    match value:
        case None | bool() | float() | list() | tuple() | Mapping():
            return
        case str():
            if "\0" in value or not is_text(value):
                raise ValueError(
                    f"{place} = {value[:80]!r} holds a character that no text or file name has; "
                    "take it out"
                )
        case int():
            if value.bit_length() > INTEGER_BITS:
                raise ValueError(
                    f"{place} has an integer of {value.bit_length()} bits; "
                    f"give one of at most {INTEGER_BITS}"
                )
        case _:
            raise ValueError(
                f"{place} is a {type(value).__name__}; give a number, a text, a list or a table"
            )
