"""Numbers, times and names as a page writes them."""

from datetime import UTC, datetime
from math import isfinite
from urllib.parse import quote

from dashboard.terminal.figures import compact, duration
from dashboard.web.figures.activation import name_of

NONE = "\N{EN DASH}"
DEFAULT_ACTIVATION = "gelu"


def number(value: object, digits: int = 4) -> str:
    """With so many decimals; a dash where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return NONE
    return f"{value:,.{digits}f}"


def signed(value: object, digits: int = 4) -> str:
    """With its sign."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return NONE
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def count(value: object) -> str:
    """A whole number with commas."""
    return number(value, 0)


def short(value: object) -> str:
    """`12.3k`, `4.1M`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return NONE
    return compact(float(value))


def percent(share: object) -> str:
    """A share in per cent."""
    if isinstance(share, bool) or not isinstance(share, int | float) or not isfinite(share):
        return NONE
    return f"{100 * share:.0f} %"


def moment(text: object) -> str:
    """`21 Nov 2026, 20:35 UTC`; a dash for what is no time."""
    found = parsed(text)
    return NONE if found is None else found.strftime("%d %b %Y, %H:%M UTC").lstrip("0")


def ago(text: object) -> str:
    """`3 min ago`."""
    found = parsed(text)
    if found is None:
        return NONE
    seconds = (datetime.now(UTC) - found).total_seconds()
    if seconds < 5:
        return "just now"
    if seconds < 3600:
        return f"{round(seconds)} s ago" if seconds < 60 else f"{seconds // 60:.0f} min ago"
    if seconds < 86_400:
        return f"{seconds // 3600:.0f} h ago"
    days = int(seconds // 86_400)
    return f"{days} day{'s' * (days > 1)} ago"


def parsed(text: object) -> datetime | None:
    """A stored time; one without a zone is UTC."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def activation_tag(formula: str | None) -> str | None:
    """The name of an activation that is not the usual one."""
    if not formula:
        return None
    name = name_of(formula)
    return None if name.lower() == DEFAULT_ACTIVATION else name


def in_url(text: str) -> str:
    """A name as a part of an address."""
    return quote(text, safe="")


def size(num_bytes: object) -> str:
    """`12.3 MB`."""
    if isinstance(num_bytes, bool) or not isinstance(num_bytes, int | float):
        return NONE
    value = float(num_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return NONE


def dollars(value: object) -> str:
    """`$2.25`."""
    shown = number(value, 2)
    return shown if shown == NONE else f"${shown}"


def operations(value: object) -> str:
    """`7.4 TFLOP`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return NONE
    amount = float(value)
    for unit in ("", "k", "M", "G", "T", "P"):
        if amount < 999.5 or unit == "P":
            return f"{amount:.3g} {unit}FLOP"
        amount /= 1000
    return NONE


FILTERS = {
    "operations": operations,
    "dollars": dollars,
    "duration": duration,
    "number": number,
    "signed": signed,
    "count": count,
    "short": short,
    "percent": percent,
    "moment": moment,
    "ago": ago,
    "in_url": in_url,
    "size": size,
    "name_of": name_of,
    "activation_tag": activation_tag,
}
