# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds kernel modules for the kernel of a guest, and loads them there."""

import base64
import pathlib
import subprocess
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent


def build(folder, release):
    """Builds the module in a folder for a kernel release, and returns it as bytes."""
    with tempfile.TemporaryDirectory(prefix="memoryd-module-") as work:
        command = [TOP / "kernel" / "build-module", release, work, folder]
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                stdin=subprocess.DEVNULL, text=True, check=False)
        if result.returncode != 0:
            raise AssertionError(f"kernel/build-module {release} {folder}: {result.stderr.strip()}")
        return pathlib.Path(result.stdout.strip()).read_bytes()


def load(guest, folder, name, parameters=""):
    """Builds the module in a folder for the guest's kernel and loads it. It is /root/NAME.ko there."""
    text = base64.b64encode(build(folder, guest.run("uname -r").strip())).decode()
    guest.write_file(f"/root/{name}.b64", text)
    guest.run(f"base64 -d /root/{name}.b64 >/root/{name}.ko && "
              f"insmod /root/{name}.ko {parameters}")
