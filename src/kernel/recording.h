/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "kernel/sysfs.h"

/*
 * A machine as its kernel's files tell of it that were copied into a folder, on that machine or
 * made by hand: sys/devices/system/memory and, as far as they are there, sys/devices/system/node
 * and proc/zoneinfo, and at the top the files uname ("RELEASE MACHINE"), virtualization and
 * pagesize.
 *
 * Such a tree can lack anything and hold anything. What is odd is a fault, and the rest is read.
 */

/* What a block's files say that the machine cannot hold. */
typedef struct RecordedBlock {
        bool has_state;  /* else the machine has it as offline */
        bool has_node;   /* linked to one; see Recording.has_nodes */
        bool has_zones;  /* valid_zones is there, whatever it holds */
        char *odd_zones; /* owned: the text of valid_zones if it made no sense, else NULL */
} RecordedBlock;

/* A sentence for each odd attribute: "FILE: 'VALUE', expected ...". */
typedef struct FaultList {
        char **texts; /* owned, NULL-terminated, or NULL for none */
        size_t n_texts;
} FaultList;

typedef struct Recording {
        Machine machine;       /* counted; without decisions */
        RecordedBlock *blocks; /* owned: of each of the machine's */
        bool has_nodes; /* any block is linked to a node; else the machine has all on node 0 */
        bool has_cpus;  /* has_cpu of the nodes was there */
        bool has_zoneinfo;
        bool skips_devices;    /* set before reading: what blocks are part of is not looked for */
        FaultList faults;      /* of the blocks */
        FaultList node_faults; /* of nodes and zones */
} Recording;

/*
 * Reads a tree. 0; -ENOMEM; or another negative errno when there is no machine in it, or none that
 * has a size of block and a block: the last of the faults says why then. A recording starts zeroed;
 * recording_done() is right for it in any case.
 */
int recording_read(const char *root, Recording *ret);
void recording_done(Recording *recording);
