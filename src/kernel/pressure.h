/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "kernel/sysfs.h"

/*
 * The kernel's word that tasks wait for memory (PSI: CONFIG_PSI, psi=1): a trigger on
 * /proc/pressure/memory. Nothing wakes up while there is no pressure.
 *
 * A descriptor to be polled for EPOLLPRI, which comes at most once in the trigger's window of two seconds,
 * or a negative errno: -ENOENT when the kernel has no PSI; -EPERM, or -EACCES (before 5.13 and not root),
 * without CAP_SYS_RESOURCE on kernels that lack the change of 6.5, which 6.1.192 has as well. Closing it
 * ends the trigger.
 */
int pressure_open(const Sysfs *sysfs);
