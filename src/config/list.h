/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/setting.h"

/* Keys that take one value or a list of them: nodes, words, words that can be negated. */

/*
 * Reads the value of such a key into `value`: NodeSet, a mask of words, or strings that the caller
 * owns. Returns 0, or 1 when something is at fault, which is reported, every element for itself, and
 * leaves `value` unchanged; -ENOMEM.
 */
int conf_list_read(const ConfKey *key, const config_setting_t *setting, const char *path,
                   const char *file, ConfFaults *faults, void *value);
