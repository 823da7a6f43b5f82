/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libconfig.h>

#include "config/fault.h"
#include "config/key.h"

/* Gets the value of a libconfig setting, and describes it in messages. */

/* Gets a whole number. Hexadecimal numbers count as unsigned, even if libconfig made them negative. */
bool setting_get_integer(const config_setting_t *setting, int64_t *ret);

/* Gets an integer or a floating-point number. */
bool setting_get_number(const config_setting_t *setting, double *ret);

/* Returns the text of a string, or NULL for any other type. */
const char *setting_get_text(const config_setting_t *setting);

/* The size of a buffer for the description of a value. */
#define CONF_DESCRIPTION_MAX CONF_QUOTE_MAX

/* Describes the value of a setting: `5`, `"text"`, `a list`. Returns the buffer. */
const char *setting_describe(const config_setting_t *setting,
                             char buffer[static CONF_DESCRIPTION_MAX]);

/*
 * Reports that a setting does not have the value that its key asks for, and describes the value it
 * has. `path` is the name of the setting in messages. Returns 1 or -ENOMEM.
 */
int setting_fault(const ConfKey *key, const config_setting_t *setting, const char *path,
                  const char *file, ConfFaults *faults);
