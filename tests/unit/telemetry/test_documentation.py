"""Every metric is documented, and the examples name only metrics that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from test_endpoint import STATE

from controller.telemetry.metrics import Metrics
from controller.telemetry.state import families

DOCS = Path(__file__).parents[3] / "docs"
NAME = re.compile(r"\btrunkline_[a-z_]+")


def names_and_suffixes():
    """The name by which each metric is known, and all the names of samples that it has."""
    for family in (*Metrics().registry.collect(), *families(STATE)):
        if not family.name.startswith("process_"):
            known = {"counter": f"{family.name}_total", "info": f"{family.name}_info"}.get(family.type, family.name)
            suffixes = ("_bucket", "_count", "_sum") if family.type == "histogram" else ()
            yield known, {known, *(known + suffix for suffix in suffixes)}


def test_every_metric_is_documented():
    documented = set(NAME.findall((DOCS / "metrics.md").read_text()))
    assert documented == {known for known, _ in names_and_suffixes()}


@pytest.mark.parametrize("file", ["alerts.yml", "dashboard.json"])
def test_examples_name_only_metrics_that_exist(file):
    text = (DOCS / "monitoring" / file).read_text()
    parsed = json.loads(text) if file.endswith("json") else yaml.safe_load(text)
    assert parsed
    used = set(NAME.findall(text))
    assert used
    assert used <= set.union(*(suffixes for _, suffixes in names_and_suffixes()))


def test_the_scrape_configuration_is_yaml_and_names_the_alerts():
    config = yaml.safe_load((DOCS / "monitoring" / "prometheus.yml").read_text())
    assert config["rule_files"] == ["alerts.yml"]
    assert config["scrape_configs"][0]["job_name"] == "trunkline"
