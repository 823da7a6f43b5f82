/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/config.h"

/* The table of keys: what memoryd.conf(5) documents and the reader and --check-config obey. */

typedef enum ConfType {
        CONF_SIZE,            /* uint64_t, bytes */
        CONF_SIZE_OR_BLOCK,   /* the same, MIN_KERNEL_ONE_BLOCK for "block" */
        CONF_RANGE,           /* two uint64_t: the first and the last address */
        CONF_PERMILLE,        /* uint32_t, thousandths of the number that is written */
        CONF_COUNT,           /* uint32_t */
        CONF_USEC,            /* uint64_t, microseconds */
        CONF_BOOL,            /* bool */
        CONF_WORD,            /* an enum or int, by its word */
        CONF_NAME,            /* char *, owned */
        CONF_NODES,           /* NodeSet */
        CONF_WORDS,           /* unsigned, mask of 1 << enum */
        CONF_CONDITIONS,      /* char **, owned: words, some with a "!" before them */
        CONF_DISTANCE,        /* a group with the keys "rules.distance.…" */
        CONF_UDEV_PROPERTIES, /* the same with "rules.udev_property.…", or a list of them */
        CONF_RULES,           /* a list of groups with the keys "rules.…" */
} ConfType;

/* The smallest memory block that any kernel has (ppc64; 6.12). */
#define BLOCK_SIZE_MIN (UINT64_C(16) << 20)

/* A node's distance from itself; no other is less. */
#define DISTANCE_LOCAL 10

typedef struct ConfKey {
        const char *name; /* "retry.delay" is `delay` in `retry`, "rules.x" `x` in a rule */
        ConfType type;
        uint64_t min, max;              /* in the unit of the value; of a name: of its length */
        const char *(*word)(int value); /* the words from 0 on, NULL past the last */
        const char *default_text;       /* as it would be written; NULL: none */
        size_t offset;                  /* of the value in Conf, or in the group's struct */
        const char *sentence;           /* what it is for */
} ConfKey;

/* The i-th key, or NULL past the last. */
const ConfKey *conf_key(size_t i);

/*
 * The key `name` (of `length` bytes) in a group ("retry", "rules", "rules.distance", or NULL for the
 * file itself), or NULL.
 */
const ConfKey *conf_key_find(const char *group, const char *name, size_t length);

/* Whether there are keys in a group of this name that is no list, as in "retry". */
bool conf_key_is_group(const char *name, size_t length);

/* The name in a group that comes closest to an unknown one, or NULL when none is near. */
const char *conf_key_suggest(const char *group, const char *name);

/* Says what a value looks like: `a time from 10ms to 1min such as "2s"`. NULL: no memory. */
char *conf_key_expected(const ConfKey *key);
