"""What a traced function may be given, may do and may return, and what it keeps."""

import copy
import gc
import pickle
import threading
import tracemalloc

import numpy as np
import pytest

import nnlite as nn
from nnlite.tracing import TracedStepError, TracedValueError


def batch(seed=0, shape=(4, 3), dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def test_results_keep_their_containers_and_kinds():
    @nn.traced
    def step(x, *, scale=2.0):
        y = np.tanh(x) * scale
        return {"y": y, "parts": [np.sum(y), (None, "text", 3)], "tensor": nn.Tensor(y)}

    for seed in range(4):
        x = batch(seed)
        y, found = np.tanh(x) * 3.0, step(x, scale=3.0)
        assert list(found) == ["y", "parts", "tensor"]
        np.testing.assert_array_equal(found["y"], y)
        assert type(found["y"]) is np.ndarray
        assert found["parts"][0] == np.sum(y)
        assert isinstance(found["parts"][0], np.float64)
        assert found["parts"][1] == (None, "text", 3)
        assert isinstance(found["tensor"], nn.Tensor)


def test_each_value_of_an_argument_has_a_line_of_its_own():
    @nn.traced
    def step(x, how=None, *, times=1, twice=False):
        y = np.tanh(x) if how == "tanh" else np.sin(x)
        for _ in range(times):
            y = y * 2.0
        return y * 2.0 if twice else y

    for seed in range(4):
        x = batch(seed)
        np.testing.assert_array_equal(step(x), np.sin(x) * 2.0)
        np.testing.assert_array_equal(step(x, "tanh"), np.tanh(x) * 2.0)
        np.testing.assert_array_equal(step(x, times=3), np.sin(x) * 8.0)
        np.testing.assert_array_equal(step(x, times=True), np.sin(x) * 2.0)
        np.testing.assert_array_equal(step(x, twice=True), np.sin(x) * 4.0)


def test_zero_and_minus_zero_are_two_values():
    step = nn.traced(np.copysign)
    for _ in range(3):
        np.testing.assert_array_equal(np.signbit(step(batch(), 0.0)), False)
        np.testing.assert_array_equal(np.signbit(step(batch(), -0.0)), True)


def test_arguments_by_name_may_come_in_any_order():
    step = nn.traced(lambda x, y: x - 2.0 * y)
    for seed in range(4):
        x, y = batch(seed), batch(seed + 10)
        np.testing.assert_array_equal(step(x=x, y=y), x - 2.0 * y)
        np.testing.assert_array_equal(step(y=y, x=x), x - 2.0 * y)
        np.testing.assert_array_equal(step(x, y=y), x - 2.0 * y)


def test_shapes_strides_and_dtypes_have_lines_of_their_own():
    step = nn.traced(lambda x: np.sum(np.exp(x) @ np.ones((x.shape[1], 2)), axis=0))
    for seed in range(3):
        x = batch(seed, (6, 8))
        forms = [x, x[:5], x.T, x[::2], x[:, ::-1], np.asfortranarray(x), x[::-1, 1::3], x.astype(np.float32), x[:0]]
        forms += [np.broadcast_to(x[0], (6, 8)), x.astype(">f8"), x.astype(np.float16)]
        for each in forms:
            expected = np.sum(np.exp(each) @ np.ones((each.shape[1], 2)), axis=0)
            assert step(each).tobytes() == expected.tobytes()


def test_the_same_array_twice_does_not_mean_that_it_always_is():
    step = nn.traced(lambda x, y: x * 2.0 + y)
    for seed in range(3):
        step(batch(seed), batch(seed))
        x = batch(seed)
        np.testing.assert_array_equal(step(x, x), x * 2.0 + x)
        np.testing.assert_array_equal(step(x[:3], x[1:]), x[:3] * 2.0 + x[1:])
        np.testing.assert_array_equal(step(x, batch(9)), x * 2.0 + batch(9))


def test_arrays_in_lists_and_dicts_are_arguments():
    step = nn.traced(lambda parts, named: np.concatenate([*parts, named["x"]]) * 2.0)
    for seed in range(4):
        x = batch(seed)
        np.testing.assert_array_equal(step([x, x + 1], {"x": x}), np.concatenate([x, x + 1, x]) * 2.0)


def test_an_argument_may_be_a_parameter():
    model = nn.Dense(3, 3, rng=np.random.default_rng(0))
    step = nn.traced(lambda x, weight: x @ weight + model(x))
    for seed in range(4):
        x = batch(seed, dtype=np.float32)
        other = batch(seed + 9, (3, 3), np.float32)
        for weight in (model.weight, other):
            np.testing.assert_array_equal(step(x, weight), x @ weight + model(x))
        model.weight *= 0.5


def test_gradients_of_arguments_by_a_tape():
    def slopes(x, w):
        with nn.GradientTape() as tape:
            y = np.sum(np.sin(x) * w)
        return tape.gradient(y, [w, x, x])

    step = nn.traced(slopes)
    for seed in range(4):
        x, w = nn.Tensor(batch(seed)), nn.Tensor(batch(seed + 9))
        for one, other in zip(step(x, w), slopes(x, w), strict=True):
            assert one.tobytes() == other.tobytes()


def test_backward_to_an_argument_is_refused():
    @nn.traced
    def step(x):
        with nn.GradientTape():
            loss = np.sum(x**2)
        loss.backward()
        return loss

    with pytest.raises(TracedValueError, match=r"tape.gradient"):
        step(nn.Tensor(batch()))


@pytest.mark.parametrize("optimizer", [lambda p: nn.SGD(p, 0.1), lambda p: nn.SGD(p, 0.1, clip_norm=1e-3), nn.Adam])
def test_gradients_add_up_over_calls_until_a_step_uses_them(optimizer, in_step):
    def make():
        model = nn.Dense(3, 2, "tanh", rng=np.random.default_rng(0))
        update = optimizer(model.parameters())

        def step(x, twice, last):
            for _ in range(1 + twice):
                with nn.GradientTape():
                    loss = np.sum(model(x) ** 2)
                loss.backward()
            if last:
                update.step()
            return [loss, *(np.zeros(1) if p.grad is None else p.grad * 1.0 for p in model.parameters() if not last)]

        return step, model, update

    order = [(0, 0), (0, 0), (1, 1), (1, 0), (0, 1), (0, 1)]
    in_step(make, [(batch(k, dtype=np.float32), *map(bool, order[k % 6])) for k in range(36)])


def test_a_gradient_from_outside_is_used_by_a_traced_update():
    def make(wrap=lambda update: update):
        model = nn.Dense(3, 2, rng=np.random.default_rng(0))
        optimizer = nn.SGD(model.parameters(), 0.1, 0.9)
        update = wrap(optimizer.step)

        def step(x):
            with nn.GradientTape():
                loss = np.sum(model(x) ** 2)
            loss.backward()
            update()
            return loss

        return step, model, optimizer

    (step, *states), (traced, *others) = make(), make(nn.traced)
    for k in range(8):
        x = batch(k, dtype=np.float32)
        assert step(x) == traced(x)
        for one, other in zip(states, others, strict=True):
            for name, array in one.state().items():
                assert array.tobytes() == other.state()[name].tobytes()


def test_what_was_loaded_is_what_is_computed_with():
    model = nn.Sequential(nn.Dense(3, 3, rng=np.random.default_rng(0)), nn.BatchNorm(3))
    step = nn.traced(lambda x: model(x, training=False))
    for seed in range(6):
        x = batch(seed, dtype=np.float32)
        np.testing.assert_array_equal(step(x), model(x, training=False))
        model.load_state({name: np.abs(array) + seed for name, array in model.state().items()})


def test_what_was_loaded_is_what_is_trained_on():
    def make():
        model = nn.Sequential(nn.Dense(3, 3, rng=np.random.default_rng(0)), nn.BatchNorm(3))
        optimizer = nn.SGD(model.parameters(), 0.1, 0.5)

        def update(x):
            with nn.GradientTape():
                loss = np.mean(np.sin(model(x, training=True)))
            loss.backward()
            optimizer.step()
            return loss

        return update, model, optimizer

    (update, model, optimizer), (other, mine, its) = make(), make()
    step = nn.traced(other)
    for seed in range(9):
        x = batch(seed, dtype=np.float32)
        assert update(x) == step(x)
        assert all(a.tobytes() == mine.state()[name].tobytes() for name, a in model.state().items())
        if seed % 3 == 2:
            state, moments = model.state(), optimizer.state()
            for each in (model, mine):
                each.load_state({name: array * 0.5 + 0.5 for name, array in state.items()})
            for each in (optimizer, its):
                each.load_state(moments)


@pytest.mark.parametrize("name", ["weight", "bias", "activation", "layer", "list"])
def test_what_is_exchanged_is_noticed(name):
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Dense(3, 3, np.tanh, rng=rng), nn.Dense(3, 3, np.tanh, rng=rng))
    step = nn.traced(lambda x: model(x) * 2.0)
    for seed in range(9):
        x = batch(seed, dtype=np.float32)
        np.testing.assert_array_equal(step(x), model(x) * 2.0)
        if seed % 3 == 2:
            first = model.layers[0]
            if name == "weight":
                first.weight = nn.Tensor(batch(seed, (3, 3), np.float32))
            elif name == "bias":
                first.bias = nn.Tensor(batch(seed, 3, np.float32))
            elif name == "activation":
                first.activation = np.sin if first.activation is np.tanh else np.tanh
            elif name == "layer":
                model = nn.Sequential(nn.Dense(3, 3, rng=rng))
            else:
                model.layers = [nn.Dense(3, 3, "relu", rng=rng), *model.layers[1:]]


