"""How the numbers of a tensor can become plain: what the documentation says of each way is what happens.

The table of `GradientTape` is read, and each example in it is run.
"""

import ast
import copy
import importlib
import inspect
import math
import pickle
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn
from nnlite.autodiff import GradientTape, Tensor
from nnlite.autodiff.methods import LEAVING
from nnlite.autodiff.rule import CONSTANT

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def rows_of(text):
    """The table of a text: what happens, by example."""
    lines = [line.strip() for line in text.splitlines() if line.strip().startswith("| `")]
    return {
        example: line.strip("|").rsplit("|", 1)[1].strip()
        for line in lines
        for example in re.findall(r"`([^`]+)`", line.strip("|").rsplit("|", 1)[0])
    }


EXAMPLES = rows_of(inspect.getdoc(GradientTape))
KINDS = ("followed", "computed", "refused", "leaves no trace")


def of_kind(kind):
    return [example for example, happens in EXAMPLES.items() if happens.startswith(kind)]


def names():
    # Not at the top: they import parts of NumPy, and those are then listed by whoever lists what NumPy has.
    pandas, _ = map(importlib.import_module, ("pandas", "scipy.linalg"))
    given = {"x": Tensor([1.0, 2.0]), "s": Tensor(1.5), "array": np.ones(2)}
    return given | {
        "np": np,
        "nn": nn,
        "math": math,
        "pickle": pickle,
        "pandas": pandas,
        "scipy": importlib.import_module("scipy.special") and importlib.import_module("scipy"),
    }


def run(example, given):
    """The value of an expression, or what a statement wrote to."""
    if isinstance(ast.parse(example).body[0], ast.Expr):
        return eval(example, given)  # noqa: S307 - our own documentation
    exec(example, given)  # noqa: S102
    return given["array"]


def test_every_row_of_the_table_is_of_a_kind():
    assert len(EXAMPLES) > 35
    for happens in EXAMPLES.values():
        assert happens.startswith(KINDS)
    assert sum(len(of_kind(kind)) for kind in KINDS) == len(EXAMPLES)


def test_the_readme_has_the_same_table():
    engine = README[README.index("## The engine") : README.index("### Speed")]
    assert rows_of(engine) == EXAMPLES


@pytest.mark.parametrize("example", of_kind("followed"))
def test_what_is_followed_has_its_gradient(example):
    given = names()
    with GradientTape() as tape:
        y = np.sum(run(example, given))
    (gradient,) = tape.gradient(y, [given["x"]])
    assert np.any(gradient)


@pytest.mark.parametrize("example", of_kind("computed"))
def test_what_is_constant_is_plain_and_as_off_the_record(example):
    with GradientTape():
        result = run(example, names())
    assert not isinstance(result, Tensor)
    np.testing.assert_array_equal(result, run(example, names()))


@pytest.mark.parametrize("example", of_kind("refused"))
def test_what_is_refused_names_the_way_out_and_is_free_off_the_record(example):
    with (
        GradientTape(),
        pytest.raises(TypeError, match=r"stop_gradient|use np\.stack|outside the tape|only real numbers"),
    ):
        run(example, names())
    run(example, names())


@pytest.mark.parametrize("example", of_kind("leaves no trace"))
def test_what_leaves_no_trace_is_told_as_it_is(example):
    """If one of these is refused or followed some day, the table is to say so."""
    if sys.version_info >= (3, 12) and "buffer" in example:
        pytest.skip("has a hook here")
    with GradientTape():
        assert not isinstance(run(example, names()), Tensor)


@pytest.mark.parametrize("example", [each for each in of_kind("leaves no trace") if "nditer" not in each])
def test_check_gradient_finds_what_left_no_trace(example):
    if sys.version_info >= (3, 12) and "buffer" in example:
        pytest.skip("has a hook here")

    def function(x, s):
        result = np.asarray(run(example, names() | {"x": x, "s": s}), float)
        return np.sum(np.square(result)) * np.sum(x) * s

    with pytest.raises(AssertionError, match="left the record"):
        nn.check_gradient(function, [[1.0, 2.0], 1.5])


