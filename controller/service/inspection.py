"""Looking closely at single intents: why they are refused or ride where they ride, what they hold, what they were."""

from __future__ import annotations

from collections.abc import Sequence

from controller.compiler.explanation import Explanation
from controller.domain.errors import InvalidInput, NotFound
from controller.domain.intents import IntentKey, PrivateLine
from controller.domain.topology import Topology
from controller.domain.validation import check_lines
from controller.service.assurance import Assurances
from controller.service.outcomes import Described, IntentView
from controller.service.planning import PlannerThread
from controller.store.records import HistoryEntry
from controller.store.store import Store


class Inspection:
    """Changes nothing. Methods raise what the tree of ``domain.errors`` has, and ``StoreError``."""

    def __init__(self, topology: Topology, store: Store, planner: PlannerThread, assurances: Assurances) -> None:
        self._topology = topology
        self._store = store
        self._planner = planner
        self._assurances = assurances

    async def explain(self, wanted: Sequence[PrivateLine]) -> tuple[Explanation, ...]:
        """Lines as they would be applied together."""
        faults = check_lines(wanted, self._topology)
        if faults:
            raise InvalidInput(tuple(faults))
        return await self._planner.run(lambda planner: planner.explain(wanted))

    async def explain_there(self, keys: Sequence[IntentKey]) -> tuple[Explanation, ...]:
        """Lines that there are, as the network carries them; those that it does not carry, as last asked for."""
        records = await self._store.get_many(keys)
        for key in keys:
            if key not in records:
                raise _not_there(key)
        placed = await self._planner.run(
            lambda planner: {key: planner.lines[key].line for key in keys if key in planner.lines}
        )
        return await self.explain([placed.get(key, records[key].line) for key in keys])

    async def describe(self, key: IntentKey) -> Described:
        record = await self._store.get(key)
        if record is None:
            raise _not_there(key)
        history = await self._store.history(key)
        description = await self._planner.run(lambda planner: planner.describe(key))
        paths = () if description is None else description.placed.paths
        view = IntentView(record=record, paths=paths, assurance=self._assurances.of(key, paths))
        return Described(view=view, description=description, history=tuple(history))

    async def history(self, key: IntentKey) -> tuple[HistoryEntry, ...]:
        """Of an intent that there is, or was."""
        history = await self._store.history(key)
        if not history:
            raise _not_there(key)
        return tuple(history)


def _not_there(key: IntentKey) -> NotFound:
    return NotFound(f"there is no {key}")
