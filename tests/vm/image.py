#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the disk of a suite's guests in two steps: a base tree from Debian's packages, and the same tree
with memoryd installed.

The results of both steps are cached: the base under a hash of its recipe, the disk under a hash of the
base and of the installed files."""

import argparse
import contextlib
import dataclasses
import fcntl
import hashlib
import os
import pathlib
import shutil
import stat
import subprocess
import sys

import recipe
from debian import BACKPORTS, cache_folder, make_tree, require_root, require_tools, temporary
from host import HostError, call, locked

# The suites for kernels that kernel/build makes, by the names of the kernels in its cache.
BUILT_KERNELS = {"patched": "bookworm", "patched-6.1": "bookworm", "patched-7.3": "trixie",
                 "unpatched": "bookworm", "lockdep": "bookworm", "lockdep-7.3": "trixie",
                 "without-8": "bookworm", "without-8-7.3": "trixie"}

# Disks of older builds are of no use once the next build is tested. The last few of each suite are kept
# because a run that started with one of them may still boot from it.
DISKS_KEPT = 3
# Snapshots are kept for this many disks of a suite, the last ones used. A snapshot takes 200 MiB for each
# kernel and hardware.
SNAPSHOTS_KEPT = 2
DISK_SLACK_BYTES = 512 << 20

# The settings of memoryd in guests that run tests. When the host gives the guest no time, a driver that
# adds memory, or udev, can stand still for seconds, and memoryd would go on without waiting for it. Only
# one test is about how long memoryd waits, and it says so.
TEST_SETTINGS = 'settle = "1min";\n'


class ImageError(Exception):
    """The image cannot be made. The text is for a person."""


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A kernel to boot directly. A kernel of kernel/build needs no initial RAM disk."""
    name: str
    image: pathlib.Path
    initrd: pathlib.Path = None
    builtin: pathlib.Path = None  # the list of built-in modules


@dataclasses.dataclass(frozen=True)
class Image:
    """A bootable guest: its disk, its kernels by name, and the folder for snapshots of guests with that
    disk. The folder may not exist yet."""
    disk: pathlib.Path
    kernels: dict
    snapshots: pathlib.Path


def suites():
    """Returns the suite whose guests boot a kernel, for all kernels that there can be, by name."""
    return recipe.kernels() | BUILT_KERNELS


def destdir_variable(suite):
    """Returns the variable of the environment that names the folder with memoryd built for a suite."""
    return "MEMORYD_VM_DESTDIR" + ("" if suite == next(iter(recipe.SUITES)) else f"_{suite.upper()}")


def ensure(suite, destdir=None, report=lambda text: None, settings=""):
    """Returns an image of a suite with the files that `make install DESTDIR=destdir` made, or without
    memoryd. The image comes from the cache if it is there. `report` gets one line for each long step.
    `settings` go to a drop-in of memoryd."""
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    try:
        with locked(cache / "lock"):
            base = _ensure_base(cache, suite, report)
            disk = _ensure_disk(cache, suite, base, destdir, settings, report)
            _remove_old(cache, suite, base, disk)
    except HostError as error:
        raise ImageError(str(error)) from error
    return Image(disk, _kernels(suite, base), _snapshots(disk))


def use(snapshots, kind=fcntl.LOCK_SH):
    """A context manager that protects a folder of snapshots from removal. Raises BlockingIOError while
    another process removes the folder."""
    return locked(snapshots.with_name(f"lock-{snapshots.name}"), kind | fcntl.LOCK_NB)


def _ensure_base(cache, suite, report):
    text = pathlib.Path(recipe.__file__).read_bytes()
    base = cache / f"base-{suite}-{hashlib.sha256(text).hexdigest()[:16]}"
    if base.exists():
        return base
    require_root("making the tree of a guest needs root: its files belong to root, and its own tools run "
                 "in it")
    with temporary(cache) as folder:
        make_tree(suite, recipe.SUITES[suite].packages(), folder, report, _hooks(suite))
        os.rename(folder, base)
    return base


def _hooks(suite):
    later = [f"{package}/{suite}{BACKPORTS}" for package in recipe.SUITES[suite].backports.values()]
    return [f"--essential-hook={recipe.BEFORE_PACKAGES}",
            *([f"--customize-hook={recipe.BACKPORTS % ' '.join(later)}"] if later else []),
            f"--customize-hook={recipe.AFTER_PACKAGES}"]


def _ensure_disk(cache, suite, base, destdir, settings, report):
    disk = cache / f"disk-{suite}-{_disk_key(base, destdir, settings)}.ext4"
    if disk.exists():
        os.utime(disk)
        return disk
    require_root("making a guest's disk needs root: its files belong to root")
    require_tools("mke2fs", "tar", "cp")
    report(f"making the disk of guests of {recipe.SUITES[suite].release}"
           + ("" if destdir else ", without memoryd"))
    # No two disks are the same to the byte: snapshots of a removed disk do not fit a new one.
    shutil.rmtree(_snapshots(disk), ignore_errors=True)
    with temporary(cache) as folder:
        root = folder / "root"
        call("cp", "-a", "--reflink=auto", base / "root", root)
        if destdir:
            _install(pathlib.Path(destdir), root, settings)
        _make_ext4(root, folder / "disk")
        os.rename(folder / "disk", disk)
    return disk


