"""The learning rate of each update, to the last digit."""

import pytest

from nnlite.nn.schedules import (
    constant,
    cosine_decay,
    exponential_decay,
    linear_decay,
    multi_step_decay,
    one_cycle,
    product,
    step_decay,
    warm_up,
)

EXACT = {
    "constant": (constant(0.5), {0: 0.5, 50: 0.5, 1000: 0.5}),
    "step_decay": (step_decay(0.8, 0.5, 10), {0: 0.8, 9: 0.8, 10: 0.4, 19: 0.4, 20: 0.2, 30: 0.1}),
    "multi_step_decay": (multi_step_decay(0.8, 0.5, [10, 12]), {0: 0.8, 9: 0.8, 10: 0.4, 11: 0.4, 12: 0.2, 99: 0.2}),
    "exponential_decay": (exponential_decay(0.8, 0.25, 10), {0: 0.8, 5: 0.4, 10: 0.2, 20: 0.05}),
    "linear_decay": (linear_decay(0.8, 10), {0: 0.8, 5: 0.4, 10: 0.0, 11: 0.0}),
    "product": (product(constant(0.8), multi_step_decay(1.0, 0.5, [10])), {0: 0.8, 9: 0.8, 10: 0.4}),
    "cosine_decay": (cosine_decay(0.8, 12), {0: 0.8, 4: 0.6, 6: 0.4, 8: 0.2, 12: 0.0, 13: 0.0}),
}


@pytest.mark.parametrize(("schedule", "rates"), EXACT.values(), ids=EXACT)
def test_rates_at_the_beginning_in_the_middle_and_at_the_end(schedule, rates):
    for step, rate in rates.items():
        assert schedule(step) == pytest.approx(rate, rel=1e-15, abs=1e-16)


@pytest.mark.parametrize(("schedule", "_rates"), EXACT.values(), ids=EXACT)
def test_rates_never_rise_nor_fall_below_zero(schedule, _rates):
    rates = [schedule(step) for step in range(40)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] >= 0.0


@pytest.mark.parametrize(("schedule", "rates"), EXACT.values(), ids=EXACT)
def test_a_warm_up_rises_in_a_straight_line_and_then_the_schedule_begins(schedule, rates):
    warmed = warm_up(schedule, 4)
    first = schedule(0)
    assert [warmed(step) for step in range(5)] == pytest.approx([first * share for share in (0.2, 0.4, 0.6, 0.8, 1.0)])
    for step, rate in rates.items():
        assert warmed(4 + step) == pytest.approx(rate, rel=1e-15, abs=1e-16)


def test_one_cycle_rises_for_three_tenths_of_the_updates_and_falls_to_zero():
    schedule = one_cycle(0.5, 100)
    rates = [schedule(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.02)
    assert rates[15] == pytest.approx(0.26)
    assert max(rates) == rates[30] == 0.5
    assert rates[65] == pytest.approx(0.25)
    assert rates[100] == schedule(1000) == pytest.approx(0.0, abs=1e-16)
    assert rates[:31] == sorted(rates[:31])
    assert rates[30:] == sorted(rates[30:], reverse=True)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_one_cycle_may_be_of_few_updates(steps):
    schedule = one_cycle(0.5, steps)
    assert all(0.0 < schedule(step) <= 0.5 for step in range(steps))
    assert schedule(steps) == pytest.approx(0.0, abs=1e-16)
