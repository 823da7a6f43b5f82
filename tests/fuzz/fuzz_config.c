/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* A configuration file. Each fault can be printed, and a configuration with a fault is not used. */

#include "base/text.h"
#include "config/config.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        ConfFaults faults = {};
        Conf conf;
        int r;

        conf_init(&conf);
        r = conf_load_text("fuzz.conf", (const char *) data, size, &conf, &faults);
        FUZZ_ASSERT(r == 0 || r == 1);
        FUZZ_ASSERT((r == 1) == (faults.n_faults > 0));
        for (size_t i = 0; i < faults.n_faults; i++) {
                _cleanup_free_ char *text = NULL;

                FUZZ_ASSERT(conf_fault_format(&faults.faults[i], &text) == 0);
                FUZZ_ASSERT(text_is_printable(text));
        }
        for (size_t i = 0; i < conf.policy.n_rules; i++)
                FUZZ_ASSERT(text_is_printable(conf.policy.rules[i].name));
        conf_done(&conf);
        conf_faults_done(&faults);
        return 0;
}
