"""What a request comes to, decided against the network as it is at that moment: an apply, a delete, a kept plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from controller.compiler.plan import Plan, RoundKind, Verdict
from controller.domain.errors import Conflict, Fault, InvalidInput, NotFound, Reason
from controller.domain.intent_validation import check_intents
from controller.domain.intents import IntentKey
from controller.domain.kinds import Intent
from controller.domain.topology import Topology
from controller.service.outcomes import ApplyRefused, Wanted
from controller.service.planning import PlannerThread
from controller.store.records import TransactionKind
from controller.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """``keys`` are the intents that change, ``shown`` those that the answer shows. ``fulfils``: the kept plan that is
    carried out by it. ``force``: devices that cannot be reached do not keep it from happening."""

    kind: TransactionKind
    keys: tuple[IntentKey, ...]
    plan: Plan
    shown: tuple[IntentKey, ...]
    fulfils: str = ""
    force: bool = False

    @property
    def devices(self) -> set[str]:
        return {device for part in self.plan.rounds for device, _ in part.changes}

    @property
    def needed(self) -> set[str]:
        """The devices without which it cannot be done. A forced delete needs none; a forced apply, and a change of the
        steering, those that are to carry something, not those where rules only go."""
        if not self.force:
            return self.devices
        if self.kind is TransactionKind.DELETE:
            return set()
        before_commit = (part for part in self.plan.rounds if part.kind is not RoundKind.REMOVE)
        return {device for part in before_commit for device, _ in part.changes}

    @property
    def rules(self) -> int:
        return sum(len(changes) for part in self.plan.rounds for _, changes in part.changes)


class Deciding:
    """Reads, and changes nothing. Whoever carries a decision out sees to it that nothing changes in between."""

    def __init__(self, topology: Topology, store: Store, planner: PlannerThread) -> None:
        self._topology = topology
        self._store = store
        self._planner = planner

    async def apply(self, wanted: Sequence[Wanted], *, partial: bool, force: bool = False) -> Decision:
        await self.check_etags({one.intent.key: one.etag for one in wanted})
        plan = await self._feasible_plan([one.intent for one in wanted], partial=partial)
        return Decision(
            kind=TransactionKind.APPLY,
            keys=tuple(intent.key for intent in plan.movement.intents_in),
            plan=plan,
            shown=tuple(verdict.key for verdict in plan.verdicts if verdict.feasible),
            force=force,
        )

    async def delete(self, keys: Sequence[IntentKey], etag: str, *, force: bool = False) -> Decision:
        there = await self._store.get_many(keys)
        for key in keys:
            if key not in there:
                raise not_there(key)
        await self.check_etags(dict.fromkeys(keys, etag))
        plan = await self._planner.plan((), keys)
        return Decision(kind=TransactionKind.DELETE, keys=tuple(keys), plan=plan, shown=(), force=force)

    async def rollback(self, key: IntentKey, generation: int | None, etag: str) -> Decision:
        """Back to a generation, or to the one before; of an intent that is gone, to its last."""
        record = await self._store.get(key)
        known = await self._store.generations(key)
        if record is None and not known:
            raise not_there(key)
        earlier = known if record is None else [number for number in known if number < record.generation]
        if generation is None and not earlier:
            raise NotFound(f"there is no specification of {key} before the one that it has: nothing to go back to")
        target = earlier[-1] if generation is None else generation
        intent = await self._store.spec_of(key, target)
        if intent is None:
            kept = f"known are {', '.join(map(str, known))}" if known else "none is known"
            raise NotFound(f"the specification of {key} in generation {target} is not known; {kept}")
        self.check([intent])
        return await self.apply([Wanted(intent=intent, etag=etag)], partial=False)

    def check(self, intents: Sequence[Intent]) -> None:
        """Raises ``InvalidInput`` with every fault."""
        faults = check_intents(intents, self._topology)
        if faults:
            raise InvalidInput(tuple(faults))

    async def check_etags(self, etags: Mapping[IntentKey, str]) -> None:
        """Raises ``Conflict`` for an intent that has another one; empty: any will do."""
        now = await self.etags(list(etags))
        for key, etag in etags.items():
            if etag and etag != now[key]:
                what = f"it is {now[key]} now" if now[key] else "there is no such intent now"
                raise Conflict(Reason.ETAG_MISMATCH, f"{key}: etag {etag} is stale, {what}; get it and decide again")

    async def etags(self, keys: Sequence[IntentKey]) -> dict[IntentKey, str]:
        """As they are now; empty where there is no such intent."""
        there = await self._store.get_many(keys)
        return {key: there[key].etag if key in there else "" for key in keys}

    async def check_there(self, keys: Sequence[IntentKey]) -> None:
        there = await self._store.get_many(keys)
        for key in keys:
            if key not in there:
                raise not_there(key)

    async def _feasible_plan(self, wanted: Sequence[Intent], *, partial: bool) -> Plan:
        """A plan that can be carried out; with ``partial`` its verdicts tell also of what was left out."""
        intents = list(wanted)
        refused: dict[IntentKey, Verdict] = {}
        while True:
            plan = await self._planner.plan(intents)
            if plan.feasible:
                break
            if not partial:
                raise ApplyRefused(plan)
            refused |= {verdict.key: verdict for verdict in plan.verdicts if not verdict.feasible}
            intents = [intent for intent in intents if intent.key not in refused]
        verdicts = {verdict.key: verdict for verdict in plan.verdicts} | refused
        return replace(plan, verdicts=tuple(verdicts[intent.key] for intent in wanted))


def check_named_once(wanted: Sequence[Intent], unwanted: Sequence[IntentKey]) -> None:
    """Raises ``InvalidInput`` for an intent to delete that is named twice, or to be applied as well."""
    named = {intent.key for intent in wanted}
    for index, key in enumerate(unwanted):
        if key in named:
            message = f"{key} is to be applied or deleted as well: name an intent once"
            raise InvalidInput((Fault(reason=Reason.INVALID_VALUE, field=f"deletes[{index}]", message=message),))
        named.add(key)


def not_there(key: IntentKey) -> NotFound:
    return NotFound(f"there is no {key}")
