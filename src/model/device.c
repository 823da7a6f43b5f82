/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Converts the origins of devices to strings and back. */

#include "model/device.h"

static const char *const origin_table[_ORIGIN_MAX] = {
        [ORIGIN_UNKNOWN] = "unknown",       [ORIGIN_BOOT] = "boot", [ORIGIN_DIMM] = "dimm",
        [ORIGIN_VIRTIO_MEM] = "virtio-mem", [ORIGIN_KMEM] = "kmem", [ORIGIN_BALLOON] = "balloon",
        [ORIGIN_STANDBY] = "standby",
};

DEFINE_STRING_TABLE(origin, Origin)

bool device_is_static(const Device *device)
{
        return device->unit_blocks == 0 && device->origin != ORIGIN_BOOT;
}
