/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/setting.h"

/* Reads keys that take a single value or a list: nodes, words, and words that can be negated. */

/*
 * Reads the value of such a key into `value`: a NodeSet, a mask of words, or strings that the
 * caller owns. Returns 0; 1 if there are faults, in which case each faulty element is reported and
 * `value` is unchanged; or -ENOMEM.
 */
int conf_list_read(const ConfKey *key, const config_setting_t *setting, const char *path,
                   const char *file, ConfFaults *faults, void *value);
