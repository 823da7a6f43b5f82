/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/config.h"
#include "kernel/sysfs.h"

/*
 * Reads the configuration below a root folder while memoryd runs, and logs the result. Returns the result of
 * conf_load(). If there are faults, *ret_faults has a line for each and ends with NULL; the caller frees it.
 */
int reload_read(const char *root, const Sysfs *sysfs, Conf *ret, char ***ret_faults);
