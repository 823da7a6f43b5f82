#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""Runs a command in a chroot of a suite of Debian, to build and test memoryd with the compiler and the
libraries of that suite. The chroot is made from packages and cached, under a hash of their names.

The command sees this checkout at /memoryd, where it runs, and can change nothing else. It has no network,
and no /sys: nothing in the chroot can reach the memory of this machine."""

import argparse
import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import sys

# Python must not write bytecode into the source tree.
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
import recipe
from debian import cache_folder, make_tree, require_root, require_tools, temporary
from host import HostError, locked

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PLACE = "memoryd"
# The last ones used of a suite: to build memoryd, and to build modules for each of its kernels.
CHROOTS_KEPT = 4

# Runs in namespaces of its own, which take all mounts and processes with them when the command ends. $1 is
# the root, $2 the checkout, and the rest is the command.
ENTER = rf"""
set -eu
root=$1 top=$2
shift 2
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount --bind "$top" "$root/{PLACE}"
mount -t proc proc "$root/proc"
for folder in dev run tmp var/tmp; do
        mount -t tmpfs -o mode=1777 tmpfs "$root/$folder"
done
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for device in null zero full random urandom; do
        : >"$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
done
exec chroot "$root" /usr/bin/env -i LC_ALL=C.UTF-8 HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        sh -c 'cd /{PLACE} && exec "$@"' sh "$@"
"""

# Runs when all packages are installed. $1 is the root.
AFTER_PACKAGES = f'mkdir "$1/{PLACE}"'


def ensure(suite, packages, report):
    """Returns the root of a tree of a suite with these packages. It comes from the cache if it is there."""
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    text = "\0".join([AFTER_PACKAGES, *recipe.DPKG_OPTIONS, *sorted(packages)])
    tree = cache / f"chroot-{suite}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    with locked(cache / "lock"):
        if not tree.exists():
            with temporary(cache) as folder:
                make_tree(suite, packages, folder, report, [f"--customize-hook={AFTER_PACKAGES}"])
                os.rename(folder, tree)
        _protect(tree)
        os.utime(tree)
        trees = sorted(cache.glob(f"chroot-{suite}-*"), key=lambda path: path.stat().st_mtime)
        for path in trees[:-CHROOTS_KEPT]:
            _remove(path)
    return tree / "root"


def _protect(tree):
    """Keeps the tree from removal until this process ends, and the command that it becomes."""
    lock = os.open(tree / "lock", os.O_WRONLY | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_SH)
    os.set_inheritable(lock, True)


def _remove(tree):
    with contextlib.suppress(BlockingIOError), locked(tree / "lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
        shutil.rmtree(tree)


def enter(root, command):
    """Becomes the command in the chroot."""
    os.execvp("unshare", ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--ipc", "--net",
                          "sh", "-c", ENTER, "sh", str(root), str(TOP), *command])


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--suite", choices=list(recipe.SUITES), required=True)
    parser.add_argument("--packages", required=True, help="those that the command needs, with blanks")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    try:
        require_root("a chroot needs root")
        require_tools("unshare", "chroot", "mount")
        root = ensure(arguments.suite, arguments.packages.split(),
                      lambda text: print(text, file=sys.stderr, flush=True))
    except HostError as error:
        sys.exit(f"chroot: {error}")
    enter(root, arguments.command)


if __name__ == "__main__":
    main()
