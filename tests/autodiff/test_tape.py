"""What a tape records, and what may be asked of it."""

# ruff: noqa: ARG001, ARG005 - a rule takes all of its primitive's arguments

import asyncio
import contextlib
import contextvars
import threading

import numpy as np
import pytest

from nnlite.autodiff import GradientTape, Tensor, primitive, relu, stop_gradient


def square_sum(x):
    with GradientTape() as tape:
        y = np.sum(x**2)
    return tape, y


def test_the_example_of_the_documentation_holds():
    x = Tensor([1.0, 2.0])
    with GradientTape() as tape:
        y = np.sum(np.sin(x) * x**2)
    (dx,) = tape.gradient(y, [x])
    np.testing.assert_allclose(dx, np.cos(x) * x**2 + 2 * x * np.sin(x))


def test_off_the_record_nothing_is_tracked():
    x = Tensor([1.0])
    y = np.sum(x * 2.0)
    with pytest.raises(ValueError, match="no GradientTape recorded"):
        y.backward()


def test_gradients_of_intermediate_values_and_of_sources_that_feed_each_other():  # row 14
    x = Tensor(3.0)
    with GradientTape() as tape:
        y = x * x
        z = y * y + x
    assert [float(each) for each in tape.gradient(z, [x, y, z])] == [109.0, 18.0, 1.0]


def test_a_tensor_used_in_many_places_gets_the_sum():
    x = Tensor(2.0)
    with GradientTape() as tape:
        y = sum([x * k for k in range(5)], start=x) + x / x
    assert float(tape.gradient(y, [x])[0]) == 11.0


def test_backward_adds_to_grad_of_every_leaf():
    x, unused = Tensor([1.0, 2.0]), Tensor(1.0)
    for times in (1, 2):
        with GradientTape():
            y = np.sum(x**2)
        y.backward()
        assert type(x.grad) is np.ndarray
        assert x.grad.tolist() == [2.0 * times, 4.0 * times]
    assert unused.grad is None


def test_backward_of_a_leaf_itself_gives_one():
    x = Tensor(2.0)
    with GradientTape() as tape:
        y = +x
    assert float(tape.gradient(x, [x])[0]) == 1.0
    y.backward()
    assert x.grad.shape == ()
    assert type(x.grad) is np.ndarray


def test_backward_with_sources_leaves_all_others_alone_and_computes_nothing_for_them():  # row 15
    asked = []

    def product(g, y, a, b):
        asked.append(b)
        return g * b

    times = primitive(product, lambda g, y, a, b: g * a)(lambda a, b: a * b)
    x, w = Tensor(2.0), Tensor(3.0)
    with GradientTape():
        y = times(x, w)
    y.backward([w])
    assert x.grad is None
    assert float(w.grad) == 2.0
    assert asked == []


def test_a_rule_is_never_asked_about_plain_arrays():  # row 15
    def product(g, y, a, b):
        raise AssertionError

    times = primitive(product, lambda g, y, a, b: g * a)(lambda a, b: a * b)
    w = Tensor(3.0)
    with GradientTape():
        y = times(np.array(2.0), w)
    y.backward()
    assert float(w.grad) == 2.0


def test_a_tape_serves_many_gradients_but_one_backward():
    x = Tensor([1.0, 2.0])
    tape, y = square_sum(x)
    assert tape.gradient(y, [x])[0].tolist() == tape.gradient(y, [x])[0].tolist()
    y.backward()
    for use in (y.backward, lambda: tape.gradient(y, [x]), tape.__enter__):
        with pytest.raises(RuntimeError, match=r"used up by backward\(\)"):
            use()


def test_a_tape_that_is_entered_again_goes_on_recording():
    x, w = Tensor(2.0), Tensor(3.0)
    with GradientTape() as tape:
        drawn = x * x
    w[...] = 5.0
    with tape:
        loss = drawn * w
    loss.backward([x])
    assert float(x.grad) == 20.0


def test_a_tape_is_not_entered_while_it_records():
    tape = GradientTape()
    with tape, pytest.raises(RuntimeError, match="recording already"):
        tape.__enter__()
    with tape:
        y = Tensor(1.0) * 2.0
        with pytest.raises(RuntimeError, match="inside its own GradientTape"):
            y.backward()


def test_an_error_inside_the_block_ends_the_recording():  # row 16
    with pytest.raises(KeyError), GradientTape():
        raise KeyError
    y = Tensor(1.0) * 2.0
    with pytest.raises(ValueError, match="no GradientTape recorded"):
        y.backward()


