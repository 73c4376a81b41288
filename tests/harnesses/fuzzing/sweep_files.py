"""Targets that read what a person types: sweep files, settings, and conditions."""

import ast
import contextlib
import copy
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fuzzing.target import REPOSITORY, Read, Target
from fuzzing.texts import damaged, numbers, scalars, values, words
from hypothesis import strategies as st

from nnlite.errors import InputError
from nnlite.expressions import parse
from nnlite.models import HYPERPARAMETERS
from nnlite.sweep.settings import apply_settings
from nnlite.sweep.spaces import list_configurations
from nnlite.sweep.spec import Sweep, check, load_sweep
from nnlite.sweep.tables import SweepTable
from nnlite.sweep.toml_file import read_toml

FEW = 20  # configurations that are written out
TABLES = ("fixed", "grid", "zip", "when", "search", "objective", "pruning", "limits", "space")
OPTIONS = ("low", "high", "log", "step", "mean", "std", "choices", "strategy", "trials", "seed", "generation", "metric")
NAMES = tuple(sorted({name for fields in HYPERPARAMETERS.values() for name in fields.model_fields}))
CONDITIONS = ("optimizer == 'sgd'", "learning_rate <= 0.1", "len(hidden) > 1", "epochs in [1, 2]", "not momentum")
DISTRIBUTIONS = (
    {"low": 1e-4, "high": 1.0, "log": True},
    {"low": 1, "high": 9},
    {"low": 0.0, "high": 0.5, "step": 0.1},
    {"mean": 0.9, "std": 0.05},
    {"mean": 0.9, "std": 0.05, "log": True},
    {"choices": [[64], [128, 64]]},
    [0.1, 0.2],
)


def sweep_files() -> list[bytes]:
    """The published ones."""
    return [path.read_bytes() for path in sorted((REPOSITORY / "sweeps").glob("*.toml"))]


def _use(sweep: Sweep) -> None:
    """Ask of a sweep what a dry run asks."""
    assert sweep.named <= {*NAMES}
    for space in sweep.spaces:
        if space.search:
            for distribution in space.search.distributions.values():
                low, middle, high = (distribution.quantile(position) for position in (0.0, 0.5, 1 - 2**-53))
                if (
                    isinstance(low, int | float)
                    and isinstance(high, int | float)
                    and not hasattr(distribution, "choices")
                ):
                    assert low <= middle <= high
        if space.count <= FEW and space.size <= FEW:
            configurations, _ = list_configurations(space)
            assert 0 < len(configurations) <= FEW


def _sweep_file(folder: Path) -> Read:
    path = folder / "sweep.toml"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        try:
            _use(load_sweep(path))
        except InputError as error:
            # Without a path there are only the sentences about what is left of a space.
            if not str(error).startswith(str(path)) and "no configuration is left" not in str(error):
                raise AssertionError(f"it does not name its file: {error}") from error
            raise

    return read


