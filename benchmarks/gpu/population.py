"""What does a population cost: tokens a second of all members over those of one alone.

    python -m benchmarks.gpu.population --out FOLDER

Bars: 12 members of 17.4 M parameters train twice as many tokens a second as one at its own best
batch; at shapes of 10 M and nanoGPT's batch four times. Every member has another formula.
"""

from benchmarks.gpu.place import Place, Row, Rows, flags
from benchmarks.gpu.single import trained
from benchmarks.gpu.trainees import composed, shape_of

MEMBERS = 12
BATCHES = {"original-17M": (20, 64, 128, 256), "char-10M": (64, 128, 256)}


def main() -> None:
    """One member at several batches, then populations."""
    place = Place.of("population", flags(__doc__).parse_args())
    rows = Rows(place)
    for name, batches in BATCHES.items():
        for batch in batches:
            add(rows, name, batch, 1)
        for members in (MEMBERS, 4, 2):
            for batch in batches[:2]:
                add(rows, name, batch, members)
        summarise(rows, name)
    rows.end()


def add(rows: Rows, name: str, batch: int, members: int) -> None:
    """So many members at a batch."""
    place = rows.place
    shape = shape_of(place, name, batch=batch, dropout=0.0)
    formulas = composed(2 if place.toy and members > 1 else members)
    rows.add(key(name, batch, members), lambda: trained(place, shape, formulas))


def key(name: str, batch: int, members: int) -> str:
    """The row's name."""
    return f"{name} batch {batch} members {members}"


def summarise(rows: Rows, name: str) -> None:
    """The largest figures of twelve and of one, and their ratio."""
    best = {
        members: max(
            (speed(rows.found.get(key(name, batch, members), {})) for batch in BATCHES[name]),
            default=0.0,
        )
        for members in (1, MEMBERS)
    }
    if best[1] and best[MEMBERS]:
        ratio = best[MEMBERS] / best[1]
        print(f"{name}: {MEMBERS} members over the best single one: {ratio:.2f}", flush=True)


def speed(row: Row) -> float:
    """Tokens a second; 0 for what failed."""
    value = row.get("tokens_per_second", 0.0)
    return float(value) if isinstance(value, int | float) else 0.0


if __name__ == "__main__":
    main()
