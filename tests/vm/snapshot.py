# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Keeps guests that have booted. Under emulation a boot takes half a minute, and a start from a snapshot
less than a second. Tests cannot affect each other: each class of tests gets the machine in the state
right after the boot."""

import hashlib
import os
import pathlib
import shutil

from guest import Guest, Snapshot
from host import call, locked
from memoryd import Memoryd

# Succeeds when the guest has finished everything that it starts by itself. memoryd answers earlier.
SETTLED = ("systemctl is-active multi-user.target && udevadm settle && "
           "[ -z \"$(systemctl list-jobs --no-legend)\" ]")


class _Original(Guest):
    """A guest with a disk that outlives it."""

    def __init__(self, folder, image, *arguments, **hardware):
        super().__init__(image, *arguments, **hardware)
        self._base, self._disk = image.disk, folder / "disk"

    def _start(self):
        self._disk.unlink(missing_ok=True)
        call("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", self._base, self._disk)
        super()._start()

    def _disk_arguments(self):
        return ["-drive", f"file={self._disk},format=qcow2,if=virtio,cache=unsafe"]


def ensure(image, kernel, hardware, report=lambda text: None):
    """Returns the snapshot of a guest with this kernel and hardware, in which memoryd runs. If the
    snapshots of the image do not have it, boots a guest for it."""
    folder = image.snapshots / _key(image, kernel, hardware)
    folder.parent.mkdir(exist_ok=True)
    os.utime(folder.parent)
    with locked(folder.with_name(f"{folder.name}.lock")):
        if not folder.exists():
            report(f"booting a guest with Linux {kernel} to start others from")
            _make(folder, image, kernel, hardware)
    return Snapshot(folder / "memory", folder / "disk")


def _key(image, kernel, hardware):
    machine = Guest(image, kernel, **hardware).machine()
    version = call("qemu-system-x86_64", "--version")
    folder = pathlib.Path(__file__).parent
    sources = [(folder / name).read_text(encoding="utf-8") for name in ("snapshot.py", "guest.py")]
    text = "\0".join([*sources, version, *machine])
    return f"{kernel}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _make(folder, image, kernel, hardware):
    # The caller holds the lock, so a folder that is left here belongs to a killed run.
    temporary = folder.with_name(f"new-{folder.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        with _Original(temporary, image, kernel, name=f"snapshot-{folder.name}",
                       **hardware) as guest:
            Memoryd(guest).wait_ready()
            guest.wait_until(SETTLED, "the guest having started all that it starts")
            guest.check_console()
            guest.keep(temporary / "memory")
        os.rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
