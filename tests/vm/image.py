#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the guest's disk in two steps: a Debian base tree, and the same tree with memoryd installed.

The results of both steps are cached: the base under a hash of its recipe, the disk under a hash of the
base and of the installed files. Each result is built under a temporary name and renamed when it is
complete, so that an interrupted run leaves nothing that looks like a result."""

import argparse
import contextlib
import dataclasses
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time

import recipe
from host import HostError, call, locked

# Kernels that kernel/build makes, by their names in its cache.
BUILT_KERNELS = ("patched", "patched-6.1", "unpatched", "lockdep", "without-7")

# Disks of older builds are of no use once the next build is tested. The last few are kept because a run
# that started with one of them may still boot from it.
DISKS_KEPT = 3
# Snapshots are kept for this many disks, the last ones used. A snapshot takes 200 MiB for each kernel and
# hardware.
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


def cache_folder():
    return _cache_folder("MEMORYD_VM_CACHE", "memoryd-vm")


def _cache_folder(variable, name):
    default = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    return pathlib.Path(os.environ.get(variable) or default / name)


def ensure(destdir=None, report=lambda text: None, settings=""):
    """Returns an image with the files that `make install DESTDIR=destdir` made, or without memoryd. The
    image comes from the cache if it is there. `report` gets one line for each long step. `settings` go
    to a drop-in of memoryd."""
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "lock"):
        base = _ensure_base(cache, report)
        disk = _ensure_disk(cache, base, destdir, settings, report)
        _remove_old(cache, base, disk)
    return Image(disk, _kernels(base), _snapshots(disk))


def use(snapshots, kind=fcntl.LOCK_SH):
    """A context manager that protects a folder of snapshots from removal. Raises BlockingIOError while
    another process removes the folder."""
    return locked(snapshots.with_name(f"lock-{snapshots.name}"), kind | fcntl.LOCK_NB)


def _ensure_base(cache, report):
    text = pathlib.Path(recipe.__file__).read_bytes()
    base = cache / f"base-{hashlib.sha256(text).hexdigest()[:16]}"
    if base.exists():
        return base
    _require_root()
    _require_tools("mmdebstrap", "mke2fs")
    report(f"making a Debian {recipe.SUITE} tree from {len(recipe.packages())} packages (minutes)")
    with _temporary(cache) as temporary:
        _bootstrap(temporary / "root", temporary / "log", report)
        temporary.joinpath("root").chmod(0o755)
        os.rename(temporary, base)
    return base


def _bootstrap(root, log, report):
    command = [
        "mmdebstrap", "--verbose", "--variant=minbase", f"--include={','.join(recipe.packages())}",
        "--aptopt=Acquire::Languages none",
        *(f"--dpkgopt={option}" for option in recipe.DPKG_OPTIONS),
        f"--essential-hook={recipe.BEFORE_PACKAGES}",
        f"--customize-hook={recipe.AFTER_PACKAGES}",
        "--skip=cleanup/reproducible/machine-id",
        recipe.SUITE, str(root), *debian_sources(),
    ]
    progress = Progress(report)
    with open(log, "w", encoding="utf-8") as output, subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            encoding="utf-8", errors="replace") as process:
        for line in process.stdout:
            output.write(line)
            progress.read(line)
    if process.returncode != 0:
        tail = log.read_text(errors="replace").splitlines()[-30:]
        raise ImageError("mmdebstrap failed:\n" + "\n".join(tail))


class Progress:
    """Condenses the output of mmdebstrap and its tools to an occasional line that says what they do and
    how far they are."""

    SECONDS = 5
    # The step that a line reports for one package, by the beginning of the line.
    STEPS = {"Get:": "downloading", "Unpacking ": "unpacking", "Setting up ": "setting up"}

    def __init__(self, report):
        self._report = report
        self._totals = 0  # apt installs in several rounds, and prints a number of packages before each
        self._counts = dict.fromkeys(self.STEPS.values(), 0)
        self._next = time.monotonic() + self.SECONDS

    def read(self, line):
        found = re.search(r"\b(\d+) newly installed", line)
        self._totals += int(found[1]) if found else 0
        for begin, step in self.STEPS.items():
            # Until the first number, apt downloads its lists.
            if self._totals and line.startswith(begin):
                self._counts[step] += 1
                if time.monotonic() >= self._next:
                    self._next = time.monotonic() + self.SECONDS
                    self._report(f"   {step} packages: {self._counts[step]} of {self._totals}")


def debian_sources(folder=pathlib.Path("/etc/apt")):
    """Returns those package sources of this machine that have the suite, a line for each: they are known
    to work here. Without any, mmdebstrap uses Debian's."""
    suites = {recipe.SUITE, f"{recipe.SUITE}-updates", f"{recipe.SUITE}-security"}
    lines = []
    for path in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]:
        if path.exists():
            lines += _one_line_sources(path.read_text(), suites)
    for path in sorted(folder.glob("sources.list.d/*.sources")):
        lines += _deb822_sources(path.read_text(), suites)
    return list(dict.fromkeys(lines))


def _one_line_sources(text, suites):
    found = []
    for line in text.splitlines():
        words = line.split("#")[0].replace("]", "] ", 1).split()
        if words[:1] != ["deb"]:
            continue
        # Options stand in brackets and may contain blanks.
        rest = words[1:]
        if rest and rest[0].startswith("["):
            while rest and not rest[0].endswith("]"):
                rest = rest[1:]
            rest = rest[1:]
        if len(rest) >= 3 and rest[1] in suites and "main" in rest[2:]:
            found.append(" ".join(words))
    return found


