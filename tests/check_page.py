#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Checks the files of the page in Cockpit as far as that needs no browser: what Cockpit's content security policy
forbids, ways in which a name of a device could become HTML, files that are missing, and, where node is installed, the
syntax.

Environment: srcdir (.)
Prints a line for each fault, and exits with 1 if there is any. Then looks into texts with such faults, each of which
must be noticed."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SRCDIR = pathlib.Path(os.environ.get("srcdir", "."))
FOLDER = SRCDIR / "cockpit"

# Patterns in files with these endings, what is wrong with each, and a text in which it must be noticed.
FORBIDDEN = (
    (".html", r"<script(?![^>]*\bsrc=)", "an inline script", "<script>run()</script>"),
    (".html", r"<style\b|\bstyle=", "an inline style", '<p style="color: red">'),
    (".html", r"\son\w+=", "an inline listener", '<p onclick="run()">'),
    (".html", r"(?:src|href)=\"(?:https?:)?//", "a file of another host", '<script src="https://example.org/a.js">'),
    (".js", r"\b(?:inner|outer)HTML\b|insertAdjacentHTML|document\.write|createContextualFragment", "HTML from a text",
     "cell.innerHTML = name;"),
    (".js", r"\beval\(|new Function\(|set(?:Timeout|Interval)\([\"'`]", "a script from a text", "eval(text);"),
    (".js", r"setInterval\(", "polling", "setInterval(read, 1000);"),
    (".js", r"[\"'`]style[\"'`]|\bstyle:", "an inline style", 'make("p", { style: "color: red" });'),
    (".css", r"url\(", "a file that is not the page's own", "background: url(a.png);"),
)


def faults_of(name, text):
    for ending, pattern, what, _ in FORBIDDEN:
        if name.endswith(ending):
            for match in re.finditer(pattern, text):
                yield f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {what}: {match[0]}"


def missing_files(texts):
    """Yields a line for each file that the page names and does not have, and for each that nothing installs."""
    makefile = (SRCDIR / "Makefile.am").read_text(encoding="utf-8")
    for name, text in texts.items():
        named = re.findall(r"from \"\./([^\"]+)\"", text) + re.findall(r"(?:src|href)=\"(?!\.\./)([^\"#]+)\"", text)
        yield from (f"{name}: there is no {other}" for other in named if other not in texts)
        if f"cockpit/{name}" not in makefile:
            yield f"Makefile.am does not install cockpit/{name}"


def syntax_faults(name, text):
    """Yields what node has to say about a module."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / f"{name}.mjs"
        path.write_text(text, encoding="utf-8")
        done = subprocess.run(["node", "--check", path], text=True, stderr=subprocess.PIPE, timeout=120, check=False)
        if done.returncode != 0:
            yield f"{name}: {done.stderr.strip()}"


def main():
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.iterdir())}
    faults = [fault for name, text in texts.items() for fault in faults_of(name, text)]
    faults += missing_files(texts)
    json.loads(texts["manifest.json"])
    has_node = shutil.which("node") is not None
    if has_node:
        faults += [fault for name, text in texts.items() if name.endswith(".js") for fault in syntax_faults(name, text)]
    for fault in faults:
        print(f"cockpit/{fault}")
    unnoticed = [text for ending, _, _, text in FORBIDDEN if not list(faults_of(f"x{ending}", text))]
    if not list(missing_files({"x.js": 'import { a } from "./y.js";'})):
        unnoticed.append("a file that is missing")
    if has_node and not list(syntax_faults("x.js", "function (")):
        unnoticed.append("a fault of syntax")
    for text in unnoticed:
        print(f"check_page: not noticed: {text}")
    return bool(faults or unnoticed)


if __name__ == "__main__":
    sys.exit(main())
