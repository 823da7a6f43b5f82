/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "config/config.h"
#include "kernel/sysfs.h"

/*
 * Notes about rules that have no effect on this machine for now, because they name nodes that do not exist, or
 * ask for a memory tier of a kernel without tiers. That is not a fault, since nodes come and go, and kernels
 * too. The notes are reported whenever a configuration is loaded.
 */

/*
 * Adds a note for each key of a rule that names missing nodes or tiers, in the order of the rules, in the form
 * of a fault; none about nodes that cannot be read. If memory is short, notes are left out.
 */
void conf_note(const Conf *conf, const Sysfs *sysfs, ConfFaults *notes);

/* Logs these notes, one line each. */
void conf_note_log(const Conf *conf, const Sysfs *sysfs);
