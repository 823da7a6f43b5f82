/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Collects findings. */

#include "base/text.h"
#include "verify/verify.h"

#include <stdarg.h>
#include <stdio.h>

void findings_done(Findings *findings)
{
        for (size_t i = 0; i < findings->n_findings; i++) {
                free(findings->findings[i].subject);
                free(findings->findings[i].text);
                free(findings->findings[i].advice);
        }
        free(findings->findings);
        *findings = (Findings){};
}

int findings_add(Findings *findings, const char *check, char *subject, char *text, char *advice)
{
        if (!subject || !text || !advice || GROW(findings->findings, findings->n_findings) < 0) {
                free(subject);
                free(text);
                free(advice);
                return -ENOMEM;
        }
        text_make_printable(subject);
        text_make_printable(text);
        text_make_printable(advice);
        findings->findings[findings->n_findings++] =
                (Finding){ .check = check, .subject = subject, .text = text, .advice = advice };
        return 0;
}

int findings_add_note(Findings *findings, const char *check, char *subject, char *text,
                      char *advice)
{
        int r = findings_add(findings, check, subject, text, advice);

        if (r >= 0)
                findings->findings[findings->n_findings - 1].is_note = true;
        return r;
}

char *finding_text(const char *format, ...)
{
        va_list args;
        char *text;
        int n;

        va_start(args, format);
        n = vasprintf(&text, format, args);
        va_end(args);
        return n < 0 ? NULL : text;
}
