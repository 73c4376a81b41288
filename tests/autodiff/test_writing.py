"""What is on the record cannot be changed, and what cannot be followed is refused or found out.

What NumPy tells nobody of is in test_leaving. The rows are those of the table of NumPy's pitfalls that the engine was
designed by.
"""

import copy
import operator
import pickle

import numpy as np
import pytest

from nnlite.autodiff import GradientTape, Tensor, stop_gradient

NO_WRITING = "changes an array in place, which a GradientTape cannot record"


def increment(x):
    x += 1


def assign(x):
    x[0] = 1


def assign_shape(x):
    x.shape = (3, 1)


def assign_flat(x):
    x.flat = 0


WRITING = {
    "x += 1": increment,
    "x[0] = 1": assign,
    "x.shape = ...": assign_shape,
    "x.flat = ...": assign_flat,
    "x.fill": lambda x: x.fill(0.0),
    "x.sort": lambda x: x.sort(),
    "x.put": lambda x: x.put(0, 1.0),
    "out=": lambda x: np.exp(x, out=x),
    "out= of a function": lambda x: np.cumsum(x, out=x),
    "out by position": lambda x: np.cumsum(x, 0, None, x),
    "out of a constant": lambda x: np.round(x, 0, x),
    "out= of a method": lambda x: x.clip(0, 1, out=x),
    "where=": lambda x: np.exp(x, out=x, where=[True, False, True]),
    ".at": lambda x: np.add.at(x, [0], 1.0),
    "copyto": lambda x: np.copyto(x, 1.0),
    "copyto by keyword": lambda x: np.copyto(src=np.ones(3), dst=x),
    "place": lambda x: np.place(x, [True, False, True], [1.0]),
    "put": lambda x: np.put(x, [0], 1.0),
    "put_along_axis": lambda x: np.put_along_axis(x, np.array([0]), 1.0, 0),
    "putmask": lambda x: np.putmask(x, [True, False, True], 1.0),
}


@pytest.mark.parametrize("write", WRITING.values(), ids=WRITING)
def test_writing_into_a_leaf_is_refused_on_the_record(write):  # row 5
    x = Tensor([3.0, 1.0, 2.0])
    with GradientTape(), pytest.raises(TypeError, match=NO_WRITING):
        write(x)
    assert x.tolist() == [3.0, 1.0, 2.0]


@pytest.mark.parametrize("write", WRITING.values(), ids=WRITING)
def test_writing_into_a_leaf_before_its_gradient_was_taken_is_found_out(write):  # row 6
    x = Tensor([3.0, 1.0, 2.0])
    with GradientTape() as tape:
        y = np.sum(x**2)
    write(x)
    with pytest.raises(RuntimeError, match="was changed in place after this GradientTape recorded it"):
        tape.gradient(y, [x])
    with pytest.raises(RuntimeError, match="was changed in place"):
        y.backward()


@pytest.mark.parametrize("write", WRITING.values(), ids=WRITING)
def test_off_the_record_writing_is_numpys(write):
    x, array = Tensor([3.0, 1.0, 2.0]), np.array([3.0, 1.0, 2.0])
    write(x)
    write(array)
    assert x.tolist() == array.tolist()


THROUGH_A_VIEW = {
    "x.flat[0] = 0": lambda x: operator.setitem(x.flat, 0, 0.0),
    "x[:2] += 1": lambda x: operator.iadd(x[:2], 1.0),
    "x.T[0] = 0": lambda x: operator.setitem(x.T, 0, 0.0),
    "np.ravel(x)[1:].fill": lambda x: np.ravel(x)[1:].fill(0.0),
    "np.exp(out=x[::2])": lambda x: np.exp(x[::2], out=x[::2]),
}


@pytest.mark.parametrize("write", THROUGH_A_VIEW.values(), ids=THROUGH_A_VIEW)
def test_writing_into_a_leaf_by_way_of_a_view_is_found_out(write):  # row 6
    x = Tensor([3.0, 1.0, 2.0])
    with GradientTape() as tape:
        y = np.sum(x**2)
    assert (x[1:] + x.T[:2]).tolist() == [4.0, 3.0]  # looking changes nothing
    assert tape.gradient(y, [x])[0].tolist() == [6.0, 2.0, 4.0]
    write(x)
    with pytest.raises(RuntimeError, match="was changed in place after this GradientTape recorded it"):
        tape.gradient(y, [x])