def test_a_helper_that_is_exchanged_is_noticed():
    def double(x):
        return x * 2.0

    def half(x):
        return x * 0.5

    helper = double
    step = nn.traced(lambda x: helper(np.tanh(x)))
    for seed in range(3):
        np.testing.assert_array_equal(step(batch(seed)), np.tanh(batch(seed)) * 2.0)
    helper = half
    for seed in range(3):
        np.testing.assert_array_equal(step(batch(seed)), np.tanh(batch(seed)) * 0.5)


def test_arrays_that_are_written_to_from_outside_are_read_where_they_lie():
    table = batch(5, (1, 3))
    step = nn.traced(lambda x: np.tanh(x) * table)
    for seed in range(4):
        np.testing.assert_array_equal(step(batch(seed)), np.tanh(batch(seed)) * table)
        table[...] = batch(seed + 20, (1, 3))


def test_calls_on_arrays_from_outside_alone_are_made_again():
    table, scales = batch(5, (4, 3)), {"x": [batch(6, (1, 3))]}
    step = nn.traced(lambda x, k: x * (table * 2.0)[k] + table[k] + np.sum(scales["x"][0] ** 2) * (table > 0))
    for seed in range(6):
        x, k = batch(seed), np.random.default_rng(seed).integers(0, 4, 4)
        np.testing.assert_array_equal(step(x, k), step.__wrapped__(x, k))
        table *= -0.5
        scales["x"][0] += 1.0
    assert type(table) is type(scales["x"][0]) is np.ndarray


