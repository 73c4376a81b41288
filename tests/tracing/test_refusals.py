"""Nothing is silently stale: what a program would freeze by mistake is refused, with the line and the way out."""

import inspect

import numpy as np
import pytest

import nnlite as nn
from nnlite.tracing import TracedStepError, TracedValueError

HERE = __file__


def batch(seed=0, n=4):
    return np.random.default_rng(seed).standard_normal((n, 3))


def line_of(function, text):
    """What an error says of the line of a function that has this text."""
    lines, first = inspect.getsourcelines(function)
    return f"in {HERE}, line {first + next(k for k, line in enumerate(lines) if text in line)}"


LOOKS = {
    "if total > 3": lambda x: x if np.sum(x) > 3 else -x,
    "while": lambda x: [x for _ in iter(lambda: bool(np.sum(x)), False)],
    "float": lambda x: x * float(np.sum(x)),
    "int": lambda x: x[: int(np.sum(x))],
    "range": lambda x: [x for _ in range(np.argmax(x[0]))],
    "item": lambda x: x * np.sum(x).item(),
    "tolist": lambda x: sum(x.tolist()[0]),
    "tobytes": lambda x: x.tobytes(),
    "in": lambda x: x if 3.0 in x else -x,
    "text": lambda x: f"{np.sum(x):.2f}",
    "print": str,
    "assert": lambda x: np.array_equal(x, x),
    "allclose": lambda x: np.allclose(x, 0.0),
    "mask": lambda x: x[x > 0],
    "nonzero": np.nonzero,
    "unique": np.unique,
    "repeat": lambda x: np.repeat(x, np.argmax(x, axis=1), axis=0),
    "iterate": lambda x: [1.0 if each > 0 else 0.0 for each in x[0]],
    "slice": lambda x: x[: np.argmax(x[0])],
    "max": lambda x: max(x[0]),
}


@pytest.mark.parametrize("name", LOOKS)
@pytest.mark.parametrize("kind", ["array", "tensor"])
def test_a_number_that_python_looks_at_is_refused_at_the_first_call(name, kind):
    def step(x):
        values = np.tanh(x) if kind == "array" else nn.Tensor(x)
        return LOOKS[name](values)

    with pytest.raises(TracedValueError, match="next call of this traced step") as caught:
        nn.traced(step)(batch())
    assert HERE in str(caught.value)
    assert "np.where" in str(caught.value) or "outside the step" in str(caught.value)


def test_an_array_of_indices_from_data_is_none_of_these():
    step = nn.traced(lambda x: (x[np.argmax(x[:, 0])], x[np.argsort(x[:, 0])], np.take(x, np.argmin(x, axis=0))))
    for seed in range(4):
        x = batch(seed)
        for one, other in zip(step(x), step.__wrapped__(x), strict=True):
            np.testing.assert_array_equal(one, other)


def test_the_line_is_that_of_the_user():
    def step(x):
        with nn.GradientTape():
            loss = np.sum(nn.Tensor(x) ** 2)
        if loss > 3:
            return loss
        return -loss

    with pytest.raises(TracedValueError) as caught:
        nn.traced(step)(batch())
    assert line_of(step, "if loss > 3") in str(caught.value)


def second_call(step, *, same=False):
    """The error of the second call, or with the same numbers first, of the third."""
    step(batch(0))
    if same:
        step(batch(0))
    with pytest.raises(TracedStepError) as caught:
        step(batch(1))
    return str(caught.value)


@pytest.mark.parametrize("same", [False, True])
def test_numbers_that_left_by_a_plain_array_are_found_by_comparison(same):
    def step(x):
        plain = np.asarray(np.tanh(x)) * 2.0
        return np.tanh(x) + plain

    message = second_call(nn.traced(step), same=same)
    assert line_of(step, "return np.tanh(x) + plain") in message
    assert "np.asarray(x)" in message


@pytest.mark.parametrize("same", [False, True])
def test_writing_into_a_plain_array_is_found(same):
    def step(x):
        kept = np.zeros((4, 3))
        kept[:] = np.tanh(x)
        return np.tanh(x) * kept

    message = second_call(nn.traced(step), same=same)
    assert line_of(step, "* kept") in message
    assert "array[:] = x" in message


