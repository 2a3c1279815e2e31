"""Looking closely at single intents: why they are refused or ride where they ride, what they hold, what they were."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from controller.compiler.explanation import Explanation, PolicyExplanation
from controller.compiler.planner import Planner
from controller.domain.errors import InvalidInput, NotFound
from controller.domain.intent_validation import check_intents
from controller.domain.intents import IntentKey
from controller.domain.kinds import Intent, private_lines
from controller.domain.topology import Topology
from controller.service.assurance import Assurances
from controller.service.outcomes import NOT_LEAVING, Described, IntentView, Leaving
from controller.service.planning import PlannerThread
from controller.store.records import HistoryEntry
from controller.store.store import Store


class Inspection:
    """Changes nothing. Methods raise what the tree of ``domain.errors`` has, and ``StoreError``."""

    def __init__(
        self,
        topology: Topology,
        store: Store,
        planner: PlannerThread,
        assurances: Assurances,
        leaving: Callable[[], Awaitable[Mapping[IntentKey, Leaving]]],
    ) -> None:
        """``leaving``: of each policy in force, by which gateways its traffic leaves."""
        self._topology = topology
        self._store = store
        self._planner = planner
        self._assurances = assurances
        self._leaving = leaving

    async def explain(self, wanted: Sequence[Intent]) -> tuple[Explanation | PolicyExplanation, ...]:
        """Intents as they would be applied together."""
        faults = check_intents(wanted, self._topology)
        if faults:
            raise InvalidInput(tuple(faults))

        def explained(planner: Planner) -> tuple[Explanation | PolicyExplanation, ...]:
            found: dict[IntentKey, Explanation | PolicyExplanation] = {}
            found |= {one.line.key: one for one in planner.explain(private_lines(wanted))}
            found |= {one.policy.key: one for one in planner.explain_policies(wanted)}
            return tuple(found[intent.key] for intent in wanted)

        return await self._planner.run(explained)

    async def explain_there(self, keys: Sequence[IntentKey]) -> tuple[Explanation | PolicyExplanation, ...]:
        """Intents that there are, as the network carries them; those that it does not carry, as last asked for."""
        records = await self._store.get_many(keys)
        for key in keys:
            if key not in records:
                raise _not_there(key)

        def in_the_network(planner: Planner) -> dict[IntentKey, Intent]:
            lines = {key: planner.lines[key].line for key in keys if key in planner.lines}
            return {**lines, **{key: planner.policies[key] for key in keys if key in planner.policies}}

        there = await self._planner.run(in_the_network)
        return await self.explain([there.get(key, records[key].intent) for key in keys])

    async def describe(self, key: IntentKey) -> Described:
        record = await self._store.get(key)
        if record is None:
            raise _not_there(key)
        history = await self._store.history(key)
        description = await self._planner.run(lambda planner: planner.describe(key))
        leaving = (await self._leaving()).get(key, NOT_LEAVING)
        paths = () if description is None else description.placed.paths
        assurance = self._assurances.of(key, paths)
        view = IntentView(record=record, paths=paths, assurance=assurance, leaving=leaving)
        return Described(view=view, description=description, history=tuple(history))

    async def history(self, key: IntentKey) -> tuple[HistoryEntry, ...]:
        """Of an intent that there is, or was."""
        history = await self._store.history(key)
        if not history:
            raise _not_there(key)
        return tuple(history)


def _not_there(key: IntentKey) -> NotFound:
    return NotFound(f"there is no {key}")
