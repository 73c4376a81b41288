"""How a call of `sweep` or `train` ended: every trial's standing, by the plan that was made when training had ended."""

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from nnlite.cli.output import answer, say
from nnlite.sweep import GOOD_ENDS, Outcome, Plan, Results, Trial

EARLY_ENDS = ("pruned", "diverged", "skipped")


@dataclass(frozen=True)
class Conclusion:
    """What a call has come to.

    Attributes:
        plan: of the sweep, made when training had ended.
        results: what this call learned.
        error: why it could not train, as a sentence; empty if it could.
    """

    plan: Plan
    results: Results = field(default_factory=Results)
    error: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether nothing is left to do and nothing failed."""
        return self.plan.succeeded and not self.error

    @property
    def halted(self) -> str:
        """Why trials are left that were not started; empty if none are."""
        return self.results.halted if self.plan.pending else ""

    @cached_property
    def _ends(self) -> dict[str, Outcome]:
        """By id: how each trial ended, by the plan; what this call learned of a trial beside its log is told as well.

        Such a trial was busy, for instance, or could not even write a log.
        """
        pending = {trial.id for trial in self.plan.pending}
        outcomes = self.results.outcomes.items()
        left = {trial: end for trial, end in outcomes if trial in pending and end.status not in GOOD_ENDS}
        return {trial: end for trial, end in self.plan.ends.items() if trial not in pending} | left

    def fields(self) -> dict[str, Any]:
        """The same as the fields of a JSON document."""
        trials = []
        for trial in self.plan.trials:
            end = self._ends.get(trial.id)
            fields = self._trial_fields(trial, end.status if end else "pending")
            trials.append(fields | {"error": (end.error or None) if end else None})
        said = self.error or self.halted
        return {"folder": str(self.plan.folder), "halted": said or None, "trials": trials}

    def say_what_is_left(self) -> None:
        """Say, on stderr, why trials are left that were not started, if any are."""
        if self.halted:
            say(f"{self.halted}; what is left stays to be done, and the same command goes on with it")

    def print(self) -> None:
        """Print how every trial stands that did not come to a good end, and how many did."""
        known = [(trial, end) for trial in self.plan.trials if (end := self._ends.get(trial.id))]
        bad = [(trial, end) for trial, end in known if end.status not in GOOD_ENDS]
        for trial, end in known:
            if end.status in GOOD_ENDS and end.status != "diverged":
                continue
            say(f"{trial.id} {trial.describe()}: {end.status}{': ' + end.error if end.error else ''}")
        if any(end.status == "failed" for _, end in bad):
            say("--retry-failed trains the failed trials again")
        count: Counter[str] = Counter(end.status for _, end in known)
        early = ", ".join(f"{count[status]} of them {status}" for status in EARLY_ENDS if count[status])
        done = len(known) - len(bad)
        answer(f"{done} of {len(self.plan.trials)} trials done in {self.plan.folder}{', ' + early if early else ''}")
        say(f"next: nnlite report {self.plan.folder.parent}")

    def _trial_fields(self, trial: Trial, status: str) -> dict[str, Any]:
        return {
            "run": trial.id,
            "folder": str(self.plan.run_folder(trial).path),
            "status": status,
            "seed": trial.seed,
            "config": trial.config.model_dump(mode="json"),
        }
