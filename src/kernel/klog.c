/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Reads in the kernel's log which block made an unplug fail, and that memory could not be added. */

#include "kernel/klog.h"

#include "base/parse.h"

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

KlogKind klog_parse(const char *record, uint32_t *ret_block)
{
        const char *device = find_device(record, "+memory:memory");
        char number[16];
        size_t n;

        if (!is_of_kernel(record))
                return KLOG_NONE;
        if (find_device(record, "+acpi:PNP0C80:") && text_ends(record, ": add_memory failed"))
                return KLOG_NOT_ADDED;
        if (!device || !text_ends(record, ": Offline failed."))
                return KLOG_NONE;
        n = strcspn(device, "\n");
        if (n >= sizeof(number))
                return KLOG_NONE;
        memcpy(number, device, n);
        number[n] = 0;
        return parse_u32(number, ret_block) >= 0 ? KLOG_REFUSED : KLOG_NONE;
}

int klog_next(int fd, uint32_t *ret_block)
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
                kind = klog_parse(record, ret_block);
                if (kind != KLOG_NONE)
                        return kind;
        }
}
