/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sysfs.h"

/*
 * The kernel's word that tasks wait for memory (PSI: CONFIG_PSI, psi=1): a trigger on
 * /proc/pressure/memory. Nothing wakes up while there is no pressure.
 *
 * A descriptor to be polled for EPOLLPRI, which comes at most once in the trigger's window of two seconds,
 * or a negative errno: -ENOENT when the kernel has no PSI, -EPERM or -EACCES before 6.5 without
 * CAP_SYS_RESOURCE, which counts when it is opened. Closing it ends the trigger.
 */
int pressure_open(const Sysfs *sysfs);