@pytest.mark.parametrize(
    ("sources", "error"),
    [
        (lambda x: x, "list of tensors"),
        (lambda x: [np.array([1.0, 2.0])], "list of tensors"),
        (lambda x: [x, 1.0], "list of tensors"),
    ],
)
def test_sources_are_tensors(sources, error):
    x = Tensor([1.0, 2.0])
    tape, y = square_sum(x)
    with pytest.raises(TypeError, match=error):
        tape.gradient(y, sources(x))
    with pytest.raises(TypeError, match=error):
        y.backward(sources(x))
    with pytest.raises(ValueError, match="no leaf of this GradientTape"):
        y.backward([Tensor(1.0)])


def test_sources_may_come_from_a_generator():
    x = Tensor([1.0, 2.0])
    tape, y = square_sum(x)
    assert tape.gradient(y, (each for each in [x]))[0].tolist() == [2.0, 4.0]
    y.backward(each for each in [x])
    assert x.grad.tolist() == [2.0, 4.0]


def test_only_a_scalar_has_a_gradient_of_its_own():
    x = Tensor([1.0, 2.0])
    with GradientTape() as tape:
        y = x**2
    with pytest.raises(ValueError, match=r"the target has shape \(2,\): only a scalar"):
        tape.gradient(y, [x])
    with pytest.raises(ValueError, match="only a scalar"):
        y.backward()
    assert tape.gradient(y, [x], output_gradient=[1, 10])[0].tolist() == [2.0, 40.0]
    with pytest.raises(ValueError, match=r"output_gradient has shape \(3,\), the target \(2,\)"):
        tape.gradient(y, [x], output_gradient=np.ones(3))


def test_the_target_must_be_on_the_tape():
    x = Tensor([1.0, 2.0])
    tape, _ = square_sum(x)
    for other in (np.sum(x), np.float64(1.0), square_sum(Tensor([1.0]))[1]):
        with pytest.raises(ValueError, match="target was not recorded on this GradientTape"):
            tape.gradient(other, [x])


def test_an_unconnected_source_raises_or_has_zeros_by_request():
    x, other = Tensor([1.0, 2.0]), Tensor(np.ones((2, 1)), np.float32)
    tape, y = square_sum(x)
    with pytest.raises(ValueError, match="does not depend on source 1"):
        tape.gradient(y, [x, other])
    zero = tape.gradient(y, [x, other], unconnected_zero=True)[1]
    assert (zero.tolist(), zero.dtype) == ([[0.0], [0.0]], np.float32)
    with tape:
        np.sum(other)
    with pytest.raises(ValueError, match="given a source that the target does not depend on"):
        y.backward([x, other])


def test_stop_gradient_ends_the_way_back():
    x = Tensor([1.0, 2.0])
    with GradientTape() as tape:
        y = np.sum(stop_gradient(x) * x)
    assert type(stop_gradient(x)) is np.ndarray
    assert tape.gradient(y, [x])[0].tolist() == [1.0, 2.0]


# --- gradients of gradients (row 17)


def nth_derivative(function, order):
    if order == 0:
        return function

    def derivative(x):
        with GradientTape() as tape:
            y = nth_derivative(function, order - 1)(x)
        return tape.gradient(y, [x])[0]

    return derivative


@pytest.mark.parametrize(
    ("function", "third"),
    [
        (lambda x: x**5, lambda x: 60 * x**2),
        (np.sin, lambda x: -np.cos(x)),
        (np.exp, np.exp),
        (np.log, lambda x: 2 / x**3),
        (lambda x: np.linalg.norm(np.stack([x, x])), lambda x: 0 * x),
        (lambda x: np.prod(np.stack([x, x, x])), lambda x: 6 + 0 * x),
        (lambda x: np.sum(x[None][[0, 0]] ** 4), lambda x: 48 * x),
        (np.tanh, lambda x: (1 - np.tanh(x) ** 2) * (6 * np.tanh(x) ** 2 - 2)),
    ],
)
def test_third_derivatives(function, third):
    x = Tensor(0.7)
    np.testing.assert_allclose(nth_derivative(function, 3)(x), third(np.array(0.7)), rtol=1e-10, atol=1e-12)


def test_one_tape_can_record_its_own_gradient():
    x = Tensor([1.0, 2.0])
    with GradientTape() as tape:
        y = np.sum(x**3)
        (dx,) = tape.gradient(y, [x])
        z = np.sum(dx**2)
    np.testing.assert_allclose(tape.gradient(z, [x])[0], 36 * np.array([1.0, 8.0]))


def test_a_gradient_penalty_reaches_parameters_through_backward():
    x, w = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    with GradientTape():
        with GradientTape() as inner:
            y = np.sum((w * x) ** 2)
        (dx,) = inner.gradient(y, [x])
        penalty = np.sum(dx**2)
    penalty.backward([w])
    np.testing.assert_allclose(w.grad, 16 * np.array([27.0, 64.0]) * np.array([1.0, 4.0]))


