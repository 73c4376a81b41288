"""The report as a whole: pages, their links and pictures."""

import io
import re
import shutil

import imageio.v3 as iio
import matplotlib as mpl
import pytest

from nnlite.errors import InputError, NothingFoundError
from nnlite.report import write_report
from nnlite.runs import LogWriter

LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)\)")


@pytest.fixture(scope="module")
def report(experiments, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    write_report(experiments, out)
    return out


def contents(out):
    return {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def page(out, sweep="s"):
    return (out / sweep / "README.md").read_text(encoding="utf-8")


def test_the_same_logs_give_the_same_bytes(experiments, report, tmp_path):
    write_report(experiments, tmp_path)
    assert contents(tmp_path) == contents(report)


def test_a_users_plot_settings_change_nothing(experiments, report, tmp_path):
    with mpl.rc_context({"font.size": 20, "axes.facecolor": "black", "lines.linewidth": 9, "savefig.dpi": 30}):
        write_report(experiments / "quickstart", tmp_path)
    assert contents(tmp_path / "quickstart") == contents(report / "quickstart")


def test_the_files_written_are_returned_and_nothing_else_is_left(experiments, tmp_path):
    written = write_report(experiments / "quickstart", tmp_path)
    assert written[0] == tmp_path / "README.md"
    assert sorted(path.relative_to(tmp_path) for path in written) == sorted(contents(tmp_path))


def test_every_link_resolves_and_every_picture_is_shown(report):
    shown = {report / "README.md"}
    for readme in report.rglob("README.md"):
        for target in LINK.findall(readme.read_text(encoding="utf-8")):
            assert (readme.parent / target).is_file()
            shown.add(readme.parent / target)
    assert shown == {path for path in report.rglob("*") if path.is_file()}


def test_pictures_are_small_and_carry_no_date(report):
    for picture in report.rglob("*.png"):
        content = picture.read_bytes()
        assert len(content) < 120_000
        assert b"tEXt" not in content
        assert b"tIME" not in content
        assert iio.imread(io.BytesIO(content)).min() < 255


def test_the_index_names_each_sweep_with_its_winner(report):
    text = (report / "README.md").read_text(encoding="utf-8")
    assert re.search(
        r"\[quickstart\]\(quickstart/README.md\).*`hidden` 200-400, `learning_rate` 0.1 .* \d\d\.\d\d ±", text
    )
    assert re.search(r"\[gan_lr\]\(gan_lr/README.md\).*`learning_rate` 0.03, `discriminator_skip` 2", text)


def test_the_index_counts_what_was_tried_tied_and_lost(report):
    text = (report / "README.md").read_text(encoding="utf-8")
    (row,) = [line for line in text.splitlines() if line.startswith("| [quickstart]")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:4] == ["`classifier`, `mnist`", "36", "12"]
    assert int(cells[6]) in range(12)
    assert cells[7] == "10"  # nine diverged, one failed


def test_the_index_shows_a_picture_of_each_sweep_that_leads_to_its_page(report):
    text = (report / "README.md").read_text(encoding="utf-8")
    for sweep in ("quickstart", "gan_lr"):
        assert f"## [{sweep}]({sweep}/README.md)" in text
        assert re.search(rf"\[!\[[^]]+\]\({sweep}/parameters.png\)\]\({sweep}/README.md\)", text)


def test_the_page_says_what_failed_and_why(report):
    text = page(report, "quickstart")
    assert re.search(
        r"\| diverged \| train_loss is not finite in epoch 3 \| 9 \| all 9 have `learning_rate` &gt; 0.1, and none",
        text,
    )
    assert r"MemoryError: &lt;b&gt;no&lt;/b&gt; &#124; \`room\` \# at all" in text
    assert "`quickstart/ffffffffffff`: its log has no start event" in text
    assert re.search(r"`\w+`, line 2, skipped", text)


def test_no_page_shows_digits_that_mean_nothing(report):
    for readme in report.rglob("README.md"):
        assert not re.search(r"\d\.\d{7,}", readme.read_text(encoding="utf-8"))


def test_the_page_tells_how_to_do_it_again(experiments, report):
    text = page(report, "gan_lr")
    assert "nnlite sweep sweeps/gan_lr.toml" in text
    command = re.search(r"nnlite train (\S+) --experiments repeated", text)
    assert (experiments.parent / command[1]).is_file()


def test_the_test_score_is_that_of_the_winner_alone(logs, tmp_path):
    for run, value, final in (("a", 0.9, 0.1234), ("b", 0.8, 0.5678)):
        end = {"status": "completed", "metrics": {"test_acc": final}}
        logs.write_run(tmp_path / "e" / "s", run, [{"val_acc": value}], {"learning_rate": value}, end=end)
    write_report(tmp_path / "e", tmp_path / "out")
    assert "12.34 %" in page(tmp_path / "out")
    assert "56.78 %" not in page(tmp_path / "out")


def test_a_gan_without_samples_is_reported_without_dead_links(experiments, tmp_path):
    shutil.copytree(experiments / "gan_lr", tmp_path / "e" / "gan_lr", ignore=shutil.ignore_patterns("samples*"))
    write_report(tmp_path / "e", tmp_path / "out")
    targets = LINK.findall(page(tmp_path / "out", "gan_lr"))
    assert "learning-curves.png" in targets
    assert not {"best.png", "best.gif", "worst.png"} & set(targets)


def test_a_run_and_a_sweep_can_be_reported_alone(experiments, tmp_path):
    run = next(path.parent for path in sorted(experiments.glob("gan_lr/*/run.jsonl")))
    for path in (run, experiments / "gan_lr"):
        out = tmp_path / path.name
        write_report(path, out)
        assert [each.name for each in out.iterdir() if each.is_dir()] == ["gan_lr"]
    assert "One configuration was trained" in page(tmp_path / run.name, "gan_lr")


def test_datasets_and_models_of_a_sweep_have_a_winner_each(logs, tmp_path):
    rng_free = [{"val_acc": 0.5, "train_loss": 1.0}, {"val_acc": 0.6, "train_loss": 0.9}]
    logs.write_run(tmp_path / "e" / "s", "a", rng_free)
    logs.write_run(tmp_path / "e" / "s", "b", rng_free, dataset="fashion-mnist")
    logs.write_run(tmp_path / "e" / "s", "c", [{"fid": 3.0}, {"fid": 2.0}], model="gan")
    write_report(tmp_path / "e", tmp_path / "out")
    text = page(tmp_path / "out")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == ["classifier on fashion-mnist", "classifier on mnist", "gan on mnist"]
    assert text.count("One configuration was trained") == 3


def test_nothing_in_a_log_becomes_markup_or_leaves_the_folder(logs, tmp_path):
    evil = "../../<script>alert(1)</script> $x$ | `a`\n# head \x1b]0;x\x07 \u202e \ud800 日本"
    for run, value in (("a", evil), ("b", "relu")):
        logs.write_run(
            tmp_path / "e" / "s",
            run,
            [{"val_acc": 0.5, "train_loss": 1.0}, {"val_acc": 0.6, "train_loss": 0.9}],
            {"activation": value, evil: value},
            sweep=evil,
            dataset=evil,
            spec=evil,
            host=evil,
            versions={evil: evil},
            git=evil,
            swept=["activation", evil],
            end={"status": "failed" if run == "b" else "completed", "error": evil, "metrics": {}},
        )
    written = write_report(tmp_path / "e", tmp_path / "out")
    assert all((tmp_path / "out") in path.resolve().parents for path in written)
    for path in written:
        if path.suffix == ".md":
            text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
            assert "<script>" not in text
            assert not re.search(r"^# head", text, re.MULTILINE)
            assert all(each.isprintable() for each in text.replace("\n", ""))


def test_names_that_differ_in_case_alone_get_folders_of_their_own(logs, tmp_path):
    for name in ("Sweep", "sweep", "README.md"):
        logs.write_run(tmp_path / "e" / name, f"run-{name}", [{"val_acc": 0.5}])
    write_report(tmp_path / "e", tmp_path / "out")
    folders = [each.name.casefold() for each in (tmp_path / "out").iterdir()]
    assert len(set(folders)) == len(folders) == 4


def test_a_log_that_is_being_written_is_reported_as_far_as_it_got(logs, tmp_path):
    folder = logs.write_run(tmp_path / "e" / "s", "a", [{"val_acc": 0.5}, {"val_acc": 0.6}], end=None)
    with LogWriter(folder.log) as log:
        write_report(tmp_path / "e", tmp_path / "out")
        assert "still training" in page(tmp_path / "out")
        log.write("epoch", epoch=3, val_acc=0.7)
        log.write("end", status="completed", metrics={})
    write_report(tmp_path / "e", tmp_path / "out")
    assert "70.00 %" in page(tmp_path / "out")
    assert "still training" not in page(tmp_path / "out")


def test_a_page_of_somebody_else_is_never_overwritten(experiments, tmp_path):
    (tmp_path / "README.md").write_text("# My project\n")
    with pytest.raises(InputError, match="not a page of a report"):
        write_report(experiments, tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["README.md"]


def test_no_winner_is_named_where_everything_was_lost(logs, tmp_path):
    logs.write_run(tmp_path / "e" / "s", "a", [{"val_acc": 0.9}], {"epochs": 1}, end="diverged")
    logs.write_run(tmp_path / "e" / "s", "b", [], {"epochs": 2}, end="failed")
    write_report(tmp_path / "e", tmp_path / "out")
    assert "**No winner:**" in page(tmp_path / "out")
    assert "nnlite train" not in page(tmp_path / "out")


def test_a_place_that_does_not_exist_or_is_empty_is_an_error(tmp_path):
    with pytest.raises(InputError):
        write_report(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(NothingFoundError):
        write_report(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_halved_sweep_says_where_each_configuration_was_stopped_and_compares_them_before(logs, tmp_path):
    pruned = {"status": "pruned", "error": "stopped", "metrics": {}}
    values = [{"val_acc": value} for value in (0.5, 0.6, 0.7, 0.8)]
    for seed in range(2):
        for rate, epochs in ((0.1, 4), (0.3, 2), (1.0, 2)):
            end = "completed" if epochs == 4 else pruned
            logs.write_run(
                tmp_path / "s",
                f"{rate}-{seed}",
                values[:epochs],
                {"learning_rate": rate, "epochs": 4},
                seed=seed,
                end=end,
            )
    write_report(tmp_path / "s", tmp_path / "out")
    text = page(tmp_path / "out")
    assert "No other configuration was trained to the end: 2 were pruned." in text
    assert text.count("| 2 (pruned after epoch 2) |") == 2
    assert "Pruned configurations stand below the others" in text
    assert "each at its best epoch of the first 2, which is how far all of them got" in text
    assert "Lines that end early are of pruned configurations." in text
    assert "| runs | 6: 2 completed, 4 pruned |" in text
    assert "| epochs trained | 16 of 24: pruning saved the others |" in text


def test_where_all_configurations_were_pruned_the_page_names_no_winner(logs, tmp_path):
    for run, rate in (("a", 0.1), ("b", 0.3)):
        logs.write_run(tmp_path / "s", run, [{"val_acc": 0.5}], {"learning_rate": rate}, end="pruned")
    write_report(tmp_path / "s", tmp_path / "out")
    assert "**No winner:** no configuration has been trained to the end" in page(tmp_path / "out")
