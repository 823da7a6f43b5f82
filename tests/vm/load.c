/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/*
 * Uses a guest's memory the way that a test needs it. Memory is taken from NODE as long as that has any,
 * movable memory first: the pages are a user's.
 *
 *   load hold NODE MEBIBYTES FILE...
 *      Holds anonymous pages and the page cache of the files, and looks over and over whether all of
 *      it is still what it was. Prints "ready", then a line for each pass. SIGTERM makes it look once
 *      more and end: with 0 if all was right.
 *   load pin NODE [BLOCK]
 *      Keeps a page from migrating, for good: a pipe holds a reference to it. If a memory block is given,
 *      it is a page of that block. Prints the number of the block that the page is in, and waits for a
 *      signal.
 *   load fragment MEBIBYTES USERS
 *      USERS one after the other fill so much memory with pages. Each gives single pages back, here one
 *      and there one, while the kernel takes a hundredth of that memory for what stays, pages of pipes
 *      and files of a tmpfs in /run/fragment, and then ends. Prints "ready" with the mebibytes of kernel
 *      memory when no user is left, and waits for a signal.
 *   load fill NODE BLOCK MEBIBYTES [BLOCK MEBIBYTES]...
 *      Holds so much memory in each of these blocks of the node, and none in its others. Prints "ready", and waits for a
 *      signal.
 *   load slab NODE
 *      Has the kernel keep some ten thousand small objects: files of a tmpfs in /run/slab, until a signal comes.
 *      Prints "ready" when they are there.
 *   load tables NODE
 *      Has the kernel keep four thousand page tables, until a signal comes. Prints "ready" when they are there.
 *   load huge NODE
 *      Uses a huge page of 1 GiB, which must be reserved, until a signal comes. Prints "ready".
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define MEBIBYTE ((size_t) 1 << 20)
#define PAGE_BYTES ((size_t) 4096)
/* A word in each cache line is looked at. */
#define STRIDE 8

#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_PFN_MASK ((UINT64_C(1) << 55) - 1)

static volatile sig_atomic_t is_to_end;

static void on_signal(int number)
{
        (void) number;
        is_to_end = 1;
}

