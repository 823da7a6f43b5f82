#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""All files have the version of configure.ac.

Environment: srcdir (.)
Prints a line for each file that has another version, and exits with 1 if there is any. Then looks at each file with its
version replaced, which must be noticed.
"""

import os
import pathlib
import re
import sys

SRCDIR = pathlib.Path(os.environ.get("srcdir", "."))
SOURCE = re.compile(r"^AC_INIT\(\[memoryd\], \[([^]]+)\]", re.M)
TITLE = r'^\.TH \S+ \S+ \S+ "memoryd ([^"]+)"'

# Each file, with the pattern of its first version.
FILES = {
    "NEWS": r"^memoryd (\S+)\n=+$",
    "man/memoryd.8": TITLE,
    "man/memoryd-capacity.service.8": TITLE,
    "man/memoryctl.1": TITLE,
    "man/memoryd.conf.5": TITLE,
    "man/org.memoryd1.5": TITLE,
    # What DKMS and the kernel read.
    "kernel/guard/dkms.conf": r'^PACKAGE_VERSION="(.+)"$',
    "kernel/guard/memoryd_guard.c": r'^MODULE_VERSION\("(.+)"\);$',
    "kernel/README.md": r"^make install-guard && dkms install memoryd-guard/(.+)$",
    "debian/changelog": r"^memoryd \((?:\d+:)?([^)-]+)[^)]*\)",
    "packaging/memoryd.spec": r"^Version:\s*(\S+)$",
}


def fault_of(name, pattern, text, version):
    found = re.search(pattern, text, re.M)
    if not found:
        return f"{name}: no version"
    return None if found[1] == version else f"{name}: version {found[1]}, expected {version}"


def main():
    version = SOURCE.search((SRCDIR / "configure.ac").read_text(encoding="utf-8"))[1]
    faults = []
    for name, pattern in FILES.items():
        text = (SRCDIR / name).read_text(encoding="utf-8")
        faults.append(fault_of(name, pattern, text, version))
        if not fault_of(name, pattern, text.replace(version, "9.8.7"), version):
            faults.append(f"{name}: another version is not noticed")
    faults = [fault for fault in faults if fault]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