def test_the_gradient_can_be_differentiated_by_what_it_began_with():
    x, u = Tensor([1.0, 2.0]), Tensor([5.0, 6.0], np.float32)
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = x**2
        (product,) = inner.gradient(y, [x], output_gradient=u)
        total = np.sum(product)
    assert outer.gradient(total, [u])[0].tolist() == [2.0, 4.0]


# --- several tapes


def test_nested_tapes_both_record():
    x = Tensor(3.0)
    with GradientTape() as outer, GradientTape() as inner:
        y = x * x
    assert float(outer.gradient(y, [x])[0]) == float(inner.gradient(y, [x])[0]) == 6.0


def test_a_leaf_of_one_tape_may_be_a_value_of_another():
    x, w = Tensor(3.0), Tensor(2.0)
    with GradientTape():
        y = x * x
    with GradientTape() as tape:
        z = y * w
    assert float(tape.gradient(z, [y])[0]) == 2.0
    assert float(tape.gradient(z, [w])[0]) == 9.0


@pytest.mark.parametrize("used_up", [False, True])
def test_a_way_that_leads_over_another_tape_is_found_out(used_up):
    x = Tensor(3.0)
    with GradientTape() as first:
        y = x * x
    with GradientTape() as second:
        z = y * x
    if used_up:
        y.backward()
    with pytest.raises(ValueError, match="also depends on a tensor that another GradientTape recorded"):
        second.gradient(z, [x])
    with pytest.raises(ValueError, match="another GradientTape recorded"):
        z.backward()
    del first


def test_a_gradient_taken_on_an_inner_tape_that_the_outer_did_not_hear_is_found_out():
    x = Tensor(3.0)
    with GradientTape() as inner:
        y = np.sin(x) * x
    with GradientTape() as outer:
        (dx,) = inner.gradient(y, [x])
    with pytest.raises(ValueError, match="another GradientTape recorded"):
        outer.gradient(dx, [x])


def test_what_backward_has_freed_is_missed_by_another_tape_that_recorded_it_too():
    x = Tensor(3.0)
    with GradientTape() as outer:
        with GradientTape():
            y = x * x
        y.backward()
        z = y * x
        unrelated = x + x
    with pytest.raises(RuntimeError, match=r"np\.multiply .*was freed by backward\(\) of another GradientTape"):
        outer.gradient(z, [x])
    assert float(outer.gradient(unrelated, [x])[0]) == 2.0
    with pytest.raises(RuntimeError, match="was freed"):
        z.backward()


def test_a_gradient_under_an_outer_tape_shares_no_memory_with_another_or_what_it_began_with():  # row 13
    x, y, u = Tensor([1.0, 2.0]), Tensor([3.0, 4.0]), Tensor([5.0, 6.0])
    for begin in (None, u):
        with GradientTape() as outer:
            with GradientTape() as inner:
                z = x + y if begin is u else np.sum(x + y)
            gradients = inner.gradient(z, [x, y], output_gradient=begin)
            total = np.sum(gradients[0] + gradients[1])
        if begin is u:
            assert outer.gradient(total, [u])[0].tolist() == [2.0, 2.0]
        for changed, other in (gradients, gradients[::-1]):
            before = other.tolist()
            if changed.flags.writeable:
                changed[...] = 100.0
            assert other.tolist() == before
    assert u.tolist() == [5.0, 6.0]


