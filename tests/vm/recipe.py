# SPDX-License-Identifier: LGPL-2.1-or-later
"""The recipe of the guests: a table of Debian's suites, and what is done to each. The cache of base trees is
keyed by the text of this file: only a change in this file makes new base trees."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Suite:
    """A release of Debian. Both tables of kernels have Debian's packages by the name of the kernel on the
    command line. The name ends in the version. `backports` are those of them that come from the suite's
    backports."""
    release: str
    kernels: dict
    libraries: tuple  # those that memoryd is linked with
    backports: dict = dataclasses.field(default_factory=dict)

    def all_kernels(self):
        return self.kernels | self.backports

    def packages(self):
        """Returns all packages of a guest, but not those of the backports."""
        return [*PACKAGES, *self.libraries, *self.kernels.values()]


SUITES = {
    # The first kernel leaves hot-added blocks offline. All the others online them by themselves.
    "bookworm": Suite(
        "Debian 12",
        {"6.1": "linux-image-cloud-amd64", "6.12": "linux-image-6.12-cloud-amd64"},
        ("libconfig9", "libnuma1", "libsmartcols1", "libjson-c5", "libsystemd0", "libudev1")),
    "trixie": Suite(
        "Debian 13",
        {"trixie-6.12": "linux-image-cloud-amd64"},
        ("libconfig11", "libnuma1", "libsmartcols1", "libjson-c5", "libsystemd0", "libudev1"),
        {"7.3": "linux-image-cloud-amd64"}),
}

PACKAGES = [
    # the usual system of a user
    "systemd-sysv", "udev", "dbus", "polkitd", "libpam-systemd", "kmod", "util-linux", "procps",
    "iproute2", "bash-completion", "less", "ncurses-base", "initramfs-tools",
    # the guest agent for the harness, and tools to look at memory
    "qemu-guest-agent", "numactl", "ndctl", "daxctl",
    # the web console. Only tests of the page in it start it.
    "cockpit-ws", "cockpit-bridge", "cockpit-system", "sudo",
]

# No program under test reads these files, which are half of the tree.
DPKG_OPTIONS = [
    "path-exclude=/usr/share/doc/*",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
]

# Runs before the kernels are installed, so that their initial RAM disks have only the modules for a
# virtio disk from the start. $1 is the guest's root.
BEFORE_PACKAGES = r"""
set -eu
mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/etc/initramfs-tools/hooks"
printf 'MODULES=list\nFSTYPE=ext4\n' >"$1/etc/initramfs-tools/conf.d/guest"
cat >"$1/etc/initramfs-tools/hooks/guest" <<'END'
#!/bin/sh
[ "$1" = prereqs ] && exit 0
. /usr/share/initramfs-tools/hook-functions
manual_add_modules virtio_pci virtio_blk ext4
END
chmod 755 "$1/etc/initramfs-tools/hooks/guest"
"""

# Runs when all packages are installed. $1 is the guest's root.
AFTER_PACKAGES = r"""
set -eu
cd "$1"
echo guest >etc/hostname
printf '127.0.0.1\tlocalhost guest\n' >etc/hosts
printf '/dev/vda / ext4 rw,noatime 0 0\n' >etc/fstab
chroot . passwd --quiet --delete root
chroot . useradd --create-home --shell /bin/bash user

# With a machine id the boot is no "first boot", in which presets would enable units.
echo 00112233445566778899aabbccddeeff >etc/machine-id

mkdir -p etc/systemd/journald.conf.d etc/systemd/system.conf.d \
        etc/systemd/system/serial-getty@ttyS0.service.d
printf '[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n' \
        >etc/systemd/journald.conf.d/guest.conf
# Emulated processors are slow: a slow start is not a failure.
printf '[Manager]\nDefaultTimeoutStartSec=300\nDefaultDeviceTimeoutSec=300\n' \
        >etc/systemd/system.conf.d/guest.conf

# A root shell on the serial console, if a person uses it.
cat >etc/systemd/system/serial-getty@ttyS0.service.d/guest.conf <<'END'
[Unit]
ConditionKernelCommandLine=guest.shell
[Service]
ExecStart=
ExecStart=-/sbin/agetty --autologin root --noclear --keep-baud 115200,57600,38400,9600 %I vt220
END

# A socket that nobody connects to delays each boot.
chroot . systemctl --quiet disable cockpit.socket

# Housekeeping only delays a guest that lives for minutes.
chroot . systemctl --quiet mask \
        apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
        e2scrub_reap.service fstrim.timer systemd-tmpfiles-clean.timer systemd-pstore.service \
        getty@tty1.service systemd-hwdb-update.service ldconfig.service \
        systemd-journal-catalog-update.service systemd-update-done.service \
        systemd-update-utmp.service systemd-update-utmp-runlevel.service
"""

# Installs packages of the backports. $1 is the guest's root.
BACKPORTS = r"""
set -eu
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" DEBIAN_FRONTEND=noninteractive
apt-get --yes --no-install-recommends -o DPkg::Chroot-Directory="$1" install %s
"""


def kernels():
    """Returns the suite of each of Debian's kernels, by the kernel's name."""
    return {kernel: name for name, suite in SUITES.items() for kernel in suite.all_kernels()}
