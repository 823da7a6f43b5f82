/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/setting.h"

/* Reads the value of one setting as its row of the table of keys says. */

/*
 * Reads the value into the struct at `base`, at the key's offset. `path` is what messages call the
 * setting. Returns 0, or 1 when the value is at fault, which is reported (more than once when
 * several elements of a list are) and leaves the struct unchanged; -ENOMEM.
 */
int conf_value_read(const ConfKey *key, const config_setting_t *setting, const char *path,
                    const char *file, ConfFaults *faults, void *base);
