"""CEL read into a tree, to look at before anything is computed: what it names, how deep it is, what it costs.

Values are computed by the library (`nightshift.expressions`); the grammar here is the part of CEL that
plans may use, so whatever cannot be looked at is not evaluated either. No macros beyond the comprehensions
and `has`, no bytes, no unsigned numbers, no comments, no messages, no function that is not in `FUNCTIONS`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, NoReturn

from nightshift.errors import BadInput

__all__ = [
    "FUNCTIONS",
    "MAX_DEEP",
    "MAX_LENGTH",
    "MAX_WORDS",
    "Call",
    "Has",
    "Item",
    "Listing",
    "Literal",
    "Loop",
    "Mapping",
    "Member",
    "Name",
    "Operation",
    "Tree",
    "parse",
    "parts",
    "walk",
]

MAX_LENGTH = 1_000
MAX_DEEP = 24  # brackets, calls, choices and signs in one another
MAX_WORDS = 300

FUNCTIONS: dict[str, tuple[int, int]] = {
    "size": (1, 1), "int": (1, 1), "double": (1, 1), "string": (1, 1),
    "timestamp": (1, 1), "duration": (1, 1),
    "contains": (2, 2), "startsWith": (2, 2), "endsWith": (2, 2), "matches": (2, 2),
    "money.of": (2, 2), "money.scale": (2, 2), "money.add": (2, 2), "money.sub": (2, 2),
    "money.min": (2, 2), "money.max": (2, 2), "money.percent_drop": (2, 2),
}  # fmt: skip
"""Every function by name, with the fewest and most values it takes; a receiver counts as the first."""

_OF_TEXT = frozenset({"contains", "startsWith", "endsWith", "matches"})  # only as text.contains(x)
_ALONE = frozenset({"int", "double", "string", "timestamp", "duration"})  # only as int(x)
_LOOPS = {"map": (2, 3), "filter": (2, 2), "all": (2, 2), "exists": (2, 2), "exists_one": (2, 2)}
_CONSTANTS = {"true": True, "false": False, "null": None}
_RESERVED = frozenset({
    "as", "break", "const", "continue", "else", "for", "function", "if", "import", "in", "let", "loop",
    "package", "namespace", "return", "var", "void", "while",
})  # fmt: skip
_POWER = {"||": 1, "&&": 2, "<": 3, "<=": 3, ">": 3, ">=": 3, "==": 3, "!=": 3, "in": 3,
          "+": 4, "-": 4, "*": 5, "/": 5, "%": 5}  # fmt: skip
_UNARY = 6
_TOKEN = re.compile(
    r"""\s*(?:(?P<double>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)|(?P<int>\d+)
    |(?P<text>'(?:\\.|[^'\\\r\n])*'|"(?:\\.|[^"\\\r\n])*")|(?P<name>[A-Za-z_]\w*)
    |(?P<sign>&&|\|\||[<>=!]=|[-+*/%<>!?:.,()\[\]{}])|(?P<end>\Z))""",
    re.ASCII | re.VERBOSE,
)
_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a text, true, false or null."""

    value: int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class Name:
    """A fact, or what a comprehension calls its entry."""

    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """`of.field`."""

    of: "Tree"
    field: str


@dataclass(frozen=True, slots=True)
class Item:
    """`of[index]`."""

    of: "Tree"
    index: "Tree"


@dataclass(frozen=True, slots=True)
class Has:
    """`has(of.field)`."""

    member: Member


