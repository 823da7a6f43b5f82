/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "config/config.h"
#include "kernel/sysfs.h"
#include "policy/offload.h"

/*
 * Finds out which features that memoryd uses are in a kernel, by looking for each: kernels are
 * built and patched in many ways. The changes by patches 1 and 6 to 10 of kernel/ cannot be
 * detected from outside.
 */

typedef enum Feature {
        FEATURE_ONLINE_TYPES,     /* online_movable and online_kernel, judged by the release */
        FEATURE_HOT_REMOVE,       /* blocks have valid_zones, and can go offline */
        FEATURE_AUTO_ONLINE,      /* auto_online_blocks */
        FEATURE_PRESSURE,         /* the kernel reports memory pressure to memoryd */
        FEATURE_GROUPS,           /* memoryN/group_id, for blocks that were added */
        FEATURE_UEVENTS,          /* MEMORY_STATE= and others, in events and in memoryN/uevent */
        FEATURE_NODE_AUTO_ONLINE, /* nodeN/auto_online_blocks */
        FEATURE_ZONE_RULES,       /* parameters that make the kernel refuse, or memoryd_guard */
        _FEATURE_MAX,
        _FEATURE_INVALID = -EINVAL,
} Feature;

/* The words of the property KernelFeatures: org.memoryd1(5). */
const char *feature_to_string(Feature feature);
Feature feature_from_string(const char *word);

/* Returns what provides a feature, in a few words: "Linux 4.7". */
const char *feature_brought_by(Feature feature);

/* Returns a sentence about what is lost without a feature. */
const char *feature_loss(Feature feature);

/* What features_find() and verify() look at. */
typedef struct VerifyInput {
        const char *root; /* udev's rules are looked for below it; "" for the running system */
        const Sysfs *sysfs;
        const Machine *machine; /* with its totals up to date */
        const Conf *conf;
        WordFiles foreign_words; /* the auto_online_blocks files that another process has set */
        const char *release;     /* the kernel's, "6.1.0-21-amd64" */
        bool hears_pressure;     /* the kernel reports memory pressure: see monitor.h */
        bool lacks_libnuma;      /* libnuma cannot be loaded: see distance.h */
} VerifyInput;

/*
 * Looks for all features: reads one file, and checks whether others exist. valid_zones is never
 * opened. Only blocks that were added have a group_id, blocks of boot memory have none. Where no
 * block has one, MEMORY_STATE= in memoryN/uevent implies groups, since the kernel then tells the id
 * of the group as well.
 */
void features_find(const VerifyInput *input, bool ret_has[static _FEATURE_MAX]);

/* Whether a release is older than a version. False if the release cannot be parsed. */
bool release_is_before(const char *release, unsigned major, unsigned minor);
