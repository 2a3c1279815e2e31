"""Reading back what a transaction touched, and little else: tables of prefixes have 100,000 rules."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final, TypeVar

from controller.domain.rules import (
    COOKIE_MARK,
    COOKIE_MARK_MASK,
    Change,
    FlowRule,
    GroupRule,
    Match,
    MeterRule,
    Rule,
    RuleKey,
    Table,
    key_of,
)
from controller.southbound.openflow import messages
from controller.southbound.openflow.connection import Connection
from controller.southbound.openflow.covering_blocks import covering_blocks
from controller.southbound.openflow.protocol import MessageType
from controller.southbound.openflow.readback import read_flows, read_groups, read_meters
from controller.southbound.openflow.refusals import SwitchError

T = TypeVar("T")

FEW: Final = 8
"""Up to so many owners of rules in a table (or meters, or blocks of addresses) are read back one by one; beyond, one
dump of all that is ours costs less."""


async def read_touched(connection: Connection, expected: dict[RuleKey, Change]) -> dict[RuleKey, Rule]:
    """The rules of ours that stand where a change was made, and perhaps others."""
    rules = [rule for change in expected.values() for rule in (change.before, change.after) if rule is not None]
    found: list[Rule] = [*await _read_flows(connection, [rule for rule in rules if isinstance(rule, FlowRule)])]
    if any(isinstance(rule, GroupRule) for rule in rules):
        found += await read_parts(read_groups, await ask_parts(connection, messages.group_desc_request))
    found += await _read_meters(connection, {rule.meter_id for rule in rules if isinstance(rule, MeterRule)})
    return {key_of(rule): rule for rule in found}


async def _read_flows(connection: Connection, rules: Iterable[FlowRule]) -> Iterable[FlowRule]:
    """What is ours where these rules are, table by table."""
    of_table: defaultdict[Table, list[FlowRule]] = defaultdict(list)
    for rule in rules:
        of_table[rule.table].append(rule)
    parts: list[bytes] = []
    for table, touched in sorted(of_table.items()):
        for cookie, mask, match in _filters(table, touched):
            asked = partial(messages.flow_stats_request, cookie=cookie, cookie_mask=mask, table=table, match=match)
            parts += await ask_parts(connection, asked)
    return [flow for flow in await read_parts(read_flows, parts) if isinstance(flow, FlowRule)]


def _filters(table: Table, touched: Iterable[FlowRule]) -> Iterator[tuple[int, int, Match]]:
    """Cookie, mask, and what a flow must ask for at least. Of prefixes one owner may have half of 100,000: they are
    found by their addresses."""
    if table is Table.ROUTE:
        prefixes = [rule.match.ip_dst for rule in touched if rule.match.ip_dst is not None]
        for block in covering_blocks(prefixes, FEW):
            yield COOKIE_MARK, COOKIE_MARK_MASK, Match(ip_dst=block)
        return
    cookies = {rule.cookie for rule in touched}
    if len(cookies) > FEW:
        yield COOKIE_MARK, COOKIE_MARK_MASK, Match()
        return
    for cookie in sorted(cookies):
        yield cookie, messages.ALL_BITS, Match()


async def _read_meters(connection: Connection, meter_ids: set[int]) -> Iterable[MeterRule]:
    if len(meter_ids) > FEW:
        return await read_parts(read_meters, await ask_parts(connection, messages.meter_config_request))
    parts: list[bytes] = []
    for meter_id in sorted(meter_ids):
        try:
            parts += await ask_parts(connection, partial(messages.meter_config_request, meter_id=meter_id))
        except SwitchError as error:
            if not error.not_there:
                raise
    return await read_parts(read_meters, parts)


async def read_parts(reader: Callable[[Iterable[bytes]], Iterable[T]], parts: list[bytes]) -> list[T]:
    """Decode an answer; one of 20,000 flows takes 0.3 s, so others get the loop after each part."""
    found: list[T] = []
    for part in parts:
        found += reader([part])
        await asyncio.sleep(0)
    return found


async def ask_parts(connection: Connection, build: Callable[[int], bytes]) -> list[bytes]:
    return await connection.ask(build, MessageType.MULTIPART_REPLY)
