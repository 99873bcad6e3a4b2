"""How a byte-level vocabulary spells bytes: each has a printable stand-in."""


def _byte_symbols() -> dict[str, int]:
    """The printable stand-ins for the bytes in a byte-level vocabulary.

    Printable Latin-1 stands for itself, the others for 256 and up in order.
    Source: Radford et al., Language models are unsupervised multitask learners, 2019 (the code).
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = (value for value in range(256) if value not in printable)
    shifted = {chr(256 + place): value for place, value in enumerate(others)}
    return {chr(value): value for value in printable} | shifted


_BYTE_OF_SYMBOL = _byte_symbols()
BYTE_SYMBOLS = tuple(sorted(_BYTE_OF_SYMBOL, key=_BYTE_OF_SYMBOL.__getitem__))
"""The stand-in for each byte from 0 to 255."""


def symbol_bytes(token: str) -> bytes:
    """The bytes that a token of stand-ins spells."""
    return bytes(_BYTE_OF_SYMBOL[symbol] for symbol in token)
