"""How much of what sets the runs apart each hyperparameter explains."""

import itertools

import numpy as np
import pytest
from scipy import stats

from nnlite.report import collect, group_runs, rank, write_report
from nnlite.report.importance import decompose


def decomposed(logs, root, rows, seeds=1):
    """Of runs with these configurations and values, one value for each seed."""
    for number, (config, values) in enumerate(rows):
        for seed, value in enumerate(np.broadcast_to(values, seeds)):
            end = "diverged" if np.isnan(value) else "completed"
            epochs = [] if np.isnan(value) else [{"val_acc": float(value)}]
            logs.write_run(root / "s", f"{number}-{seed}", epochs, config, seed=seed, swept=[*config], end=end)
    (group,) = group_runs(collect(root).runs)
    return decompose(rank(group))


def grid(**axes):
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def test_share_and_p_are_those_of_scipys_kruskal_wallis_test(experiments):
    (group,) = group_runs(collect(experiments / "gan_lr").runs)
    frame = rank(group).trial_frame()
    for part in decompose(rank(group)).parts:
        samples = [rows.tolist() for _, rows in frame.groupby(f"config.{part.name}")["value"]]
        statistic, p = stats.kruskal(*samples)
        assert part.groups == len(samples) == 3
        assert part.share == pytest.approx(max(0, (statistic - 3 + 1) / (len(frame) - 3)))
        assert part.p == pytest.approx(p)


def test_of_a_grid_what_decides_alone_explains_all_and_the_other_nothing(logs, tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        (config, config["momentum"] + rng.normal(0, 1e-4)) for config in grid(momentum=[0.1, 0.5], epochs=range(1, 9))
    ]
    first, second = decomposed(logs, tmp_path, rows).parts
    assert (first.name, first.best, second.name, second.share) == ("momentum", "0.5", "epochs", 0.0)
    assert first.share > 0.7  # ranks within a value differ too
    assert first.p < 0.01 < second.p


def test_without_an_effect_nothing_is_explained_on_average(logs, tmp_path):
    rng = np.random.default_rng(0)
    shares = []
    for number in range(20):
        rows = [(config, rng.random()) for config in grid(momentum=[0.1, 0.2, 0.3, 0.4], epochs=range(1, 6))]
        parts = {part.name: part for part in decomposed(logs, tmp_path / str(number), rows).parts}
        shares.append(parts["momentum"].share)
    assert np.mean(shares) < 0.1  # below 0 is cut off


def test_what_helps_one_and_harms_the_other_is_explained_by_the_pair_alone(logs, tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        (config, 0.5 + (0.2 if (config["optimizer"] == "sgd") == (config["learning_rate"] > 0.05) else -0.2))
        for config in grid(optimizer=["sgd", "adam"], learning_rate=[0.01, 0.1])
    ]
    found = decomposed(logs, tmp_path, [(c, v + rng.normal(0, 0.01, 4)) for c, v in rows], seeds=4)
    alone = sum(part.share for part in found.parts)
    assert alone < 0.2
    ((one, other, share),) = found.pairs
    assert ({one, other}, share > 0.6) == ({"optimizer", "learning_rate"}, True)
    assert found.seeds == pytest.approx(1 - share - alone)


def test_a_drawn_hyperparameter_is_cut_into_groups_and_the_best_one_named(logs, tmp_path):
    rates = np.geomspace(1e-4, 1, 32).round(6).tolist()
    found = decomposed(
        logs, tmp_path, [({"learning_rate": rate}, 1 - abs(np.log10(rate) + 1.4) / 10) for rate in rates]
    )
    (part,) = found.parts
    assert part.groups == 4
    assert part.share > 0.5
    low, high = map(float, part.best.split(" to "))
    assert low < 10**-1.4 < high
    assert found.seeds is None


def test_diverged_runs_rank_last(logs, tmp_path):
    rows = [
        ({"learning_rate": rate, "epochs": epochs}, np.nan if rate == 1.0 else 0.5 + epochs / 100)
        for rate in (0.1, 1.0)
        for epochs in range(1, 7)
    ]
    first, _ = decomposed(logs, tmp_path, rows).parts
    assert (first.name, first.best) == ("learning_rate", "0.1")


@pytest.mark.parametrize("values", [[0.5, 0.6], [0.5] * 8])
def test_too_few_runs_or_no_difference_tell_nothing(logs, tmp_path, values):
    assert decomposed(logs, tmp_path, [({"epochs": n + 1}, value) for n, value in enumerate(values)]) is None


def test_the_page_says_what_is_explained_and_how_that_is_reckoned(experiments, tmp_path):
    write_report(experiments / "gan_lr", tmp_path)
    text = (tmp_path / "gan_lr/README.md").read_text("utf-8")
    assert "|  | explains | without an effect | ranks best with |" in text
    assert "eta² = (H - k + 1) / (n - k) of Kruskal and Wallis' test" in text
    assert "of the ranks of 18 runs" in text
