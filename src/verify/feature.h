/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "kernel/sysfs.h"

/*
 * What memoryd asks of a kernel, found by looking for it: kernels are built and patched in many ways. What
 * patches 1, 6, 7 and 8 of kernel/ change cannot be seen from outside.
 */

typedef enum Feature {
        FEATURE_ONLINE_TYPES, /* the words online_movable and online_kernel; of these the release tells */
        FEATURE_HOT_REMOVE,       /* blocks have valid_zones, and can go offline */
        FEATURE_AUTO_ONLINE,      /* auto_online_blocks */
        FEATURE_PRESSURE,         /* the kernel tells memoryd of memory pressure */
        FEATURE_GROUPS,           /* memoryN/group_id: of blocks that were added */
        FEATURE_UEVENTS,          /* MEMORY_STATE= and others in events and in memoryN/uevent */
        FEATURE_NODE_AUTO_ONLINE, /* nodeN/auto_online_blocks */
        FEATURE_ZONE_RULES,       /* the parameters of the kernel that refuse, or memoryd_guard */
        _FEATURE_MAX,
        _FEATURE_INVALID = -EINVAL,
} Feature;

/* The words of KernelFeatures: org.memoryd1(5). */
const char *feature_to_string(Feature feature);
Feature feature_from_string(const char *word);

/* What a kernel has it from, as a few words: "Linux 4.7". */
const char *feature_brought_by(Feature feature);

/* What is lost without it, one sentence. */
const char *feature_loss(Feature feature);

typedef struct FeatureInput {
        const Sysfs *sysfs;
        const Machine *machine;
        const char *release; /* the kernel's, "6.1.0-21-amd64" */
        bool hears_pressure; /* pressure.h */
} FeatureInput;

/*
 * Looks for all of them: at one file, and whether others are there. valid_zones is never opened. Groups show
 * on blocks that were added, not on those of the boot: without any, events that tell say that groups are
 * there too, since they have a group's number.
 */
void features_find(const FeatureInput *input, bool ret_has[static _FEATURE_MAX]);

/* Whether a release is an earlier one. No, when nobody can tell. */
bool release_is_before(const char *release, unsigned major, unsigned minor);
