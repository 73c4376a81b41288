"""Hyperparameters: what a run's identity is made of."""

import pytest

from nnlite.models import HYPERPARAMETERS
from nnlite.models.hyperparameters import ADDED_LATER

OTHER = {
    "initializer": "he",
    "initial_scale": 0.02,
    "batch_norm": True,
    "dropout": 0.5,
    "input_dropout": 0.5,
    "nesterov": True,
    "clip_norm": 1.0,
    "weight_average": 0.999,
    "warmup_epochs": 1.0,
    "lr_milestones": [100],
    "input_scaling": "symmetric",
    "label_smoothing": 0.1,
    "max_norm": 3.0,
    "augment_shift": 1.0,
    "augment_rotation": 10.0,
    "augment_scale": 0.1,
    "augment_shear": 10.0,
    "augment_elastic": 34.0,
    "augment_sigma": 6.0,
    "augment_mirror": True,
    "discriminator_lr_milestones": [3],
    "instance_noise": 0.3,
    "gradient_penalty": 10.0,
    "gradient_penalty_every": 4,
    "feature_matching": 1.0,
}
LATER = [(model, name) for model, fields in HYPERPARAMETERS.items() for name in fields.model_fields if name in OTHER]


def test_each_that_was_added_later_is_one_of_a_models_and_stands_here():
    assert ADDED_LATER == OTHER.keys() == {name for _, name in LATER}


@pytest.mark.parametrize(("model", "name"), LATER)
def test_one_that_was_added_later_is_part_of_the_identity_where_it_makes_a_difference(model, name):
    fields = HYPERPARAMETERS[model]
    default = fields()
    assert fields.model_validate({name: getattr(default, name)}).identity() == default.identity()
    seen = fields.model_validate({name: OTHER[name]}).identity()
    if name == "instance_noise":
        assert seen.pop("epochs") == default.epochs, "it has fallen to 0 by the last of them"
    assert seen == {**default.identity(), name: OTHER[name]}


@pytest.mark.parametrize("model", HYPERPARAMETERS)
def test_all_others_are_always_part_of_it(model):
    fields = HYPERPARAMETERS[model]
    assert set(fields().identity()) == set(fields.model_fields) - ADDED_LATER - {"epochs"}
    for schedule in ("linear", "cosine", "one_cycle"):
        assert set(fields(lr_schedule=schedule).identity()) == set(fields.model_fields) - ADDED_LATER


def test_the_order_of_milestones_makes_no_difference():
    one, other = (HYPERPARAMETERS["classifier"](lr_milestones=order) for order in ((50, 100), (100, 50)))
    assert one.identity() == other.identity()
