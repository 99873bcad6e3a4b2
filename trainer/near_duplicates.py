"""Groups of texts that are copies or near copies of each other.

Texts are normalised (lower case, white space collapsed) and cut into overlapping shingles of 16
bytes. Signatures of 30 minimum hashes estimate the Jaccard similarity of two texts' shingles; ten
bands of three find the pairs worth comparing, a pair of similarity 0.8 with probability 0.999.
Source: Broder, On the resemblance and containment of documents, 1997; the banding is that of
Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.
"""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from state.progress import SILENT, Reporter

SHINGLE_BYTES = 16
BANDS = 10
ROWS = 3
THRESHOLDS = (0.7, 0.8, 0.9, 0.97)
"""Estimated similarity from which two texts count as near copies; see `group_near_duplicates`."""
_MULTIPLIERS = np.random.Generator(np.random.Philox(1997)).integers(
    1, 2**32, size=(BANDS * ROWS, 1), dtype=np.uint32
) | np.uint32(1)


def normalise(text: str) -> bytes:
    """What is compared: lower case, runs of white space as one blank."""
    return " ".join(text.lower().split()).encode()


def group_near_duplicates(
    texts: Sequence[str], largest_share: float = 0.25, progress: Reporter = SILENT
) -> NDArray[np.intp]:
    """The group of each text [N]. Texts equal after normalisation always share one.

    Near copies are joined transitively at the lowest threshold at which no group holds more than
    `largest_share` of the bytes, so that a corpus written from templates does not become one group.
    """
    normalised = [normalise(text) for text in texts]
    sizes = np.array([len(text) for text in normalised])
    signatures = _signatures(normalised, progress)
    exact = _equal_pairs(normalised)
    with progress.work("comparing near copies"):
        pairs, similarity = _similar_pairs(signatures)
    for threshold in THRESHOLDS:
        near = np.concatenate([exact, pairs[similarity >= threshold]])
        groups = _components(len(texts), near)
        if np.bincount(groups, weights=sizes).max() <= largest_share * sizes.sum():
            return groups
    return _components(len(texts), exact)


def _signatures(texts: Sequence[bytes], progress: Reporter) -> NDArray[np.uint32]:
    """Of each text [N, BANDS * ROWS]."""
    found, done = [], 0
    with progress.work("looking for near copies", sum(map(len, texts)), "bytes") as advance:
        for text in texts:
            found.append(_signature(text))
            done += len(text)
            advance(done)
    return np.stack(found)


def _signature(text: bytes) -> NDArray[np.uint32]:
    """Minimum hashes [BANDS * ROWS] of the text's shingles; of the text where it has none."""
    shingles = _shingle_hashes(text)
    signature: NDArray[np.uint32] = (shingles * _MULTIPLIERS).min(axis=1)
    return signature


def _shingle_hashes(text: bytes) -> NDArray[np.uint32]:
    """One hash for each window of SHINGLE_BYTES bytes, windows doubled from 1 to 16."""
    if len(text) < SHINGLE_BYTES:
        return np.frombuffer(sha256(text).digest()[:4], dtype="<u4").astype(np.uint32)
    hashes = np.frombuffer(text, dtype=np.uint8).astype(np.uint32) + np.uint32(1)
    width, power = 1, np.uint32(0x01000193)
    while width < SHINGLE_BYTES:
        hashes = hashes[:-width] * power + hashes[width:]
        width, power = 2 * width, np.uint32(int(power) ** 2 % 2**32)
    hashes = (hashes ^ (hashes >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    return (hashes ^ (hashes >> np.uint32(13))) * np.uint32(0xC2B2AE35)


def _equal_pairs(normalised: Sequence[bytes]) -> NDArray[np.intp]:
    """Each text with the first one equal to it [N, 2]."""
    first: dict[bytes, int] = {}
    pairs = [
        (first.setdefault(sha256(text).digest(), index), index)
        for index, text in enumerate(normalised)
    ]
    return np.array(pairs, dtype=np.intp)


def _similar_pairs(
    signatures: NDArray[np.uint32],
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Pairs [P, 2] that agree in a whole band, and the similarity estimated for each [P].

    Texts that agree in a band are compared along a chain, not each with each.
    """
    found = [np.empty((0, 2), dtype=np.intp)]
    for band in np.split(signatures, BANDS, axis=1):
        order = np.lexsort(band.T)
        agree = (band[order[1:]] == band[order[:-1]]).all(axis=1)
        found.append(np.stack([order[:-1][agree], order[1:][agree]], axis=1))
    pairs = np.unique(np.concatenate(found), axis=0)
    same = signatures[pairs[:, 0]] == signatures[pairs[:, 1]]
    return pairs, same.mean(axis=1)


def _components(num_texts: int, pairs: NDArray[np.intp]) -> NDArray[np.intp]:
    """Connected components of the graph that the pairs make."""
    # A worker, which groups nothing, need not load them.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = coo_array((np.ones(len(pairs)), pairs.T), shape=(num_texts, num_texts))
    _, labels = connected_components(edges, directed=False)
    return labels.astype(np.intp)
