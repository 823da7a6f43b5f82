/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libconfig.h>

#include "conf-fault.h"
#include "conf-key.h"

/* Reads the value of one setting as its row of the table of keys says. */

/*
 * Reads the value into the struct at `base`, at the key's offset. `path` is what messages call the
 * setting. Returns 0, or 1 when the value is at fault, which is reported (more than once when
 * several elements of a list are) and leaves the struct unchanged; -ENOMEM.
 */
int conf_value_read(const ConfKey *key, const config_setting_t *setting, const char *path,
                    const char *file, ConfFaults *faults, void *base);

/* Reports that a setting is not what the key asks for, but what it is. Returns 1, or -ENOMEM. */
int conf_value_fault(const ConfKey *key, const config_setting_t *setting, const char *path,
                     const char *file, ConfFaults *faults);

/* Longest description of a value. */
#define CONF_DESCRIPTION_MAX CONF_QUOTE_MAX

/* Says what a setting holds: `5`, `"text"`, `a list`. Returns the buffer. */
const char *conf_value_describe(const config_setting_t *setting,
                                char buffer[static CONF_DESCRIPTION_MAX]);
