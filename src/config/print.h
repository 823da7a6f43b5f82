/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include <stdio.h>

#include "config/key.h"

/* Writes values as they are written in a file of memoryd.conf(5). */

/*
 * Writes the value of a key from the struct at `base`, at the offset of the key: `3.0`, `"2s"`, `("dimm", "kmem")`.
 * The key is not "rules". `policy` has the udev properties of a rule. Reading the text gives the same value.
 */
void conf_value_print(FILE *stream, const ConfKey *key, const void *base, const Policy *policy);

/* Returns the same as a text, which the caller frees, or NULL without memory. */
char *conf_value_text(const ConfKey *key, const void *base, const Policy *policy);

/* The value of a setting: a boolean, a word, a whole number, bytes, microseconds or a ratio. */
typedef struct ConfValue {
        char type; /* of D-Bus: b, s, u, t or d */
        union {
                bool flag;        /* b */
                const char *word; /* s */
                uint32_t number;  /* u */
                uint64_t wide;    /* t */
                double real;      /* d */
        };
} ConfValue;

/* Returns the value of a setting. */
ConfValue conf_value_get(const ConfKey *key, const Conf *conf);

/*
 * Whether a rule has a criterion. False for the keys of a rule that are none: its name, what becomes of the
 * memory, and those of a group within a criterion, which are part of its text.
 */
bool conf_rule_has(const Rule *rule, const ConfKey *key);

/* Returns the i-th setting in conf.origins[], and the file that it is from, or NULL if it is the default. */
const char *conf_setting_file(const Conf *conf, size_t i);
