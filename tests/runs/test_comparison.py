"""Two records of one training, number by number: those in lists count too, and an older log may lack some."""

import pytest

from nnlite.runs.comparison import comparable_numbers, first_difference

OLD = {"event": "epoch", "epoch": 3, "fid": 5.5, "seconds": 4.2}
NEW = OLD | {"class_counts": [7, 0, 3], "seconds": 4.0}


def test_a_list_is_compared_place_by_place():
    other = NEW | {"class_counts": [7, 1, 2]}
    difference = first_difference(3, NEW, other, missing_differs=True)
    assert difference.place == "class_counts.1 after epoch 3"
    assert (difference.one, difference.other) == (0, 1)
    assert comparable_numbers(NEW) == {"fid": 5.5, "class_counts.0": 7, "class_counts.1": 0, "class_counts.2": 3}


@pytest.mark.parametrize(("shorter", "first"), [([7, 0], "class_counts.2"), ([], "class_counts.0")])
def test_a_list_that_has_lost_something_differs(shorter, first):
    assert first_difference(3, NEW, NEW | {"class_counts": shorter}, missing_differs=True).metric == first


def test_a_log_from_before_the_classes_were_counted_is_repeated_by_one_that_counts_them():
    assert first_difference(3, OLD, NEW, missing_differs=True) is None
    assert first_difference(3, NEW, OLD) is None
    assert first_difference(3, NEW, OLD, missing_differs=True) is not None