def test_tapes_of_other_threads_hear_nothing():
    x, seen = Tensor(3.0), {}

    def work(name, factor):
        with GradientTape() as tape:
            barrier.wait()
            y = x * factor
            barrier.wait()
        seen[name] = float(tape.gradient(y, [x])[0]), len(tape._nodes)

    barrier = threading.Barrier(2)
    threads = [threading.Thread(target=work, args=(name, float(name))) for name in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {1: (1.0, 1), 2: (2.0, 1)}


def test_a_tape_hears_nothing_of_other_threads():
    with GradientTape() as tape:
        thread = threading.Thread(target=contextvars.Context().run, args=(np.sin, Tensor(1.0)))
        thread.start()
        thread.join()
    assert not tape._nodes


def test_each_task_has_its_own_tape():
    async def work(factor):
        x = Tensor(3.0)
        with GradientTape() as tape:
            y = x * factor
            await asyncio.sleep(0)
            z = y * x
        return float(tape.gradient(z, [x])[0]), len(tape._nodes)

    async def both():
        return await asyncio.gather(work(1.0), work(2.0))

    assert asyncio.run(both()) == [(6.0, 2), (12.0, 2)]


def test_generators_may_leave_in_another_order_than_they_entered():  # row 16
    def recording():
        with GradientTape() as tape:
            yield tape

    x = Tensor(2.0)
    generator = recording()
    first = next(generator)
    with GradientTape() as second:
        generator.close()
        y = x * x
    assert float(second.gradient(y, [x])[0]) == 4.0
    assert not first._nodes
    z = relu(x)
    with pytest.raises(ValueError, match="not recorded"):
        second.gradient(z, [x])


def test_a_tape_may_be_left_in_another_context_than_it_was_entered():  # row 16
    x, tape = Tensor(2.0), GradientTape()
    with contextlib.ExitStack() as stack:
        stack.enter_context(tape)
        y = x * x
        contextvars.Context().run(tape.__exit__, None, None, None)
    assert float(tape.gradient(y, [x])[0]) == 4.0


@pytest.mark.parametrize("recording", [False, True])
def test_a_source_that_is_given_twice_has_two_gradients_with_a_memory_each(recording):
    x = Tensor([1.0, 2.0])
    with GradientTape() as outer, GradientTape() as tape:
        y = np.sum(x**3)
        if recording:
            first, second, third = tape.gradient(y, [x, x, x])
            z = np.sum(second * third)
    if recording:
        np.testing.assert_allclose(outer.gradient(z, [x])[0], 36 * np.array(x) ** 3)
    first, second, third = tape.gradient(y, [x, x, x])
    for one, other in ((first, second), (first, third), (second, third)):
        assert not np.shares_memory(one, other)
    first[...] = 0.0
    assert second.tolist() == third.tolist() == [3.0, 12.0]


def test_integers_have_no_gradient_and_that_is_said_at_once():
    """Not by leaving .grad at None."""
    x, w = Tensor([1, 2, 3]), Tensor([1.0, 2.0, 3.0])
    for use in (lambda: x * w, lambda: np.mean(x), lambda: np.sqrt(x), lambda: np.stack([x, w]), lambda: w**x):
        with GradientTape(), pytest.raises(TypeError, match="only floating-point tensors have a gradient"):
            use()
    with GradientTape() as tape:
        y, z = np.sum(x * x), np.sum(w * np.asarray(x))
        rows = np.sum(w[x - 1])
    for ask in (
        y.backward,
        lambda: tape.gradient(y, [w]),
        lambda: tape.gradient(y, [x]),
        lambda: tape.gradient(z, [x]),
        lambda: z.backward([x]),
    ):
        with pytest.raises(TypeError, match="only floating-point tensors have a gradient"):
            ask()
    assert tape.gradient(rows, [w])[0].tolist() == [1.0, 1.0, 1.0]
    assert tape.gradient(z, [w])[0].tolist() == [1.0, 2.0, 3.0]


CONSTANT_TARGETS = {
    "np.floor": lambda x: np.sum(np.floor(x)),
    "np.array": lambda x: np.sum(np.array(x)),
    "a comparison": lambda x: np.sum(x > 1),
    "a number": lambda x: 1.5,
    "nothing": lambda x: None,
}


@pytest.mark.parametrize("function", CONSTANT_TARGETS.values(), ids=CONSTANT_TARGETS)
def test_a_target_that_became_constant_is_told_so_and_not_to_be_computed_inside(function):
    x = Tensor([1.0, 2.0])
    with GradientTape() as tape:
        y = function(x)
    asked = [lambda: tape.gradient(y, [x])] + ([y.backward] if isinstance(y, Tensor) else [])
    for ask in asked:
        with pytest.raises(ValueError, match=r"became plain on the way|from constants alone") as caught:
            ask()
        assert "compute it inside" not in str(caught.value)


@pytest.mark.parametrize("ask", [lambda tape, y, x: tape.gradient(y, 5), lambda tape, y, x: y.backward(x)])
def test_sources_that_are_no_list_are_told_so(ask):
    x = Tensor([1.0, 2.0])
    tape, y = square_sum(x)
    with pytest.raises(TypeError, match="sources is a list of tensors, also for one"):
        ask(tape, y, x)
    with pytest.raises(TypeError, match="the target is one tensor: differentiate the sum"):
        tape.gradient([y, y], [x])


def test_a_source_that_does_not_reach_the_target_is_told_why():
    x, unused = Tensor([1.0, 2.0]), Tensor([1.0])
    with GradientTape() as tape:
        squares = x**2
        y = np.sum(np.floor(squares) * x)
        z = np.sum(np.zeros_like(x) + 1.0)
    for target, source, why in (
        (y, squares, "what this tape recorded of it does not lead to the target"),
        (y, unused, "it was not used inside the with block, as a tensor, or only by what makes it constant"),
        (z, x, "what this tape recorded of it does not lead to the target"),
    ):
        with pytest.raises(ValueError, match=f"does not depend on source 0: {why}"):
            tape.gradient(target, [source])