# What NumPy has that copies a tensor's numbers into a plain array and tells nobody, given a tensor itself: the whole of
# it, so that what a new NumPy adds is looked at. Of functions of plain arrays the options that may be numbers.
TELLS_NOBODY = {
    "array", "asarray", "asarray_chkfinite", "ascontiguousarray", "asfortranarray", "fill_diagonal", "frombuffer",
    "full", "piecewise", "select",
}  # fmt: skip
FILES = {"save", "savez", "savez_compressed", "savetxt", "fromfile", "memmap", "info", "test", "show_config"}


def calls_with(t):
    """Arguments with a tensor in each of the first three places."""
    array, matrix = np.array([0.5, 1.5, 2.5]), np.eye(3) * 2.0 + 0.1
    for other in (array, matrix, 3, [0, 1, 2], [True, False, True]):
        yield from ((t, other), (other, t), (other, array, t), (array, other, t))
    yield from ((t,), (t, t), (t, t, t), ([array > 1.0], [array], t))


def numbers_of(function, arguments):
    """What a call makes of a tensor on the record: floating-point numbers, also those that it has written; or None."""
    arguments = [np.copy(each) if type(each) is np.ndarray else each for each in arguments]
    before = [np.copy(each) if type(each) is np.ndarray else None for each in arguments]
    with GradientTape():
        try:
            result = function(*arguments)
        except Exception:  # noqa: BLE001 - refused, by us or by NumPy
            return None
    pairs = zip(arguments, before, strict=True)
    written = [now for now, then in pairs if then is not None and not np.array_equal(now, then)]
    results = [result] if not isinstance(result, tuple | list) else result
    found = [each for each in [*results, *written] if not isinstance(each, Tensor)]
    if len(found) < len([*results, *written]):
        return None  # a step beside it, as np.modf has one
    arrays = [np.asarray(each) for each in found if isinstance(each, np.ndarray | np.floating | float)]
    return np.concatenate([np.ravel(each) for each in arrays if each.dtype.kind == "f"] or [np.zeros(0)])


@pytest.mark.filterwarnings("ignore")
def test_what_numpy_tells_nobody_of_is_known():
    silent = set()
    for name, function in [*vars(np).items(), *vars(np.linalg).items()]:
        if name.startswith("_") or name in FILES or not callable(function) or isinstance(function, type):
            continue
        if function in CONSTANT:
            continue
        for place in range(len(list(calls_with(0)))):
            first, moved = (
                numbers_of(function, list(calls_with(t))[place])
                for t in (Tensor([0.25, 0.5, 0.75]), Tensor([0.375, 0.625, 0.875]))
            )
            if first is not None and not np.array_equal(first, moved, equal_nan=True):
                silent.add(name)
    assert silent == TELLS_NOBODY


LIBRARY_CALLS = {
    "np.c_": lambda x: np.c_[x, x],
    "np.full": lambda x: np.full(2, x, dtype=float),
    "np.full_like": lambda x: np.full_like(np.ones(2), x),
    "np.apply_along_axis": lambda x: np.apply_along_axis(lambda row: row * x, 1, np.ones((2, 2))),
    "np.vectorize": np.vectorize(lambda v: v * v),
    "np.nan_to_num": lambda x: np.nan_to_num(np.array([np.nan, 1.0]), nan=x[0]),
    "np.poly1d": np.poly1d,
    "np.interp": lambda x: np.interp([0.5], [0.0, 1.0], [0.0, 1.0], left=x[0]),
    "copy.deepcopy": copy.deepcopy,
    "np.ma.MaskedArray": np.ma.sum,
    "scipy.special.logsumexp": lambda x: importlib.import_module("scipy.special").logsumexp(x),
    "scipy.special.zeta": lambda x: importlib.import_module("scipy.special").zeta(x),
    "scipy.stats.zscore": lambda x: importlib.import_module("scipy.stats").zscore(x),
    "np.geomspace": lambda x: np.geomspace(x[0], x[1]),
}


