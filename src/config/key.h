/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include <stdio.h>

#include "config/config.h"

/* The table of keys, which memoryd.conf(5) documents. Reading a file and --check-config follow it. */

typedef enum ConfType {
        CONF_SIZE,            /* uint64_t, bytes */
        CONF_SIZE_OR_BLOCK,   /* uint64_t, bytes; MIN_KERNEL_ONE_BLOCK for "block" */
        CONF_RANGE,           /* two uint64_t: the first and the last address */
        CONF_PERMILLE,        /* uint32_t, thousandths of the number in the file */
        CONF_COUNT,           /* uint32_t */
        CONF_USEC,            /* uint64_t, microseconds */
        CONF_BOOL,            /* bool */
        CONF_WORD,            /* an enum or int, given as a word */
        CONF_BOOL_OR_WORD,    /* an enum or int: 0 for false, 1 for true, and a word from 2 on */
        CONF_NAME,            /* char *, owned */
        CONF_TIERS,           /* TierRange */
        CONF_NODES,           /* NodeSet; this and the next two are a single value or a list */
        CONF_WORDS,           /* unsigned, a mask of 1 << enum */
        CONF_CONDITIONS,      /* char **, owned: words, each with or without a "!" before it */
        CONF_DISTANCE,        /* a group with the keys "rules.distance.…" */
        CONF_UDEV_PROPERTIES, /* a group or list of groups with the keys "rules.udev_property.…" */
        CONF_RULES,           /* a list of groups with the keys "rules.…" */
} ConfType;

/* The smallest block size of any kernel (ppc64; 6.12). */
#define BLOCK_SIZE_MIN (UINT64_C(16) << 20)

/* The distance of a node from itself. No distance is less. */
#define DISTANCE_LOCAL 10

typedef struct ConfKey {
        const char *name; /* "retry.delay": `delay` in `retry`; "rules.node": `node` in a rule */
        ConfType type;
        uint64_t min, max;              /* in the unit of the value; for a name, its length */
        const char *(*word)(int value); /* the word for a value from 0 on, NULL past the last */
        const char *default_text;       /* as written in a file; NULL: no default */
        size_t offset;                  /* of the value in Conf, or in the struct of its group */
        const char *sentence;           /* what the key is for */
} ConfKey;

/* Returns the i-th key, or NULL past the last. Those of settings come first, see CONF_SETTINGS. */
const ConfKey *conf_key(size_t i);

/* Returns the index of a key. */
size_t conf_key_index(const ConfKey *key);

/*
 * Returns the key called `name` in a group ("retry", "rules", "rules.distance", or NULL for the top
 * level of a file), or NULL.
 */
const ConfKey *conf_key_find(const char *group, const char *name);

/* Returns the key in a group that is closest to an unknown name, or NULL if none is close. */
const char *conf_key_suggest(const char *group, const char *name);

/* Writes a number as the value of a key of a type with a unit: "2s", "512M". */
void conf_key_print(FILE *stream, const ConfKey *key, uint64_t number);

/*
 * Describes the values of a key: `a time from 10ms to 1min such as "2s"`. The caller frees the
 * result. NULL: no memory.
 */
char *conf_key_expected(const ConfKey *key);
