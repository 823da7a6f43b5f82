/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* A record of the kernel's log, to which other processes can write. */

#include "fuzz.h"
#include "kernel/klog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *text = fuzz_string(data, size);
        KlogMessage message = {};
        KlogKind kind = klog_parse(text, &message);

        FUZZ_ASSERT(kind >= KLOG_NONE && kind < _KLOG_KIND_MAX && message.kind == kind);
        FUZZ_ASSERT(message.error <= 0);
        return 0;
}
