/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* memoryctl verify. */

#include "ctl/row.h"

#include <stdio.h>

static int print_json(const Snapshot *snapshot)
{
        return json_print(json_make(JSON_MEMBERS(
                { "findings", json_rows(&finding_rows, snapshot->findings, snapshot->n_findings) },
                { "features", json_features(&snapshot->manager) })));
}

/* Prints the findings, then the kernel features, which are no findings. */
static int print_text(const Snapshot *snapshot)
{
        for (size_t i = 0; i < snapshot->n_findings; i++) {
                const FindingRow *row = &snapshot->findings[i];

                printf("%s%s: %s\n", i > 0 ? "\n" : "", row->subject, row->finding);
                if (*row->advice)
                        printf("    %s\n", row->advice);
        }
        if (snapshot->n_findings > 0 && snapshot->manager.n_features > 0)
                putchar('\n');
        features_print_verify(&snapshot->manager);
        return EXIT_SUCCESS;
}

int verb_verify(void)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        int r;

        r = snapshot_fetch(FETCH_FINDINGS | FETCH_MANAGER, &snapshot);
        if (r == EXIT_SUCCESS)
                r = arg_json ? print_json(&snapshot) : print_text(&snapshot);
        return snapshot.n_findings == 0 ? r : EXIT_FAILURE;
}
