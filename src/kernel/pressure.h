/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "kernel/sysfs.h"

/*
 * The kernel's report that tasks wait for memory (PSI: CONFIG_PSI, psi=1): a trigger on
 * /proc/pressure/memory. Without pressure, it causes no wake-ups.
 *
 * Returns a descriptor to be polled for EPOLLPRI, which comes at most once in the trigger's window
 * of two seconds, or a negative errno: -ENOENT if the kernel has no PSI; -EPERM, or -EACCES (before
 * 5.13, if not root), without CAP_SYS_RESOURCE on kernels that lack the change of 6.5, which
 * 6.1.192 has as well. Closing the descriptor removes the trigger.
 */
int pressure_open(const Sysfs *sysfs);
