"""What an expression gives and what is wrong with it, told from the contracts of the steps it names.

Only what is known is judged: a type that depends on the run passes here and is checked there.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from nightshift import syntax
from nightshift.errors import BadInput
from nightshift.expressions import check
from nightshift.gate.known import (
    ANY,
    BOOLEAN,
    INTEGER,
    MONEY,
    NUMBER,
    STRING,
    Missing,
    either,
    kind_of,
    list_of,
    plain,
    type_of_value,
    value_at,
)
from nightshift.gate.named import ROOTS, chain
from nightshift.gate.outline import Outline
from nightshift.gate.references import Path
from nightshift.gate.schemas import Node, at, name_of
from nightshift.ids import StepId
from nightshift.sums import SUMS, is_factor
from nightshift.syntax import Call, Has, Item, Listing, Literal, Loop, Member, Operation, Tree, walk

__all__ = ["Fault", "infer"]


_NUMBERS: Final = frozenset({"integer", "number"})
_ORDERED: Final = _NUMBERS | {"string", "boolean"}
_TAKES: Final[Mapping[str, frozenset[str]]] = {
    "+": _NUMBERS | {"string", "array"}, "-": _NUMBERS, "*": _NUMBERS, "/": _NUMBERS,
    "%": frozenset({"integer"}),
}  # fmt: skip
_GIVES: Final[Mapping[str, Node]] = {
    "size": INTEGER, "int": INTEGER, "double": NUMBER, "string": STRING, "contains": BOOLEAN,
    "startsWith": BOOLEAN, "endsWith": BOOLEAN, "matches": BOOLEAN, "money.percent_drop": NUMBER,
}  # fmt: skip
_SIZED: Final = frozenset({"string", "array", "object"})


class Fault(NamedTuple):
    """What is wrong with an expression, and what would be accepted."""

    problem: str
    fix: str


def infer(source: str, outline: Outline, *, step: StepId | None) -> tuple[Node, tuple[Fault, ...]]:
    """The type of an expression's result, and all that is wrong with it.

    Args:
        source: the expression, without `${` and `}`.
        outline: of the plan it stands in.
        step: whose argument or condition it is; None: a test of the plan, which may name every step.
    """
    try:
        tree = syntax.parse(source)
        check(source)  # the library has the last word on what can be read
    except BadInput as exc:
        return ANY, (Fault(f"the expression cannot be used: {exc.problem}", exc.fix),)
    reader = _Reader(outline, step, frozenset(_guarded(tree)))
    found = reader.type_of(tree, {})
    return found, tuple(dict.fromkeys(reader.faults))


def _guarded(tree: Tree) -> Iterator[tuple[str, Path]]:
    """Every path that `has()` asks for: what may be absent without a fault."""
    for part in walk(tree):
        found = chain(part.member) if isinstance(part, Has) else None
        if found is not None:
            yield found


class _Reader:
    """Goes through a tree once and keeps what is wrong with it."""

    def __init__(self, outline: Outline, step: StepId | None, guarded: frozenset[tuple[str, Path]]) -> None:
        self._outline = outline
        self._step = step
        self._guarded = guarded
        self.faults: list[Fault] = []

    def _wrong(self, problem: str, fix: str) -> Node:
        self.faults.append(Fault(problem, fix))
        return ANY

    def type_of(self, tree: Tree, entries: dict[str, Node]) -> Node:
        """The type that a tree gives; `entries` are what comprehensions around it call theirs."""
        found = chain(tree)
        if found is not None:
            return self._of_chain(*found, entries)
        match tree:
            case Call(function, values):
                return self._call(function, values, entries)
            case Operation(sign, values):
                return self._operation(sign, values, entries)
            case Loop():
                return self._loop(tree, entries)
            case _:
                return self._simple(tree, entries)

    def _simple(self, tree: Tree, entries: dict[str, Node]) -> Node:
        match tree:
            case Literal(value):
                return type_of_value(value)
            case Has(member):
                self.type_of(member, entries)
                return BOOLEAN
            case Member(of, field):
                return self._into(self.type_of(of, entries), (field,))
            case Item(of, index):
                return self._item(of, index, entries)
            case _:
                return self._made(tree, entries)

    def _made(self, tree: Tree, entries: dict[str, Node]) -> Node:
        match tree:
            case Listing(values):
                return self._listing(values, entries)
            case syntax.Mapping(pairs):
                return self._mapping(pairs, entries)
            case _:
                return ANY

    def _of_chain(self, root: str, path: Path, entries: dict[str, Node]) -> Node:
        if root in entries:
            return self._into(entries[root], path)
        if root == "event":
            return self._input("event", path, ("event", path))
        if root not in ROOTS:
            return self._wrong(f"nothing is called {root[:40]}", f"Use one of: {', '.join(ROOTS)}.")
        if not path:
            return ANY if root == "inputs" else self._nameless()
        name = path[0]
        if root == "inputs":
            return self._input(str(name), path[1:], (root, path))
        return self._step_output(StepId(str(name)), path[1:])

    def _nameless(self) -> Node:
        return self._wrong("it names no step", "Write steps.id.field with the id of a step.")

    def _is_guarded(self, where: tuple[str, Path]) -> bool:
        root, path = where
        return any(
            root == guarded[0] and path[: len(guarded[1])] == guarded[1] and guarded[1]
            for guarded in self._guarded
        )

    def _input(self, name: str, path: Path, where: tuple[str, Path]) -> Node:
        inputs = self._outline.plan.inputs
        if name not in inputs:
            if self._is_guarded(where):
                return ANY
            fix = f"Use one of: {', '.join(inputs) or 'the plan has no inputs'}."
            return self._wrong(f"the plan has no input {name[:40]}", fix)
        value = value_at(inputs[name], path)
        if isinstance(value, Missing):
            if self._is_guarded(where):
                return ANY
            fix = "Give the input this value, or guard it with has()."
            return self._wrong(f"the input {name[:40]} has nothing there", fix)
        return type_of_value(value)

    def _step_output(self, name: StepId, path: Path) -> Node:
        steps = self._outline.steps
        if name not in steps:
            fix = f"Use one of: {', '.join(found for found in steps if found != self._step) or 'the inputs'}."
            return self._wrong(f"there is no step {name[:40]}", fix)
        if self._step is not None and not self._comes_before(name, self._step):
            return ANY
        spec = self._outline.spec(steps[name])
        if spec is None:
            return ANY
        if self._step is None and not self._outline.reads(steps[name]):
            return ANY  # a test sees {args, before, after} of a write
        return self._into(Node.root(spec.output_schema), path, of=f"{name}: ")

    def _comes_before(self, name: StepId, step: StepId) -> bool:
        if name == step:
            self._wrong("it takes a value of itself", "Take it from a step that runs before.")
            return False
        if name not in self._outline.before.get(step, self._outline.steps):
            problem = f"it takes a value of {name} without needing it"
            self._wrong(problem, f"Add {name} to the step's needs.")
            return False
        return True

    def _into(self, node: Node, path: Path, *, of: str = "") -> Node:
        if not path:
            return node
        if kind_of(node) is None:
            return ANY
        open_object = node.resolved().type == "object" and not node.resolved().fields
        if open_object:
            return ANY
        found = at(node, path)
        if isinstance(found, str):
            return self._wrong(f"{of}{found}", "Take a field that is there.")
        return found

    def _item(self, of: Tree, index: Tree, entries: dict[str, Node]) -> Node:
        given, place = self.type_of(of, entries), kind_of(self.type_of(index, entries))
        kind = kind_of(given)
        if chain(of) == ("steps", ()):
            return ANY  # said already
        if kind == "array" and place not in {None, "integer"}:
            return self._wrong("an entry of a list is named by a whole number", "Write list[0].")
        return given.entry() if kind == "array" else ANY

    def _listing(self, values: tuple[Tree, ...], entries: dict[str, Node]) -> Node:
        types = [self.type_of(value, entries) for value in values]
        return list_of(types) if types else plain("array")

    def _mapping(self, pairs: tuple[tuple[Tree, Tree], ...], entries: dict[str, Node]) -> Node:
        for key, value in pairs:
            self.type_of(key, entries)
            self.type_of(value, entries)
        names = {key.value for key, _ in pairs if isinstance(key, Literal)}
        return MONEY if names == {"amount", "currency"} else ANY

    def _loop(self, loop: Loop, entries: dict[str, Node]) -> Node:
        over = self.type_of(loop.over, entries)
        kind = kind_of(over)
        if loop.entry in ROOTS or loop.entry == "money":
            self._wrong(f"{loop.kind} calls its entry {loop.entry}", "Use a name that nothing else has.")
        if kind not in {None, "array", "object"}:
            self._wrong(f"{loop.kind} goes over {name_of(over)}", "Give it a list.")
        entry = over.entry() if kind == "array" else STRING if kind == "object" else ANY
        types = [self.type_of(part, entries | {loop.entry: entry}) for part in loop.parts]
        for found in types if loop.kind != "map" else types[:-1]:
            self._boolean(found, f"what {loop.kind} asks of an entry")
        if loop.kind == "map":
            return list_of(types[-1:])
        return over if loop.kind == "filter" else BOOLEAN

    def _boolean(self, found: Node, what: str) -> None:
        if kind_of(found) not in {None, "boolean"}:
            self._wrong(f"{what} is {name_of(found)}, not true or false", "Write a comparison.")

    def _operation(self, sign: str, values: tuple[Tree, ...], entries: dict[str, Node]) -> Node:
        types = [self.type_of(value, entries) for value in values]
        if sign in {"&&", "||", "!"}:
            for found in types:
                self._boolean(found, f"what {sign} is given")
            return BOOLEAN
        if sign == "?:":
            self._boolean(types[0], "the condition of ? and :")
            return either(types[1], types[2])
        if sign == "in":
            if kind_of(types[1]) not in {None, "array", "object"}:
                self._wrong(f"in looks into {name_of(types[1])}", "Give it a list.")
            return BOOLEAN
        if len(types) == 1:
            return self._arithmetic(sign, types * 2)
        return self._arithmetic(sign, types) if sign in _TAKES else self._compared(sign, types)

    def _compared(self, sign: str, types: list[Node]) -> Node:
        kinds = [kind_of(found) for found in types]
        left, right = kinds
        if left is None or right is None:
            return BOOLEAN
        alike = left == right or {left, right} <= _NUMBERS
        words = f"{name_of(types[0])} {sign} {name_of(types[1])}"
        if sign in {"==", "!="}:
            if not alike:
                self._wrong(f"it compares {words}, which never are the same", "Compare like with like.")
        elif "Money" in kinds:
            self._wrong(f"it compares {words}", "Compare the amounts, e.g. a.amount < b.amount.")
        elif not alike or left not in _ORDERED:
            self._wrong(f"it compares {words}", "Compare numbers with numbers and text with text.")
        return BOOLEAN

    def _arithmetic(self, sign: str, types: list[Node]) -> Node:
        left, right = (kind_of(found) for found in types)
        words = f"{name_of(types[0])} {sign} {name_of(types[1])}"
        if "Money" in {left, right}:
            return self._wrong(f"it computes {words}", "Use money.add, money.sub or money.scale.")
        if {left, right} - {None} - _TAKES[sign]:
            return self._wrong(f"it computes {words}", f"Give {sign} numbers of one kind.")
        if left is not None and right is not None and left != right:
            fix = "Write double(x) or 2.0, so that both are decimals, or int(x)."
            return self._wrong(f"it computes {words}", fix)
        return plain(left or right or "") if left or right else ANY

    def _call(self, function: str, values: tuple[Tree, ...], entries: dict[str, Node]) -> Node:
        types = [self.type_of(value, entries) for value in values]
        if function.startswith("money."):
            self._money(function, values, types)
            return _GIVES.get(function, MONEY)
        kind = kind_of(types[0])
        if function == "size" and kind is not None and kind not in _SIZED:
            self._wrong(f"size is given {name_of(types[0])}", "Give it a list or a text.")
        if function in {"startsWith", "endsWith", "matches"} and {kind, kind_of(types[1])} - {None, "string"}:
            self._wrong(f"{function} is given something else than text", "Give it text.")
        return _GIVES.get(function, ANY)

    def _money(self, function: str, values: tuple[Tree, ...], types: list[Node]) -> None:
        constants = [value.value for value in values if isinstance(value, Literal)]
        if len(constants) == len(values):
            try:
                SUMS[function](*constants)
            except BadInput as exc:
                self._wrong(f"{exc.field} {exc.problem}", exc.fix)
            return
        if function == "money.of":
            self._kinds(function, types, (("integer",), ("string",)))
            return
        if function == "money.scale":
            self._kinds(function, types, (("Money",), ("string", "integer")))
            if constants and not is_factor(constants[0]) and isinstance(constants[0], str):
                self._wrong("money.scale is given no decimal number", "Give a factor as text, e.g. '0.95'.")
            return
        self._kinds(function, types, (("Money",), ("Money",)))

    def _kinds(self, function: str, types: list[Node], wanted: tuple[tuple[str, ...], ...]) -> None:
        for found, allowed in zip(types, wanted, strict=True):
            if kind_of(found) is not None and kind_of(found) not in allowed:
                words = " or ".join(_WORDS.get(each, each) for each in allowed)
                self._wrong(f"{function} is given {name_of(found)}", f"Give it {words}.")


_WORDS: Final[Mapping[str, str]] = {
    "integer": "a whole number",
    "string": "text in quotes, e.g. '0.95'",
    "Money": "money: {amount, currency}",
}