def _disk_key(base, destdir, settings):
    digest = hashlib.sha256(pathlib.Path(__file__).read_bytes() + base.name.encode()
                            + settings.encode())
    for path in sorted(pathlib.Path(destdir).rglob("*")) if destdir else []:
        status = path.lstat()
        digest.update(f"{path.relative_to(destdir)}\0{status.st_mode:o}\0".encode())
        if stat.S_ISLNK(status.st_mode):
            digest.update(os.readlink(path).encode())
        elif stat.S_ISREG(status.st_mode):
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _install(destdir, root, settings):
    """Installs memoryd into the tree as a package would: files, user, catalog, and an enabled unit. The
    settings, if any, are those of an administrator."""
    if not any(destdir.glob("**/memoryd.service")):
        raise ImageError(f"{destdir}: no memoryd.service below it; "
                         "make it with 'make install DESTDIR=…'")
    # tar, because /lib of the tree is a link into /usr and must stay a link. The installed files belong
    # to the user who built them; in the guest they belong to root.
    pack = subprocess.Popen(["tar", "-C", destdir, "--owner=0", "--group=0", "-c", "."],
                            stdout=subprocess.PIPE)
    call("tar", "-C", root, "-x", "--keep-directory-symlink", "--no-overwrite-dir",
          stdin=pack.stdout)
    if pack.wait() != 0:
        raise ImageError(f"{destdir}: cannot be read")
    if settings:
        folder = root / "etc/memoryd/memoryd.conf.d"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "10-tests.conf").write_text(settings)
    call("chroot", root, "ldconfig")
    _check_libraries(destdir, root)
    call("chroot", root, "systemd-sysusers")
    call("chroot", root, "journalctl", "--update-catalog")
    call("chroot", root, "systemctl", "--quiet", "enable", "memoryd.service")


def _check_libraries(destdir, root):
    """Complains about programs that are built with other libraries than those of the tree."""
    for program in sorted([*destdir.glob("**/bin/memory*"), *destdir.glob("**/sbin/memory*")]):
        told = call("chroot", root, "ldd", f"/{program.relative_to(destdir)}")
        lacking = [line.strip() for line in told.splitlines() if "not found" in line]
        if lacking:
            raise ImageError(f"{program} is not built for the guest's suite: {lacking[0]}")


def _make_ext4(root, disk):
    used = int(subprocess.run(["du", "-s", "--block-size=1", root], check=True,
                              stdout=subprocess.PIPE, text=True).stdout.split()[0])
    size_kib = (used + used // 8 + DISK_SLACK_BYTES) >> 10
    call("mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-O", "^has_journal",
          "-d", root, disk, f"{size_kib}k")


def _kernels(suite, base):
    boot = base / "root" / "boot"
    found = {}
    for name in recipe.SUITES[suite].all_kernels():
        images = sorted(boot.glob(f"vmlinuz-{name.rpartition('-')[2]}.*"))
        if not images:
            there = ", ".join(sorted(path.name for path in boot.glob("vmlinuz-*"))) or "none"
            raise ImageError(f"{boot}: no kernel for '{name}', but {there}: "
                             "is the table in tests/vm/recipe.py out of date?")
        version = images[-1].name.removeprefix("vmlinuz-")
        found[name] = Kernel(name, images[-1], boot / f"initrd.img-{version}")
    return found | _built_kernels(suite)


def _built_kernels(suite):
    """Returns the kernels of kernel/build for this suite that exist. They are built only on request."""
    cache = cache_folder("MEMORYD_KERNEL_CACHE", "memoryd-kernel")
    # The name is a link to a folder whose own name has the checksum of the kernel's sources.
    folders = {name: (cache / name).resolve() for name in BUILT_KERNELS
               if BUILT_KERNELS[name] == suite}
    return {name: Kernel(name, folder / "bzImage", builtin=folder / "modules.builtin")
            for name, folder in folders.items() if folder.exists()}


def _snapshots(disk):
    return disk.with_name(disk.stem.replace("disk-", "snapshots-"))


def _remove_old(cache, suite, base, disk):
    for path in cache.glob(f"base-{suite}-*"):
        if path != base:
            shutil.rmtree(path)
    disks = sorted(cache.glob(f"disk-{suite}-*.ext4"), key=lambda path: path.stat().st_mtime)
    for path in disks[:-DISKS_KEPT]:
        if path != disk:
            path.unlink()
    snapshots = sorted(cache.glob(f"snapshots-{suite}-*/"), key=lambda path: path.stat().st_mtime)
    for path in snapshots[:-SNAPSHOTS_KEPT]:
        with contextlib.suppress(BlockingIOError), use(path, fcntl.LOCK_EX):
            shutil.rmtree(path)


def main():
    parser = argparse.ArgumentParser(description="Make the disk of the test guests of a suite.")
    parser.add_argument("--suite", choices=list(recipe.SUITES), default=next(iter(recipe.SUITES)),
                        help="the suite of Debian (%(default)s)")
    parser.add_argument("--destdir", help="what 'make install DESTDIR=…' made; none: no memoryd")
    arguments = parser.parse_args()
    try:
        image = ensure(arguments.suite, arguments.destdir, lambda text: print(text, file=sys.stderr, flush=True))
    except ImageError as error:
        sys.exit(f"image: {error}")
    print(image.disk)
    for kernel in image.kernels.values():
        print(kernel.name, kernel.image, kernel.initrd)


if __name__ == "__main__":
    main()
