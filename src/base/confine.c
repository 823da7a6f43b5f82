/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Drops capabilities and closes descriptors. */

#include "base/confine.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

int confine_capabilities(uint64_t mask)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

        for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
                data[i].permitted = data[i].effective = (uint32_t) (mask >> (32 * i));
        /* This empties the ambient set as well, since the inheritable set is empty. */
        if (syscall(SYS_capset, &header, data) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
                return -errno;
        return 0;
}

uint64_t effective_capabilities(void)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

        if (syscall(SYS_capget, &header, data) < 0)
                return 0;
        return data[0].effective | (uint64_t) data[1].effective << 32;
}

/* close_range() is in Linux since 5.9, and in glibc since 2.34. */
int close_from(unsigned first)
{
        struct rlimit limit;

#ifdef SYS_close_range
        if (syscall(SYS_close_range, first, ~0U, 0) >= 0)
                return 0;
#endif
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -errno;
        for (unsigned fd = first; fd < limit.rlim_cur; fd++)
                (void) close((int) fd);
        return 0;
}
