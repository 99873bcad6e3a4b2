"""What can this device do at most: bytes copied and operations of a matrix product a second?

    python -m benchmarks.gpu.ceilings --out FOLDER

Copies count bytes read and written; products are of random numbers.
"""

from functools import partial

import torch

from benchmarks.gpu.place import Place, Row, Rows, flags


def main() -> None:
    """Measure both."""
    place = Place.of("ceilings", flags(__doc__).parse_args())
    rows = Rows(place)
    measure(rows)
    rows.end()


def measure(rows: Rows) -> None:
    """Add the rows of the ceilings."""
    place = rows.place
    rows.add("copy", lambda: copied(place))
    for dtype in ("bfloat16", "float32"):
        rows.add(f"product {dtype}", partial(multiplied, place, dtype))


def copied(place: Place) -> Row:
    """Terabytes a second of a copy on the device."""
    count = 2**18 if place.toy else 2**30
    one = torch.randn(count // 4, device=place.device)
    other = torch.empty_like(one)
    for _ in range(3):
        other.copy_(one)
    seconds = place.seconds(lambda: other.copy_(one), 2 if place.toy else 20)
    return {"terabytes_per_second": 2 * 4 * one.numel() / seconds / 1e12}


def multiplied(place: Place, dtype: str) -> Row:
    """Operations of a square product."""
    size = 128 if place.toy else 8192
    kind: torch.dtype = getattr(torch, dtype)
    one, other = (torch.randn(size, size, device=place.device).to(kind) for _ in range(2))
    for _ in range(3):
        one @ other
    seconds = place.seconds(lambda: one @ other, 2 if place.toy else 10)
    return {"teraflops": 2 * size**3 / seconds / 1e12, "size": size}


if __name__ == "__main__":
    main()
