#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Compares the documents with the output of the programs.

Environment: srcdir (.), MEMORYD (./memoryd), MEMORYCTL (./memoryctl) and LIST_KEYS
(./tests/config/list_keys).
Prints a line for each difference, and exits with 1 if there is any. Then runs each check again on a
text that is broken on purpose, which the check must notice.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

SRCDIR = pathlib.Path(os.environ.get("srcdir", "."))
INTERFACES = [f"org.memoryd1.{name}" for name in ("Manager", "Node", "Zone", "Job")]
CATALOG = "systemd/memoryd.catalog"
# tests/check_completions.py has the shells themselves complete, where they are installed.
COMPLETIONS = tuple(f"src/ctl/memoryctl.{name}" for name in ("bash-completion", "zsh-completion", "fish"))


def run(variable, default, *arguments):
    """Returns the output of a program. None of these programs touches the machine."""
    program = os.environ.get(variable, default)
    return subprocess.run([program, *arguments], check=True, text=True, stdout=subprocess.PIPE,
                          timeout=120).stdout


def verbs_of(text):
    """Returns the verbs in the text of memoryctl --help."""
    sections = re.findall(r"^(?:Verbs|Other verbs).*:\n((?: +.*\n)+)", text, re.M)
    return re.findall(r"^  ([a-z-]+)", "".join(sections), re.M)


class Texts:
    """The files of the tree and the output of the programs. Any of these texts can be replaced."""

    def __init__(self):
        self.cache = {
            "introspect": run("MEMORYD", "./memoryd", "--introspect"),
            **{f"introspect {name}": run("MEMORYD", "./memoryd", "--introspect", name)
               for name in INTERFACES},
            "memoryd --help": run("MEMORYD", "./memoryd", "--help"),
            "memoryctl --help": run("MEMORYCTL", "./memoryctl", "--help"),
            "keys": run("LIST_KEYS", "./tests/config/list_keys"),
        }
        self.cache["help of verbs"] = "".join(run("MEMORYCTL", "./memoryctl", verb, "--help")
                                              for verb in verbs_of(self.cache["memoryctl --help"]))

    def get(self, name):
        if name not in self.cache:
            self.cache[name] = (SRCDIR / name).read_text(encoding="utf-8")
        return self.cache[name]

    def man(self, name):
        """Returns a man page without fonts, quotes and escapes, but with its requests."""
        text = re.sub(r"\\f.|\"", "", self.get("man/" + name))
        return text.replace("\\-", "-").replace("\\(aq", "'").replace("\\(dq", '"')

    def with_replaced(self, name, old, new):
        """Returns a copy in which one text differs."""
        if not re.search(old, self.get(name), re.M):
            raise SystemExit(f"check_docs: cannot break {name}: there is no {old!r} in it")
        copy = Texts.__new__(Texts)
        copy.cache = dict(self.cache)
        copy.cache[name] = re.sub(old, new, self.get(name), count=0, flags=re.M)
        return copy


def has_word(text, word):
    return re.search(rf"(?<![\w.-]){re.escape(word)}(?![\w-])", text) is not None


def check_introspection(texts):
    """Each interface has a file that equals the output of memoryd to the byte."""
    document = xml.etree.ElementTree.fromstring(texts.get("introspect"))
    if [interface.get("name") for interface in document.iter("interface")] != INTERFACES:
        yield f"memoryd --introspect has other interfaces than {', '.join(INTERFACES)}"
    for name in INTERFACES:
        if texts.get(f"introspect {name}") != texts.get(f"src/bus/{name}.xml"):
            yield f"src/bus/{name}.xml differs from memoryd --introspect {name}"


def check_interfaces(texts):
    """The man page has each interface and each member, and the types of properties."""
    page = texts.man("org.memoryd1.5")
    for interface in xml.etree.ElementTree.fromstring(texts.get("introspect")).iter("interface"):
        if not has_word(page, interface.get("name")):
            yield f"man/org.memoryd1.5: no interface {interface.get('name')}"
        for member in interface:
            name, kind = member.get("name"), member.get("type")
            pattern = rf"\b{name}\b.*\({re.escape(kind)}\)" if kind else rf"\b{name}\b"
            if member.tag != "annotation" and not re.search(pattern, page):
                yield f"man/org.memoryd1.5: no {member.tag} {name} {kind or ''}"


def check_keys(texts):
    """The man page has an entry for each key."""
    page = texts.man("memoryd.conf.5")
    for key in texts.get("keys").split():
        if not re.search(rf"^\.TP\n\.B {re.escape(key)}$", page, re.M):
            yield f"man/memoryd.conf.5: no entry for the key {key}"


