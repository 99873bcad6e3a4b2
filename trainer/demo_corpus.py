"""A synthetic corpus for a first run without any data: small talk from a probabilistic grammar.

A dialogue strings together one to four topics. Answers depend on the question and on what was said
some sentences before, verbs agree with their subjects and sums are right, so that there is
something to learn beyond the next few letters.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from state.durable import write_atomically
from state.seeds import generator
from trainer.dialogues import END_OF_TEXT

MIN_CHARACTERS = 5_000
MAX_CHARACTERS = 1_000_000_000
Turns = list[tuple[str, str]]
"""Questions and their answers."""
Choice = TypeVar("Choice")

NAMES = (
    "Ada", "Ben", "Clara", "David", "Edith", "Frank", "Grace", "Henry", "Iris", "Jack", "Kate",
    "Leo", "Mary", "Ned", "Olive", "Peter", "Rose", "Sam", "Tess", "Victor", "Wendy", "Arthur",
)  # fmt: skip
TOWNS = (
    "Bath", "York", "Dover", "Oxford", "Lisbon", "Bergen", "Turin", "Ghent", "Porto", "Vienna",
    "Cork", "Riga", "Basel", "Malaga",
)  # fmt: skip
COLOURS = ("red", "blue", "green", "yellow", "white", "black", "brown", "grey", "purple", "orange")
THINGS = (
    "kite", "lamp", "book", "cup", "hat", "drum", "box", "chair", "rope", "bell", "ball", "basket",
    "clock", "ladder", "spoon", "candle",
)  # fmt: skip
GOODS = (
    ("pear", "pears"), ("loaf", "loaves"), ("egg", "eggs"), ("cake", "cakes"), ("plum", "plums"),
    ("fish", "fish"), ("cheese", "cheeses"), ("knife", "knives"), ("brush", "brushes"),
    ("berry", "berries"), ("goose", "geese"), ("candle", "candles"),
)  # fmt: skip
PETS = (
    ("cat", "cats"), ("dog", "dogs"), ("hen", "hens"), ("mouse", "mice"), ("pony", "ponies"),
    ("sheep", "sheep"), ("rabbit", "rabbits"), ("duck", "ducks"),
)  # fmt: skip
PLACES = (
    "station", "library", "church", "market", "school", "bridge", "mill", "bakery", "harbour",
    "museum", "garden", "inn", "tower", "theatre",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    "twenty",
)  # fmt: skip
WEATHER = (
    ("rainy", "an umbrella", "it will rain all day"),
    ("sunny", "a straw hat", "the sun will be strong"),
    ("cold", "a warm coat", "there will be frost in the morning"),
    ("windy", "a scarf", "the wind will blow from the sea"),
    ("snowy", "thick boots", "the snow will be deep"),
    ("foggy", "a lantern", "nobody will see the road"),
)
COATS = ("white", "black", "brown", "grey", "spotted")
TALL = ("oak", "elm", "birch", "tower", "wall", "house", "hedge", "mast", "statue")
JOBS = (
    "baker", "teacher", "sailor", "painter", "doctor", "farmer", "singer", "tailor", "miller",
    "printer",
)  # fmt: skip


class Draw:
    """Draws from the raw words of a Philox stream, the same with every version of numpy."""

    def __init__(self, seed: int) -> None:
        self._words = generator(seed, "demo_corpus").bit_generator

    def number(self, first: int, last: int) -> int:
        """From `first` to `last`, both included."""
        return first + int(self._words.random_raw()) % (last - first + 1)

    def one(self, choices: Sequence[Choice]) -> Choice:
        return choices[self.number(0, len(choices) - 1)]

    def several(self, choices: Sequence[Choice], count: int) -> list[Choice]:
        """Different ones, in random order."""
        left = list(choices)
        return [left.pop(self.number(0, len(left) - 1)) for _ in range(count)]


def write_demo_corpus(path: Path, num_chars: int, seed: int = 0) -> None:
    """Write at most `num_chars` characters of dialogues, one a line; equal arguments, equal bytes.

    Raises:
        ValueError: too few characters, a path that cannot be written, or another file in its place.
    """
    if num_chars < MIN_CHARACTERS:
        raise ValueError(
            f"{num_chars:,} characters are too few to learn from, the least is "
            f"{MIN_CHARACTERS:,}; raise --chars"
        )
    if num_chars > MAX_CHARACTERS:
        raise ValueError(f"{num_chars:,} characters exceed {MAX_CHARACTERS:,}; lower --chars")
    content = demo_text(num_chars, seed).encode("ascii")
    try:
        if path.exists() and path.read_bytes() != content:
            raise ValueError(f"{path} exists and is not overwritten; remove it or choose --out")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise ValueError(
            f"{path} cannot be written ({error.strerror}); choose another --out"
        ) from error


def demo_text(num_chars: int, seed: int = 0) -> str:
    """The dialogues; a longer text begins with the shorter one of the same seed."""
    draw = Draw(seed)
    lines: list[str] = []
    left = num_chars
    while len(line := dialogue(draw)) <= left:
        lines.append(line)
        left -= len(line)
    return "".join(lines)


def dialogue(draw: Draw) -> str:
    """One line: a greeting, one to four topics, and often a farewell that recalls the name."""
    name = draw.one(NAMES)
    turns = _greeting(draw, name)
    for topic in draw.several(TOPICS, draw.number(1, 4)):
        turns += topic(draw)
    turns += _farewell(draw, name)
    spoken = " ".join(f"<|user|> {question} <|assistant|> {answer}" for question, answer in turns)
    return f"{spoken} {END_OF_TEXT}\n"


def _greeting(draw: Draw, name: str) -> Turns:
    town, job = draw.one(TOWNS), draw.one(JOBS)
    hello = draw.one(("Hello", "Good morning", "Good evening", "Welcome"))
    return draw.one((
        [(f"{hello}, my name is {name}.", f"{hello}, {name}. What would you like to know?")],
        [(f"{hello}, I am {name}, a {job} from {town}.", f"So {town} has a {job}, {name}.")],
        [(f"I am {name} and I work as a {job}.", f"Then ask away, {name} the {job}.")],
    ))  # fmt: skip


def _farewell(draw: Draw, name: str) -> Turns:
    return draw.one((
        [],
        [("Do you still know my name?", f"Yes, your name is {name}.")],
        [("Thank you, that is all.", f"You are welcome, {name}. Goodbye.")],
        [("Goodbye.", f"Goodbye, {name}. Come again on {draw.one(DAYS)}.")],
    ))  # fmt: skip


def _owners(draw: Draw) -> Turns:
    """Who has what, and of which colour."""
    people, things = draw.several(NAMES, 3), draw.several(THINGS, 3)
    colours = draw.several(COLOURS, 3)
    facts = [
        f"{person} has {_with_article(colour)} {thing}"
        for person, colour, thing in zip(people, colours, things, strict=True)
    ]
    first, second = draw.several(range(3), 2)
    told = f"{facts[0]}, {facts[1]} and {facts[2]}."
    return [
        (f"{told} Who has the {things[first]}?", f"{people[first]} has the {things[first]}."),
        draw.one((
            ("What colour is it?", f"The {things[first]} is {colours[first]}."),
            (f"What does {people[second]} have?",
             f"{people[second]} has the {colours[second]} {things[second]}."),
        )),
    ]  # fmt: skip


def _sums(draw: Draw) -> Turns:
    """A sum, and a second one that goes on from its result."""
    left, right = draw.number(1, 40), draw.number(1, 20)
    total = left + right
    less = draw.number(1, total)
    return [
        (f"What is {left} plus {right}?", f"{left} plus {right} is {total}."),
        (f"And if I take away {less}?", f"{total} minus {less} is {total - less}."),
    ]


def _counting(draw: Draw) -> Turns:
    """Up or down, in words or figures."""
    first, length, step = draw.number(0, 12), draw.number(4, 7), draw.one((1, 1, 2, 3))
    values = [first + step * place for place in range(length)]
    way = f" in steps of {NUMBERS[step]}" if step > 1 else ""
    if draw.number(0, 1):
        values.reverse()
    spelt = [NUMBERS[value] if values[0] <= 20 >= values[-1] else str(value) for value in values]
    direction = "up" if values[0] < values[-1] else "down"
    return [
        (f"Count {direction} from {spelt[0]} to {spelt[-1]}{way}.", f"{', '.join(spelt)}."),
        ("How many numbers were those?", f"Those were {NUMBERS[length]} numbers."),
    ]


def _weather(draw: Draw) -> Turns:
    """The answer to the second question follows from the first answer."""
    town, day = draw.one(TOWNS), draw.one(DAYS)
    kind, thing, reason = draw.one(WEATHER)
    _, other, _ = draw.one(WEATHER)
    advice = f"Yes, take {thing}" if other == thing else f"No, take {thing} instead"
    return [
        (f"What will the weather be like in {town} on {day}?",
         f"In {town} it will be {kind} on {day}."),
        (f"Should I take {other}?", f"{advice}, because {reason}."),
    ]  # fmt: skip


def _shopping(draw: Draw) -> Turns:
    """Prices, plurals and a bill."""
    (one, many), (other, others) = draw.several(GOODS, 2)
    price, cost = draw.number(2, 9), draw.number(2, 9)
    count, number = draw.number(2, 6), draw.number(1, 4)
    rest = f"{NUMBERS[number]} {others}" if number > 1 else f"one {other}"
    total, change = count * price + number * cost, draw.number(1, 20)
    verb = "cost" if number > 1 else "costs"
    return [
        (f"{_with_article(one).capitalize()} costs {price} coins and {_with_article(other)} costs "
         f"{cost} coins. I want {NUMBERS[count]} {many} and {rest}. What do I pay?",
         f"{NUMBERS[count].capitalize()} {many} cost {count * price} coins and {rest} {verb} "
         f"{number * cost} coins, so you pay {total} coins."),
        (f"I have {total + change} coins. How many are left?",
         f"{total + change} minus {total} is {change}."),
    ]  # fmt: skip


def _directions(draw: Draw) -> Turns:
    """A way described, then asked back."""
    start, goal, first, second = draw.several(PLACES, 4)
    turn, other = draw.several(("left", "right"), 2)
    return [
        (f"How do I get from the {start} to the {goal}?",
         f"From the {start}, turn {turn} at the {first} and then {other} at the {second}. "
         f"The {goal} is {draw.one(('behind', 'beside', 'opposite'))} the {second}."),
        draw.one((
            (f"Where do I turn {turn}?", f"You turn {turn} at the {first}."),
            (f"Where do I turn {other}?", f"You turn {other} at the {second}."),
            (f"Which way do I turn at the {first}?", f"At the {first} you turn {turn}."),
        )),
    ]  # fmt: skip


def _pets(draw: Draw) -> Turns:
    """Number agreement over a distance."""
    (one, many), count = draw.one(PETS), draw.number(1, 9)
    owner, place, colour = draw.one(NAMES), draw.one(PLACES), draw.one(COATS)
    animals = f"{NUMBERS[count]} {many}" if count > 1 else f"one {one}"
    lives, are, they = ("live", "are", "They") if count > 1 else ("lives", "is", "It")
    their = "their" if count > 1 else "its"
    return [
        (f"My friend {owner} keeps {animals} near the {place}. Do you know {their} colour?",
         f"The {many if count > 1 else one} that {lives} near the {place} {are} {colour}."),
        (f"How many {many} does {owner} keep?", f"{owner} keeps {animals}. {they} {are} {colour}."),
    ]  # fmt: skip


def _calendar(draw: Draw) -> Turns:
    today, ahead = draw.number(0, 6), draw.number(2, 6)
    later = DAYS[(today + ahead) % 7]
    return [
        (f"Today is {DAYS[today]}. What day is tomorrow?",
         f"Tomorrow is {DAYS[(today + 1) % 7]}."),
        (f"And in {NUMBERS[ahead]} days?", f"In {NUMBERS[ahead]} days it is {later}."),
    ]  # fmt: skip


def _comparison(draw: Draw) -> Turns:
    """An order of three, told in two sentences."""
    tall, middle, low = draw.several(TALL, 3)
    facts = (f"the {tall} is taller than the {middle}", f"the {middle} is taller than the {low}")
    first, second = draw.several(facts, 2)
    most, name = draw.one((("tallest", tall), ("lowest", low)))
    return [
        (f"In {draw.one(TOWNS)} {first} and {second}. Which is the {most}?",
         f"The {name} is the {most}."),
    ]  # fmt: skip


def _spelling(draw: Draw) -> Turns:
    word = draw.one((*THINGS, *PLACES, *JOBS))
    return [
        (f"How do you spell {word}?", f"{word.capitalize()} is spelt {', '.join(word)}."),
        ("And how many letters is that?", f"That is {NUMBERS[len(word)]} letters."),
    ]


def _with_article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


TOPICS: tuple[Callable[[Draw], Turns], ...] = (
    _owners, _sums, _counting, _weather, _shopping, _directions, _pets, _calendar, _comparison,
    _spelling,
)  # fmt: skip
