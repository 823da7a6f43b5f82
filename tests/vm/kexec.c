// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: memoryd contributors
/* Loads a kernel that boots when the running kernel crashes: kexec KERNEL INITRD ARGUMENTS. */

#include <fcntl.h>
#include <linux/kexec.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
        int kernel, initrd;

        if (argc != 4) {
                fputs("usage: kexec KERNEL INITRD ARGUMENTS\n", stderr);
                return 2;
        }
        kernel = open(argv[1], O_RDONLY | O_CLOEXEC);
        if (kernel < 0) {
                perror(argv[1]);
                return 1;
        }
        initrd = open(argv[2], O_RDONLY | O_CLOEXEC);
        if (initrd < 0) {
                perror(argv[2]);
                return 1;
        }
        if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(argv[3]) + 1, argv[3],
                    KEXEC_FILE_ON_CRASH) < 0) {
                perror("kexec_file_load");
                return 1;
        }
        return 0;
}