def check_config(text):
    """Yields each fault that memoryd --check-config finds in a text, with the line of the text."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        done = subprocess.run([os.environ.get("MEMORYD", "./memoryd"), "--check-config", file.name],
                              text=True, stderr=subprocess.PIPE, timeout=120, check=False)
        if done.returncode != 0:
            yield from done.stderr.replace(file.name + ":", "line ").splitlines() or [
                f"exit status {done.returncode}"]


def check_examples(texts):
    """memoryd accepts each example, the example is installed, and the man page names it."""
    installed = re.findall(r"conf/examples/[\w-]+\.conf", texts.get("Makefile.am"))
    for path in sorted((SRCDIR / "conf/examples").glob("*.conf")):
        name = f"conf/examples/{path.name}"
        for fault in check_config(texts.get(name)):
            yield f"{name}: {fault}"
        if name not in installed:
            yield f"Makefile.am: {name} is not installed"
        if not has_word(texts.man("memoryd.conf.5"), path.name):
            yield f"man/memoryd.conf.5: no example {path.name}"


def check_hooks(texts):
    """Each example of a hook is installed, and the man page has an entry for it."""
    page = texts.man("memoryd-capacity.service.8")
    for path in sorted((SRCDIR / "conf/examples/capacity.d").iterdir()):
        if not has_word(texts.get("Makefile.am"), f"conf/examples/capacity.d/{path.name}"):
            yield f"Makefile.am: conf/examples/capacity.d/{path.name} is not installed"
        if not re.search(rf"^\.TP\n\.B {re.escape(path.name)}$", page, re.M):
            yield f"man/memoryd-capacity.service.8: no example {path.name}"


def check_man_examples(texts):
    """memoryd accepts each example of the man page."""
    section = texts.get("man/memoryd.conf.5").partition("\n.SH EXAMPLES\n")[2].partition("\n.SH ")[0]
    examples = re.findall(r"^\.nf\n(.*?)^\.fi$", section, re.M | re.S)
    if not examples:
        yield "man/memoryd.conf.5: no examples"
    for example in examples:
        text = example.replace("\\(dq", '"').replace("\\-", "-")
        for fault in check_config(text):
            yield f"man/memoryd.conf.5: {fault} of the example\n{text}"


def options_of(texts, program):
    return re.findall(r"(?<![\w-])(--?[A-Za-z][a-z-]*)", "\n".join(
        line for line in texts.get(f"{program} --help").splitlines() if re.match(r" +-", line)))


def check_options(texts):
    """The man page has each option of --help. The completions have each long option of memoryctl."""
    for program, page in ("memoryd", "memoryd.8"), ("memoryctl", "memoryctl.1"):
        for option in options_of(texts, program):
            if not has_word(texts.man(page), option):
                yield f"man/{page}: no option {option}"
    for option in options_of(texts, "memoryctl"):
        for name in COMPLETIONS:
            # fish and zsh have options without the dashes.
            text = texts.get(name).replace(" --", " ")
            if option.startswith("--") and not has_word(text, option.removeprefix("--")):
                yield f"{name}: no option {option}"


def check_verbs(texts):
    """The man page and the completions of memoryctl have each verb of memoryctl --help."""
    verbs = verbs_of(texts.get("memoryctl --help"))
    if not verbs:
        yield "memoryctl --help: no verbs"
    for verb in verbs:
        for name, text in (("man/memoryctl.1", texts.man("memoryctl.1")),
                           *((name, texts.get(name)) for name in COMPLETIONS)):
            if not has_word(text, verb):
                yield f"{name}: no verb {verb}"


def check_columns(texts):
    """The man page and the completions of memoryctl have each column of the tables."""
    columns = re.findall(r"^ [ *]([A-Z][A-Z_]+) ", texts.get("help of verbs"), re.M)
    if not columns:
        yield "memoryctl VERB --help: no columns"
    for column in columns:
        for name, text in (("man/memoryctl.1", texts.man("memoryctl.1")),
                           *((name, texts.get(name)) for name in COMPLETIONS)):
            if not has_word(text, column):
                yield f"{name}: no column {column}"


def check_messages(texts):
    """Each MESSAGE_ID has an entry in the catalog, and the man page has it."""
    for name, value in re.findall(r'^#define (MESSAGE_ID_\w+) "(\w+)"', texts.get("src/base/names.h"),
                                  re.M):
        if not re.search(rf"^-- {value}$", texts.get(CATALOG), re.M):
            yield f"{CATALOG}: no entry for {name}"
        if not has_word(texts.man("memoryd.8"), value):
            yield f"man/memoryd.8: no {name}, {value}"


def check_exit_codes(texts):
    """The man page has an entry for each exit code of memoryd."""
    section = texts.man("memoryd.8").partition(".SH EXIT STATUS")[2].partition("\n.SH ")[0]
    codes = re.findall(r"^#define EXIT_\w+ (\d+)", texts.get("src/base/names.h"), re.M)
    for code in ["0", "1", *codes]:
        if not re.search(rf"^\.TP\n\.B {code}$", section, re.M):
            yield f"man/memoryd.8: no exit status {code}"


def check_features(texts):
    """The man page has an entry for each kernel feature that memoryd can use."""
    section = texts.man("org.memoryd1.5").partition(".SH KERNEL FEATURES")[2].partition("\n.SH ")[0]
    features = re.findall(r'\[FEATURE_\w+\] = "([a-z-]+)",', texts.get("src/verify/feature.c"))
    for feature in features:
        if not re.search(rf"^\.TP\n\.B {feature}$", section, re.M):
            yield f"man/org.memoryd1.5: no feature {feature}"
    if len(features) != len(re.findall(r"^\.TP$", section, re.M)):
        yield "man/org.memoryd1.5: other features than in src/verify/feature.c"


# Each check with a text to break, the pattern to replace in it and the replacement. A check must be able
# to fail.
CHECKS = (
    (check_introspection, "introspect org.memoryd1.Manager", "PendingBlocks", "WaitingBlocks"),
    (check_introspection, "introspect", r"org\.memoryd1\.Job", "org.memoryd1.Task"),
    (check_interfaces, "man/org.memoryd1.5", r"UndoneBlocks\b.*", "x"),
    (check_interfaces, "man/org.memoryd1.5", r"PendingBlocks\b.*", "x"),
    (check_interfaces, "man/org.memoryd1.5", "CapacityChanged", "x"),
    (check_interfaces, "man/org.memoryd1.5", r"org\.memoryd1\.Zone", "x"),
    (check_keys, "man/memoryd.conf.5", r"^\.B retry\.cap$", ".B retry.cup"),
    (check_keys, "keys", r"^settle$", "unsettle"),
    (check_keys, "man/memoryd.conf.5", r"^\.B rules\.distance\.min$", ".B rules.distance"),
    (check_examples, "conf/examples/cxl.conf", "cpuless", "cpufree"),
    (check_examples, "Makefile.am", r"far-memory\.conf", ""),
    (check_examples, "man/memoryd.conf.5", r"vm\\-balloon\.conf", ""),
    (check_hooks, "Makefile.am", r"capacity\.d/zram", ""),
    (check_hooks, "man/memoryd-capacity.service.8", r"^\.B node\\-exporter$", ".B node"),
    (check_man_examples, "man/memoryd.conf.5", r"zone = \\\(dqleave", r"zone = \\(dqleft"),
    (check_man_examples, "man/memoryd.conf.5", r"^\.nf", ".xx"),
    (check_options, "man/memoryd.8", "introspect", "x"),
    (check_options, "man/memoryctl.1", "noheadings", "x"),
    *((check_options, name, r"\bundo-on-failure\b", "x") for name in COMPLETIONS),
    *((check_verbs, name, r"\brescan\b", "x") for name in COMPLETIONS),
    (check_verbs, "man/memoryctl.1", r"\brescan\b", "x"),
    (check_verbs, "memoryctl --help", "erbs", "erps"),
    *((check_columns, name, r"\bONLINED_BY\b", "x") for name in COMPLETIONS),
    (check_columns, "man/memoryctl.1", r"\bONLINED_BY\b", "x"),
    (check_columns, "help of verbs", "^ [ *]([A-Z_]+) ", "x"),
    (check_messages, CATALOG, "^-- 7", "-- 8"),
    (check_messages, "man/memoryd.8", "^.B 7", ".B 8"),
    (check_exit_codes, "man/memoryd.8", r"^\.B 69$", ".B 68"),
    (check_features, "man/org.memoryd1.5", r"^\.B node\\-auto\\-online$", ".B x"),
    (check_features, "src/verify/feature.c", '] = "groups"', '] = "crowds"'),
    (check_features, "src/verify/feature.c", '] = "Linux 4.7"', '] = "later"'),
)


def main():
    texts = Texts()
    faults = [fault for check in dict.fromkeys(check for check, *_ in CHECKS)
              for fault in check(texts)]
    for check, name, old, new in CHECKS:
        if not list(check(texts.with_replaced(name, old, new))):
            faults.append(f"{check.__name__} does not notice a fault in {name}")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
