# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Finds promtool of the package prometheus, and the reader of OpenMetrics of the package python3-prometheus-client.

They need not be installed, since prometheus starts a service: ./setup check unpacks both into build/tools.

Environment: MEMORYD_TOOLS, another folder in its place
"""

import importlib
import os
import pathlib
import shutil
import subprocess
import sys

TOOLS = pathlib.Path(os.environ.get("MEMORYD_TOOLS") or pathlib.Path(__file__).resolve().parents[1] / "build/tools")
PROMTOOL = shutil.which("promtool", path=f"{os.environ['PATH']}:{TOOLS}/usr/bin")


def run(*words, text=None):
    """Runs promtool with this text as its input. Returns its exit status and all that it prints."""
    done = subprocess.run([PROMTOOL, *words], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=300, check=False)
    return done.returncode, done.stdout


def openmetrics_reader():
    """Returns a function that reads OpenMetrics and raises ValueError for what is not, or None without the package."""
    sys.path.append(str(TOOLS / "usr/lib/python3/dist-packages"))
    try:
        return importlib.import_module("prometheus_client.openmetrics.parser").text_string_to_metric_families
    except ModuleNotFoundError:
        return None
    finally:
        sys.path.pop()
