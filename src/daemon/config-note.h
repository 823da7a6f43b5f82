/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config/config.h"
#include "kernel/sysfs.h"

/*
 * What of a configuration has no effect on this machine for now, which is no fault: rules that name
 * nodes that are not there. Nodes come and go, so it is to be told when a configuration is taken up.
 */

/*
 * Adds a note for each such rule, as a fault is added, in the order of the rules. `online` are the
 * nodes there are, `possible` those there can be before the next boot, empty when that is not known. 0
 * or -ENOMEM.
 */
int conf_note_nodes(const Conf *conf, const NodeSet *online, const NodeSet *possible,
                    ConfFaults *notes);

/* The same of the nodes that sysfs has. Where it cannot be read there are no notes. 0 or -ENOMEM. */
int conf_note(const Conf *conf, const Sysfs *sysfs, ConfFaults *notes);

/* Logs them, a line each. */
void conf_note_log(const Conf *conf, const Sysfs *sysfs);
