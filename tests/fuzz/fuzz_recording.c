/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/*
 * A recorded tree. In the input, a line "=PATH" begins a file, whose lines follow, and "@PATH TARGET" is a link.
 * The tree is read as memoryctl reads it, with a forecast, and verified as memoryd verifies the system.
 */

#include "base/text.h"
#include "fuzz.h"
#include "kernel/recording.h"
#include "policy/forecast.h"
#include "verify/verify.h"

/* A tree with more files takes too long, and is no different. */
#define FILES_MAX 128

/* Makes the file or link that begins at a text. Returns what follows it. */
static char *make_entry(char *text)
{
        char *end = strchr(text, '\n'), *next = text, *target;

        if (!end)
                return text + strlen(text);
        *end++ = 0;
        if (*text == '@') {
                target = strchr(text, ' ');
                if (target)
                        *target++ = 0;
                (void) fuzz_link(text + 1, target ?: "");
                return end;
        }
        for (next = end; *next && *next != '=' && *next != '@';) {
                char *newline = strchr(next, '\n');

                next = newline ? newline + 1 : next + strlen(next);
        }
        (void) fuzz_write(text + 1, end, (size_t) (next - end));
        return next;
}

static void check_faults(const FaultList *faults)
{
        for (size_t i = 0; i < faults->n_texts; i++)
                FUZZ_ASSERT(text_is_printable(faults->texts[i]));
}

static void check_forecast(const Machine *machine, const Conf *conf)
{
        const Addition additions[] = { { UINT64_C(1) << 30, 0, ORIGIN_DIMM } };
        Forecast forecast = {};
        ForecastRange range;
        size_t i = 0;

        if (forecast_make(machine, &conf->policy, &conf->policy, additions, 1, &forecast) < 0)
                return;
        while (forecast_range(&forecast, &conf->policy, &i, &range) > 0) {
                FUZZ_ASSERT(range.first <= range.last);
                FUZZ_ASSERT(text_is_printable(range.device) && text_is_printable(range.reason));
                free(range.reason);
        }
        forecast_done(&forecast);
}

static void check_cxl(const Recording *recording)
{
        for (size_t i = 0; i < recording->machine.n_devices; i++)
                FUZZ_ASSERT(text_is_printable(recording->cxl[i].region) &&
                            text_is_printable(recording->cxl[i].memdevs));
}

static void check_findings(const Machine *machine, const Conf *conf)
{
        Findings findings = {};
        Sysfs sysfs = SYSFS_CLOSED;
        const VerifyInput input = {
                .root = fuzz_folder(),
                .sysfs = &sysfs,
                .machine = machine,
                .conf = conf,
                .release = "6.12.0",
        };

        if (sysfs_open_recorded(fuzz_folder(), &sysfs) < 0)
                return;
        FUZZ_ASSERT(verify(&input, &findings) == 0);
        for (size_t i = 0; i < findings.n_findings; i++) {
                FUZZ_ASSERT(text_is_printable(findings.findings[i].subject));
                FUZZ_ASSERT(text_is_printable(findings.findings[i].text));
                FUZZ_ASSERT(text_is_printable(findings.findings[i].advice));
        }
        findings_done(&findings);
        sysfs_close(&sysfs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *text = fuzz_string(data, size);
        _cleanup_(recording_done) Recording recording = { .wants_cxl = true };
        _cleanup_(conf_done) Conf conf;
        char *at = text;

        conf_init(&conf);
        fuzz_clear();
        for (size_t i = 0; i < FILES_MAX && *at; i++)
                at = make_entry(at);
        if (recording_read(fuzz_folder(), &recording) == 0) {
                check_forecast(&recording.machine, &conf);
                check_findings(&recording.machine, &conf);
                check_cxl(&recording);
        }
        check_faults(&recording.faults);
        check_faults(&recording.node_faults);
        return 0;
}