class Rates:
    """What a function may find at a class."""

    rate = 0.5


def test_a_number_at_a_class_that_changes_is_noticed():
    rates = Rates()
    step = nn.traced(lambda x: x * rates.rate)
    for seed in range(3):
        step(batch(seed))
    Rates.rate = 0.25
    with pytest.raises(TracedStepError, match=r"0\.25"):
        step(batch(3))


def test_the_numbers_of_a_step_are_not_kept_twice():
    step = nn.traced(lambda x: np.sum(np.tanh(np.exp(np.sin(x @ np.ones((300, 300)))) @ np.ones((300, 300)))))
    tracemalloc.start()
    try:
        for seed in range(4):
            step(batch(seed, (200, 300)))
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < step.memory + 2 * 300 * 300 * 8 + 300_000


def test_writing_in_place_happens_again():
    total = nn.Tensor(np.zeros((4, 3)))

    @nn.traced
    def step(x):
        y = np.tanh(x)
        y[1:] += 1.0
        y[0] = 5.0
        y[:, 0] *= 2.0
        np.add.at(y, [0, 0], 1.0)
        y.sort(axis=1)
        np.copyto(y, 9.0, where=y > 8.0)
        total[...] += y
        return y, total

    expected = np.zeros((4, 3))
    for seed in range(5):
        y = np.tanh(batch(seed))
        y[1:] += 1.0
        y[0] = 5.0
        y[:, 0] *= 2.0
        np.add.at(y, [0, 0], 1.0)
        y.sort(axis=1)
        np.copyto(y, 9.0, where=y > 8.0)
        expected += y
        found, sums = step(batch(seed))
        np.testing.assert_array_equal(found, y)
        np.testing.assert_array_equal(sums, expected)