VIEWS = {
    "x[:2]": lambda x: x[:2],
    "x[0]": lambda x: x[0],
    "x.T": lambda x: x.T,
    "x.view()": lambda x: x.view(),
    "x.reshape": lambda x: x.reshape(2, 8),
    "x[1:][::2].ravel": lambda x: x[1:][:2].ravel(),
    "np.split": lambda x: np.split(x, 2)[0],
    "np.array_split": lambda x: np.array_split(x, 3, axis=1)[0],
    "np.hsplit": lambda x: np.hsplit(x, 2)[1],
    "np.unstack": lambda x: np.unstack(x)[0],
    "np.atleast_3d": np.atleast_3d,
    "np.diagonal": lambda x: x.reshape(4, 4),
    "np.moveaxis": lambda x: np.moveaxis(x, 0, 1),
    "np.broadcast_to": lambda x: np.broadcast_to(x, (2, 4, 4)),
    "np.fliplr": np.fliplr,
    "iteration": lambda x: next(iter(x)),
    "a view of a view": lambda x: x[:3].T[1:],
}
THROUGH = {
    "its base": lambda x, _: operator.setitem(x, slice(None), 7.0),
    "another view": lambda x, _: x.ravel().fill(7.0),
    "a half of it": lambda x, _: [half.fill(7.0) for half in np.split(x, 2)],
    "out=": lambda x, _: np.tanh(x, out=x),
    "a view of the view": lambda _, view: view[...].fill(7.0),
}


@pytest.mark.parametrize("write", THROUGH.values(), ids=THROUGH)
@pytest.mark.parametrize("show", VIEWS.values(), ids=VIEWS)
def test_a_view_that_was_recorded_and_its_base_see_each_others_changes(show, write):
    x = Tensor(np.arange(16.0).reshape(4, 4))
    view = show(x)
    for leaf in (view, x):
        with GradientTape() as tape:
            y = np.sum(leaf**2)
        if view.flags.writeable or leaf is view:
            assert tape.gradient(y, [leaf])[0].tolist() == (2 * np.array(leaf)).tolist()
            try:
                write(x, view)
            except ValueError:  # a view that NumPy makes read-only
                return
            with pytest.raises(RuntimeError, match="was changed in place after this GradientTape recorded it"):
                tape.gradient(y, [leaf])
        with GradientTape() as tape:  # and what is recorded from then on is of the new numbers
            y = np.sum(leaf**2)
        assert tape.gradient(y, [leaf])[0].tolist() == (2 * np.array(leaf)).tolist()


def test_writing_into_a_copy_is_writing_into_nothing_else():
    x = Tensor([[3.0, 1.0], [2.0, 5.0]])
    with GradientTape() as tape:
        y = np.sum(x)
    for copy_of in (x.copy(), x[[0, 1]], x.T.ravel(), x * 1.0):
        copy_of[0] = 0.0
    assert tape.gradient(y, [x])[0].tolist() == [[1.0, 1.0], [1.0, 1.0]]


IN_PLACE = [name for name in WRITING if name != "x.shape = ..."]


@pytest.mark.parametrize("name", IN_PLACE)
def test_a_recorded_result_is_read_only_for_ever(name):  # row 6
    x = Tensor([3.0, 1.0, 2.0])
    with GradientTape() as tape:
        y = x * 2.0
        z = np.sum(y**2)
    with pytest.raises(ValueError, match=r"read-only|not writeable|read only"):
        WRITING[name](y)
    with pytest.raises(ValueError, match="cannot be made writeable: copy it"):
        y.setflags(write=True)
    assert tape.gradient(z, [x])[0].tolist() == [24.0, 8.0, 16.0]


def test_a_view_that_was_recorded_is_read_only_too():
    x = Tensor([3.0, 1.0])
    with GradientTape():
        y = x.reshape(2, 1)
    with pytest.raises(ValueError, match="cannot be made writeable"):
        y.setflags(write=True)
    with pytest.raises(ValueError, match="read-only"):
        y[0] = 1.0
    x.setflags(write=False)
    x.setflags(write=True)


