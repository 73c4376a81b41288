"""What is said of a ranking beside who won."""

from dataclasses import replace

from nnlite.report import collect, group_runs, rank
from nnlite.report.findings import caveats
from nnlite.report.results import verdict
from nnlite.runs import METRICS


def test_values_that_cannot_be_compared_are_called_so(logs, tmp_path):
    line = {"fid": 1.0, "generator_loss": 1.0, "discriminator_loss": 1.0}
    for number, judge in enumerate(("aaa", "aaa", "bbb")):
        config = {"learning_rate": 0.1 * (number + 1)}
        logs.write_run(tmp_path / "s", f"r{number}", [line], config, model="gan", reference=judge)
    (group,) = group_runs(collect(tmp_path / "s").runs)
    (judged,) = caveats(rank(group))
    assert "(2 runs by aaa; 1 run by bbb)" in judged
    (against_itself,) = caveats(rank(group, METRICS["discriminator_loss"]))
    assert "says nothing of what is drawn" in against_itself
    assert f"**Beware:** {judged}" in verdict(rank(group)).render(2)
    same = replace(group, runs=group.runs[:2])
    assert caveats(rank(same)) == []
