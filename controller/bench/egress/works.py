"""What ``bench egress`` times: choosing gateways from nothing, again after a failure, and cycle after cycle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from time import process_time
from typing import Any, Final

import numpy as np

from controller.bench.egress.highs import NotSolved, Solver, matrix
from controller.bench.egress.instances import without_gateway
from controller.bench.egress.setting import Setting, told, whole
from controller.bench.rows import Row, row_of
from controller.bench.timing import timed
from controller.egress.answer import Answer, Shares
from controller.egress.baselines import BLIND, Offers, greedy, offers, tally
from controller.egress.certificate import certify
from controller.egress.choices import delays_ns
from controller.egress.damping import USUAL_LIMITS, Damped, damped, none_waited
from controller.egress.instance import Instance, Int8s, Weights
from controller.egress.previous import parted
from controller.egress.solving import Start, solve

ASSIGN: Final = "assign"
FAILURE: Final = "failure"
CHURN: Final = "churn"
WORKS: Final = (ASSIGN, FAILURE, CHURN)

CHANGE: Final = 0.05
CYCLES: Final = 12
"""Six minutes. The first few start from gateways that the optimum has filled to the brim, and need most moves."""
MS: Final = 1e3


class Wrong(Exception):
    """HiGHS found something better than what was certified to be the best, so that one of us is wrong."""


def assign(setting: Setting, repetitions: int, lp_methods: tuple[str, ...], lp_seconds: float) -> Iterator[Row]:
    """All methods on one instance; ours and the optimum of HiGHS are compared."""
    instance = setting.instance
    yield _ours(setting, ASSIGN, "trunkline", instance, None, repetitions)
    yield _ours(setting, ASSIGN, "trunkline-unsplit", whole(instance), None, repetitions)
    for method in BLIND:
        yield _blind(setting, method)
    yield _greedy(setting)
    if lp_methods:
        yield _by_highs(setting, lp_methods, lp_seconds)


def failure(setting: Setting, repetitions: int) -> Iterator[Row]:
    """The most used gateway fails: everything again, from the prices before, and from nothing."""
    before = setting.best
    used = np.bincount(before.shares.gateway, before.shares.rate_bps, len(setting.instance.exits))
    failed = without_gateway(setting.instance, int(used.argmax()))
    lost = {"gatewayFailed": int(used.argmax())}
    yield _ours(setting, FAILURE, "trunkline", failed, Start(prices=before.prices), repetitions, lost)
    yield _ours(setting, FAILURE, "trunkline/cold", failed, None, repetitions, lost)


def churn(setting: Setting) -> Iterator[Row]:
    """Cycles in which every rate changes by up to 5 %, with what it costs to move and without."""
    for name, weight_ns in (("trunkline", setting.instance.weights.churn_ns), ("trunkline/no-churn-term", 0)):
        random = np.random.default_rng(setting.seed)
        weights = replace(setting.instance.weights, churn_ns=weight_ns)
        base = setting.instance.demand.rate_bps
        instance = replace(setting.instance, weights=weights)
        answer = solve(instance)
        shares = answer.shares
        times, moved, delays = [], [], []
        for _ in range(CYCLES):
            changed = (base * random.uniform(1 - CHANGE, 1 + CHANGE, len(base))).astype(np.int64)
            cycle = Cycle(replace(instance, demand=replace(instance.demand, rate_bps=changed)), shares, answer)
            times.append(_timed(cycle.run))
            answer, shares = cycle.outcome()
            certificate = certify(cycle.parted.instance, answer)
            moved.append(certificate.moved_bps / sum(certificate.carried_bps))
            delays.append(certificate.delay_ns)
        detail = {
            **told(certificate),
            "movedShare": float(f"{np.mean(moved):.4g}"),
            "meanDelayUs": round(float(np.mean(delays)) / 1e3, 2),
            "churnUs": weight_ns / 1e3,
        }
        yield _row(setting, CHURN, name, times, detail)


def damped_churn(setting: Setting) -> Row:
    """The same cycles as the server has them: only what is needed moves, or has been worth it for some time. Weights
    are the server's, too: no penalty on use below the caps."""
    random = np.random.default_rng(setting.seed)
    free = replace(setting.instance, weights=Weights())
    dear = replace(free, weights=Weights(churn_ns=USUAL_LIMITS.gain_ns))
    base = setting.instance.demand.rate_bps
    best = solve(free)
    shares, waited = best.shares, none_waited(free)
    times, moved, later = [], [], []
    for _ in range(CYCLES):
        rate = (base * random.uniform(1 - CHANGE, 1 + CHANGE, len(base))).astype(np.int64)
        now, priced = (replace(one, demand=replace(one.demand, rate_bps=rate)) for one in (free, dear))
        best = solve(now, Start(prices=best.prices))
        found: list[Damped] = []
        times.append(_timed(lambda a=(priced, shares, best, waited), f=found: f.append(_damped(*a))))  # type: ignore[misc]
        shares, waited = found[0].shares, found[0].waited
        certificate = certify(_with_room_for(now, found[0]), replace(best, shares=shares))
        moved.append(found[0].moved_bps / sum(certificate.carried_bps))
        later.append(certificate.delay_ns - certify(now, best).delay_ns)
    detail = {
        **told(certificate),
        "movedShare": float(f"{np.mean(moved):.4g}"),
        "laterUs": round(float(np.mean(later)) / 1e3, 2),
        "churnUs": USUAL_LIMITS.gain_ns / 1e3,
    }
    return _row(setting, CHURN, "trunkline/damped", times, detail)


def _damped(instance: Instance, before: Shares, best: Answer, waited: Int8s) -> Damped:
    parts = parted(instance, before)
    wanted = solve(parts.instance, Start(prices=best.prices))
    return damped(instance, parts, wanted, waited, USUAL_LIMITS)


