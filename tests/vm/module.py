# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Builds kernel modules for the kernel of a guest, and loads them there."""

import base64
import pathlib
import subprocess
import tempfile

import image

TOP = pathlib.Path(__file__).resolve().parent.parent.parent

# The suite whose headers come from the package sources of this machine. Headers bring tools along, which need
# the libraries of their own suite: modules for other suites are built in a chroot.
OWN_SUITE = "bookworm"

# Builds the module in the folder $2, for the release $1, and prints it. As kernel/build-module does it.
BUILD = r"""
set -eu
mkdir /tmp/module
cp "$2"/*.c "$2/Kbuild" "$2/Makefile" /tmp/module
make -C /tmp/module KDIR="/usr/src/linux-headers-$1" KCFLAGS=-Werror W=1 >&2
strip --strip-debug /tmp/module/*.ko
cat /tmp/module/*.ko
"""


def build(folder, release, suite):
    """Builds the module in a folder for a kernel release of a suite, and returns it as bytes."""
    if suite == OWN_SUITE:
        with tempfile.TemporaryDirectory(prefix="memoryd-module-") as work:
            path = _output(TOP / "kernel" / "build-module", release, work, folder).decode().strip()
            return pathlib.Path(path).read_bytes()
    return _output(TOP / "tests" / "vm" / "chroot.py", "--suite", suite,
                   "--packages", f"make binutils linux-headers-{release}",
                   "--", "sh", "-c", BUILD, "sh", release, folder.relative_to(TOP))


def _output(*command):
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False)
    if result.returncode != 0:
        raise AssertionError(f"{' '.join(str(word) for word in command)}: "
                             f"{result.stderr.decode(errors='replace').strip()}")
    return result.stdout


def load(guest, folder, name, parameters=""):
    """Builds the module in a folder for the guest's kernel and loads it. It is /root/NAME.ko there."""
    release = guest.run("uname -r").strip()
    text = base64.b64encode(build(folder, release, image.suites()[guest.kernel.name])).decode()
    guest.write_file(f"/root/{name}.b64", text)
    guest.run(f"base64 -d /root/{name}.b64 >/root/{name}.ko && "
              f"insmod /root/{name}.ko {parameters}")