def test_a_diagonal_is_not_filled_on_the_record():
    x = Tensor(np.ones((2, 2)))
    with GradientTape(), pytest.raises(TypeError, match=NO_WRITING):
        np.fill_diagonal(x, 0.0)
    np.fill_diagonal(x, 0.0)
    assert x.tolist() == [[0, 1], [1, 0]]


INTO_A_BUFFER = {
    "buffer += t": operator.iadd,
    "np.add(out=buffer)": lambda buffer, t: np.add(t, 1, out=buffer),
    "np.add.at(buffer)": lambda buffer, t: np.add.at(buffer, [0, 1], t),
    "np.copyto(buffer, t)": np.copyto,
    "np.put(buffer, t)": lambda buffer, t: np.put(buffer, [0, 1], t),
    "np.zeros_like(t)[:] = t": lambda _, t: np.zeros_like(t).__setitem__(slice(None), t),
    "np.empty_like(t)[0] = t[0]": lambda _, t: np.empty_like(t).__setitem__(0, t[0]),
}


@pytest.mark.parametrize("write", INTO_A_BUFFER.values(), ids=INTO_A_BUFFER)
def test_writing_a_tensor_into_a_buffer_is_refused_on_the_record(write):
    t = Tensor([1.0, 2.0])
    with GradientTape(), pytest.raises(TypeError, match=NO_WRITING):
        write(np.zeros(2), t)


def through_a_buffer(t):
    buffer = np.zeros(2)
    buffer[:] = t
    return Tensor(buffer)


LOST = {  # row 1: NumPy tells nobody of these
    "np.array([t, u])": lambda t: np.array([t, t]),
    "np.asarray(t)": np.asarray,
    "buffer[:] = t": through_a_buffer,
    "stop_gradient": stop_gradient,
    "view(np.ndarray)": lambda t: t.view(np.ndarray),
}


@pytest.mark.parametrize("lose", LOST.values(), ids=LOST)
def test_what_left_the_record_is_found_out_when_its_gradient_is_asked_for(lose):
    t, u = Tensor([1.0, 2.0]), Tensor([1.0, 2.0])
    with GradientTape() as tape:
        y = np.sum(lose(t) * u)
    with pytest.raises(ValueError, match=r"does not depend on source 0.*used inside the with block, as a tensor"):
        tape.gradient(y, [t])
    assert tape.gradient(y, [t], unconnected_zero=True)[0].tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match=r"does not depend|no leaf"):
        y.backward([t])


UNHEARD = {
    "ndarray.dot(t)": lambda t: np.ones(2).dot(t),
    "np.dot(a record array, t)": lambda t: np.dot(np.ones(2).view(np.recarray), t),
    "np.concatenate([a record array, t])": lambda t: np.concatenate([np.ones(2).view(np.recarray), t], dtype=None),
    "deepcopy": copy.deepcopy,
    "np.array(t, subok=True)": lambda t: np.array(t, subok=True),
}


@pytest.mark.parametrize("compute", UNHEARD.values(), ids=UNHEARD)
def test_what_numpy_computes_without_telling_a_tensor_is_refused_on_the_record(compute):  # row 1
    t = Tensor([1.0, 2.0])
    with GradientTape(), pytest.raises(TypeError, match=r"without telling.*cannot.*record.*write .*stop_gradient"):
        compute(t)
    compute(t)


@pytest.mark.parametrize("data", [lambda t: [t[0], t[1]], lambda t: t, lambda t: ({"a": t},)])
def test_a_new_tensor_of_tensors_is_refused_on_the_record(data):
    t = Tensor([1.0, 2.0])
    with GradientTape(), pytest.raises(TypeError, match="makes a constant of the tensors in its data"):
        Tensor(data(t))
    assert Tensor([t[0], t[1]]).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("container", [list, tuple])
def test_tensors_inside_sequences_are_followed_where_numpy_wants_sequences(container):  # row 7
    t, u = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    with GradientTape() as tape:
        y = np.sum(np.stack(container([t, u, t])) ** 2)
    assert [each.tolist() for each in tape.gradient(y, [t, u])] == [[4.0, 8.0], [6.0, 8.0]]