def _with_room_for(instance: Instance, found: Damped) -> Instance:
    """What may not move yet has room where it is."""
    gateways = len(instance.exits)
    exits = replace(instance.exits, usable_bps=instance.exits.usable_bps + found.over_bps[:gateways])
    inside = replace(instance.inside, usable_bps=instance.inside.usable_bps + found.over_bps[gateways:])
    return replace(instance, exits=exits, inside=inside)


class Cycle:
    """One cycle of operation: from what left where before, and the prices then, to what leaves where."""

    def __init__(self, instance: Instance, before: Shares, answer: Answer) -> None:
        self.parted = parted(instance, before)
        self._start = Start(prices=answer.prices)
        self._gateways = len(instance.exits)
        self._answer = answer

    def run(self) -> None:
        self._answer = solve(self.parted.instance, self._start)

    def outcome(self) -> tuple[Answer, Shares]:
        """The answer, by parts; its shares, by aggregates."""
        return self._answer, self.parted.merged(self._answer.shares, self._gateways)


def _ours(
    setting: Setting,
    work: str,
    engine: str,
    instance: Instance,
    start: Start | None,
    repetitions: int,
    more: Mapping[str, Any] | None = None,
) -> Row:
    answers: list[Answer] = []
    times = [_timed(lambda: answers.append(solve(instance, start))) for _ in range(repetitions)]
    certificate = certify(instance, answers[-1])
    checked = _timed(lambda: certify(instance, answers[-1]))
    split = len(answers[-1].shares) - len(np.unique(answers[-1].shares.aggregate))
    extra = {"pivots": answers[-1].pivots, "split": split, "certifyCpuMs": round(checked[1], 1)}
    return _row(setting, work, engine, times, {**told(certificate), **extra, **({} if more is None else more)})


def _blind(setting: Setting, method: str) -> Row:
    """A method that looks at no capacity: use above 100 % is what it offers, and the excess is lost."""
    instance = setting.instance
    found: list[Offers] = []
    times = [_timed(lambda: found.append(offers(instance, method)))]
    result = tally(instance, found[-1])
    detail = {
        "carriedBps": result.carried_bps,
        "demandBps": int(instance.demand.rate_bps.sum()),
        "meanDelayUs": round(result.delay_ns / 1e3, 2),
        "maxUtilisation": round(result.utilisation, 4),
    }
    return _row(setting, ASSIGN, method, times, detail)


def _greedy(setting: Setting) -> Row:
    found: list[Shares] = []
    times = [_timed(lambda: found.append(greedy(setting.instance)))]
    certificate = certify(setting.instance, replace(setting.best, shares=found[-1]))
    detail = dict(told(certificate))
    if certificate.carried_bps != setting.certificate.carried_bps:
        del detail["certifiedGap"]  # prices for what could be carried say little of what less costs
    return _row(setting, ASSIGN, "greedy", times, detail)


def _by_highs(setting: Setting, methods: tuple[str, ...], seconds: float) -> Row:
    """The fastest of HiGHS's methods. It is told what is carried of each class, so that only the last stage is left."""
    instance, certificate = setting.instance, setting.certificate
    program = matrix(instance)
    best: tuple[float, float] | None = None
    tried: dict[str, Any] = {}
    for method in methods:
        solver = Solver(program, method, seconds)
        for number, (carried, most) in enumerate(zip(certificate.carried_bps, certificate.reachable_bps, strict=True)):
            if carried >= most:
                members = np.flatnonzero(instance.demand.service_class == number)
                solver.ask_all(np.intersect1d(members, program.aggregate))
            else:
                solver.ask(number, carried / 1e9 - 1e-6)
        costs: list[float] = []
        try:
            wall, cpu = _timed(lambda c=costs, s=solver: c.append(s.least_cost()))  # type: ignore[misc]
        except NotSolved as error:
            tried[f"{method}Ended"] = str(error)
            continue
        tried[f"{method}CpuMs"] = round(cpu)
        cost_ns = costs[0] * 1e9 * 1e6
        if cost_ns < certificate.cost_bound * (1 - 1e-6):
            raise Wrong(f"{setting.name}: {method} found {cost_ns:.9g}, the bound is {certificate.cost_bound:.9g}")
        tried["oursOverLp"] = float(f"{certificate.cost / cost_ns - 1:.3g}")
        if best is None or cpu < best[1]:
            best = wall, cpu
            tried["method"] = method
            tried["meanDelayUs"] = round(_delay_of(solver, program, instance), 2)
    reached = {"carriedBps": sum(certificate.carried_bps), "demandBps": sum(certificate.demand_bps)}
    finished = best is not None
    if best is None:
        best = seconds * MS, seconds * MS  # at least that
    return _row(setting, ASSIGN, "lp", [best], {**reached, "finished": finished, "limitSeconds": seconds, **tried})


def _delay_of(solver: Solver, program: Any, instance: Instance) -> float:
    rate = solver.carried()
    delay = delays_ns(instance)[program.aggregate, program.gateway]
    return float((rate * delay).sum() / rate.sum() / 1e3)


def _timed(call: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds by the clock, and of processor."""
    begin = process_time()
    wall, _ = timed(call)
    return wall * MS, (process_time() - begin) * MS


def _row(setting: Setting, work: str, engine: str, times: list[tuple[float, float]], detail: Mapping[str, Any]) -> Row:
    cpu = sorted(one for _, one in times)[len(times) // 2]
    figures = [wall for wall, _ in times]
    more = {**setting.size, **detail, "cpuMs": round(cpu, 1)}
    return row_of(work=work, case=setting.name, engine=engine, unit="ms", figures=figures, detail=more)
