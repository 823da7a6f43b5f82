/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "kernel/cxl.h"
#include "kernel/file-fault.h"
#include "kernel/sysfs.h"

/*
 * A machine as described by its kernel's files, which were copied into a folder on that machine or
 * were made by hand: sys/devices/system/memory and, if they exist, sys/devices/system/node and
 * proc/zoneinfo and proc/iomem, and at the top the files uname (the output of `uname -a` or
 * `uname -rm`), virtualization and pagesize.
 *
 * Such a tree can lack anything and contain anything. Anything odd is reported as a fault, and the
 * rest is read.
 */

/* Facts from the files of a block for which the machine has no field. */
typedef struct RecordedBlock {
        bool has_state;  /* false: the machine has the block as offline */
        bool has_node;   /* the block is linked to a node; see Recording.has_nodes */
        bool has_zones;  /* valid_zones exists, whatever it contains */
        char *odd_zones; /* owned: the text of valid_zones if it is invalid, else NULL */
} RecordedBlock;

typedef struct Recording {
        Machine machine;       /* with totals, without decisions */
        RecordedBlock *blocks; /* owned: one for each block of the machine */
        bool has_nodes; /* some block is linked to a node; else the machine has all on node 0 */
        bool has_cpus;  /* the nodes that have a CPU are known */
        bool has_zoneinfo;
        CxlNames *cxl;   /* owned: of each device of the machine, or NULL if not asked for */
        int iomem_error; /* 0, or why proc/iomem does not tell who added memory: identify_check() */

        /* Set before reading. */
        bool skips_devices;         /* the devices of blocks are not looked for */
        bool wants_cxl;             /* the names of CXL regions and memory devices are looked for */
        const char *architecture;   /* in place of that of the file uname, or NULL */
        const char *virtualization; /* in place of that of the file virtualization, or NULL */

        FaultList faults;      /* of the blocks */
        FaultList node_faults; /* of nodes and zones */
} Recording;

/*
 * Reads a tree. Returns 0, -ENOMEM, or another negative errno if the tree has no machine, or no
 * machine with a block size and a block: the last fault then tells why. *ret must be zeroed before,
 * except the fields that are set before reading. Call recording_done() in each case.
 */
int recording_read(const char *root, Recording *ret);
void recording_done(Recording *recording);
