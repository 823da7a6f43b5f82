/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* A file of udev rules, on a machine of which all is known and on one of which nothing is. */

#include "fuzz.h"
#include "verify/udev-rules.h"

static void parse(const uint8_t *data, size_t size, const UdevHost *host)
{
        _cleanup_free_ char *text = fuzz_string(data, size);
        _cleanup_free_ UdevWrite *writes = NULL;
        ssize_t n = udev_rules_parse(text, host, &writes);
        size_t length = 0;

        FUZZ_ASSERT(n >= 0);
        for (ssize_t i = 0; i < n; i++) {
                FUZZ_ASSERT(i == 0 || writes[i - 1].line < writes[i].line);
                length += strlen(writes[i].text);
        }
        FUZZ_ASSERT(length <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        parse(data, size, &(UdevHost){});
        parse(data, size, &(UdevHost){ "x86-64", "kvm", "QEMU", "Standard PC" });
        return 0;
}