def test_adding_to_an_array_that_is_made_anew_is_found():
    def step(x):
        total = np.zeros((4, 3))
        total += np.tanh(x)
        return np.tanh(total)

    message = second_call(nn.traced(step))
    assert line_of(step, "total += ") in message
    assert "np.zeros_like(x" in message


def test_a_result_that_nobody_told_of_is_refused_at_once():
    step = nn.traced(lambda x: np.asarray(x) * 2.0)
    with pytest.raises(TracedValueError, match=r"np.asarray\(x\)"):
        step(batch())


def test_a_counter_in_a_closure_is_found():
    count = 0

    @nn.traced
    def step(x):
        nonlocal count
        count += 1
        return x * count

    message = second_call(step)
    assert "count" in message
    assert line_of(step.__wrapped__, "count += 1") in message
    assert "nnlite.ask" in message


def test_a_counter_that_is_an_attribute_is_found():
    class Steps:
        def __init__(self):
            self.count = 0

        @nn.traced
        def step(self, x):
            self.count += 1
            return x * 2.0

    message = second_call(Steps().step)
    assert "self.count" in message or "count" in message


def test_a_rate_in_a_closure_that_changes_is_found_whenever_it_does():
    rate = 0.5

    @nn.traced
    def step(x):
        return np.tanh(x) * rate

    for seed in range(5):
        step(batch(seed))
    rate = 0.25
    with pytest.raises(TracedStepError) as caught:
        step(batch(9))
    assert line_of(step.__wrapped__, "* rate") in str(caught.value)
    assert "0.5" in str(caught.value)
    assert "0.25" in str(caught.value)
    assert "argument" in str(caught.value)


def test_random_numbers_that_were_not_asked_for_are_found():
    rng = np.random.default_rng(0)

    @nn.traced
    def step(x):
        return np.tanh(x) + rng.normal(size=x.shape)

    message = second_call(step)
    assert line_of(step.__wrapped__, "rng.normal") in message
    assert "nnlite.ask" in message


def test_random_numbers_that_are_asked_for_are_those_of_the_generator():
    rng, same = np.random.default_rng(0), np.random.default_rng(0)
    step = nn.traced(lambda x: np.tanh(x) + nn.ask(rng.normal, size=x.shape))
    for seed in range(5):
        x = batch(seed)
        np.testing.assert_array_equal(step(x), np.tanh(x) + same.normal(size=x.shape))


def test_a_list_that_grows_is_found():
    history = []

    @nn.traced
    def step(x):
        y = np.tanh(x)
        history.append(y)
        return y

    assert "the length of history" in second_call(step)


def test_writing_to_an_argument_is_refused():
    def step(x):
        x *= 2.0
        return x

    with pytest.raises(TracedValueError) as caught:
        nn.traced(step)(batch())
    assert line_of(step, "x *= 2.0") in str(caught.value)
    assert "compute a new array" in str(caught.value)


def test_a_value_that_is_returned_and_changes_is_found():
    numbers = iter(range(100))
    assert "another value" in second_call(nn.traced(lambda x: (np.tanh(x), next(numbers))))


def test_what_differs_later_is_found_by_checking_every_so_many_calls():
    numbers = iter([1.0] * 5 + [2.0] * 100)
    step = nn.traced(checked=4)(lambda x: np.tanh(x) * next(numbers))
    for seed in range(7):
        step(batch(seed))
    with pytest.raises(TracedStepError, match=r"at first it was given 1\.0, now 2\.0"):
        step(batch(7))


def test_after_an_error_nothing_is_replayed():
    numbers = iter(range(100))
    step = nn.traced(lambda x: np.tanh(x) * next(numbers))
    for _ in range(3):
        assert second_call(step)


def test_a_number_that_is_asked_for_is_not_calculated_with_in_python():
    step = nn.traced(lambda x: np.tanh(x) * (2.0 * nn.ask(lambda: 3.0)))
    with pytest.raises(TracedValueError, match="calculate within the function"):
        step(batch())


def test_a_condition_that_is_asked_for_has_to_stay():
    answers = iter([True, True, True, False])
    step = nn.traced(lambda x: np.tanh(x) if nn.ask(lambda: next(answers)) else x)
    for seed in range(3):
        np.testing.assert_array_equal(step(batch(seed)), np.tanh(batch(seed)))
    with pytest.raises(RuntimeError, match="another value than when it was traced"):
        step(batch(3))
