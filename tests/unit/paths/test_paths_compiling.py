"""Kernels are compiled once, loaded when they are needed, and compiled again when anything they call has changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from controller.paths.kernels import compiling


def test_nothing_loads_numba_before_a_route_is_looked_for():
    code = (
        "import sys; from importlib import import_module; from controller.cli.app import MODULES;"
        "[import_module(f'controller.cli.{name}') for name in MODULES.values()]; sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A copy of the kernels' sources, which stamps are taken of."""
    for source in Path(str(files("controller.paths.kernels"))).glob("*.py"):
        shutil.copy(source, tmp_path)
    monkeypatch.setattr(compiling, "files", lambda package: tmp_path)
    compiling.stamp_of.cache_clear()
    yield tmp_path
    compiling.stamp_of.cache_clear()


def test_a_change_outdates_all_that_could_call_it_and_nothing_else(sources):
    before = {name: compiling.stamp_of(name) for name in ("answering", "search", "heap", "book")}
    (sources / "search.py").write_text((sources / "search.py").read_text() + "\n# changed\n")
    compiling.stamp_of.cache_clear()
    after = {name: compiling.stamp_of(name) for name in before}
    assert {name for name in before if before[name] != after[name]} == {"answering", "search"}


def test_every_kernel_bears_the_stamp_of_its_module():
    from controller.paths.kernels.answering import answer_one

    assert answer_one._cache._impl.locator.get_source_stamp() == compiling.stamp_of("answering")


def test_kernels_of_another_package_bear_the_stamp_of_theirs():
    from controller.egress.kernels.simplex import work_through

    stamp = work_through._cache._impl.locator.get_source_stamp()
    assert stamp == compiling.stamp_of("simplex", "controller.egress.kernels") != compiling.stamp_of("search")
