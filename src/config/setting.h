/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libconfig.h>

#include "config/fault.h"
#include "config/key.h"

/* What a setting of libconfig holds, and how messages say so. */

/* A whole number; hexadecimal ones have no sign, whatever libconfig made of them. */
bool setting_get_integer(const config_setting_t *setting, int64_t *ret);

/* A number of any kind. */
bool setting_get_number(const config_setting_t *setting, double *ret);

/* A string, or NULL. */
const char *setting_get_text(const config_setting_t *setting);

/* Longest description of a value. */
#define CONF_DESCRIPTION_MAX CONF_QUOTE_MAX

/* Says what a setting holds: `5`, `"text"`, `a list`. Returns the buffer. */
const char *setting_describe(const config_setting_t *setting,
                             char buffer[static CONF_DESCRIPTION_MAX]);

/*
 * Reports that a setting, which messages call `path`, is not what the key asks for, but what it is.
 * Returns 1, or -ENOMEM.
 */
int setting_fault(const ConfKey *key, const config_setting_t *setting, const char *path,
                  const char *file, ConfFaults *faults);
