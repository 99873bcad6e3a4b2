"""The nearest of the names that could have been meant, where a name is none of them."""

from collections.abc import Iterable, Sequence

MAX_SHOWN = 40
"""Characters of a wrong name that an error quotes; a longer one is near nothing."""
LONGEST_LIST = 12
"""Names that an error lists whole."""
MAX_SLIPS = 3
SHORTEST = 3
"""Characters from which a name is near another one."""
MOST_BEGUN = 4
"""Names with the same beginning that are worth showing."""
FAR = 99


def nearest(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """The known names that are fewest slips from `name`, in their order; none where all are far.

    A slip is a letter left out, put in, mistaken, or swapped with its neighbour; one in three
    characters is near. So is the beginning of a name, and `lr` to `optimizer.lr`. Case, leading
    dashes, and `-` for `_` count nothing.
    """
    given = _plain(name)
    found = {one: _distance(given, _plain(one)) for one in dict.fromkeys(known)}
    least = min(found.values(), default=FAR)
    near = tuple(one for one, distance in found.items() if distance == least < FAR)
    return near[:MOST_BEGUN] if least == _BEGUN else near


def suggestion(
    name: str, known: Iterable[str], *, verb: str = "choose one of", otherwise: str = ""
) -> str:
    """What to do about a wrong name: `did you mean ...?` where names are near, then all of them
    where they are few; `otherwise` where they are many and none is near.
    """
    names = list(dict.fromkeys(known))
    meant = question(nearest(name, names))
    listed = f"{verb} {', '.join(names)}" if 0 < len(names) <= LONGEST_LIST else ""
    return " ".join(part for part in (meant, listed) if part) or otherwise


def question(near: Sequence[str]) -> str:
    """`did you mean ...?`; empty where nothing is near."""
    if not near:
        return ""
    *others, last = near
    return f"did you mean {', '.join(others)} or {last}?" if others else f"did you mean {last}?"


def quoted(name: str) -> str:
    """A wrong name as an error shows it: short, on one line, in quotes where it needs them."""
    short = name if len(name) <= MAX_SHOWN else f"{name[: MAX_SHOWN - 3]}..."
    is_plain = short.isprintable() and short and not any(map(str.isspace, short))
    return short if is_plain else repr(short)


_BEGUN = 3
"""Distance of the beginning of a name: between one slip and two, which count two each."""


def _plain(name: str) -> str:
    return name[: 2 * MAX_SHOWN].lstrip("-").casefold().replace("-", "_")


def _distance(given: str, known: str) -> int:
    """Twice the slips, one more where they are from the part after the last dot; `FAR` if far."""
    if len(given) > MAX_SHOWN + MAX_SLIPS:
        return FAR
    table, _, last = known.rpartition(".")
    begun = _BEGUN if len(given) >= SHORTEST and known.startswith(given) else FAR
    if table and given.startswith(f"{table}."):
        rest = given[len(table) + 1 :]
        return min(2 * _slips(rest, last, max(1, len(rest) // 3)), begun)
    whole = 2 * _slips(given, known, len(given) // 3)
    part = 2 * _slips(given, last, len(given) // 3) + 1 if table else FAR
    return min(whole, part, begun)


def _slips(given: str, known: str, most: int) -> int:
    if given == known:
        return 0
    most = min(MAX_SLIPS, most)
    if abs(len(given) - len(known)) > most:
        return FAR
    slips = _edits(given, known)
    return slips if slips <= most else FAR


def _edits(left: str, right: str) -> int:
    """Fewest edits of single letters and swaps of neighbours, no letter edited twice.

    Source: F. J. Damerau, "A technique for computer detection and correction of spelling errors"
    (1964); the restricted form, called optimal string alignment.
    """
    above: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left):
        two_above, above, row = above, row, [i + 1]
        for j, other in enumerate(right):
            cost = min(above[j + 1] + 1, row[j] + 1, above[j] + (letter != other))
            if i and j and letter == right[j - 1] and left[i - 1] == other:
                cost = min(cost, two_above[j - 1] + 1)
            row.append(cost)
    return row[-1]
