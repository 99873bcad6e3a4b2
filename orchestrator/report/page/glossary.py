"""The words of the page that a reader from elsewhere may not know."""

WORDS = (
    (
        "bits per byte",
        "Total loss in nats, divided by ln 2 and by the raw UTF-8 bytes of the text, markers "
        "included. Lower is better, and tokenizers can be compared by it.",
    ),
    (
        "train, search, test",
        "The three parts of the text. The model learns from train; search serves every decision; "
        "test is opened once, for the result.",
    ),
    (
        "member-step",
        "One optimizer step of one member of the population: the unit of the budget.",
    ),
    (
        "lineage, champion, challenger",
        "A lineage is an island with weights and an activation of its own, its champion. A "
        "challenger starts from the champion's weights with another activation, on the same "
        "batches, and takes its place only if its gain cannot be noise.",
    ),
    (
        "null twin",
        "The champion trained again on other batches. What twins differ by is the noise that a "
        "gain must exceed.",
    ),
    (
        "gate",
        "The comparison at the end of a phase with the best copy so far, in bits per byte and in "
        "what the model writes. What is shown to be worse is tried again or undone.",
    ),
    (
        "validation gate",
        "G0 to G5: what must hold of a model before more is spent on it. Where there is nothing to "
        "hold a number against, a gate is not judged, which is no pass.",
    ),
    (
        "host, symbionts",
        "In Endosymbiosis the best lineage becomes the host; the others may teach it with the "
        "average of their predictions.",
    ),
    (
        "synchrony r",
        "The Kuramoto order parameter: 1 when all lineages move in step. It has meaning only above "
        "what independent lineages show by chance.",
    ),
    (
        "composite",
        "One number from 0 to 1 for what a model writes, from nine measured properties held "
        "against text that people wrote.",
    ),
    (
        "control",
        "A plain activation trained straight with the same budget. If it wins, the search was not "
        "worth its steps on this text.",
    ),
)
SINGLE = ("bits per byte", "train, search, test", "validation gate", "control")
"""Those that a run of one model needs; it has no population."""
