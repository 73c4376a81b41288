"""The survey: how each trial stands before anything trains, and which of them a default made new."""

import json

import numpy as np
import pytest

from nnlite.nn import load_arrays, save_arrays
from nnlite.runs import LogWriter, RunFolder
from nnlite.sweep import expand, load_sweep, make_plan
from nnlite.sweep.survey import survey
from nnlite.sweep.worker import run_trial


@pytest.fixture
def surveyed(spec, digits, tmp_path):
    """The plan of a sweep file and what a survey of it finds; `experiments/tiny` is its folder."""

    def look(text="", *, retry_failed=False, **options):
        sweep = load_sweep(spec(text, **options))
        plan = make_plan(expand(sweep, digits), tmp_path / "experiments" / "tiny", retry_failed=retry_failed)
        return plan, survey(plan, sweep.named)

    return look


def edit_start(folder, change):
    """Have the log say that another configuration was trained, as one of an older version would."""
    first, *rest = folder.log.read_text("utf-8").splitlines()
    start = json.loads(first)
    change(start["config"])
    folder.log.write_text("\n".join([json.dumps(start), *rest]) + "\n", "utf-8")


def test_a_trial_is_to_train_to_go_on_done_or_failed(surveyed):
    plan, found = surveyed("seeds = 5\n")
    assert {each.state for each in found.standings} == {"to train"}
    done, stopped, bare, failed, _ = plan.trials
    run_trial(done, plan.run_folder(done), {})
    for trial in (stopped, bare):
        folder = plan.run_folder(trial)
        run_trial(trial, folder, {})
        lines = folder.log.read_text("utf-8").splitlines(keepends=True)
        folder.log.write_text("".join(lines[:-1]), "utf-8")  # killed before it wrote its end
    plan.run_folder(bare).checkpoint.unlink()
    with LogWriter(plan.run_folder(failed).log) as log:
        log.write("start", run=failed.id, config=failed.config.model_dump(mode="json"))
        log.write("end", status="failed", error="MemoryError: too much")
    _, found = surveyed("seeds = 5\n", fixed="epochs = 3")
    assert [(each.state, each.epochs) for each in found.standings] == [
        ("done", 3),
        ("to go on", 3),
        ("to start over", 0),
        ("failed", 0),
        ("to train", 0),
    ]
    assert found.standings[2].why == "it has no checkpoint"
    assert found.standings[3].why == "MemoryError: too much"
    assert [each.epochs_left for each in found.standings] == [0, 0, 3, 0, 3]
    _, found = surveyed("seeds = 5\n", fixed="epochs = 8", retry_failed=True)
    assert [each.epochs_left for each in found.standings] == [5, 5, 8, 8, 8]
    assert found.standings[3].why == "failed before: MemoryError: too much"


def test_a_checkpoint_of_epochs_that_the_log_lacks_is_not_gone_on_from(surveyed):
    plan, _ = surveyed()
    (trial,) = plan.trials
    folder = plan.run_folder(trial)
    run_trial(trial, folder, {})
    lines = folder.log.read_text("utf-8").splitlines(keepends=True)
    folder.log.write_text("".join([lines[0], *lines[2:-1]]), "utf-8")
    (standing,) = surveyed()[1].standings
    assert standing.state == "to start over"


@pytest.mark.parametrize("epoch", [10**15, -1, 4, 1.5, "1", None, [1]])
def test_a_checkpoint_of_an_impossible_epoch_is_not_gone_on_from(surveyed, epoch):
    """Nor is a list made that is as long as it says."""
    plan, _ = surveyed()
    (trial,) = plan.trials
    folder = plan.run_folder(trial)
    run_trial(trial, folder, {})
    lines = folder.log.read_text("utf-8").splitlines(keepends=True)
    folder.log.write_text("".join(lines[:-1]), "utf-8")
    state = load_arrays(folder.checkpoint)
    identity = json.loads(str(state["identity"])) | {"epoch": epoch}
    save_arrays(folder.checkpoint, state | {"identity": np.array(json.dumps(identity))})
    (standing,) = surveyed()[1].standings
    assert standing.state == "to start over"
    assert run_trial(trial, folder, {}).status == "completed"


def test_runs_that_the_file_does_not_name_are_listed(surveyed):
    plan, _ = surveyed("[grid]\nlearning_rate = [0.1, 0.3]\n")
    for trial in plan.trials:
        run_trial(trial, plan.run_folder(trial), {})
    _, found = surveyed("[grid]\nlearning_rate = [0.3, 0.5]\n")
    assert [run.id for run in found.others] == [plan.trials[0].id]
    assert found.changed == [], "the file names the learning rate: it changed, not a default"


def test_a_changed_default_is_named_with_what_it_was_and_what_it_is(surveyed):
    plan, _ = surveyed()
    (trial,) = plan.trials
    earlier = RunFolder(plan.folder / "0123456789ab")
    run_trial(trial, earlier, {})
    edit_start(earlier, lambda config: config.update(momentum=0.9))
    _, found = surveyed()
    (changed,) = found.changed
    assert (changed.trial.id, changed.run.folder, changed.changes) == (trial.id, earlier, {"momentum": (0.9, 0.0)})


def test_a_hyperparameter_that_there_was_not_is_a_changed_default_as_well(surveyed):
    plan, _ = surveyed()
    earlier = RunFolder(plan.folder / "0123456789ab")
    run_trial(plan.trials[0], earlier, {})
    edit_start(earlier, lambda config: config.pop("weight_decay"))
    (changed,) = surveyed()[1].changed
    assert changed.changes == {"weight_decay": (None, 0.0)}


@pytest.mark.parametrize("change", [{"hidden": [17]}, {"epochs": 9}], ids=["a named value", "the budget"])
def test_what_the_file_names_and_the_budget_are_no_defaults_that_changed(surveyed, change):
    plan, _ = surveyed()
    earlier = RunFolder(plan.folder / "0123456789ab")
    run_trial(plan.trials[0], earlier, {})
    edit_start(earlier, lambda config: config.update(change))
    _, found = surveyed()
    assert found.changed == []
    assert len(found.others) == 1
