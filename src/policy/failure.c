/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Explains failed writes, and gives advice. */

#include "policy/failure.h"

#include <stdio.h>

#define SEE_LOG "See the kernel's log (journalctl -k) for what refused it"

/* The meaning of an errno for a write to the state of a memory block. */
static const struct {
        int error;
        const char *of_offline; /* the text for a block that was to go offline, if it differs */
        const char *text;
        const char *advice; /* for a block that was to go online, or NULL */
} meanings[] = {
        { EBUSY, "it holds memory that is in use and cannot be moved",
          "something on this machine does not let it go online", SEE_LOG },
        { EPERM, NULL, "its node would have movable memory only", NULL },
        { EADDRNOTAVAIL, NULL, "firmware and devices need memory of such low addresses", NULL },
        { EDEADLK, NULL, "it is the last kernel memory of the machine", NULL },
        { ESTALE, NULL, "something other than memoryd changed it meanwhile", NULL },
        { ENOENT, NULL, "it was removed", NULL },
        { ENOMEM, "there is not enough free memory to move its contents to",
          "there is not enough free memory to describe it", "Free some memory" },
        { EAGAIN, NULL, "the kernel was not able to just then", NULL },
        { EINTR, NULL, "it was interrupted", NULL },
        { ETIMEDOUT, NULL, "the kernel was busy with other memory for too long", NULL },
        { EINVAL, "the kernel refuses: it spans zones or has holes",
          "the kernel refuses: it cannot go into that zone",
          "Try the other class with \"memoryctl online --zone\"" },
        { EIO, NULL, "the kernel or a driver refuses", SEE_LOG },
        { EHWPOISON, NULL, "the hardware has reported broken memory in it",
          "Replace the memory module" },
        { EACCES, NULL, "memoryd may not write its state",
          "Find out what restricts memoryd: a drop-in of its unit, or a security module" },
        { EBADMSG, NULL, "its state could not be read afterwards", SEE_LOG },
        { EOPNOTSUPP, NULL, "the kernel cannot do that", NULL },
};

const char *failure_meaning(int error, bool is_offline)
{
        for (size_t i = 0; i < ELEMENTSOF(meanings); i++)
                if (meanings[i].error == -error)
                        return is_offline && meanings[i].of_offline ? meanings[i].of_offline :
                                                                      meanings[i].text;
        return NULL;
}

bool failure_is_of(const Block *block)
{
        return block->status == BLOCK_STATUS_FAILED || block->status == BLOCK_STATUS_RETRYING;
}

int failure_format(const Block *block, char **ret)
{
        static const char *const classes[_VERDICT_MAX] = {
                [VERDICT_KERNEL] = " as kernel memory",
                [VERDICT_MOVABLE] = " as movable memory",
        };
        char attempts[32] = "";

        if (block->attempts > 0)
                snprintf(attempts, sizeof(attempts), ", in %u attempt%s", block->attempts,
                         block->attempts == 1 ? "" : "s");
        return asprintf(ret, "it could not be brought online%s%s",
                        classes[block->decision.verdict] ?: "", attempts) < 0 ?
                       -ENOMEM :
                       0;
}

int failure_format_cause(const Block *block, char **ret)
{
        const char *name = strerrorname_np(-block->error);
        const char *meaning = failure_meaning(block->error, false) ?: "the kernel refuses";
        int r;

        if (name)
                r = asprintf(ret, "%s (%s): %s", name, strerrordesc_np(-block->error), meaning);
        else
                r = asprintf(ret, "error %d: %s", -block->error, meaning);
        return r < 0 ? -ENOMEM : 0;
}

int failure_format_advice(const Block *block, char **ret)
{
        bool is_final = block->status == BLOCK_STATUS_FAILED;
        const char *advice = failure_meaning(block->error, false) ? NULL : SEE_LOG;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(meanings); i++)
                if (meanings[i].error == -block->error)
                        advice = meanings[i].advice;
        if (!is_final)
                r = asprintf(ret, "%s", advice ?: "");
        else if (advice)
                r = asprintf(ret, "%s, then run \"memoryctl rescan\"", advice);
        else
                r = asprintf(ret, "Run \"memoryctl rescan\" to have it tried again");
        return r < 0 ? -ENOMEM : 0;
}
