"""Numbers as people read them."""

_SCALES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def bpb(value: float | None) -> str:
    """Bits per byte with four decimals."""
    return "-" if value is None else f"{value:.4f}"


def signed(value: float | None) -> str:
    """A difference in bits per byte with its sign."""
    return "-" if value is None else f"{value:+.4f}"


def count(value: float) -> str:
    """Three significant digits with k, M, G, T, P or E; whole below ten thousand."""
    if value < 10_000:
        return f"{value:,.0f}"
    scale, letter = next(pair for pair in _SCALES if value >= pair[0])
    return f"{value / scale:.3g} {letter}"


def operations(value: float) -> str:
    """Floating-point operations: `512 FLOP`, `1.5 TFLOP`."""
    shown = count(value)
    return f"{shown}FLOP" if shown[-1].isalpha() else f"{shown} FLOP"


def times(value: int) -> str:
    """`never`, `once`, `2 times`."""
    return {0: "never", 1: "once"}.get(value, f"{value} times")


def seconds(value: float) -> str:
    """`0.8 s`, `42 s`, `5 min 10 s` or `3 h 05 min`."""
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def percent(share: float) -> str:
    """A share in [0, 1] as a percentage."""
    return f"{100 * share:.1f} %"


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `4th`, `11th`."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"
