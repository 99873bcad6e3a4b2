"""People's text for the tests: prose and dialogues from a small grammar.

A paragraph or a dialogue stays with one scene, so that there are subjects, sentences and few long
runs of words twice.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple, assert_never

import numpy as np

from inference_battery.prompts import Domain
from inference_battery.reference import Reference
from state.records import Sample, SampleKind
from state.seeds import generator

NUM_TRAIN, NUM_HELD_OUT = 180, 60
"""Paragraphs or dialogues."""


class Scene(NamedTuple):
    """The words that belong to one subject."""

    people: tuple[str, ...]
    things: tuple[str, ...]
    places: tuple[str, ...]
    kinds: tuple[str, ...]
    deeds: tuple[str, ...]


def scene(people: str, things: str, places: str, kinds: str, deeds: str) -> Scene:
    """Each argument lists words."""
    return Scene(*(tuple(words.split()) for words in (people, things, places, kinds, deeds)))


SCENES = (
    scene(
        "gardener widow neighbour beekeeper botanist",
        "spade rose nettle wheelbarrow hive apple bulb seedling rake watering-can",
        "hedge orchard greenhouse lawn pond gate compost shed",
        "muddy green thorny blossoming wild withered",
        "watered pruned planted dug weeded picked raked",
    ),
    scene(
        "captain sailor pilot fisherman stowaway",
        "anchor rope compass lantern sail barrel oar chart rudder net",
        "deck harbour cabin mast quay reef lighthouse hold",
        "salty stormy tarred foreign leaking drifting",
        "hoisted coiled steered lowered mended caulked hauled",
    ),
    scene(
        "cook baker maid butcher waiter",
        "kettle loaf ladle onion saucepan pie herring pudding knife cheese",
        "kitchen oven larder table cellar stove counter pantry",
        "burnt steaming sweet greasy peppered stale",
        "peeled baked tasted stirred salted sliced carved",
    ),
    scene(
        "teacher pupil headmaster librarian governess",
        "slate essay dictionary blackboard inkwell sum poem globe primer satchel",
        "classroom desk corridor library playground bench staircase dormitory",
        "difficult learned blotted tedious clever forgotten",
        "copied recited explained corrected learnt erased studied",
    ),
    scene(
        "engineer porter signalman passenger stoker",
        "ticket whistle carriage trunk timetable engine signal rail suitcase coupling",
        "platform tunnel station viaduct crossing compartment junction siding",
        "delayed rattling northbound crowded sooty punctual",
        "oiled stopped boarded inspected loaded repaired missed",
    ),
    scene(
        "doctor nurse patient chemist surgeon",
        "bandage fever prescription thermometer pill wound crutch syrup pulse splint",
        "hospital ward surgery bedside clinic dispensary chapel waiting-room",
        "pale feverish bitter infectious sterile swollen",
        "examined dressed prescribed measured treated cured disinfected",
    ),
    scene(
        "actor singer violinist conductor prompter",
        "costume aria curtain violin mask trumpet rehearsal script applause wig",
        "stage balcony theatre orchestra-pit dressing-room foyer gallery wings",
        "tragic painted melodious velvet celebrated hoarse",
        "sang rehearsed conducted tuned performed applauded whistled",
    ),
    scene(
        "judge lawyer thief constable witness",
        "verdict bribe letter handcuff alibi ledger sentence pistol jewel footprint",
        "courtroom prison cell dock alley bank street archway",
        "guilty stolen suspicious secret innocent forged",
        "accused arrested questioned defended robbed acquitted followed",
    ),
)

NAMES = ("Anna", "Martin", "Helen", "Oliver", "Judith", "Simon", "Esther", "Paul", "Clara", "Hugh")
TIMES = (
    "in the morning", "before noon", "after supper", "on the next day", "late at night",
    "a week later", "towards evening", "when the clock struck six", "soon afterwards",
)  # fmt: skip
MOODS = ("slowly", "with great care", "without a word", "once more", "in a hurry", "at last")
BELIEFS = ("believed", "had heard", "remembered", "doubted", "told everyone", "could not forget")
REASONS = ("because", "although", "while", "until", "as if", "since")
WHERE = ("behind", "near", "beside", "above", "beyond", "opposite")


class Scribe:
    """Writes about one scene."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._here = SCENES[int(rng.integers(len(SCENES)))]
        self._names = [str(name) for name in rng.permutation(NAMES)[:2]]

    def sentences(self, least: int, most: int) -> str:
        """Between `least` and `most` of them."""
        said = [self._sentence() for _ in range(int(self._rng.integers(least, most + 1)))]
        return " ".join(one[0].upper() + one[1:] for one in said)

    def question(self) -> str:
        """What the next sentences answer."""
        person, thing = self._one(self._here.people), self._thing()
        return self._one((
            f"What happened to {thing} {self._spot()}?",
            f"Please tell me about the {person} and {thing}.",
            f"Who {self._one(self._here.deeds)} {thing} {self._one(TIMES)}?",
            f"Did you see the {person} {self._spot()}?",
        ))  # fmt: skip

    def _sentence(self) -> str:
        match int(self._rng.integers(7)):
            case 0:
                return f"{self._deed()} {self._spot()}."
            case 1:
                return f"{self._one(TIMES)} {self._deed()}, and {self._deed()} {self._one(MOODS)}."
            case 2:
                belief = f"{self._who()} {self._one(BELIEFS)}"
                return f"{belief} that {self._deed()} {self._one(TIMES)}."
            case 3:
                return f"{self._spot()} lay {self._thing()}, {self._one(REASONS)} {self._deed()}."
            case 4:
                return f'"{self._deed()}," said {self._one(self._names)} {self._one(MOODS)}.'
            case 5:
                return f"was it true that {self._deed()} {self._spot()}?"
            case _:
                deeds = f"{self._deed()} {self._one(REASONS)} {self._deed()}"
                return f"{deeds}, but {self._one(TIMES)} {self._who()} went home."

    def _one(self, choices: Sequence[str]) -> str:
        return choices[int(self._rng.integers(len(choices)))]

    def _thing(self) -> str:
        article = self._one(("the", "her", "his", "every", "another"))
        kind = f" {self._one(self._here.kinds)}" if self._rng.random() < 0.5 else ""
        return f"{article}{kind} {self._one(self._here.things)}"

    def _who(self) -> str:
        person = self._one(self._here.people)
        return self._one((f"the {person}", self._one(self._names), f"the old {person}", "nobody"))

    def _deed(self) -> str:
        return f"{self._who()} {self._one(self._here.deeds)} {self._thing()}"

    def _spot(self) -> str:
        return f"{self._one(WHERE)} the {self._one(self._here.places)}"