def test_views_several_results_and_named_tuples():
    def step(x):
        first, second = np.split(x, 2)
        q, r = np.linalg.qr(first)
        low, high = np.divmod(second, 0.3)
        part = np.reshape(a=x, newshape=(2, -1)) if np.__version__ < "2.1" else np.reshape(x, shape=(2, -1))
        wide, narrow = np.broadcast_arrays(first, second[:1])
        return q @ r + wide, low - high, part.T[::-1], narrow.copy(), np.real(x), x.imag, np.diff(x, axis=0)

    traced = nn.traced(step)
    for seed in range(4):
        x = batch(seed)
        for one, other in zip(traced(x), step(x), strict=True):
            assert one.tobytes() == other.tobytes()


def test_results_are_the_callers_own():
    step = nn.traced(lambda x: (np.tanh(x), np.tanh(x).T, np.sum(x), x))
    results, copies = [], []
    for seed in range(6):
        results.append(step(batch(seed)))
        copies.append(copy.deepcopy(results[-1]))
    for one, other in zip(results, copies, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    results[-1][0][...] = 7.0
    assert not np.any(step(batch(0))[0] == 7.0)


@pytest.mark.parametrize("labels", [[0, 1, 2, 9], [0, 1, 2, -1]])
def test_an_error_of_the_numbers_is_the_same_when_it_is_replayed(labels):
    def loss(x, labels):
        return nn.softmax_cross_entropy(x, labels)

    step = nn.traced(loss)
    x, good = batch(0), np.array([0, 1, 2, 0])
    with pytest.raises((IndexError, ValueError)) as expected:
        loss(x, np.array(labels))
    for _ in range(3):
        step(x, good)
        with pytest.raises(type(expected.value)) as caught:
            step(x, np.array(labels))
        assert str(caught.value) == str(expected.value)
        np.testing.assert_array_equal(step(x, good), loss(x, good))


def test_an_embedding_checks_its_indices_at_each_call():
    layer = nn.Embedding(4, 2, rng=np.random.default_rng(0))
    step = nn.traced(layer)
    for k in range(4):
        np.testing.assert_array_equal(step(np.array([0, k])), layer(np.array([0, k])))
    for wrong in (-1, 4):
        with pytest.raises(ValueError, match="Embedding takes integers"):
            step(np.array([0, wrong]))


def test_an_exception_of_the_function_is_its_own_and_leaves_nothing_behind():
    fail = True

    @nn.traced
    def step(x):
        y = np.tanh(x)
        if fail:
            raise KeyError("mine")
        return y

    for _ in range(2):
        with pytest.raises(KeyError, match="mine"):
            step(batch())
    fail = False
    for seed in range(3):
        np.testing.assert_array_equal(step(batch(seed)), np.tanh(batch(seed)))


def test_what_is_asked_for_may_come_from_an_iterator_and_write_to_arrays():
    numbers = iter(range(100))
    batches = iter([batch(k) for k in range(100)])

    def double(array):
        array *= 2.0

    @nn.traced(checked=3)
    def step(x):
        y = np.tanh(x)
        nn.ask(double, y)
        return y * nn.ask(next, numbers) + nn.ask(next, batches)

    for k in range(12):
        np.testing.assert_array_equal(step(batch(k)), np.tanh(batch(k)) * 2.0 * k + batch(k))


def test_what_is_asked_for_keeps_its_precision():
    step = nn.traced(lambda x: (x * nn.ask(lambda: np.float64(3.0)), x * nn.ask(lambda: 3.0), x + nn.ask(lambda: 2)))
    for seed in range(3):
        wide, narrow, whole = step(batch(seed, dtype=np.float32))
        assert (wide.dtype, narrow.dtype, whole.dtype) == (np.float64, np.float32, np.float32)


def test_an_array_that_is_asked_for_has_one_shape():
    lengths = iter([4, 4, 4, 1])
    step = nn.traced(lambda x: np.tanh(x) + nn.ask(lambda: np.ones((next(lengths), 1))))
    for seed in range(3):
        step(batch(seed))
    with pytest.raises(RuntimeError, match="another shape"):
        step(batch(4))


def test_methods_are_traced_for_each_object():
    class Scaled:
        def __init__(self, scale):
            self.scale = np.array(scale)

        @nn.traced
        def step(self, x):
            return np.tanh(x) * self.scale

    objects = [Scaled(2.0), Scaled(3.0)]
    for seed in range(3):
        for each in objects:
            np.testing.assert_array_equal(each.step(batch(seed)), np.tanh(batch(seed)) * each.scale)
    assert objects[0].step is not objects[1].step
    assert copy.deepcopy(objects[1]).step(batch())[0, 0] == objects[1].step(batch())[0, 0]


def test_a_traced_function_within_another_one_or_under_a_tape_runs_as_it_stands():
    inner = nn.traced(lambda x: np.sum(np.tanh(x) ** 2))
    outer = nn.traced(lambda x: inner(x) * 2.0)
    for seed in range(3):
        x = nn.Tensor(batch(seed))
        assert outer(x) == np.sum(np.tanh(x) ** 2) * 2.0
        with nn.GradientTape() as tape:
            y = inner(x)
        (slope,) = tape.gradient(y, [x])
        np.testing.assert_allclose(slope, 2 * np.tanh(x) * (1 - np.tanh(x) ** 2))


def test_threads_have_lines_of_their_own():
    weight = batch(1, (3, 3))
    step = nn.traced(lambda x: np.tanh(np.tanh(x @ weight) @ weight))
    wrong = []

    def work(start):
        for k in range(start, start + 60):
            x = batch(k)
            if step(x).tobytes() != np.tanh(np.tanh(x @ weight) @ weight).tobytes():
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(1000 * k,)) for k in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong


def test_what_another_thread_traces_is_traced_here_as_well():
    table, started, finish = batch(1, (3, 3)), threading.Event(), threading.Event()
    found = []

    def slowly(x):
        y = np.tanh(x @ table)
        if threading.current_thread() is not threading.main_thread():
            started.set()
            finish.wait(5)
        return y * table[0]

    slow = nn.traced(slowly)
    thread = threading.Thread(target=lambda: found.append(slow(batch(0))))
    thread.start()
    started.wait(5)
    quick = nn.traced(lambda x: np.tanh(x) * table[0])
    for seed in range(4):
        np.testing.assert_array_equal(quick(batch(seed)), np.tanh(batch(seed)) * table[0])
    assert (quick._traces, quick._replays) == (1, 3)
    finish.set()
    thread.join()
    np.testing.assert_array_equal(found[0], np.tanh(batch(0) @ table) * table[0])
    assert type(table) is np.ndarray


def test_floating_point_errors_are_treated_as_the_function_says():
    @nn.traced
    def step(x):
        with np.errstate(divide="ignore", invalid="ignore"):
            y = np.log(x * 0.0)
            z = y * 0.0
        return y, z

    for seed in range(3):
        step(np.abs(batch(seed)))
    step = nn.traced(np.log)
    for _ in range(3):
        with pytest.warns(RuntimeWarning, match="divide by zero"):
            step(np.zeros(3))


def test_memory_is_shared_between_values_whose_lives_do_not_overlap(executed, assert_same):
    @nn.traced
    def step(x):
        y = x
        for _ in range(20):
            y = np.sin(y @ np.ones((30, 30)))
        return y

    for seed in range(3):
        x = batch(seed, (20, 30))
        step(x)
    one = x.nbytes
    assert step.memory <= 3 * one
    assert_same(executed(step, x), step(x))


def test_a_step_that_was_never_called_has_no_source():
    step = nn.traced(lambda x: x)
    for name in ("source", "arrays", "memory"):
        with pytest.raises(RuntimeError, match="not called yet"):
            getattr(step, name)


def test_an_object_with_a_traced_method_can_be_pickled():
    model = Model()
    x = batch(0, dtype=np.float32)
    expected = [model.step(x) for _ in range(3)][-1]
    other = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own
    np.testing.assert_array_equal(other.step(x), expected)


class Model(nn.Layer):
    """A layer with a traced method."""

    def __init__(self):
        self.weight = nn.Tensor(np.eye(3), np.float32)

    @nn.traced
    def step(self, x):
        return np.tanh(x @ self.weight)


def test_a_tensor_that_the_step_makes_for_itself_is_no_reason_to_trace_anew(in_step):
    def make():
        model = nn.Dense(3, 2, rng=np.random.default_rng(0))
        optimizer = nn.SGD(model.parameters(), 0.1)

        def step(x):
            with nn.GradientTape():
                loss = np.sum((model(nn.Tensor(x)) - nn.Tensor(np.ones((4, 2), np.float32))) ** 2)
            loss.backward()
            optimizer.step()
            return loss

        return step, model, optimizer

    step = in_step(make, [(batch(k, dtype=np.float32),) for k in range(12)])
    assert (step._traces, step._replays) == (1, 11)


def test_a_step_that_is_traced_over_and_over_warns():
    step = nn.traced(lambda x, number: x * number)
    for k in range(63):
        step(batch(0), k)
    with pytest.warns(RuntimeWarning, match="traced 64 times"):
        step(batch(0), 63)
