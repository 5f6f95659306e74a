"""Runs the checks one after the other; what is found is looked at twice."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from common.clock import Clock
from common.errors import RepriseError
from common.fsck import (
    Check,
    Contribution,
    CrossCheck,
    Finding,
    Scope,
    Speak,
    Statement,
    side_by_side,
)

Verdict = Literal["clean", "broken", "unchecked", "not here"]

SECOND_LOOK = 2.0  # seconds; a race of two snapshots is over by then, a broken promise is not
MOST = 10_000  # findings of one check: a lost topic has one for each fact that it ever held


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one check. `reason` says why it could not look; `seconds` it took."""

    name: str
    invariant: str
    meaning: str
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    looked_at: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Fsck:
    """One run over everything the services contribute.

    Services come and go while it runs: what a first look finds is told only when a second one
    finds it too.
    """

    contributions: Sequence[Contribution]
    cross_checks: Sequence[CrossCheck]
    clock: Clock
    second_look: float = SECOND_LOOK

    def checks(self) -> list[Check]:
        """Every check that can be looked at here, and those that span services."""
        own = [check for one in self.contributions for check in one.checks]
        here = self._statements()
        return own + [
            _spanning(cross, [here[name] for name in cross.needs])
            for cross in self.cross_checks
            if here.keys() >= set(cross.needs)
        ]

    def elsewhere(self) -> list[Result]:
        """Cross checks whose statements nobody makes on this machine."""
        here = self._statements()
        return [
            Result(
                cross.name,
                cross.invariant,
                cross.meaning,
                "not here",
                reason=f"nobody here says {', '.join(sorted(set(cross.needs) - here.keys()))}",
            )
            for cross in self.cross_checks
            if not here.keys() >= set(cross.needs)
        ]

    async def look(self, check: Check, scope: Scope) -> Result:
        """The verdict on one check."""
        counted = 0

        def step() -> None:
            nonlocal counted
            counted += 1
            scope.step()

        begun = self.clock.monotonic()
        result = Result(check.name, check.invariant, check.meaning, "clean")
        try:
            findings = await self._confirmed(check, replace(scope, step=step))
        except RepriseError as error:
            result = replace(result, verdict="unchecked", reason=str(error))
        except Exception as error:  # noqa: BLE001 (a check that fails must not take the others along)
            reason = f"the check itself failed: {type(error).__name__}"
            result = replace(result, verdict="unchecked", reason=reason)
        else:
            if findings:
                result = replace(result, verdict="broken", findings=findings)
            if len(findings) == MOST:
                result = replace(result, reason=f"and more: only the first {MOST:,} are told")
        return replace(result, looked_at=counted, seconds=self.clock.monotonic() - begun)

    async def _confirmed(self, check: Check, scope: Scope) -> tuple[Finding, ...]:
        subjects: set[str] = set()
        async for finding in check.run(scope):
            if len(subjects) < MOST:
                subjects.add(finding.subject)
        if not subjects:
            return ()
        await asyncio.sleep(self.second_look)
        kept: list[Finding] = []
        async for finding in check.run(scope):
            if len(kept) < MOST and finding.subject in subjects:
                kept.append(finding)
        return tuple(kept)

    def _statements(self) -> Mapping[str, Speak]:
        return {name: speak for one in self.contributions for name, speak in one.statements.items()}


def _spanning(cross: CrossCheck, speakers: Sequence[Speak]) -> Check:
    async def run(scope: Scope) -> AsyncIterator[Finding]:
        streams = [_placed(speak(scope)) for speak in speakers]
        async for subject, said in side_by_side(streams):
            scope.step()
            problem = cross.judge(said)
            if problem:
                yield Finding(subject, problem)

    return Check(cross.name, cross.invariant, cross.meaning, run)


async def _placed(statements: AsyncIterator[Statement]) -> AsyncIterator[tuple[str, str]]:
    async for statement in statements:
        yield statement.subject, statement.said