@dataclass(frozen=True, slots=True)
class Call:
    """A function of `FUNCTIONS`; the receiver, where there is one, is the first value."""

    function: str
    values: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class Loop:
    """A comprehension: `over.kind(entry, parts…)`."""

    kind: str
    over: "Tree"
    entry: str
    parts: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class Listing:
    """`[…]`."""

    entries: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class Mapping:
    """`{key: value, …}`."""

    pairs: "tuple[tuple[Tree, Tree], ...]"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator and what it works on; `?:` has three, `!` and `-` may have one."""

    sign: str
    values: "tuple[Tree, ...]"


Tree = Literal | Name | Member | Item | Has | Call | Loop | Listing | Mapping | Operation


def parts(tree: Tree) -> tuple[Tree, ...]:
    """What a tree is made of, one level down."""
    match tree:
        case Member(of) | Has(of):
            return (of,)
        case Item(of, index):
            return of, index
        case Call(_, values) | Operation(_, values) | Listing(values):
            return values
        case Loop(_, over, _, inner):
            return over, *inner
        case Mapping(pairs):
            return tuple(part for pair in pairs for part in pair)
        case _:
            return ()


def walk(tree: Tree) -> Iterator[Tree]:
    """A tree and everything in it."""
    yield tree
    for part in parts(tree):
        yield from walk(part)


class _Word(NamedTuple):
    kind: str
    text: str


@lru_cache(maxsize=4_096)
def parse(source: str) -> Tree:
    """The tree of an expression.

    Raises:
        BadInput: it is too long or too deep, cannot be read, or calls what is not there. The message
            quotes names and signs of the expression only, of bounded length.
    """
    if len(source) > MAX_LENGTH:
        raise BadInput("expression", f"it has {len(source)} characters", f"Write at most {MAX_LENGTH}.")
    words = tuple(_words(source))
    if len(words) > MAX_WORDS:
        raise BadInput("expression", f"it has {len(words)} words and signs", f"Write at most {MAX_WORDS}.")
    return _Reader(words).whole()


def _words(source: str) -> Iterator[_Word]:
    at = 0
    while True:
        found = _TOKEN.match(source, at)
        if found is None or found.lastgroup is None:
            rest = source[at:].lstrip()[:1]
            _unreadable(f"it cannot be read at {rest!r}")
        yield _Word(found.lastgroup, found[found.lastgroup])
        if found.lastgroup == "end":
            return
        at = found.end()


def _unreadable(problem: str, fix: str = "Write it in CEL, e.g. event.drop_percent > 5.0.") -> NoReturn:
    raise BadInput("expression", problem, fix)


def _text(quoted: str) -> str:
    def one(found: re.Match[str]) -> str:
        if found[1]:
            return chr(int(found[1], 16))
        if found[2] not in _ESCAPES:
            _unreadable(f"a text escapes {found[2]!r}", "Escape quotes, \\\\, \\n, \\t and \\uXXXX only.")
        return _ESCAPES[found[2]]

    return _ESCAPED.sub(one, quoted[1:-1])


class _Reader:
    """Reads words from the left; every method leaves the place behind what it has read."""

    def __init__(self, words: tuple[_Word, ...]) -> None:
        self._words = words
        self._at = 0
        self._deep = 0

    def whole(self) -> Tree:
        """Everything there is, as one expression."""
        tree = self._choice()
        if self._next.kind != "end":
            _unreadable(f"{self._next.text[:40]!r} is not expected there")
        return tree

    @property
    def _next(self) -> _Word:
        return self._words[self._at]

    def _take(self, *signs: str) -> str | None:
        """The next word if it is one of these signs."""
        word = self._next
        if word.kind in {"sign", "name"} and word.text in signs:
            self._at += 1
            return word.text
        return None

    def _want(self, sign: str) -> None:
        if self._take(sign) is None:
            there = repr(self._next.text[:40]) if self._next.text else "its end"
            _unreadable(f"{sign!r} is missing before {there}")

    def _name(self) -> str:
        word = self._next
        if word.kind != "name" or word.text in _CONSTANTS or word.text == "in":
            _unreadable("a name is missing")
        self._at += 1
        return word.text

    def _choice(self) -> Tree:
        self._deep += 1
        if self._deep > MAX_DEEP:
            fix = f"Nest brackets, calls and choices at most {MAX_DEEP} deep."
            _unreadable("it is too deep", fix)
        tree = self._operation(1)
        if self._take("?"):
            yes = self._operation(1)
            self._want(":")
            tree = Operation("?:", (tree, yes, self._choice()))
        self._deep -= 1
        return tree

    def _operation(self, least: int) -> Tree:
        left = self._signed()
        while (power := _POWER.get(self._next.text, 0)) >= least and self._next.kind in {"sign", "name"}:
            sign = self._next.text
            self._at += 1
            left = Operation(sign, (left, self._operation(power + 1)))
        return left

    def _signed(self) -> Tree:
        sign = self._take("!", "-")
        if sign is None:
            return self._member()
        self._deep += 1
        if self._deep > MAX_DEEP:
            _unreadable("it is too deep", "Take some signs away.")
        inner = self._signed()
        self._deep -= 1
        is_number = isinstance(inner, Literal) and type(inner.value) in {int, float}
        if sign == "-" and is_number:
            return Literal(-inner.value)  # type: ignore[union-attr, operator]  # a literal number
        return Operation(sign, (inner,))

    def _member(self) -> Tree:
        tree = self._primary()
        while True:
            if self._take("["):
                tree = Item(tree, self._choice())
                self._want("]")
            elif self._take("."):
                tree = self._field_or_call(tree)
            else:
                return tree

    def _field_or_call(self, tree: Tree) -> Tree:
        name = self._name()
        if not self._take("("):
            return Member(tree, name)
        values = self._several(")")
        if name in _LOOPS:
            return _loop(name, tree, values)
        if tree == Name("money"):
            return _called(f"money.{name}", values)
        if name in _ALONE:
            _unreadable(f"{name} is called on a value", f"Write {name}(…).")
        return _called(name, (tree, *values))

    def _primary(self) -> Tree:
        word = self._next
        self._at += 1
        match word.kind:
            case "int":
                return Literal(int(word.text))
            case "double":
                return Literal(float(word.text))
            case "text":
                return Literal(_text(word.text))
            case "name":
                return self._named(word.text)
            case "sign" if word.text in _OPENS:
                return self._enclosed(word.text)
        self._at -= 1
        return _unreadable(
            f"a value is missing before {word.text[:40]!r}" if word.text else "it ends too early"
        )

    def _named(self, name: str) -> Tree:
        if name in _CONSTANTS:
            return Literal(_CONSTANTS[name])
        if name in _RESERVED:
            _unreadable(f"{name} is a reserved word")
        if not self._take("("):
            return Name(name)
        values = self._several(")")
        if name == "has":
            if len(values) != 1 or not isinstance(values[0], Member):
                _unreadable("has() takes one field", "Write has(steps.id.field).")
            return Has(values[0])
        if name in _OF_TEXT:
            _unreadable(f"{name} is called on nothing", f"Write text.{name}(…).")
        return _called(name, values)

    def _enclosed(self, opening: str) -> Tree:
        if opening == "(":
            tree = self._choice()
            self._want(")")
            return tree
        if opening == "[":
            return Listing(self._several("]"))
        pairs: list[tuple[Tree, Tree]] = []
        while not self._take("}"):
            key = self._choice()
            self._want(":")
            pairs.append((key, self._choice()))
            if not self._take(","):
                self._want("}")
                break
        return Mapping(tuple(pairs))

    def _several(self, closing: str) -> tuple[Tree, ...]:
        values: list[Tree] = []
        while not self._take(closing):
            values.append(self._choice())
            if not self._take(","):
                self._want(closing)
                break
        return tuple(values)


_OPENS = frozenset("([{")


def _called(name: str, values: tuple[Tree, ...]) -> Call:
    bounds = FUNCTIONS.get(name)
    if bounds is None:
        _unreadable(f"there is no function {name[:40]}", f"Use one of: {', '.join(FUNCTIONS)}.")
    if not bounds[0] <= len(values) <= bounds[1]:
        _unreadable(f"{name} is given {len(values)} values", f"Give it {bounds[0]}.")
    return Call(name, values)


def _loop(kind: str, over: Tree, values: tuple[Tree, ...]) -> Loop:
    fewest, most = _LOOPS[kind]
    first = values[0] if values else None
    if not isinstance(first, Name) or not fewest <= len(values) <= most:
        _unreadable(f"{kind} needs a name and a condition or value", f"Write list.{kind}(x, …).")
    return Loop(kind, over, first.name, values[1:])
