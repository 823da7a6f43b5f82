/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Texts that become printable, and are cut to a length. */

#include "base/text.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *text = fuzz_string(data, size);
        size_t length = strlen(text);
        bool was_printable = text_is_printable(text);
        char cut[24];

        (void) text_format(cut, sizeof(cut), "%s", text);
        FUZZ_ASSERT(text_is_printable(cut) && strlen(cut) < sizeof(cut));
        FUZZ_ASSERT(!was_printable || strncmp(cut, text, strlen(cut)) == 0);
        text_make_printable(text);
        FUZZ_ASSERT(text_is_printable(text) && strlen(text) == length);
        FUZZ_ASSERT(!was_printable || memcmp(text, data, length) == 0);
        return 0;
}