__attribute__((noreturn)) static void die(const char *what)
{
        fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

static unsigned long parse_number(const char *text)
{
        char *end;
        unsigned long number;

        errno = 0;
        number = strtoul(text, &end, 10);
        if (errno != 0 || end == text || *end != 0) {
                fprintf(stderr, "load: '%s' is no number\n", text);
                exit(2);
        }
        return number;
}

/* Pages of this process come from the node from now on, from others when it is full. */
static void prefer_node(unsigned long node)
{
        unsigned long mask = 1UL << node;

        if (syscall(SYS_set_mempolicy, MPOL_PREFERRED, &mask, sizeof(mask) * 8) < 0)
                die("set_mempolicy");
}

static void *map(size_t bytes)
{
        void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (memory == MAP_FAILED)
                die("mmap");
        return memory;
}

static void wait_for_signal(void)
{
        sigset_t blocked, before;

        sigemptyset(&blocked);
        sigaddset(&blocked, SIGTERM);
        sigprocmask(SIG_BLOCK, &blocked, &before);
        while (!is_to_end)
                sigsuspend(&before);
}

/* hold */

static uint64_t pattern(size_t index)
{
        return (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static void fill(uint64_t *words, size_t n_words)
{
        for (size_t i = 0; i < n_words; i += STRIDE)
                words[i] = pattern(i);
}

static void check_words(const uint64_t *words, size_t n_words)
{
        for (size_t i = 0; i < n_words; i += STRIDE) {
                if (words[i] == pattern(i))
                        continue;
                fprintf(stderr, "load: word %zu of %p is %" PRIx64 ", was %" PRIx64 "\n", i,
                        (const void *) words, words[i], pattern(i));
                exit(EXIT_FAILURE);
        }
}

/* Of all that is in the file, and so in the page cache afterwards. */
static uint64_t sum_file(const char *path)
{
        static uint64_t buffer[MEBIBYTE / sizeof(uint64_t)];
        uint64_t sum = 0;
        ssize_t n;
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                die(path);
        while ((n = read(fd, buffer, sizeof(buffer))) > 0)
                for (size_t i = 0; i < (size_t) n / sizeof(uint64_t); i++)
                        sum = (sum ^ buffer[i]) * UINT64_C(0x100000001b3);
        if (n < 0)
                die(path);
        close(fd);
        return sum;
}

static void check_files(char **paths, const uint64_t *sums, int n_paths)
{
        for (int i = 0; i < n_paths; i++)
                if (sum_file(paths[i]) != sums[i]) {
                        fprintf(stderr, "load: %s is not what it was\n", paths[i]);
                        exit(EXIT_FAILURE);
                }
}

static int hold(int argc, char *argv[])
{
        size_t n_words = parse_number(argv[1]) * MEBIBYTE / sizeof(uint64_t);
        char **paths = argv + 2;
        int n_paths = argc - 2;
        uint64_t *words = map(n_words * sizeof(uint64_t));
        uint64_t *sums = map((size_t) (n_paths + 1) * sizeof(uint64_t));
        bool is_last;

        prefer_node(parse_number(argv[0]));
        fill(words, n_words);
        for (int i = 0; i < n_paths; i++)
                sums[i] = sum_file(paths[i]);
        printf("ready\n");
        setpriority(PRIO_PROCESS, 0, 19);
        for (unsigned pass = 1;; pass++) {
                is_last = is_to_end;
                check_words(words, n_words);
                check_files(paths, sums, n_paths);
                printf("pass %u right\n", pass);
                if (is_last)
                        return EXIT_SUCCESS;
        }
}

/* pin */

/* More than the guests of such tests have free. Pages that nobody touches take no memory. */
#define PIN_MAX_BYTES (4096 * MEBIBYTE)

static uint64_t block_bytes(void)
{
        static uint64_t bytes;
        FILE *file;

        if (bytes > 0)
                return bytes;
        file = fopen("/sys/devices/system/memory/block_size_bytes", "re");
        if (!file || fscanf(file, "%" SCNx64, &bytes) != 1 || bytes == 0)
                die("block_size_bytes");
        fclose(file);
        return bytes;
}

static uint64_t address_of(const void *page)
{
        uint64_t entry = 0;
        static int fd = -1;

        if (fd < 0)
                fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
        if (fd < 0 || pread(fd, &entry, sizeof(entry),
                            (off_t) ((uintptr_t) page / PAGE_BYTES * sizeof(entry))) < 0)
                die("pagemap");
        if (!(entry & PAGEMAP_PRESENT) || (entry & PAGEMAP_PFN_MASK) == 0) {
                fprintf(stderr, "load: the page's address is not to be had\n");
                exit(EXIT_FAILURE);
        }
        return (entry & PAGEMAP_PFN_MASK) * PAGE_BYTES;
}

static uint64_t block_of(const void *page)
{
        return address_of(page) / block_bytes();
}

/* Takes one mebibyte after the other until one begins in the block. Returns that one, and gives the others back. */
static char *take_from_block(uint64_t block)
{
        char *memory = map(PIN_MAX_BYTES);

        /* A page of its own, not a part of a large one. */
        if (madvise(memory, PIN_MAX_BYTES, MADV_NOHUGEPAGE) < 0)
                die("madvise");
        for (char *part = memory; part < memory + PIN_MAX_BYTES; part += MEBIBYTE) {
                memset(part, 1, MEBIBYTE);
                if (block_of(part) != block)
                        continue;
                munmap(memory, (size_t) (part - memory));
                return part;
        }
        fprintf(stderr, "load: memory%" PRIu64 " gives no page\n", block);
        exit(EXIT_FAILURE);
}

static int pin(int argc, char *argv[])
{
        struct iovec part = { .iov_len = PAGE_BYTES };
        int ends[2];

        prefer_node(parse_number(argv[0]));
        part.iov_base = argc > 1 ? take_from_block(parse_number(argv[1])) : map(PAGE_BYTES);
        memset(part.iov_base, 1, PAGE_BYTES);
        /* Not a long-term pin: for one the kernel would first move the page out of movable memory. */
        if (pipe(ends) < 0 || vmsplice(ends[1], &part, 1, 0) != (ssize_t) PAGE_BYTES)
                die("vmsplice");
        printf("%" PRIu64 "\n", block_of(part.iov_base));
        wait_for_signal();
        return EXIT_SUCCESS;
}

/* fragment */

#define PIPE_PAGES 16
#define FOLDER "/run/fragment"
/* A file of a tmpfs for so many pages: its inode and its name take about 1 KiB of the kernel's memory. */
#define PAGES_PER_FILE 4

static void raise_file_limit(rlim_t n_files)
{
        const struct rlimit limit = { .rlim_cur = n_files, .rlim_max = n_files };

        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                die("setrlimit");
}

/* Takes a page of kernel memory that stays: one more in the pipe, or the first in a new one. */
static void keep_page(size_t number)
{
        static int ends[2];
        static const char page[PAGE_BYTES];

        if (number % PIPE_PAGES == 0 && pipe(ends) < 0)
                die("pipe");
        if (write(ends[1], page, sizeof(page)) != (ssize_t) sizeof(page))
                die("write to a pipe");
}

static void keep_file(size_t number)
{
        char path[80];
        int fd;

        snprintf(path, sizeof(path), FOLDER "/a-file-with-a-rather-long-name-%zu", number);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                die(path);
        close(fd);
}

/* The same "here and there" each time. */
static size_t next_random(size_t limit)
{
        static uint64_t state = 1;

        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (size_t) (state >> 33) % limit;
}

static void give_back(char *memory, size_t page)
{
        if (madvise(memory + page * PAGE_BYTES, PAGE_BYTES, MADV_DONTNEED) < 0)
                die("madvise");
}

/* A user who fills memory page by page, for whom the kernel needs some of it, and who is gone then. */
static void run_user(size_t n_pages, size_t first_kept, size_t n_kept)
{
        char *memory = map(n_pages * PAGE_BYTES);

        /* Single pages, as those of a machine that has run for long are. */
        if (madvise(memory, n_pages * PAGE_BYTES, MADV_NOHUGEPAGE) < 0)
                die("madvise");
        for (size_t i = 0; i < n_pages; i++)
                memory[i * PAGE_BYTES] = 1;
        for (size_t i = first_kept; i < first_kept + n_kept; i++) {
                give_back(memory, next_random(n_pages));
                keep_page(i);
                if (i % PAGES_PER_FILE == 0)
                        keep_file(i);
        }
        if (munmap(memory, n_pages * PAGE_BYTES) < 0)
                die("munmap");
}

static int fragment(int argc, char *argv[])
{
        size_t n_pages = parse_number(argv[0]) * MEBIBYTE / PAGE_BYTES;
        size_t n_kept = n_pages / 100, n_users = parse_number(argv[1]);

        (void) argc;
        if (mkdir(FOLDER, 0700) < 0 && errno != EEXIST)
                die(FOLDER);
        raise_file_limit(n_users * n_kept / PIPE_PAGES * 2 + 64);
        for (size_t i = 0; i < n_users; i++)
                run_user(n_pages - i * n_kept, i * n_kept, n_kept);
        printf("ready %zu\n", n_users * n_kept * PAGE_BYTES / MEBIBYTE);
        wait_for_signal();
        return EXIT_SUCCESS;
}

/* fill */

/* Takes a page of a block that still wants one. */
static bool is_wanted(uint64_t block, const unsigned long *blocks, size_t *n_wanted, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (blocks[i] == block && n_wanted[i] > 0) {
                        n_wanted[i]--;
                        return true;
                }
        return false;
}

#define FILLED_MAX 8

static int fill_blocks(int argc, char *argv[])
{
        unsigned long blocks[FILLED_MAX];
        size_t n = 0, n_wanted[FILLED_MAX], n_left = 0, n_pages = PIN_MAX_BYTES / PAGE_BYTES;
        char *memory = map(PIN_MAX_BYTES);
        bool *is_kept = map(n_pages);

        prefer_node(parse_number(argv[0]));
        if (madvise(memory, PIN_MAX_BYTES, MADV_NOHUGEPAGE) < 0)
                die("madvise");
        for (int i = 1; i + 1 < argc && n < FILLED_MAX; i += 2, n++) {
                blocks[n] = parse_number(argv[i]);
                n_wanted[n] = parse_number(argv[i + 1]) * MEBIBYTE / PAGE_BYTES;
                n_left += n_wanted[n];
        }
        for (size_t i = 0; n_left > 0; i++) {
                if (i == n_pages) {
                        fprintf(stderr, "load: %zu pages are missing\n", n_left);
                        return EXIT_FAILURE;
                }
                memory[i * PAGE_BYTES] = 1;
                is_kept[i] = is_wanted(block_of(memory + i * PAGE_BYTES), blocks, n_wanted, n);
                n_left -= is_kept[i];
        }
        for (size_t i = 0; i < n_pages; i++)
                if (!is_kept[i] && madvise(memory + i * PAGE_BYTES, PAGE_BYTES, MADV_DONTNEED) < 0)
                        die("madvise");
        printf("ready\n");
        wait_for_signal();
        return EXIT_SUCCESS;
}

/* slab */

#define SLAB_FOLDER "/run/slab"
#define N_FILES 20000

static void change_files(bool is_end)
{
        char path[64];

        for (unsigned i = 0; i < N_FILES; i++) {
                int fd = -1;

                snprintf(path, sizeof(path), SLAB_FOLDER "/%u", i);
                if (is_end)
                        (void) unlink(path);
                else if ((fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) < 0)
                        die(path);
                if (fd >= 0)
                        close(fd);
        }
}

static int slab(int argc, char *argv[])
{
        (void) argc;
        prefer_node(parse_number(argv[0]));
        if (mkdir(SLAB_FOLDER, 0700) < 0 && errno != EEXIST)
                die(SLAB_FOLDER);
        change_files(false);
        printf("ready\n");
        wait_for_signal();
        change_files(true);
        return EXIT_SUCCESS;
}

/* tables */

/* What a page table reaches: each page that is read here needs another one. */
#define TABLE_BYTES ((size_t) 2 * MEBIBYTE)
#define N_TABLES 4000

static int tables(int argc, char *argv[])
{
        volatile char *memory = map(N_TABLES * TABLE_BYTES);

        (void) argc;
        prefer_node(parse_number(argv[0]));
        if (madvise((void *) memory, N_TABLES * TABLE_BYTES, MADV_NOHUGEPAGE) < 0)
                die("madvise");
        /* A page that is only read is the page of zeroes, and takes no memory but its table. */
        for (size_t i = 0; i < N_TABLES; i++)
                (void) memory[i * TABLE_BYTES];
        printf("ready\n");
        wait_for_signal();
        return EXIT_SUCCESS;
}

/* huge */

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif

static int huge(int argc, char *argv[])
{
        char *memory;

        (void) argc;
        prefer_node(parse_number(argv[0]));
        memory = mmap(NULL, (size_t) 1 << 30, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (30 << MAP_HUGE_SHIFT), -1, 0);
        if (memory == MAP_FAILED)
                die("mmap");
        *memory = 1;
        printf("ready\n");
        wait_for_signal();
        return EXIT_SUCCESS;
}

static const struct {
        const char *name;
        int n_arguments; /* at least */
        int (*run)(int argc, char *argv[]);
} verbs[] = {
        { "hold", 2, hold },        { "pin", 1, pin },   { "fragment", 2, fragment },
        { "fill", 3, fill_blocks }, { "slab", 1, slab }, { "tables", 1, tables },
        { "huge", 1, huge },
};

int main(int argc, char *argv[])
{
        const struct sigaction action = { .sa_handler = on_signal };

        setvbuf(stdout, NULL, _IOLBF, 0);
        sigaction(SIGTERM, &action, NULL);
        for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
                if (argc > 1 && strcmp(argv[1], verbs[i].name) == 0 &&
                    argc - 2 >= verbs[i].n_arguments)
                        return verbs[i].run(argc - 2, argv + 2);
        fprintf(stderr,
                "usage: load hold NODE MEBIBYTES FILE... | pin NODE [BLOCK] | fragment MEBIBYTES "
                "PERCENT\n");
        return 2;
}
