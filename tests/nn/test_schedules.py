"""The learning rate of each update, to the last digit."""

import pytest

from nnlite.nn.schedules import constant, cosine_decay, exponential_decay, linear_decay, step_decay

EXACT = {
    "constant": (constant(0.5), {0: 0.5, 50: 0.5, 1000: 0.5}),
    "step_decay": (step_decay(0.8, 0.5, 10), {0: 0.8, 9: 0.8, 10: 0.4, 19: 0.4, 20: 0.2, 30: 0.1}),
    "exponential_decay": (exponential_decay(0.8, 0.25, 10), {0: 0.8, 5: 0.4, 10: 0.2, 20: 0.05}),
    "linear_decay": (linear_decay(0.8, 10), {0: 0.8, 5: 0.4, 10: 0.0, 11: 0.0}),
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
