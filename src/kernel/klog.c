/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads in the kernel's log which memory block made an unplug fail. */

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

bool klog_parse(const char *record, uint32_t *ret_block)
{
        static const char key[] = "\n DEVICE=+memory:memory", end[] = ": Offline failed.\n";
        const char *text = strchr(record, ';'), *device = strstr(record, key);
        char number[16];
        size_t n;

        if (!is_of_kernel(record) || !text || !device)
                return false;
        n = strcspn(text, "\n");
        if (n + 1 < strlen(end) || strncmp(text + n + 1 - strlen(end), end, strlen(end)) != 0)
                return false;
        device += strlen(key);
        n = strcspn(device, "\n");
        if (n >= sizeof(number))
                return false;
        memcpy(number, device, n);
        number[n] = 0;
        return parse_u32(number, ret_block) >= 0;
}

int klog_next(int fd, uint32_t *ret_block)
{
        char record[RECORD_MAX + 1];
        ssize_t n;

        for (;;) {
                n = read(fd, record, RECORD_MAX);
                /* EPIPE: the kernel has overwritten records, and the next read finds the oldest left. */
                if (n < 0 && (errno == EPIPE || errno == EINTR))
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? 0 : -errno;
                if (n == 0)
                        return 0;
                record[n] = 0;
                if (klog_parse(record, ret_block))
                        return 1;
        }
}
