"""Conditions such as `val_acc > 0.97 and optimizer == 'sgd'`: the language of `when`, `require` and `--where`.

It is a part of Python's expressions: comparisons, chained too, and `in`; `and`, `or`, `not`; arithmetic on numbers;
texts in quotes, lists, `true`, `false`, `none`; items of a list, `hidden[0]`, and `len`, `min`, `max`, `sum`, `abs`.
A name may have two parts, `config.epochs`, and is looked up as a whole. Python parses a condition, a list of the
allowed nodes decides what it may hold, and a walk over them finds its value: nothing is ever evaluated by Python
itself, and no value's attribute or other function can be reached.

A name whose value is missing (none) makes each comparison with it false, unless the comparison is with `none` itself.
What has no number, such as a quotient by zero, is missing too.
"""

import ast
import operator
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nnlite.errors import InputError, nearest

LONGEST = 1000  # characters
LONGEST_QUOTE = 80  # of which a sentence about a mistake repeats so many
DEEPEST = 50  # operations within operations
LARGEST_EXPONENT = 1000

WORDS = {"true": True, "false": False, "none": None, "null": None}
ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: lambda base, exponent: float(base) ** exponent if abs(exponent) <= LARGEST_EXPONENT else None,
}
ORDER: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
EQUALITY: dict[type[ast.cmpop], bool] = {ast.Eq: True, ast.Is: True, ast.NotEq: False, ast.IsNot: False}
MEMBERSHIP: dict[type[ast.cmpop], bool] = {ast.In: True, ast.NotIn: False}
FUNCTIONS: dict[str, Callable[[Any], Any]] = {"len": len, "min": min, "max": max, "sum": sum, "abs": abs}


@dataclass(frozen=True)
class Expression:
    """A condition that has been read.

    Attributes:
        text: as it was written.
        names: what it refers to, in the order of appearance.
        texts: each name that is compared with a text for equality, with that text.
    """

    text: str
    names: tuple[str, ...]
    texts: tuple[tuple[str, str], ...]
    _tree: ast.expr = field(repr=False, compare=False)

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it is true where names have these `values`; a name that is not among them is missing.

        Raises:
            InputError: it compares or reckons with what cannot be compared or reckoned with, as `'sgd' < 3`.
        """
        try:
            return bool(_value(self._tree, values))
        except _KindError as error:
            raise InputError(f"{_quoted(self.text)}: {error}") from None


class _KindError(Exception):
    """A value is of a kind that an operation cannot take."""


def parse(text: str, known: Collection[str] | None = None) -> Expression:
    """Read the condition `text`.

    Args:
        text: the condition.
        known: the names that it may refer to; any, if None.

    Raises:
        InputError: it is no condition, is too long or nested too deeply, or refers to a name that is not known.
    """
    if len(text) > LONGEST:
        raise InputError(f"{_quoted(text)}: a condition may have {LONGEST} characters, not {len(text)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's opinion of `1and 2` is nothing that a person asked for
            tree = ast.parse(" ".join(text.strip().splitlines()), mode="eval").body
    except SyntaxError as error:
        # Python's place is of no use where it has no text to point at.
        place = f" at character {error.offset}" if error.offset and error.text else ""
        raise InputError(
            f"{_quoted(text)} cannot be read as a condition{place}: it compares with == != < <= > >= in, and joins "
            "with and, or, not"
        ) from None
    except (ValueError, RecursionError, MemoryError):  # a NUL; thousands of brackets or signs
        raise InputError(f"{_quoted(text)} cannot be read as a condition") from None
    _check(tree, text, DEEPEST)
    names = tuple(dict.fromkeys(_names(tree)))
    for name in names:
        if known is not None and name not in known:
            raise InputError(f"{_quoted(text)}: there is no {name!r}; {nearest(name, known)} (a text stands in quotes)")
    return Expression(text, names, tuple(_texts(tree)), tree)


def _check(node: ast.expr, text: str, depth: int) -> None:
    """Refuse every node that is not listed here."""
    if depth == 0:
        raise InputError(f"{_quoted(text)} is nested too deeply: {DEEPEST} operations within another are the most")
    match node:
        case ast.Name() | ast.Constant(value=bool() | int() | float() | str() | None):
            parts: Sequence[ast.expr] = ()
        case ast.Attribute(value=ast.Name(id=first), attr=second) if first not in FUNCTIONS and second[0] != "_":
            parts = ()
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.BoolOp(values=items):
            parts = items
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.UAdd(), operand=operand):
            parts = [operand]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            parts = [left, right]
        case ast.Compare(left=left, comparators=comparators):
            parts = [left, *comparators]
        case ast.Subscript(value=whole, slice=(ast.Constant() | ast.UnaryOp()) as index):
            parts = [whole, index]
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
            parts = [argument]
        case _:
            refused = ast.get_source_segment(" ".join(text.strip().splitlines()), node) or text
            raise InputError(
                f"{_quoted(refused)} has no place in a condition, which holds names, numbers, texts, lists, "
                f"comparisons, arithmetic, and, or, not and {', '.join(FUNCTIONS)}"
            )
    for part in parts:
        _check(part, text, depth - 1)


def _names(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Name(id=name):
            if name not in WORDS:
                yield name
        case ast.Attribute():
            yield _dotted(node)
        case ast.Call(args=[argument]):
            yield from _names(argument)
        case _:
            for part in ast.iter_child_nodes(node):
                if isinstance(part, ast.expr):
                    yield from _names(part)


def _texts(tree: ast.expr) -> Iterator[tuple[str, str]]:
    """Pairs of a name and a text that the condition asks to be equal, or to be one of."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        for left, op, right in zip(sides, node.ops, sides[1:], strict=False):
            match left, right:
                case (ast.Name() | ast.Attribute() as name, ast.Constant(value=str(text))) if type(op) in EQUALITY:
                    yield _dotted(name), text
                case (ast.Constant(value=str(text)), ast.Name() | ast.Attribute() as name) if type(op) in EQUALITY:
                    yield _dotted(name), text
                case (
                    ast.Name() | ast.Attribute() as name,
                    ast.List(elts=items) | ast.Tuple(elts=items),
                ) if type(op) in MEMBERSHIP:
                    for item in items:
                        if isinstance(item, ast.Constant) and isinstance(item.value, str):
                            yield _dotted(name), item.value