def prose(num_paragraphs: int, seed: int) -> str:
    """Paragraphs of five to eight sentences, a pure function of the arguments."""
    rng = generator(seed, "prose")
    return "\n\n".join(Scribe(rng).sentences(5, 8) for _ in range(num_paragraphs))


def dialogues(count: int, seed: int) -> list[str]:
    """One or two turns each; an answer has three to five sentences."""
    rng = generator(seed, "dialogues")
    return [_dialogue(rng) for _ in range(count)]


def _dialogue(rng: np.random.Generator) -> str:
    scribe = Scribe(rng)
    turns = [
        f"<|user|> {scribe.question()} <|assistant|> {scribe.sentences(3, 5)}"
        for _ in range(int(rng.integers(1, 3)))
    ]
    return " ".join([*turns, "<|end_of_text|>"])


@cache
def corpus(domain: Domain) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Train text, held-out documents, and documents that neither of them holds."""
    match domain:
        case "text":
            return prose(NUM_TRAIN, 1), (prose(NUM_HELD_OUT, 2),), (prose(NUM_HELD_OUT, 3),)
        case "chat":
            train = "\n".join(dialogues(NUM_TRAIN, 1))
            return train, tuple(dialogues(NUM_HELD_OUT, 2)), tuple(dialogues(NUM_HELD_OUT, 3))
        case _:
            assert_never(domain)


@cache
def corpus_reference(domain: Domain) -> Reference:
    """Fitted once for all tests of a process."""
    train, held_out, _ = corpus(domain)
    return Reference(train, held_out, domain)


def talk_reference(train: str, *answers: str) -> Reference:
    """A chat reference in which people gave these answers, each to a question of its own."""
    documents = [f"<|user|> Question {i}? <|assistant|> {one}" for i, one in enumerate(answers)]
    return Reference(train, documents, "chat")


def sample(
    text: str,
    prompt: str = "",
    *,
    kind: SampleKind = "plain",
    ended: bool = False,
    temperature: float = 1.0,
) -> Sample:
    """A sample of this text."""
    return Sample(prompt=prompt, temperature=temperature, text=text, ended=ended, kind=kind)
