#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Compares ARCHITECTURE.md with the code: the folders of src/, and the functions that it names.

A file includes and calls only its own folder and those listed above it, and the calls between files make no
circle. Run from the build folder: which function calls which is read from the objects there.
"""

import collections
import os
import pathlib
import re
import subprocess
import sys

SRCDIR = pathlib.Path(os.environ.get("srcdir", "."))
ARCHITECTURE = "ARCHITECTURE.md"
SKIPPED = 77

Symbol = collections.namedtuple("Symbol", "file section offset name is_global")
Use = collections.namedtuple("Use", "file section offset name")
Call = collections.namedtuple("Call", "caller_file caller callee_file callee")


def listed_folders(text):
    """Returns the folders of src/ in their order. memoryd.c is one of the entries."""
    return re.findall(r"^- `src/([\w.]+)/?`: \S", text, re.M)


def check_listing(folders, there):
    """ARCHITECTURE.md lists each folder once, and no others."""
    for name in sorted(there - set(folders)):
        yield f"{ARCHITECTURE}: src/{name} is not listed"
    for name in folders:
        if name not in there or folders.count(name) > 1:
            yield f"{ARCHITECTURE}: src/{name} is listed {folders.count(name)} times, and is " + (
                "there" if name in there else "not there")


def is_above(folders, used, user):
    """Returns whether a file may use another file. Both are paths below src/."""
    return folders.index(used.partition("/")[0]) <= folders.index(user.partition("/")[0])


def find_includes(texts):
    """Yields pairs of a file and a header that it includes, as paths below src/."""
    for name, text in texts.items():
        for header in re.findall(r'^#include "([\w-]+/[\w.-]+)"', text, re.M):
            yield name, header


def check_includes(folders, includes):
    """No file includes a header of a folder below its own."""
    for name, header in includes:
        if not is_above(folders, header, name):
            yield f"src/{name} includes {header}, whose folder is below its own in {ARCHITECTURE}"


def check_sentences(texts):
    """Each file begins with a sentence of its own."""
    for name, text in texts.items():
        body = re.sub(r"\A(?:/\* SPDX.*\n)+(?:#(?:pragma|include).*\n|\n)*", "", text)
        if not body.startswith("/*"):
            yield f"src/{name} does not begin with a comment that says what it is"


def run_objdump(path):
    return subprocess.run([os.environ.get("OBJDUMP", "objdump"), "--syms", "--reloc", path], check=True,
                          text=True, stdout=subprocess.PIPE, timeout=120).stdout


def read_object(file, text):
    """Returns the symbols that an object defines, and the places where it uses symbols."""
    symbols, uses, section = [], [], None
    for line in text.splitlines():
        head = re.match(r"RELOCATION RECORDS FOR \[(.*)\]:", line)
        symbol = re.match(r"([0-9a-f]+) (.{7}) (\S+)\t[0-9a-f]+ (?:\.\w+ )?(\S+)$", line)
        use = re.match(r"([0-9a-f]+) R_\S+ +([A-Za-z_]\w*)", line)
        if head:
            section = head.group(1)
        elif symbol and symbol.group(3) not in ("*UND*", "*ABS*"):
            symbols.append(Symbol(file, symbol.group(3), int(symbol.group(1), 16), symbol.group(4),
                                  symbol.group(2)[0] == "g"))
        elif use and section and not section.startswith((".debug", ".eh_frame")):
            uses.append(Use(file, section, int(use.group(1), 16), use.group(2)))
    return symbols, uses


def name_user(symbols, use):
    """Returns the function or variable that contains a use."""
    before = [symbol for symbol in symbols
              if symbol.section == use.section and symbol.offset <= use.offset
              and not symbol.name.startswith(".")]
    return max(before, key=lambda symbol: symbol.offset).name if before else use.section


def find_calls(objects):
    """Yields the calls between files. `objects` has the output of objdump by path below src/."""
    read = {file: read_object(file, text) for file, text in objects.items()}
    defined = {symbol.name: symbol.file for symbols, _ in read.values() for symbol in symbols
               if symbol.is_global and symbol.name != "main"}
    for file, (symbols, uses) in read.items():
        for use in uses:
            if defined.get(use.name, file) != file:
                yield Call(file, name_user(symbols, use), defined[use.name], use.name)


def check_calls(folders, calls):
    """No function uses a symbol of a folder below its own."""
    for call in dict.fromkeys(calls):
        if not is_above(folders, call.callee_file, call.caller_file):
            yield (f"src/{call.caller_file}: {call.caller}() uses {call.callee} of src/{call.callee_file}, "
                   f"whose folder is below its own in {ARCHITECTURE}")


def find_circles(calls):
    """The sets of files that call each other in a circle."""
    uses = collections.defaultdict(set)
    for call in calls:
        uses[call.caller_file].add(call.callee_file)

    def reach(file):
        found, left = set(), [file]
        while left:
            for callee in uses[left.pop()] - found:
                found.add(callee)
                left.append(callee)
        return found

    reached = {file: reach(file) for file in list(uses)}
    return {frozenset(other for other in reached[file] if file in reached.get(other, ()))
            for file in reached if file in reached[file]}


def check_circles(calls):
    """No file is called by what it calls."""
    for circle in find_circles(calls):
        yield f"these files call each other in a circle: {', '.join(sorted(circle))}"
        for call in sorted(call for call in dict.fromkeys(calls)
                           if call.caller_file in circle and call.callee_file in circle):
            yield f"   src/{call.caller_file}: {call.caller}() uses {call.callee} of src/{call.callee_file}"


def find_functions(texts):
    """The functions that the files define."""
    return {name for text in texts.values()
            for name in re.findall(r"^[A-Za-z][\w *]*?(\w+)\([^;]*?\)\n\{", text, re.M)}


def check_story(text, functions):
    """Each function that ARCHITECTURE.md names is there."""
    for name in dict.fromkeys(re.findall(r"`(\w+)\(\)`", text)):
        if name not in functions:
            yield f"{ARCHITECTURE}: there is no function {name}()"


def check_made_fault(folders, calls):
    """The checks must be able to fail: they find a call that is turned round, and a false listing."""
    call = next(call for call in calls if call.caller_file.partition("/")[0] != call.callee_file.partition("/")[0])
    turned = Call(call.callee_file, call.callee, call.caller_file, call.caller)
    faults = [*check_calls(folders, [turned]),
              *check_includes(folders, [(call.callee_file, call.caller_file)]),
              *check_listing(folders, {*folders, "attic"}), *check_listing(folders + ["attic"], set(folders)),
              *check_story("`attic_open()`", {call.caller}),
              *check_sentences({"attic.c": "/* SPDX */\n\n#include <stdio.h>\n\nint a;\n"})]
    if len(faults) != 6 or len(list(check_circles([call, turned]))) != 3 or call.caller not in faults[0] or call.callee not in faults[0]:
        yield f"a fault that was made is not found: {faults}"


def main():
    source = SRCDIR / "src"
    document = (SRCDIR / ARCHITECTURE).read_text(encoding="utf-8")
    folders = listed_folders(document)
    # A build in the source tree leaves hidden files and objects there.
    there = {path.name for path in source.iterdir() if path.suffix != ".o" and not path.name.startswith(".")}
    texts = {str(path.relative_to(source)): path.read_text(encoding="utf-8")
             for path in source.rglob("*.[ch]")}
    # A build folder may have objects of files that are gone.
    objects = {str(path.relative_to("src").with_suffix(".c")): run_objdump(path)
               for path in pathlib.Path("src").rglob("*.o")
               if (SRCDIR / path.with_suffix(".c")).exists()}

    faults = list(check_listing(folders, there))
    if not faults:
        calls = list(find_calls(objects))
        if not calls:
            print("the objects have no symbols: built with -flto?")
            return SKIPPED
        faults = [*check_sentences(texts), *check_includes(folders, find_includes(texts)),
                  *check_calls(folders, calls), *check_circles(calls),
                  *check_story(document, find_functions(texts)),
                  *check_made_fault(folders, calls)]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