def test_views_copies_and_pickles_are_tensors_that_nothing_has_recorded():  # row 2
    x = Tensor([1.0, 2.0])
    with GradientTape() as tape:
        y = x * x
    for other in (copy.deepcopy(y), pickle.loads(pickle.dumps(y)), y[:1], y.view(), copy.copy(y)):  # noqa: S301
        assert isinstance(other, Tensor)
        assert other.grad is None
        with pytest.raises(ValueError, match=r"not recorded|no GradientTape"):
            tape.gradient(np.sum(other), [x])
        with pytest.raises(ValueError, match="no GradientTape recorded"):
            other.backward()


def test_a_copy_on_the_record_is_followed():
    x = Tensor([1.0, 2.0])
    with GradientTape() as tape:
        y = np.sum(copy.copy(x) * x.copy() * np.copy(x) * x.flatten())
    assert tape.gradient(y, [x])[0].tolist() == [4.0, 32.0]


def test_off_the_record_flatten_copies_and_ravel_does_not():
    x = Tensor([[1.0, 2.0]])
    x.flatten()[0] = 5.0
    assert x[0, 0] == 1.0
    x.ravel()[0] = 5.0
    assert x[0, 0] == 5.0


def test_tensors_are_compared_by_element_and_therefore_not_hashed():  # row 8
    x = Tensor([1.0, 2.0])
    assert (x == Tensor([1.0, 3.0])).tolist() == [True, False]
    with pytest.raises(TypeError, match="unhashable"):
        hash(x)


@pytest.mark.parametrize(
    "call", [np.sum, lambda x: x[0], lambda x: x.mean(), lambda x: x @ x, lambda x: x[0] * 2.0, np.linalg.norm, list]
)
def test_what_numpy_makes_a_scalar_stays_a_tensor(call):  # row 9
    x = Tensor([1.0, 2.0])
    with GradientTape():
        recorded = call(x)
    for result in (recorded, call(x)):
        assert all(isinstance(each, Tensor) for each in (result if isinstance(result, list) else [result]))


def test_a_comparison_is_a_plain_array():  # row 10
    x = Tensor([1.0, 2.0])
    with GradientTape() as tape:
        mask = x > 1.0
        y = np.sum(x[mask])
    assert type(mask) is np.ndarray
    assert tape.gradient(y, [x])[0].tolist() == [0.0, 1.0]


def test_printing_on_the_record_records_nothing():
    x = Tensor([1.0, 2.0])
    with GradientTape() as tape:
        y = x * 2.0
        assert f"{y!r} {y} {y[0]:.1f}" == "Tensor([2., 4.]) [2. 4.] 2.0"
    assert len(tape._nodes) == 2


@pytest.mark.parametrize("kind", [np.float64(2), np.float32(2), 2.0, 2, np.ones(2), np.arange(2)])
def test_a_gradient_has_the_dtype_of_its_source(kind):  # row 11
    x = Tensor([1.0, 2.0], np.float32)
    with GradientTape() as tape:
        y = np.sum(x * kind) + np.sum(x / np.sqrt(2.0))
    assert tape.gradient(y, [x])[0].dtype == np.float32
    y.backward()
    assert x.grad.dtype == np.float32
    assert (x * 2.0).dtype == (x + 1).dtype == np.float32


def test_changing_one_gradient_changes_no_other():  # row 13
    x, y = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    with GradientTape() as tape:
        z = np.sum(x + y)
    dx, dy = tape.gradient(z, [x, y])
    dx += 1.0
    assert dy.tolist() == [1.0, 1.0]
    z.backward()
    x.grad *= 5.0
    assert y.grad.tolist() == [1.0, 1.0]


def test_off_the_record_a_ufunc_fills_what_it_was_given():
    x, whole = Tensor([1.5, 2.25]), Tensor(np.zeros(2))
    fraction, returned = np.modf(x, out=(None, whole))
    assert returned is whole
    assert (fraction.tolist(), whole.tolist()) == ([0.5, 0.25], [1.0, 2.0])
    assert np.exp2(whole, out=whole) is whole
    assert whole.tolist() == [2.0, 4.0]
    assert np.cumsum(x, out=whole) is whole