def _dotted(name: ast.Name | ast.Attribute) -> str:
    """A checked name as one text: `epochs`, `config.epochs`."""
    return ast.unparse(name)


def _quoted(text: str) -> str:
    line = "".join(each if each.isprintable() else " " if each.isspace() else repr(each)[1:-1] for each in text)
    return f"`{line if len(line) <= LONGEST_QUOTE else line[: LONGEST_QUOTE - 3] + '...'}`"


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    """The value of a checked node; None where something that it needs is missing."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return WORDS[name] if name in WORDS else _plain(values.get(name))
        case ast.Attribute():
            return _plain(values.get(_dotted(node)))
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return tuple(_value(item, values) for item in items)
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_value(part, values) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_value(part, values) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand, values)
        case ast.UnaryOp(op=op, operand=operand):
            number = _number(_value(operand, values))
            return -number if isinstance(op, ast.USub) and number is not None else number
        case ast.BinOp(left=left, op=op, right=right):
            return _reckoned(type(op), _number(_value(left, values)), _number(_value(right, values)))
        case ast.Subscript(value=whole, slice=index):
            return _item(_value(whole, values), _value(index, values))
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            return _called(name, _value(argument, values))
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            sides = [left, *comparators]
            return all(
                _compared(op, one, other, values) for op, one, other in zip(ops, sides, comparators, strict=False)
            )
    raise AssertionError(node)


def _plain(value: Any) -> Any:
    """Lists compare by their items, whichever kind of list they are."""
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value


def _number(value: Any) -> Any:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise _KindError(f"{_shown(value)} is no number to reckon with")


def _reckoned(op: type[ast.operator], left: Any, right: Any) -> Any:
    if left is None or right is None:
        return None
    try:
        value = ARITHMETIC[op](left, right)
    except ArithmeticError:
        return None
    return None if isinstance(value, complex) else value


def _item(whole: Any, index: Any) -> Any:
    if whole is None:
        return None
    if not isinstance(whole, tuple) or isinstance(index, bool) or not isinstance(index, int):
        raise _KindError(f"{_shown(whole)}[{_shown(index)}] asks for an item of what has none by that number")
    return whole[index] if -len(whole) <= index < len(whole) else None


def _called(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "abs":
        return abs(_number(value))
    if not isinstance(value, tuple):
        raise _KindError(f"{name} is of a list, not of {_shown(value)}")
    if not value and name in ("min", "max"):
        return None
    numbers = value if name == "len" else [_number(each) for each in value]
    return None if name != "len" and None in numbers else FUNCTIONS[name](numbers)


def _compared(op: ast.cmpop, left: ast.expr, right: ast.expr, values: Mapping[str, Any]) -> bool:
    one, other = _value(left, values), _value(right, values)
    kind = type(op)
    if kind in MEMBERSHIP:
        if not isinstance(other, tuple):
            if other is None:
                return False
            raise _KindError(f"`in` asks a list, not {_shown(other)}")
        return any(_equal(one, each) for each in other) == MEMBERSHIP[kind] and (one is not None or MEMBERSHIP[kind])
    if kind in EQUALITY:
        asks_for_none = any(_is_none(side) for side in (left, right))
        if one is None or other is None:
            return asks_for_none and (one is other) == EQUALITY[kind]
        return _equal(one, other) == EQUALITY[kind]
    if one is None or other is None:
        return False
    if _kind(one) is not _kind(other) or _kind(one) not in (float, str, tuple):
        raise _KindError(f"{_shown(one)} and {_shown(other)} have no order")
    try:
        return bool(ORDER[kind](one, other))
    except TypeError:  # lists of different things
        raise _KindError(f"{_shown(one)} and {_shown(other)} have no order") from None


def _is_none(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=None):
            return True
        case ast.Name(id=name):
            return name in WORDS and WORDS[name] is None
    return False


def _kind(value: Any) -> type:
    return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)


def _equal(one: Any, other: Any) -> bool:
    """Equality that tells true from 1."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return str(value).lower() if isinstance(value, bool) or value is None else repr(value)
