"""Triage: what did not come through, by cause, with the one hyperparameter that explains it.

A cause is an end and what was said of it, numbers aside. A rule about one hyperparameter explains it if it holds for
all of these runs and for no more of the others than there are of these: at least half of what it holds for came to this
end. The best rule holds for the fewest others. Where no hyperparameter explains a cause, the seed or the computer may.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nnlite.report.cells import finite, readable
from nnlite.report.groups import natural
from nnlite.report.markdown import visible
from nnlite.report.ranking import Configuration, Ranking, Trial
from nnlite.runs.quantities import number

NUMBER = re.compile(r"\d[\d.,]*(?:e[-+]?\d+)?")
EXPLAINED = ("diverged", "failed", "pruned")  # an interruption comes from outside
MOST_WORDS = 3  # that a rule may list
Member = tuple[Configuration, Trial]
Relation = Literal[">", ">=", "<", "<=", "="]


@dataclass(frozen=True)
class Rule:
    """A condition on one hyperparameter (or `seed`, `host`), and of how many other runs it holds as well."""

    name: str
    relation: Relation
    values: tuple[Any, ...]
    also: int

    def __str__(self) -> str:
        values = " or ".join(number(readable(value)) for value in self.values)
        return values if self.relation == "=" else f"{self.relation} {values}"


@dataclass(frozen=True)
class Cause:
    """The runs that came to the same end for the same reason, the rule for it, and the other runs that ended."""

    status: str
    error: str
    members: list[Member]
    rule: Rule | None
    others: list[Member]

    @property
    def shared(self) -> dict[str, Any]:
        """The hyperparameters that all of these runs have in common."""
        first = self.members[0][0].parameters
        return {
            name: value
            for name, value in first.items()
            if len({repr(each.parameters.get(name)) for each, _ in self.members}) == 1
        }

    @property
    def sharing(self) -> int:
        """How many of the others have all of that, too."""
        shared = {name: repr(value) for name, value in self.shared.items()}
        return sum(
            all(repr(each.parameters.get(name)) == value for name, value in shared.items()) for each, _ in self.others
        )


def causes(ranking: Ranking) -> list[Cause]:
    """Every cause for which a run was not completed, by status."""
    everybody = [(each, trial) for each in ranking.configurations for trial in each.trials]
    found: dict[tuple[str, str], list[Member]] = {}
    for configuration, trial in everybody:
        if trial.run.status != "completed":
            found.setdefault((trial.run.status, _gist(trial)), []).append((configuration, trial))
    return [_cause(status, members, everybody, ranking) for (status, _), members in sorted(found.items())]


def explanation(members: Sequence[Member], others: Sequence[Member], names: Sequence[str]) -> Rule | None:
    """The rule that holds for all members and the fewest others.

    Args:
        members: what is to be explained.
        others: what it did not happen to.
        names: the hyperparameters that may explain it; after them, the seed and the host.
    """
    if not others:
        return None
    askers: list[tuple[str, Callable[[Member], Any], bool]] = [
        *((name, _hyperparameter(name), True) for name in names),
        ("seed", lambda member: member[1].run.seed, False),
        ("host", lambda member: member[1].run.start.get("host"), False),
    ]
    rules = [
        rule
        for name, ask, ordered in askers
        for rule in _rules(name, list(map(ask, members)), list(map(ask, others)), ordered=ordered)
    ]
    rules = [rule for rule in rules if rule.also <= len(members) and rule.also < len(others)]
    return min(rules, key=lambda rule: rule.also, default=None)  # the first of equals


def _rules(name: str, own: list[Any], others: list[Any], *, ordered: bool) -> list[Rule]:
    """The rules that hold for all of `own`: the ends of a range, and the values themselves."""
    rules = []
    sizes, other_sizes = ([finite(value) for value in values] for values in (own, others))
    if ordered and None not in sizes and None not in other_sizes:
        known, beside = ([size for size in each if size is not None] for each in (sizes, other_sizes))
        rules.append(_threshold(name, known, beside, up=True))
        rules.append(_threshold(name, known, beside, up=False))
    numbers = not ordered or None not in sizes
    distinct = {repr(value): value for value in sorted(own, key=natural)}
    if len(distinct) <= (1 if numbers else MOST_WORDS):  # some numbers out of many would explain anything
        also = sum(repr(value) in distinct for value in others)
        rules.append(Rule(name, "=", tuple(distinct.values()), also))
    return rules


def _threshold(name: str, own: list[float], others: list[float], *, up: bool) -> Rule:
    """From where on all of `own` are; where no other is beyond, it is told by the nearest other."""
    end = min(own) if up else max(own)
    also = sum(other >= end if up else other <= end for other in others)
    if also:
        return Rule(name, ">=" if up else "<=", (end,), also)
    return Rule(name, ">" if up else "<", (max(others) if up else min(others),), 0)


def _cause(status: str, members: list[Member], everybody: Sequence[Member], ranking: Ranking) -> Cause:
    mine = {id(trial) for _, trial in members}
    others = [each for each in everybody if id(each[1]) not in mine and each[1].run.status in ("completed", *EXPLAINED)]
    errors = {visible(trial.run.error) for _, trial in members}
    error = errors.pop() if len(errors) == 1 else _gist(members[0][1])
    rule = explanation(members, others, ranking.group.varied) if status in EXPLAINED else None
    return Cause(status, error, members, rule, others)


def _gist(trial: Trial) -> str:
    """What was said, without its numbers; where a trial was pruned, the epoch stays."""
    error = visible(trial.run.error)
    kept, colon, rest = error.partition(":") if trial.run.status == "pruned" else ("", "", error)
    return f"{kept}{colon}{NUMBER.sub('…', rest)}"


def _hyperparameter(name: str) -> Callable[[Member], Any]:
    return lambda member: member[0].parameters.get(name)
