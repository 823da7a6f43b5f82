/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Reads in the kernel's log what memory did not go offline, and that memory could not be added. */

#include "kernel/klog.h"

#include "base/parse.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>

/* The kernel refuses to read a record into less than it needs, which is no more than this. */
#define RECORD_MAX 8192

int klog_open(void)
{
        int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        (void) lseek(fd, 0, SEEK_END);
        return fd;
}

/* Whether the kernel itself wrote a record: the number that it begins with has the facility above bit 2. */
static bool is_of_kernel(const char *record)
{
        return record[0] >= '0' && record[0] <= '7' && record[1] == ',';
}

/* Whether the text of a record, which is its first line, ends so. */
static bool text_ends(const char *record, const char *end)
{
        const char *text = strchr(record, ';');
        size_t n = text ? strcspn(text, "\n") : 0;

        return text && n >= strlen(end) && strncmp(text + n - strlen(end), end, strlen(end)) == 0;
}

/* Returns the name of the device that a record is about, behind a beginning such as "+memory:"; or NULL. */
static const char *find_device(const char *record, const char *beginning)
{
        static const char key[] = "\n DEVICE=";
        const char *device = strstr(record, key);

        if (!device || strncmp(device + strlen(key), beginning, strlen(beginning)) != 0)
                return NULL;
        return device + strlen(key) + strlen(beginning);
}

/* Parses "migrating pfn 14000 failed ret:1", or the same of isolating, which has no number at the end. */
static bool parse_stuck(const char *record, KlogMessage *ret)
{
        static const char *const beginnings[] = { "migrating pfn ", "isolating pfn " };
        const char *text = strchr(record, ';'), *at = NULL;
        KlogMessage message = { .kind = KLOG_STUCK };
        char *end;
        long error = 0;

        for (size_t i = 0; text && !at && i < ELEMENTSOF(beginnings); i++)
                if (strncmp(text + 1, beginnings[i], strlen(beginnings[i])) == 0)
                        at = text + 1 + strlen(beginnings[i]);
        if (!at || !isxdigit((unsigned char) *at))
                return false;
        errno = 0;
        message.page = strtoull(at, &end, 16);
        if (errno != 0 || strncmp(end, " failed", 7) != 0)
                return false;
        if (strncmp(end + 7, " ret:", 5) == 0)
                error = strtol(end + 12, NULL, 10);
        /* The number of pages that did not move is positive. */
        message.error = error < 0 && error >= -4095 ? (int) error : 0;
        *ret = message;
        return true;
}

KlogKind klog_parse(const char *record, KlogMessage *ret)
{
        const char *device = find_device(record, "+memory:memory");
        char number[16];
        uint32_t block;
        size_t n;

        if (!is_of_kernel(record))
                return KLOG_NONE;
        if (find_device(record, "+acpi:PNP0C80:") && text_ends(record, ": add_memory failed")) {
                *ret = (KlogMessage){ .kind = KLOG_NOT_ADDED };
                return KLOG_NOT_ADDED;
        }
        if (parse_stuck(record, ret))
                return KLOG_STUCK;
        if (!device || !text_ends(record, ": Offline failed."))
                return KLOG_NONE;
        n = strcspn(device, "\n");
        if (n >= sizeof(number))
                return KLOG_NONE;
        memcpy(number, device, n);
        number[n] = 0;
        if (parse_u32(number, &block) < 0)
                return KLOG_NONE;
        *ret = (KlogMessage){ .kind = KLOG_REFUSED, .block = block };
        return KLOG_REFUSED;
}

int klog_next(int fd, KlogMessage *ret)
{
        char record[RECORD_MAX + 1];
        KlogKind kind;
        ssize_t n;

        for (;;) {
                n = read(fd, record, RECORD_MAX);
                /* EPIPE: the kernel has overwritten records, and the next read finds the oldest left. */
                if (n < 0 && (errno == EPIPE || errno == EINTR))
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? KLOG_NONE : -errno;
                if (n == 0)
                        return -ENODATA;
                record[n] = 0;
                kind = klog_parse(record, ret);
                if (kind != KLOG_NONE)
                        return kind;
        }
}
