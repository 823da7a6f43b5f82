/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The kernel's command line. What is found there can be printed. */

#include "base/text.h"
#include "fuzz.h"
#include "verify/verify.h"

#include <fcntl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Findings findings = {};
        Sysfs sysfs = SYSFS_CLOSED;
        Machine machine;
        Conf conf;
        const VerifyInput input = {
                .root = fuzz_folder(), .sysfs = &sysfs, .machine = &machine, .conf = &conf
        };

        conf_init(&conf);
        machine_init(&machine);
        /* More movable memory than the guards allow, so that all words of the boot matter. */
        machine.totals.kernel_bytes = 1;
        machine.totals.movable_bytes = UINT64_C(1) << 40;
        FUZZ_ASSERT(fuzz_write("cmdline", data, size));
        sysfs.proc_fd = open(fuzz_folder(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        FUZZ_ASSERT(sysfs.proc_fd >= 0);
        FUZZ_ASSERT(verify_command_line(&input, &findings) == 0);
        for (size_t i = 0; i < findings.n_findings; i++) {
                FUZZ_ASSERT(text_is_printable(findings.findings[i].subject));
                FUZZ_ASSERT(text_is_printable(findings.findings[i].text));
        }
        findings_done(&findings);
        sysfs_close(&sysfs);
        machine_done(&machine);
        conf_done(&conf);
        return 0;
}
