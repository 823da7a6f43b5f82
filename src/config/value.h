/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/setting.h"

/* Reads the value of a setting according to its row in the table of keys. */

/*
 * Reads a value into the struct at `base`, at the offset of the key. `path` is the name of the
 * setting in messages. Returns 0; 1 if the value has a fault, which is reported (once for each
 * faulty element of a list), and the struct is unchanged; or -ENOMEM.
 */
int conf_value_read(const ConfKey *key, const config_setting_t *setting, const char *path,
                    const char *file, ConfFaults *faults, void *base);
