/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/config.h"
#include "kernel/sysfs.h"

/*
 * Reads the configuration below a root folder while memoryd runs, and logs what came of it. Returns as
 * conf_load() does; with faults, *ret_faults has a line for each, NULL-terminated, for the caller to free.
 */
int reload_read(const char *root, const Sysfs *sysfs, Conf *ret, char ***ret_faults);
