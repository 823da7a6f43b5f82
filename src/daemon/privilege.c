/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Drops the privileges of root. */

#include "daemon/privilege.h"

#include <grp.h>
#include <pwd.h>

int privilege_drop(const char *user, const char *folder)
{
        const struct passwd *entry;

        if (geteuid() != 0)
                return 0;

        errno = 0;
        entry = getpwnam(user);
        if (!entry)
                return errno > 0 && errno != ENOENT ? -errno : -ESRCH;
        if (chown(folder, entry->pw_uid, entry->pw_gid) < 0 && errno != ENOENT)
                return -errno;

        if (initgroups(user, entry->pw_gid) < 0 ||
            setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) < 0 ||
            setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) < 0)
                return -errno;
        return 0;
}
