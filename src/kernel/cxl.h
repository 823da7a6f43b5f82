/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "kernel/sysfs.h"

/*
 * The names of the CXL region and the CXL memory devices that the memory of a dax device comes from (Linux 6.3).
 * They are for a user who asks, and for no decision.
 *
 * The region is in the link of the dax device, .../regionN/dax_regionN/daxX.Y. A memory device, memN, is the
 * "uport" of an endpoint that has a decoder with this region. The file decoderX.Y/region waits for the kernel's
 * lock of regions. Where the lock is not free within a tenth of a second, the memory devices are not known.
 *
 * The files regionN/targetM would tell as well, but are a trap: the kernel replaces them under this lock, and
 * waits until nobody reads them, while their reader waits for the lock. Then nobody can change or read any
 * region before a signal ends the reader (interleave_ways_store() in drivers/cxl/core/region.c, from 6.0 on;
 * seen on 6.12 and 7.3).
 *
 * libcxl reads these files. It also writes to /sys/bus/cxl/flush, needs files below /dev that the unit hides
 * from memoryd, and tries to read four billion targets if a region goes meanwhile (76 and 81). libdaxctl knows
 * no memory devices. So memoryd loads neither.
 */

/* A region is spread over that many memory devices at most. */
#define CXL_MEMDEVS_MAX 16

typedef struct CxlNames {
        char region[DEVICE_NAME_MAX]; /* such as "region0" */
        /* Such as "mem0 mem1", by number; "" if not known. */
        char memdevs[CXL_MEMDEVS_MAX * sizeof("mem4294967295")];
} CxlNames;

/* Reads the names for a dax device. Returns false if its memory is not that of a CXL region. */
bool cxl_read(const Sysfs *sysfs, const char *dax, CxlNames *ret);