@pytest.mark.parametrize("name", LIBRARY_CALLS)
def test_a_refusal_names_the_function_that_the_program_called(name):
    with (
        GradientTape(),
        pytest.raises(TypeError, match=rf"^(in )?{re.escape(name)}\b.*(stop_grad|write|compute)"),
    ):
        LIBRARY_CALLS[name](Tensor([1.0, 2.0]))


def gives_numbers(result):
    """Whether the 1.25 or the bytes of it can be read off a result."""
    if isinstance(result, bytes | memoryview):
        return np.array(1.25).tobytes() in bytes(result)
    if isinstance(result, np.ndarray) and not isinstance(result, Tensor):
        return 1.25 in result
    return result in (1.25, [1.25])


PLAIN_ON_PURPOSE = {"view"}  # which refuses by itself without np.ndarray
OF_A_NUMBER = {"__int__", "__index__", "__bool__"}


@pytest.mark.parametrize("name", sorted(set(dir(np.ndarray)) - PLAIN_ON_PURPOSE))
def test_no_name_of_an_array_gives_its_numbers_away_on_the_record(name):
    """Whatever NumPy adds to its arrays is tried as well."""

    def used(x):
        member = getattr(x, name)
        return member() if callable(member) else member

    try:
        given_away = gives_numbers(used(np.array([1.25])))
    except Exception:  # noqa: BLE001 - it takes arguments, or other arrays
        return
    with GradientTape() as tape:
        x = Tensor([1.25])
        if given_away:
            try:
                result = used(x)
            except TypeError as refusal:
                assert "stop_gradient" in str(refusal)  # noqa: PT017
            else:
                assert isinstance(result, Tensor) or (name, tape._nodes) == ("__str__", {})


@pytest.mark.parametrize("name", sorted(set(LEAVING) & set(dir(np.ndarray))))
def test_whole_numbers_and_what_is_off_the_record_may_leave(name):
    def used(x):
        member = getattr(x, name)
        arguments = {"dump": ("/dev/null",), "tofile": ("/dev/null",), "__reduce_ex__": (2,)}.get(name, ())
        if name == "__buffer__":
            arguments = (inspect.BufferFlags.SIMPLE,)
        return member(*arguments) if callable(member) else member

    used(Tensor(2))
    if name != "__index__":
        used(Tensor(2.0))
        with GradientTape(), pytest.raises(TypeError, match="stop_gradient"):
            used(Tensor(2.0))
    with GradientTape():
        used(Tensor(2))


def test_a_training_loop_prints_its_loss_after_the_block_and_in_it_by_stop_gradient():
    w = Tensor([1.0, 2.0])
    with GradientTape():
        loss = np.sum(w**2)
        assert float(nn.stop_gradient(loss)) == 5.0
        assert f"{loss:.1f}" == "5.0"
    assert float(loss) == loss.item() == loss.tolist() == 5.0
    loss.backward()
    assert float(loss) == 5.0


def test_what_was_stopped_keeps_its_numbers_though_the_tensor_changes():
    w = Tensor([1.0, 2.0])
    with GradientTape() as tape:
        y = np.sum(w * nn.stop_gradient(w))
    kept = nn.stop_gradient(w)
    assert tape.gradient(y, [w])[0].tolist() == [1.0, 2.0]
    v = Tensor([1.0, 1.0])
    with GradientTape() as tape:
        y = np.sum(v * nn.stop_gradient(w))
    w[...] = 7.0
    assert tape.gradient(y, [v])[0].tolist() == [1.0, 2.0]
    assert kept.tolist() == [1.0, 2.0]