def _deb822_sources(text, suites):
    found = []
    for stanza in text.split("\n\n"):
        fields = {}
        for line in stanza.splitlines():
            name, colon, value = line.partition(":")
            if colon and not line.startswith(("#", " ")):
                fields[name.lower()] = value.split()
        if "deb" not in fields.get("types", []) or fields.get("enabled") == ["no"]:
            continue
        signed = fields.get("signed-by", [])
        options = f"[signed-by={signed[0]}] " if signed else ""
        found += [f"deb {options}{uri} {suite} {' '.join(fields['components'])}"
                  for uri in fields.get("uris", [])
                  for suite in fields.get("suites", [])
                  if suite in suites and "main" in fields.get("components", [])]
    return found


def _ensure_disk(cache, base, destdir, settings, report):
    disk = cache / f"disk-{_disk_key(base, destdir, settings)}.ext4"
    if disk.exists():
        os.utime(disk)
        return disk
    _require_root()
    _require_tools("mke2fs", "tar", "cp")
    report("making the guest's disk" + ("" if destdir else ", without memoryd"))
    # No two disks are the same to the byte: snapshots of a removed disk do not fit a new one.
    shutil.rmtree(_snapshots(disk), ignore_errors=True)
    with _temporary(cache) as temporary:
        root = temporary / "root"
        _call("cp", "-a", "--reflink=auto", base / "root", root)
        if destdir:
            _install(pathlib.Path(destdir), root, settings)
        _make_ext4(root, temporary / "disk")
        os.rename(temporary / "disk", disk)
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
    _call("tar", "-C", root, "-x", "--keep-directory-symlink", "--no-overwrite-dir",
          stdin=pack.stdout)
    if pack.wait() != 0:
        raise ImageError(f"{destdir}: cannot be read")
    if settings:
        folder = root / "etc/memoryd/memoryd.conf.d"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "10-tests.conf").write_text(settings)
    _call("chroot", root, "ldconfig")
    _call("chroot", root, "systemd-sysusers")
    _call("chroot", root, "journalctl", "--update-catalog")
    _call("chroot", root, "systemctl", "--quiet", "enable", "memoryd.service")


def _make_ext4(root, disk):
    used = int(subprocess.run(["du", "-s", "--block-size=1", root], check=True,
                              stdout=subprocess.PIPE, text=True).stdout.split()[0])
    size_kib = (used + used // 8 + DISK_SLACK_BYTES) >> 10
    _call("mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-O", "^has_journal",
          "-d", root, disk, f"{size_kib}k")


def _kernels(base):
    boot = base / "root" / "boot"
    found = {}
    for name in recipe.KERNELS:
        images = sorted(boot.glob(f"vmlinuz-{name}.*"))
        if not images:
            raise ImageError(f"{boot}: no kernel {name}")
        version = images[-1].name.removeprefix("vmlinuz-")
        found[name] = Kernel(name, images[-1], boot / f"initrd.img-{version}")
    return found | _built_kernels()


def _built_kernels():
    """Returns the kernels of kernel/build that exist. They are built only on request."""
    cache = _cache_folder("MEMORYD_KERNEL_CACHE", "memoryd-kernel")
    # The name is a link to a folder whose own name has the checksum of the kernel's sources.
    folders = {name: (cache / name).resolve() for name in BUILT_KERNELS}
    return {name: Kernel(name, folder / "bzImage", builtin=folder / "modules.builtin")
            for name, folder in folders.items() if folder.exists()}


def _snapshots(disk):
    return disk.with_name(disk.stem.replace("disk-", "snapshots-"))


def _remove_old(cache, base, disk):
    for path in cache.glob("base-*"):
        if path != base:
            shutil.rmtree(path)
    disks = sorted(cache.glob("disk-*.ext4"), key=lambda path: path.stat().st_mtime)
    for path in disks[:-DISKS_KEPT]:
        if path != disk:
            path.unlink()
    snapshots = sorted(cache.glob("snapshots-*/"), key=lambda path: path.stat().st_mtime)
    for path in snapshots[:-SNAPSHOTS_KEPT]:
        with contextlib.suppress(BlockingIOError), use(path, fcntl.LOCK_EX):
            shutil.rmtree(path)


@contextlib.contextmanager
def _temporary(cache):
    # Only one builder holds the lock, so any folder that is left here belongs to a killed builder.
    for path in cache.glob("new-*"):
        shutil.rmtree(path)
    path = pathlib.Path(tempfile.mkdtemp(prefix="new-", dir=cache))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _call(*command, stdin=subprocess.DEVNULL):
    try:
        call(*command, stdin=stdin)
    except HostError as error:
        raise ImageError(str(error)) from error


def _require_root():
    if os.geteuid() != 0:
        raise ImageError("making the guest's disk needs root: "
                         "its files belong to root and its own tools run in it")


def _require_tools(*names):
    missing = [name for name in names if not shutil.which(name)]
    if missing:
        raise ImageError(f"not installed: {', '.join(missing)}")


def main():
    parser = argparse.ArgumentParser(description="Make the disk of the test guest.")
    parser.add_argument("--destdir", help="what 'make install DESTDIR=…' made; none: no memoryd")
    arguments = parser.parse_args()
    try:
        image = ensure(arguments.destdir, lambda text: print(text, file=sys.stderr, flush=True))
    except ImageError as error:
        sys.exit(f"image: {error}")
    print(image.disk)
    for kernel in image.kernels.values():
        print(kernel.name, kernel.image, kernel.initrd)


if __name__ == "__main__":
    main()
