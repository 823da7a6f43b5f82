#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""What memoryctl metrics prints can be read by Prometheus, is documented, and is what the examples of alerts and of a
dashboard ask for.

tests/ctl/check_memoryctl.c sees to it that memoryctl prints the two texts that are read here.

Environment: srcdir (.), and that of promtool.py
Exits with 77, which skips the test, if promtool or the reader of OpenMetrics is not there and all else is right.
"""

import itertools
import json
import os
import pathlib
import re
import sys
import tempfile
import unittest

import promtool

SRCDIR = pathlib.Path(os.environ.get("srcdir", "."))
SKIPPED = 77

METRICS = "tests/ctl/metrics.prom"
RULES = "contrib/prometheus/memoryd.rules.yml"
DASHBOARD = "contrib/grafana/memoryd.json"

# What the names of the samples of a histogram have behind its own name.
HISTOGRAM = ("_bucket", "_count", "_sum")


def read(name):
    return (SRCDIR / name).read_text(encoding="utf-8")


def types_of(text):
    """Returns the type of each metric by its name."""
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))


def names_in(text):
    """Returns the names of memoryd's samples that a text has."""
    return set(re.findall(r"\bmemoryd_[a-z_]+", text))


def names_of_samples(text):
    """Returns the names that samples can have."""
    names = set()
    for name, kind in types_of(text).items():
        names |= {name + end for end in HISTOGRAM} if kind == "histogram" else {name}
    return names


def panels():
    return json.loads(read(DASHBOARD))["panels"]


def expressions():
    """Returns the expressions of the dashboard, with values for its variables."""
    for panel in panels():
        for target in panel["targets"]:
            yield re.sub(r"\$__(?:rate_interval|range)\b", "5m", target["expr"]).replace("$instance", ".*")


@unittest.skipUnless(promtool.PROMTOOL, "promtool is not there")
class Promtool(unittest.TestCase):
    """What promtool says."""

    def test_it_accepts_the_metrics(self):
        self.assertEqual(promtool.run("check", "metrics", text=read(METRICS)), (0, ""))
        # It notices what is wrong.
        text = re.sub(r"^# HELP memoryd_up .*\n", "", read(METRICS), flags=re.MULTILINE)
        self.assertNotEqual(promtool.run("check", "metrics", text=text)[0], 0)

    def test_it_accepts_the_alerts(self):
        status, text = promtool.run("check", "rules", str(SRCDIR / RULES))
        self.assertEqual(status, 0, text)

    def test_the_alerts_fire_when_they_should(self):
        status, text = promtool.run("test", "rules", str(SRCDIR / "tests/contrib/rules.test.yml"))
        self.assertEqual(status, 0, text)

    def test_it_accepts_the_expressions_of_the_dashboard(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yml", encoding="utf-8") as file:
            json.dump({"groups": [{"name": "dashboard", "rules": [
                {"record": f"panel:{i}", "expr": text} for i, text in enumerate(expressions())]}]}, file)
            file.flush()
            status, text = promtool.run("check", "rules", file.name)
        self.assertEqual(status, 0, text)


class OpenMetrics(unittest.TestCase):
    """The text of memoryctl metrics --openmetrics."""

    def test_it_is_openmetrics(self):
        read_text = promtool.openmetrics_reader()
        if not read_text:
            self.skipTest("the reader of OpenMetrics is not there")
        text = read("tests/ctl/openmetrics.txt")
        types = {family.name: family.type for family in read_text(text)}
        self.assertEqual(types, types_of(text))
        for other in read(METRICS), text.replace("# EOF\n", ""):
            with self.assertRaises(ValueError):
                list(read_text(other))


class Names(unittest.TestCase):
    """The metrics that there are."""

    def test_each_has_a_help_a_type_and_samples(self):
        text = read(METRICS)
        types = types_of(text)
        self.assertGreater(len(types), 20)
        self.assertEqual(re.findall(r"^# HELP (\S+) .", text, re.MULTILINE), list(types))
        self.assertEqual(set(re.findall(r"^([a-z_]+)[ {]", text, re.MULTILINE)), names_of_samples(text))

    def test_they_are_documented(self):
        page = re.sub(r"\\f.|\"", "", read("man/memoryctl.1")).replace("\\-", "-")
        section = page.partition("\n.SH METRICS\n")[2].partition("\n.SH ")[0]
        self.assertEqual(names_in(section), set(types_of(read(METRICS))))

    def test_the_examples_ask_for_metrics_that_there_are(self):
        known = names_of_samples(read(METRICS))
        rules = names_in("\n".join(re.findall(r"^ +(?:expr: |  )(.*memoryd_.*)$", read(RULES), re.MULTILINE)))
        dashboard = names_in("\n".join(expressions()))
        self.assertGreater(len(rules), 10)
        self.assertLessEqual(rules, known)
        self.assertGreater(len(dashboard), 20)
        self.assertLessEqual(dashboard, known)


class Dashboard(unittest.TestCase):
    """What Grafana reads."""

    def test_no_panel_lies_on_another(self):
        self.assertEqual(len({panel["id"] for panel in panels()}), len(panels()))
        places = [panel["gridPos"] for panel in panels()]
        for place in places:
            self.assertLessEqual(place["x"] + place["w"], 24)
        for a, b in itertools.combinations(places, 2):
            self.assertFalse(a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and
                             a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"], f"{a} and {b}")

    def test_each_panel_says_what_it_shows(self):
        for panel in panels():
            self.assertTrue(panel["title"] and panel["description"])
            self.assertTrue(panel["targets"])


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    sys.exit(1 if not result.wasSuccessful() else SKIPPED if result.skipped else 0)