def toml(value: Any) -> str:
    """A value as TOML; not every one has a way to be written, which is what some readers have to bear."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value) if isinstance(value, str | bool) else str(value)


_names = st.sampled_from(NAMES) | words
_distributions = st.sampled_from(DISTRIBUTIONS) | st.dictionaries(st.sampled_from(OPTIONS), scalars, max_size=4)
_contents = {
    "fixed": st.dictionaries(_names, values, max_size=3),
    "grid": st.dictionaries(_names, st.lists(values, max_size=3), max_size=3),
    "zip": st.dictionaries(_names, st.lists(values, max_size=2), max_size=2),
    "when": st.dictionaries(_names, st.sampled_from(CONDITIONS) | words, max_size=2),
    "search": st.fixed_dictionaries(
        {"trials": st.integers(0, 12) | numbers},
        optional={"strategy": st.sampled_from(["random", "tpe"]) | words, "seed": numbers, "generation": numbers},
    ).flatmap(lambda table: st.dictionaries(_names, _distributions, max_size=2).map(lambda more: {**table, **more})),
    "objective": st.dictionaries(st.sampled_from(["metric", "direction"]), words | st.just("val_loss"), max_size=2),
    "pruning": st.dictionaries(
        st.sampled_from(["strategy", "factor", "min_epochs", "generation"]), scalars | st.just("median"), max_size=3
    ),
    "limits": st.dictionaries(
        st.sampled_from(["timeout", "stall", "retries", "max_failures"]), scalars | st.just("2h"), max_size=3
    ),
    "space": st.lists(st.dictionaries(st.sampled_from(["fixed", "grid"]), st.dictionaries(_names, values)), max_size=2),
}


@st.composite
def _sweeps(draw: st.DrawFn) -> bytes:
    table: dict[str, Any] = {
        "name": draw(st.just("x") | words),
        "model": draw(st.sampled_from(["classifier", "gan", "other"])),
    }
    table |= draw(
        st.fixed_dictionaries(
            {}, optional={"seeds": values, "dataset": words, "require": st.lists(st.sampled_from(CONDITIONS) | words)}
        )
    )
    for section in draw(st.lists(st.sampled_from(TABLES), max_size=4, unique=True)):
        table[section] = draw(_contents[section])
    return "\n".join(f"{key} = {toml(value)}" for key, value in table.items()).encode("utf-8", "surrogatepass")


def _settings(folder: Path) -> Read:
    path = folder / "sweep.toml"
    tables = []
    for data in sweep_files()[:6]:
        path.write_bytes(data)
        tables.append(read_toml(path))

    def read(data: bytes) -> None:
        first, *lines = data.decode("utf-8", "surrogateescape").split("\n")
        table = copy.deepcopy(tables[len(first) % len(tables)])
        apply_settings(table, lines)
        _use(check(table, path))

    return read


_keys = (
    st.sampled_from(TABLES + NAMES + tuple(SweepTable.model_fields))
    | words
    | st.lists(st.sampled_from(("0", "1", *TABLES, *NAMES, *OPTIONS)), min_size=1, max_size=4).map(".".join)
)
_setting = st.tuples(_keys, st.sampled_from(["=", " = ", "", "=="]), values.map(toml) | words).map("".join)


def condition_values() -> dict[str, Any]:
    """What a condition is asked of: a value of each kind."""
    return {
        "epochs": 20,
        "val_acc": 0.97,
        "optimizer": "sgd",
        "hidden": [128, 64],
        "momentum": None,
        "nesterov": True,
        "config.epochs": 20,
        "seed": 0,
        "large": 10**400,
        "nothing": float("nan"),
        "mixed": [1, "a", [2]],
    }


def _condition(_: Path) -> Read:
    given = condition_values()
    others = dict.fromkeys(given)

    def read(data: bytes) -> None:
        condition = parse(data.decode("utf-8", "replace"))
        verdict = _verdict(condition.holds, given)
        assert verdict == _verdict(parse(condition.text).holds, given)
        _verdict(condition.holds, others)
        expected = _by_python(condition.text, given)
        assert verdict is None or expected is None or verdict == expected, (condition.text, verdict, expected)

    return read


def _verdict(holds: Callable[[dict[str, Any]], bool], given: dict[str, Any]) -> bool | None:
    """What a condition says; None if it compares what cannot be compared."""
    try:
        return holds(given)
    except InputError:
        return None


class _Plain(ast.NodeTransformer):
    """Leaves of a condition what means the same in Python; the rest makes it incomparable."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.comparable = True

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Numbers and texts alone, as literals: missing values and true have rules of their own."""
        value = self.given.get(node.id)
        if isinstance(value, bool) or value is None or not isinstance(value, int | float | str):
            self.comparable = False
            return node
        return ast.copy_location(ast.Constant(value), node)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Nothing but these."""
        allowed = ast.Constant | ast.BoolOp | ast.Compare | ast.BinOp | ast.UnaryOp | ast.List | ast.Tuple | ast.Load
        operators = ast.And | ast.Or | ast.Not | ast.USub | ast.UAdd | ast.Add | ast.Sub | ast.Mult | ast.Eq | ast.NotEq
        orders = ast.Lt | ast.LtE | ast.Gt | ast.GtE | ast.In | ast.NotIn
        odd = isinstance(node, ast.Constant) and (isinstance(node.value, bool) or node.value is None)
        if odd or not isinstance(node, allowed | operators | orders):
            self.comparable = False
            return node
        return super().generic_visit(node)


