/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* A record of the kernel's log, to which other processes can write. */

#include "fuzz.h"
#include "kernel/klog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *text = fuzz_string(data, size);
        uint32_t block;
        KlogKind kind = klog_parse(text, &block);

        FUZZ_ASSERT(kind >= KLOG_NONE && kind <= KLOG_NOT_ADDED);
        return 0;
}
