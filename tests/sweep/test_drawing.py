"""The picture of how sweeps stand: for a person, on any size of terminal."""

import io

import pytest
from rich.console import Console

from nnlite.runs import Value
from nnlite.sweep.display.drawing import draw, shortened
from nnlite.sweep.display.standing import Best, Row, Standing, better, objective_of

ACCURACY = objective_of("val_acc", "maximize")


def row(number, epochs=7):
    label = f"hidden=[{16 * number}] learning_rate=0.03 seed={number}"
    if not epochs:
        return Row(f"{number:08x}", label, ACCURACY, 0, 40)
    curve = [0.5 + 0.05 * epoch for epoch in range(epochs)]
    return Row(f"{number:08x}", label, ACCURACY, epochs, 40, curve, Value(0.9, 4), 41203.2, 1.234, 41.0)


def standing(rows=2, name="quickstart", **fields):
    best = Best("3f2a91c0dddd", "hidden=[128] learning_rate=0.03 seed=0", ACCURACY, Value(0.9621, 5))
    counts = {"completed": 12, "running": rows, "waiting": 7, "failed": 1, "diverged": 2, "pruned": 3}
    made = {"counts": counts, "epochs": 62, "all_epochs": 120, "best": best, "elapsed": 32.0, "left": 41.0}
    return Standing(name, [row(number) for number in range(rows)], **(made | fields))


def lines(standings, width=120, height=40, unicode=True):
    console = Console(file=io.StringIO(), width=width, height=height)
    drawn = draw(standings, width, height, unicode=unicode)
    made = console.render_lines(drawn, console.options.update(width=width), pad=False)
    return ["".join(segment.text for segment in line).rstrip() for line in made]


def test_a_picture_says_of_each_trial_and_of_the_sweep_what_a_person_asks():
    headings, first, second, *rest = [line for line in lines([standing()], width=119) if line]
    assert headings.split() == ["run", "trial", "epoch", "curve", "val_acc", "best", "images/s", "s/epoch", "left"]
    told = "7/40  ▁▂▃▅▆▇█        80.00 %  90.00 % at 4    41,203     1.23    41 s"
    assert first == f"00000000  hidden=[0] learning_rate=0.03 seed=0    {told}"
    assert second == f"00000001  hidden=[16] learning_rate=0.03 seed=1   {told}"
    assert rest == [
        "quickstart  ━━━━━━━━━━━━━━━━━━━━╸                      51 %  62/120 epochs",
        "12 done, 2 running, 7 waiting, 3 pruned, 2 diverged, 1 failed | 32 s gone, 41 s left",
        "best val_acc 96.21 % (epoch 5): 3f2a91c0 hidden=[128] learning_rate=0.03 seed=0",
    ]


def test_a_narrow_terminal_gives_each_trial_two_lines():
    drawn = lines([standing()], width=39)
    assert max(map(len, drawn)) <= 39
    assert [line for line in drawn if line] == [
        "0000 hidde=[0] learn_rate=0.03 seed=0",
        "  7/40 80.00 % ▁▂▃▅▆▇█ 41 s left",
        "0000 hidde=[16] learn_rate=0.03 seed=1",
        "  7/40 80.00 % ▁▂▃▅▆▇█ 41 s left",
        "━━━━━━━╸          51 %  62/120 epochs",
        "12 done, 2 running, 7 waiting, 3",
        "pruned, 2 diverged, 1 failed",
        "32 s gone, 41 s left",
        "best val_acc 96.21 % (epoch 5): 3f2a91…",
    ]


SCENES = {
    "one": [standing(12)],
    "two": [standing(12, "one"), standing(3, "other")],
    "one of many": [standing(2), *(standing(0, f"at rest {number}") for number in range(30))],
    "none is training": [standing(0, f"at rest {number}") for number in range(5)],
    "nothing is known": [Standing("x")],
    "no sweep": [],
    "before the first epoch": [Standing("x", [row(0, epochs=0)], {"running": 1}, 0, 40)],
}


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_a_picture_fits_its_terminal(scene):
    for width in (20, 39, 40, 63, 64, 79, 80, 100, 119, 200):
        for height in (5, 6, 7, 8, 10, 12, 17, 24, 50):
            drawn = lines(scene, width, height)
            assert len(drawn) <= height, (width, height)
            assert max(map(len, drawn), default=0) <= width, (width, height)


def test_trials_that_do_not_fit_are_counted():
    drawn = lines([standing(12)], height=10)
    assert len(drawn) == 10
    assert "and 7 more running" in drawn
    assert "and 26 more sweeps" in lines(SCENES["one of many"], height=20)


def test_where_more_work_may_follow_the_time_is_a_bound_and_the_generation_is_named():
    drawn = "\n".join(lines([standing(scope="generation 2")]))
    assert "62/120 epochs of generation 2" in drawn
    assert "at least 41 s left" in drawn


def test_a_terminal_without_unicode_gets_ascii():
    drawn = lines([standing(best=None)], unicode=False)
    assert "_.-+*#@" in drawn[2]


def test_names_lose_letters_before_values_do():
    labels = ["learning_rate=0.001 discriminator_skip=3 seed=0"]
    assert shortened(labels, 60) == labels
    assert shortened(labels, 37) == ["learn_rate=0.001 discr_skip=3 seed=0"]
    assert shortened(labels, 10) == ["l_r=0.001…"]
    assert shortened(["a=1 note=x=y", "a=10 note=x"], 10) == ["a=1 no=x=y", "a=10 no=x"]


def test_a_colour_carries_nothing_that_a_word_does_not_say():
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    console.print(draw([standing()], 100, 30))
    assert "1 failed" in console.file.getvalue()


@pytest.mark.parametrize(("direction", "winner"), [("maximize", "b"), ("minimize", "a")])
def test_the_better_of_two_depends_on_the_objective(direction, winner):
    metric = objective_of("unheard_of", direction)
    one, other = Best("a", "", metric, Value(1.0, 1)), Best("b", "", metric, Value(2.0, 1))
    assert better(one, other).id == better(other, one).id == winner
    assert better(one, None) is better(None, one) is one