def _by_python(text: str, given: dict[str, Any]) -> bool | None:
    """What Python says of a condition that means the same there; None of any other."""
    plain = _Plain(given)
    with warnings.catch_warnings(), contextlib.suppress(ArithmeticError, MemoryError, TypeError, ValueError):
        warnings.simplefilter("ignore")
        tree = plain.visit(ast.parse(" ".join(text.strip().splitlines()), mode="eval").body)
        if not plain.comparable:
            return None
        code = compile(ast.fix_missing_locations(ast.Expression(tree)), "<condition>", "eval")
        return bool(eval(code, {"__builtins__": {}}))  # noqa: S307 - literals and operators alone
    return None


_atoms = st.sampled_from([*condition_values(), "none", "true", "unknown", "config.seed"]) | scalars.map(repr)
_expressions = st.recursive(
    _atoms,
    lambda inner: (
        st.tuples(
            inner,
            st.sampled_from(
                [
                    " == ",
                    " != ",
                    " < ",
                    " <= ",
                    " > ",
                    " >= ",
                    " in ",
                    " not in ",
                    " is ",
                    " and ",
                    " or ",
                    "+",
                    "-",
                    "*",
                    "/",
                    "//",
                    "%",
                    "**",
                    " + - ",
                    "@",
                    ",",
                    ":=",
                ]
            ),
            inner,
        ).map("".join)
        | st.tuples(st.sampled_from(["not ", "-", "+", "~", "(", "["]), inner).map("".join)
        | st.tuples(inner, st.sampled_from(["[0]", "[-1]", "[1:]", ".x", "()", ")", "]"])).map("".join)
        | st.tuples(st.sampled_from(["len", "min", "max", "sum", "abs", "open"]), inner).map(
            lambda p: f"{p[0]}({p[1]})"
        )
        | st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | inner.map(lambda each: f"({each})")
    ),
    max_leaves=8,
)

TARGETS = (
    Target(
        "sweep-file",
        _sweep_file,
        sweep_files,
        damaged(_sweeps()),
        words=(*TABLES, *OPTIONS, *NAMES, "[[space]]", " = ", "[", "]", "{", "}", '"', "'''", "1e400", "nan", "\r\n"),
        longest=1500,
        share=4.0,
        generated=0.02,
    ),
    Target(
        "settings",
        _settings,
        lambda: [
            b"\nfixed.epochs=3\nlearning_rate=0.1",
            b"x\nsearch.learning_rate.low=1e-3\nsearch.trials=4",
            b"xx\nspace.0.grid.hidden=[[1],[2]]\nseeds=2",
            b"xxx\nobjective.metric=val_loss\nlimits.timeout='2h'",
        ],
        st.tuples(st.text("x", max_size=5), st.lists(_setting, max_size=4)).map(
            lambda parts: "\n".join([parts[0], *parts[1]]).encode("utf-8", "replace")
        ),
        words=(*TABLES, *OPTIONS, *NAMES, "space.0.", "=", "[[1]]", "'"),
        longest=300,
        share=3.0,
        generated=0.02,
    ),
    Target(
        "condition",
        _condition,
        lambda: [
            text.encode() for text in (*CONDITIONS, "val_acc > 0.97 and optimizer in ['sgd', 'adam']", "-1 < 2 < 3")
        ],
        _expressions.map(lambda text: text.encode("utf-8", "replace")),
        words=(*condition_values(), "==", "!=", "<=", " in ", " and ", " or ", "not ", "len(", "[0]", "**", "//", "'"),
        longest=200,
        share=14.0,
        generated=0.02,
        seconds=2.0,
    ),
)
