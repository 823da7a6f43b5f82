/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>

#include "check_main.h"
#include "config/config.h"
#include "config/key.h"
#include "config/print.h"

#define VENDOR VENDORCONFDIR "/memoryd.conf"
#define VENDOR_D VENDORCONFDIR "/memoryd.conf.d/"
#define RUN_D "/run/memoryd/memoryd.conf.d/"
#define ETC SYSCONFDIR "/memoryd/memoryd.conf"
#define ETC_D SYSCONFDIR "/memoryd/memoryd.conf.d/"

#define ONE_OF_THE_KEYS "expected one of the keys of memoryd.conf(5), got an unknown key"
#define NO_VALUE "expected a value, got the end of the file\n"
#define NEEDS_QUOTES "strings need double quotes: "
#define UNIT "a number with a unit or a range needs double quotes: "
#define SIZE "expected \"block\" or a size from 0 to 1024P such as \"512M\", got "
#define RATIO "expected a number from 0 to 1000, got "
#define BOOL "expected true or false, got "
#define BOOL_OR_PREFER "expected true, false or \"prefer\", got "
#define COLDPLUG "expected \"apply\" or \"leave\", got "
#define SETTLE "expected a time from 10ms to 1min such as \"2s\", got "
#define RETRY_TIME "expected a time from 1ms to 24h such as \"2s\", got "
#define FACTOR "expected a number from 1 to 10, got "
#define ATTEMPTS "expected a whole number from 1 to 100, got "
#define LOG_LEVEL                                                                                  \
        "expected \"emerg\", \"alert\", \"crit\", \"err\", \"warning\", \"notice\", \"info\" or "  \
        "\"debug\", got "
#define RULES "expected a list of groups such as ({ zone = \"auto\"; }), got "
#define ZONE                                                                                       \
        "expected \"auto\", \"movable\", \"kernel\", \"kernel-default\", \"keep\", \"leave\" "     \
        "or \"offline\", "                                                                         \
        "got "
#define NODES "expected nodes from 0 to 1023 such as 1, (1, 2) or \"2-5,7\", got "
#define CLASSES "expected \"cpu\", \"cpuless\" or \"memoryless\", or a list of them, got "
#define ORIGINS                                                                                    \
        "expected \"unknown\", \"boot\", \"dimm\", \"virtio-mem\", \"kmem\", \"balloon\", "        \
        "\"standby\" or \"driver\", or a list of them, got "
#define DRIVER                                                                                     \
        "expected the NAME of \"System RAM (NAME)\" in /proc/iomem, or a pattern such as "         \
        "\"NVIDIA*\", got "
#define DRIVER_ORIGIN                                                                              \
        "expected a driver whose memory has the rule's origin: \"kmem\" for \"kmem\", "            \
        "\"virtio_mem\" for \"virtio-mem\", any other for \"driver\", got "
#define DRIVER_TEXT "expected a name of 1 to 64 printable ASCII characters, got "
#define ADDRESS                                                                                    \
        "expected a range of addresses, the lower one first, such as "                             \
        "\"0x100000000-0x1ffffffff\", got "
#define MIN_SIZE "expected a size from 1 to 1024P such as \"512M\", got "
#define MAX_SIZE "expected a size from 16M to 1024P such as \"512M\", got "
#define TIER                                                                                       \
        "expected a memory tier from 0 to 16777215 such as 4, or a range of tiers such as "        \
        "\"4-6\" or \"5-\", got "
#define DISTANCE "expected a group such as { from = 0; min = 20; }, got "
#define UDEV_PROPERTY                                                                              \
        "expected a group such as { name = \"ID_X\"; value = \"1\"; }, or a list of them, got "
#define PROPERTY_TEXT "expected a name of 1 to 255 printable ASCII characters, got "
#define NO_BLOCK "expected a range with a memory block in it, of which the smallest have 16M, got "
#define NEVER_HOLDS "expected words of which one can hold, got "
#define ALWAYS_HOLDS                                                                               \
        "expected words that some machine does not meet, as any of them suffices, got an array\n"
#define NO_SUCH_ORIGIN "expected an origin that the rule's architecture knows, got "
#define ONCE "expected each word once, got "
#define NAME "expected a name of 1 to 64 printable ASCII characters, got "
#define AGAIN(line) "set twice in this file (first in line " #line ")\n"
#define WIDE "expected an L behind a number this large, got "

/*
 * libconfig (1.5) forgets the text of a string at which its grammar stops. That is its own, small,
 * and once for each broken file.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
        return "leak:libconfig.so\n";
}

static char root[64];

static void set_up(void)
{
        const char *folder = getenv("TMPDIR");

        snprintf(root, sizeof(root), "%s/memoryd-XXXXXX",
                 folder && strlen(folder) < 32 ? folder : "/tmp");
        ck_assert_ptr_nonnull(mkdtemp(root));
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void) st;
        (void) type;
        (void) ftw;
        return remove(path);
}

static void tear_down(void)
{
        ck_assert_int_eq(nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* The path below the root, with all folders above it made. */
static const char *below_root(const char *name)
{
        static char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s%s", root, name);
        for (char *slash = strchr(path + strlen(root) + 1, '/'); slash;
             slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                ck_assert(mkdir(path, 0755) == 0 || errno == EEXIST);
                *slash = '/';
        }
        return path;
}

static void put_bytes(const char *name, const char *bytes, size_t size)
{
        FILE *file = fopen(below_root(name), "w");

        ck_assert_ptr_nonnull(file);
        ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
        ck_assert_int_eq(fclose(file), 0);
}

static void put(const char *name, const char *text)
{
        put_bytes(name, text, strlen(text));
}

/* All faults as --check-config prints them, without the root. To be freed. */
static char *faults_to_text(const ConfFaults *faults)
{
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        ck_assert_ptr_nonnull(stream);
        for (size_t i = 0; i < faults->n_faults; i++) {
                const ConfFault *fault = &faults->faults[i];

                ck_assert_int_eq(strncmp(fault->file, root, strlen(root)), 0);
                fprintf(stream, "%s:", fault->file + strlen(root));
                if (fault->line > 0)
                        fprintf(stream, "%u:", fault->line);
                fprintf(stream, " %s\n", fault->text);
        }
        ck_assert_int_eq(fclose(stream), 0);
        return text;
}

/* A configuration that none can be mistaken for: to see that it is left alone. */
static void fill(Conf *conf)
{
        memset(conf, 0x5a, sizeof(*conf));
}

static void assert_filled(const Conf *conf)
{
        Conf filled;

        fill(&filled);
        ck_assert_mem_eq(conf, &filled, sizeof(filled));
}

/* Expects exactly these faults of a load that returned `result`. */
static void assert_faults(int result, const Conf *conf, ConfFaults *faults, const char *expected)
{
        char *text = faults_to_text(faults);

        ck_assert_str_eq(text, expected);
        ck_assert_int_eq(result, *expected ? 1 : 0);
        if (*expected)
                assert_filled(conf);
        free(text);
        conf_faults_done(faults);
}

/* Loads the tree and expects exactly these faults. */
static void assert_tree_faults(const char *expected)
{
        ConfFaults faults = { 0 };
        Conf conf;
        int r;

        fill(&conf);
        r = conf_load(root, &conf, &faults);
        assert_faults(r, &conf, &faults, expected);
        if (r == 0)
                conf_done(&conf);
}

/* The same for faults that name a second place, whose path has the root in it: "%s" each. */
static _printf_(1, 2) void assert_tree_faults_at(const char *format, ...)
{
        char *expected;
        va_list arguments;

        va_start(arguments, format);
        ck_assert_int_ge(vasprintf(&expected, format, arguments), 0);
        va_end(arguments);
        assert_tree_faults(expected);
        free(expected);
}

/* Loads the tree, which must be good. */
static void load(Conf *conf)
{
        ConfFaults faults = { 0 };

        fill(conf);
        assert_faults(conf_load(root, conf, &faults), conf, &faults, "");
}

static size_t strings_length(char *const *strings)
{
        size_t n = 0;

        while (strings && strings[n])
                n++;
        return n;
}

static void assert_conf_eq(const Conf *a, const Conf *b)
{
        ck_assert_uint_eq(a->policy.min_kernel_bytes, b->policy.min_kernel_bytes);
        ck_assert_uint_eq(a->policy.max_movable_ratio_permille,
                          b->policy.max_movable_ratio_permille);
        ck_assert_int_eq(a->policy.per_node, b->policy.per_node);
        ck_assert_int_eq(a->policy.contiguous, b->policy.contiguous);
        ck_assert_int_eq(a->policy.whole_device, b->policy.whole_device);
        ck_assert_int_eq(a->coldplug, b->coldplug);
        ck_assert_int_eq(a->kernel_auto_online, b->kernel_auto_online);
        ck_assert_int_eq(a->offload, b->offload);
        ck_assert_int_eq(a->event_source, b->event_source);
        ck_assert_uint_eq(a->settle_usec, b->settle_usec);
        ck_assert_uint_eq(a->retry.first_usec, b->retry.first_usec);
        ck_assert_uint_eq(a->retry.factor_permille, b->retry.factor_permille);
        ck_assert_uint_eq(a->retry.cap_usec, b->retry.cap_usec);
        ck_assert_uint_eq(a->retry.attempts, b->retry.attempts);
        ck_assert_int_eq(a->log_level, b->log_level);
        ck_assert_uint_eq(a->policy.n_rules, b->policy.n_rules);
}

#define VIRTUALIZATION                                                                             \
        "expected \"yes\", \"true\", \"no\", \"false\", \"none\", \"vm\", \"container\", "         \
        "\"kvm\", "                                                                                \
        "\"amazon\", \"qemu\", \"bochs\", \"xen\", \"uml\", \"vmware\", \"oracle\", "              \
        "\"microsoft\", "                                                                          \
        "\"zvm\", \"parallels\", \"bhyve\", \"qnx\", \"acrn\", \"powervm\", \"apple\", \"sre\", "  \
        "\"google\", \"vm-other\", \"systemd-nspawn\", \"lxc-libvirt\", \"lxc\", \"openvz\", "     \
        "\"docker\", \"podman\", \"rkt\", \"wsl\", \"proot\", \"pouch\" or \"container-other\", "  \
        "perhaps with a \"!\" before it, or a list of them, got "
#define ARCHITECTURE                                                                               \
        "expected \"native\", \"x86-64\", \"x86\", \"arm64\", \"arm64-be\", \"arm-be\", \"arm\", " \
        "\"s390x\", \"s390\", \"ppc64-le\", \"ppc64\", \"ppc-le\", \"ppc\", \"riscv64\", "         \
        "\"riscv32\", \"loongarch64\", \"ia64\", \"parisc64\", \"parisc\", \"sparc64\", "          \
        "\"sparc\", \"mips64\", \"mips\", \"alpha\", \"sh\" or \"m68k\", perhaps with a \"!\" "    \
        "before it, or a list of them, got "

/* One file, and each fault it has, as "line: text\n". */
typedef struct FileCase {
        const char *text;
        const char *faults;
} FileCase;

static const FileCase file_cases[] = {
        /* Good ones, at the edges of every range. */
        { "", "" },
        { "\n\n", "" },
        { "# only a comment, and no newline", "" },
        { "// too", "" },
        { "/* and\nthis */", "" },
        { "coldplug = \"leave\"", "" },
        { "min_kernel = 0;", "" },
        { "min_kernel = \"0\";", "" },
        { "min_kernel = \"block\";", "" },
        { "min_kernel = 134217728;", "" },
        { "min_kernel = 0x80000000;", "" },
        { "min_kernel = 4294967296L;", "" },
        { "min_kernel = 0x200000000L;", "" },
        { "min_kernel = \"1024P\";", "" },
        { "min_kernel = \"1.5G\";", "" },
        { "min_kernel = 1152921504606846976L;", "" },
        { "max_movable_ratio = 0;", "" },
        { "max_movable_ratio = 0.0;", "" },
        { "max_movable_ratio = 1000;", "" },
        { "max_movable_ratio = 1000.0;", "" },
        { "max_movable_ratio = 1e3;", "" },
        { "max_movable_ratio = 3L;", "" },
        { "per_node = FALSE; contiguous = True;", "" },
        { "settle = \"10ms\";", "" },
        { "settle = 0.01;", "" },
        { "settle = 1;", "" },
        { "leave_delay = \"1s\";", "" },
        { "leave_delay = \"1h\";", "" },
        { "settle = 60;", "" },
        { "settle = \"60s\";", "" },
        { "settle = \"1min\";", "" },
        { "retry = { };", "" },
        { "retry: { delay = \"1ms\"; factor = 1; cap = \"1ms\"; attempts = 1; };", "" },
        { "retry = { delay = \"24h\"; factor = 10.0; cap = 86400; attempts = 100; }", "" },
        { "rules = ();", "" },
        { "rules = ({ node = 0, zone = \"leave\" }, { zone = \"keep\" });", "" },
        { "rules = ({ node = [0, 1023]; zone = \"auto\"; });", "" },
        { "rules = ({ node = (1, \"2-5,7\"); node_class = \"cpu\"; zone = \"auto\"; });", "" },
        { "rules = ({ node_class = [\"cpuless\", \"memoryless\"]; zone = \"auto\"; });", "" },
        { "rules = ({ name = \"~ \"; zone = \"kernel-default\"; });", "" },
        { "log_level = \"emerg\"", "" },
        { "log_level = \"de\" \"bug\"", "" },
        { "settle = 5coldplug = \"apply\"", "" },

        /* Values that are not. */
        { "min_kernel = -1;", "1: 'min_kernel': " SIZE "-1\n" },
        { "min_kernel = 1.5;", "1: 'min_kernel': " SIZE "1.5\n" },
        { "min_kernel = true;", "1: 'min_kernel': " SIZE "true\n" },
        { "min_kernel = \"lots\";", "1: 'min_kernel': " SIZE "\"lots\"\n" },
        { "min_kernel = \"\";", "1: 'min_kernel': " SIZE "\"\"\n" },
        { "min_kernel = \"1025P\";", "1: 'min_kernel': " SIZE "\"1025P\"\n" },
        { "min_kernel = \"1024.5P\";", "1: 'min_kernel': " SIZE "\"1024.5P\"\n" },
        { "min_kernel = \"0.1G\";", "1: 'min_kernel': " SIZE "\"0.1G\"\n" },
        { "min_kernel = \"1.5\";", "1: 'min_kernel': " SIZE "\"1.5\"\n" },
        { "min_kernel = \"99999999P\";", "1: 'min_kernel': " SIZE "\"99999999P\"\n" },
        { "min_kernel = 1152921504606846977L;", "1: 'min_kernel': " SIZE "1152921504606846977\n" },
        { "min_kernel = 0xffffffffffffffffL;", "1: 'min_kernel': " SIZE "0x7fffffffffffffff\n" },
        { "min_kernel = { };", "1: 'min_kernel': " SIZE "an empty group\n" },
        { "min_kernel = [ \"1G\" ];", "1: 'min_kernel': " SIZE "an array\n" },
        { "max_movable_ratio = -0.001;", "1: 'max_movable_ratio': " RATIO "-0.001\n" },
        { "max_movable_ratio = -1;", "1: 'max_movable_ratio': " RATIO "-1\n" },
        { "max_movable_ratio = 1001;", "1: 'max_movable_ratio': " RATIO "1001\n" },
        { "max_movable_ratio = 1000.001;", "1: 'max_movable_ratio': " RATIO "1000.001\n" },
        { "max_movable_ratio = 1e999;", "1: 'max_movable_ratio': " RATIO "inf\n" },
        { "max_movable_ratio = \"3\";", "1: 'max_movable_ratio': " RATIO "\"3\"\n" },
        { "per_node = 1;", "1: 'per_node': " BOOL "1\n" },
        { "contiguous = \"yes\";", "1: 'contiguous': " BOOL "\"yes\"\n" },
        { "coldplug = \"Apply\";", "1: 'coldplug': " COLDPLUG "\"Apply\"\n" },
        { "coldplug = false;", "1: 'coldplug': " COLDPLUG "false\n" },
        { "kernel_auto_online = \"off\";",
          "1: 'kernel_auto_online': expected \"take-over\" or \"respect\", got \"off\"\n" },
        { "offload = \"always\";",
          "1: 'offload': expected \"never\" or \"uniform\", got \"always\"\n" },
        { "event_source = \"netlink\";",
          "1: 'event_source': expected \"kernel\" or \"udev\", got \"netlink\"\n" },
        { "settle = \"9ms\";", "1: 'settle': " SETTLE "\"9ms\"\n" },
        { "settle = 0.009;", "1: 'settle': " SETTLE "0.009\n" },
        { "settle = 0;", "1: 'settle': " SETTLE "0\n" },
        { "leave_delay = 0;",
          "1: 'leave_delay': expected a time from 1s to 1h such as \"2s\", got 0\n" },
        { "leave_delay = \"61min\";",
          "1: 'leave_delay': expected a time from 1s to 1h such as \"2s\", got \"61min\"\n" },
        { "settle = -2;", "1: 'settle': " SETTLE "-2\n" },
        { "settle = 61;", "1: 'settle': " SETTLE "61\n" },
        { "settle = \"60001ms\";", "1: 'settle': " SETTLE "\"60001ms\"\n" },
        { "settle = 1e300;", "1: 'settle': " SETTLE "1e+300\n" },
        { "settle = \"2 s\";", "1: 'settle': " SETTLE "\"2 s\"\n" },
        { "retry = 3;", "1: 'retry': expected a group of settings in braces, got 3\n" },
        { "retry = { delay = \"999us\" };", "1: 'retry.delay': " RETRY_TIME "\"999us\"\n" },
        { "retry = { delay = \"25h\" };", "1: 'retry.delay': " RETRY_TIME "\"25h\"\n" },
        { "retry = { cap = 0 };", "1: 'retry.cap': " RETRY_TIME "0\n" },
        { "retry = { factor = 0.999 };", "1: 'retry.factor': " FACTOR "0.999\n" },
        { "retry = { factor = 10.001 };", "1: 'retry.factor': " FACTOR "10.001\n" },
        { "retry = { attempts = 0 };", "1: 'retry.attempts': " ATTEMPTS "0\n" },
        { "retry = { attempts = 101 };", "1: 'retry.attempts': " ATTEMPTS "101\n" },
        { "retry = { attempts = 1.0 };", "1: 'retry.attempts': " ATTEMPTS "1\n" },
        { "retry = { attempts = \"3\" };", "1: 'retry.attempts': " ATTEMPTS "\"3\"\n" },
        { "log_level = 7;", "1: 'log_level': " LOG_LEVEL "7\n" },
        { "log_level = \"error\";", "1: 'log_level': " LOG_LEVEL "\"error\"\n" },

        /* What is quoted is cut and harmless. */
        { "coldplug = \"0123456789012345678901234567890123456789012345678901234567890123456789\";",
          "1: 'coldplug': " COLDPLUG "\"012345678901234567890123456789012345678901...\"\n" },
        { "coldplug = \"a\\nb\\x1b[0m\";", "1: 'coldplug': " COLDPLUG "\"a?b?[0m\"\n" },
        /* Characters of each length at the edges of what is valid. */
        { "coldplug = \"~\u00a0\u07ff\u0800\ud7ff\ue000\ufdcf\ufdf0\ufffd\U00010000\U0010fffd\";",
          "1: 'coldplug': " COLDPLUG
          "\"~\u00a0\u07ff\u0800\ud7ff\ue000\ufdcf\ufdf0\ufffd\U00010000\U0010fffd\"\n" },
        { "coldplug = \"a\xff\" \"b\\xfec\x80\";", "1: 'coldplug': " COLDPLUG "\"a?b?c?\"\n" },
        { "coldplug = \"\xc3\";", "1: 'coldplug': " COLDPLUG "\"?\"\n" },
        { "coldplug = \"\xe2\x82.\xf0\x9f\x98.\";", "1: 'coldplug': " COLDPLUG "\"??.???.\"\n" },
        /* Overlong. */
        { "coldplug = \"\xc1\xbf.\xe0\x9f\xbf.\xf0\x8f\xbf\xbf.\xf8\x88\x80\x80\x80\";",
          "1: 'coldplug': " COLDPLUG "\"??.???.????.?????\"\n" },
        /* Surrogates, numbers above the last character, and numbers that Unicode reserves. */
        { "coldplug = \"\xed\xa0\x80.\xed\xbf\xbf.\xf4\x90\x80\x80\";",
          "1: 'coldplug': " COLDPLUG "\"???.???.????\"\n" },
        { "coldplug = \"\xef\xb7\x90.\xef\xb7\xaf.\xef\xbf\xbe.\xf4\x8f\xbf\xbf\";",
          "1: 'coldplug': " COLDPLUG "\"???.???.???.????\"\n" },
        /* Control characters of ASCII and beyond. */
        { "coldplug = \"\x1f\x7f.\xc2\x80\xc2\x9f\";", "1: 'coldplug': " COLDPLUG "\"??.????\"\n" },
        { "set\xff\xfetle = 1;", "1: expected a key, got 'set??tle'\n" },
        { "settle = \x80\x1b;",
          "1: expected a value, got '?'; strings need the double quotes of ASCII, \"\n" },
        /* No character is cut in two. */
        { "coldplug = \"0123456789012345678901234567890123456789é€\";",
          "1: 'coldplug': " COLDPLUG "\"0123456789012345678901234567890123456789é...\"\n" },
        { "coldplug = \"012345678901234567890123456789012345678é€\";",
          "1: 'coldplug': " COLDPLUG "\"012345678901234567890123456789012345678é...\"\n" },
        { "coldplug = \"0123456789012345678901234567890123456789\U0001f600\";",
          "1: 'coldplug': " COLDPLUG "\"0123456789012345678901234567890123456789...\"\n" },
        { "coldplug = \"012345678901234567890123456789012345678901\x80\x80\x80\";",
          "1: 'coldplug': " COLDPLUG "\"012345678901234567890123456789012345678901...\"\n" },

        /* Rules. */
        { "rules = { zone = \"auto\"; };", "1: 'rules': " RULES "a group\n" },
        { "rules = [ ];", "1: 'rules': " RULES "an empty array\n" },
        { "rules = \"auto\";", "1: 'rules': " RULES "\"auto\"\n" },
        { "rules = (\n  \"auto\",\n  { zone = \"auto\"; },\n  ()\n);",
          "2: 'rules[0]': " RULES "\"auto\"\n4: 'rules[2]': " RULES "an empty list\n" },
        { "rules = (\n  { node = 1; zone = \"auto\"; },\n  { node = 1; }\n);",
          "3: 'rules[1].zone': " ZONE "nothing\n" },
        { "rules = ({ });", "1: 'rules[0].zone': " ZONE "nothing\n" },
        { "rules = ({ zone = \"normal\"; });", "1: 'rules[0].zone': " ZONE "\"normal\"\n" },
        { "rules = ({ zone = \"auto\"; node = -1; });", "1: 'rules[0].node': " NODES "-1\n" },
        { "rules = ({ zone = \"auto\"; node = 1024; });", "1: 'rules[0].node': " NODES "1024\n" },
        { "rules = ({ zone = \"auto\"; node = 0.5; });", "1: 'rules[0].node': " NODES "0.5\n" },
        { "rules = ({ zone = \"auto\"; node = \"\"; });", "1: 'rules[0].node': " NODES "\"\"\n" },
        { "rules = ({ zone = \"auto\"; node = \"5-2\"; });",
          "1: 'rules[0].node': " NODES "\"5-2\"\n" },
        { "rules = ({ zone = \"auto\"; node = \"0-1024\"; });",
          "1: 'rules[0].node': " NODES "\"0-1024\"\n" },
        { "rules = ({ zone = \"auto\"; node = (); });",
          "1: 'rules[0].node': " NODES "an empty list\n" },
        { "rules = ({ zone = \"auto\"; node = (1,\n  \"x\",\n  2,\n  (3)); });",
          "2: 'rules[0].node': " NODES "\"x\"\n4: 'rules[0].node': " NODES "a list\n" },
        { "rules = ({ zone = \"auto\"; node_class = \"gpu\"; });",
          "1: 'rules[0].node_class': " CLASSES "\"gpu\"\n" },
        { "rules = ({ zone = \"auto\"; node_class = [\"cpu\", \"gpu\"]; });",
          "1: 'rules[0].node_class': " CLASSES "\"gpu\"\n" },
        { "rules = ({ zone = \"auto\"; node_class = []; });",
          "1: 'rules[0].node_class': " CLASSES "an empty array\n" },
        { "rules = ({ zone = \"auto\"; name = \"\"; });", "1: 'rules[0].name': " NAME "\"\"\n" },
        { "rules = ({ zone = \"auto\"; name = 1; });", "1: 'rules[0].name': " NAME "1\n" },
        { "rules = ({ zone = \"auto\"; name = \"a\\nb\"; });",
          "1: 'rules[0].name': " NAME "\"a?b\"\n" },
        { "rules = ({ zone = \"auto\"; name = \"Tür\"; });",
          "1: 'rules[0].name': " NAME "\"Tür\"\n" },

        /* The other criteria, good ones at the edges. */
        { "whole_device = true;", "" },
        { "whole_device = false;", "" },
        { "whole_device = \"prefer\";", "" },
        { "rules = ({ zone = \"auto\"; movable_node = true; });", "" },
        { "rules = ({ zone = \"auto\"; origin = \"standby\"; });", "" },
        { "rules = ({ zone = \"auto\"; origin = [\"boot\", \"dimm\", \"virtio-mem\", \"kmem\", "
          "\"balloon\", \"standby\", \"driver\", \"unknown\"]; });",
          "" },
        { "rules = ({ zone = \"auto\"; driver = \"NVIDIA\"; });", "" },
        { "rules = ({ zone = \"auto\"; driver = \"[Nn]v*dia ?\"; origin = \"driver\"; });", "" },
        { "rules = ({ zone = \"auto\"; driver = \"*\"; origin = \"kmem\"; });", "" },
        { "rules = ({ zone = \"auto\"; driver = \"NVIDIA\"; }, { zone = \"kernel\"; });", "" },
        { "rules = ({ zone = \"auto\"; driver = \"kmem\"; origin = [\"kmem\", \"dimm\"]; });", "" },
        { "rules = ({ zone = \"auto\"; driver = \"virtio_mem\"; origin = \"virtio-mem\"; });", "" },
        { "rules = ({ zone = \"auto\"; driver = \"*1234567890123456789012345678901*\"; });", "" },
        { "rules = ({ zone = \"auto\"; address = \"0x100000000-0x1ffffffff\"; });", "" },
        { "rules = ({ zone = \"auto\"; address = \"0X0-0Xffffffffffffffff\"; });", "" },
        { "rules = ({ zone = \"auto\"; address = \"0x1000000-0x1ffffff\"; });", "" },
        { "rules = ({ zone = \"auto\"; address = \"0xfffffffff000000-0xfffffffffffffff\"; });",
          "" },
        { "rules = ({ zone = \"auto\"; address = \"0x1-0x1ffffff\"; });", "" },
        { "rules = ({ zone = \"auto\"; min_size = 1; max_size = \"1024P\"; });", "" },
        { "rules = ({ zone = \"auto\"; min_size = \"16M\"; max_size = 16777216; });", "" },
        { "rules = ({ zone = \"auto\"; min_size = 1152921504606846976L; });", "" },
        { "rules = ({ zone = \"auto\"; distance = { from = 0; min = 0; }; });", "" },
        { "rules = ({ zone = \"auto\"; distance = { from = 1023; max = 10; }; });", "" },
        { "rules = ({ zone = \"auto\"; distance = { from = 0; min = 255; max = 255; }; });", "" },
        { "rules = ({ zone = \"auto\"; node = 0; distance = { from = 0; min = 10; }; });", "" },
        { "rules = ({ zone = \"auto\"; node = \"0-1\"; distance = { from = 0; min = 11; }; });",
          "" },
        { "rules = ({ zone = \"auto\"; tier = 0; });", "" },
        { "rules = ({ zone = \"auto\"; tier = 16777215; });", "" },
        { "rules = ({ zone = \"auto\"; tier = \"4\"; }, { zone = \"kernel\"; });", "" },
        { "rules = ({ zone = \"auto\"; tier = \"5-\"; });", "" },
        { "rules = ({ zone = \"auto\"; tier = \"5-5\"; });", "" },
        { "rules = ({ zone = \"auto\"; tier = \"0-16777215\"; });", "" },
        { "rules = ({ zone = \"auto\"; virtualization = \"!container\"; });", "" },
        { "rules = ({ zone = \"auto\"; virtualization = [\"kvm\", \"none\", \"systemd-nspawn\"]; "
          "});",
          "" },
        { "rules = ({ zone = \"auto\"; virtualization = (\"!vm\", \"kvm\"); });", "" },
        { "rules = ({ zone = \"auto\"; architecture = [\"x86-64\", \"arm64\", \"m68k\"]; });", "" },
        { "rules = ({ zone = \"auto\"; architecture = \"native\"; origin = \"standby\"; });", "" },
        { "rules = ({ zone = \"auto\"; architecture = \"s390x\"; origin = \"standby\"; });", "" },
        { "rules = ({ zone = \"auto\"; architecture = \"!s390x\"; origin = \"standby\"; });", "" },
        { "rules = ({ zone = \"auto\"; architecture = \"s390x\"; origin = [\"dimm\", \"boot\"]; "
          "});",
          "" },
        { "event_source = \"udev\";\n"
          "rules = ({ zone = \"auto\"; udev_property = { name = \"A\"; value = \"=\"; }; });",
          "" },
        { "rules = ({ zone = \"auto\"; udev_property = ({ name = \"A\"; value = \"1\"; },\n"
          "{ name = \"B\"; value = \"1\"; }); });\nevent_source = \"udev\";",
          "" },

        /* And at fault. */
        { "whole_device = \"yes\";", "1: 'whole_device': " BOOL_OR_PREFER "\"yes\"\n" },
        { "whole_device = \"true\";", "1: 'whole_device': " BOOL_OR_PREFER "\"true\"\n" },
        { "whole_device = 1;", "1: 'whole_device': " BOOL_OR_PREFER "1\n" },
        { "whole_device = [];", "1: 'whole_device': " BOOL_OR_PREFER "an empty array\n" },
        { "contiguous = \"prefer\";", "1: 'contiguous': " BOOL "\"prefer\"\n" },
        { "rules = ({ zone = \"auto\"; movable_node = 1; });",
          "1: 'rules[0].movable_node': " BOOL "1\n" },
        { "rules = ({ zone = \"auto\"; origin = \"cxl\"; });",
          "1: 'rules[0].origin': " ORIGINS "\"cxl\"\n" },
        { "rules = ({ zone = \"auto\"; origin = 3; });", "1: 'rules[0].origin': " ORIGINS "3\n" },
        { "rules = ({ zone = \"auto\"; origin = (); });",
          "1: 'rules[0].origin': " ORIGINS "an empty list\n" },
        { "rules = ({ zone = \"auto\"; origin = { dimm = true; }; });",
          "1: 'rules[0].origin': " ORIGINS "a group\n" },
        { "rules = ({ zone = \"auto\"; origin = (\"dimm\",\n\"boot\",\n\"dimm\",\n\"x\"); });",
          "3: 'rules[0].origin': " ONCE "\"dimm\" again\n4: 'rules[0].origin': " ORIGINS
          "\"x\"\n" },
        { "rules = ({ zone = \"auto\"; origin = \"dimm\";\n origin = \"boot\"; });",
          "2: 'rules[0].origin': " AGAIN(1) },
        { "rules = ({ zone = \"auto\"; origins = \"dimm\"; });",
          "1: 'rules[0].origins': " ONE_OF_THE_KEYS "; is 'origin' meant?\n" },
        { "rules = ({ zone = \"auto\"; node_class = [\"cpu\", \"cpu\"]; });",
          "1: 'rules[0].node_class': " ONCE "\"cpu\" again\n" },
        { "rules = ({ zone = \"auto\"; address = \"0x1ffffffff-0x100000000\"; });",
          "1: 'rules[0].address': " ADDRESS "\"0x1ffffffff-0x100000000\"\n" },
        { "rules = ({ zone = \"auto\"; address = \"100000000-1ffffffff\"; });",
          "1: 'rules[0].address': " ADDRESS "\"100000000-1ffffffff\"\n" },
        { "rules = ({ zone = \"auto\"; address = \"0x100000000\"; });",
          "1: 'rules[0].address': " ADDRESS "\"0x100000000\"\n" },
        { "rules = ({ zone = \"auto\"; address = \"0x100000000-\"; });",
          "1: 'rules[0].address': " ADDRESS "\"0x100000000-\"\n" },
        { "rules = ({ zone = \"auto\"; address = \"-0x100000000\"; });",
          "1: 'rules[0].address': " ADDRESS "\"-0x100000000\"\n" },
        { "rules = ({ zone = \"auto\"; address = \"0x0 - 0x1ffffffff\"; });",
          "1: 'rules[0].address': " ADDRESS "\"0x0 - 0x1ffffffff\"\n" },
        { "rules = ({ zone = \"auto\"; address = \"0x0-0x10000000000000000\"; });",
          "1: 'rules[0].address': " ADDRESS "\"0x0-0x10000000000000000\"\n" },
        { "rules = ({ zone = \"auto\"; address = 0x100000000L; });",
          "1: 'rules[0].address': " ADDRESS "0x100000000\n" },
        { "rules = ({ zone = \"auto\";\naddress = \"0x1000000-0x1fffffe\"; });",
          "2: 'rules[0].address': " NO_BLOCK "\"0x1000000-0x1fffffe\"\n" },
        { "rules = ({ zone = \"auto\"; address = \"0x1000001-0x2fffffe\"; });",
          "1: 'rules[0].address': " NO_BLOCK "\"0x1000001-0x2fffffe\"\n" },
        { "rules = ({ zone = \"auto\"; address = \"0xffffffffff000001-0xffffffffffffffff\"; });",
          "1: 'rules[0].address': " NO_BLOCK "\"0xffffffffff000001-0xffffffffffffffff\"\n" },
        { "rules = ({ zone = \"auto\"; address = \"0x0-0x0\"; });",
          "1: 'rules[0].address': " NO_BLOCK "\"0x0-0x0\"\n" },
        { "rules = ({ zone = \"auto\"; min_size = 0; });",
          "1: 'rules[0].min_size': " MIN_SIZE "0\n" },
        { "rules = ({ zone = \"auto\"; min_size = \"block\"; });",
          "1: 'rules[0].min_size': " MIN_SIZE "\"block\"\n" },
        { "rules = ({ zone = \"auto\"; min_size = \"1025P\"; });",
          "1: 'rules[0].min_size': " MIN_SIZE "\"1025P\"\n" },
        { "rules = ({ zone = \"auto\"; max_size = \"big\"; });",
          "1: 'rules[0].max_size': " MAX_SIZE "\"big\"\n" },
        { "rules = ({ zone = \"auto\"; max_size = 16777215; });",
          "1: 'rules[0].max_size': " MAX_SIZE "16777215\n" },
        { "rules = ({ zone = \"auto\"; min_size = 4294967296; });",
          "1: 'rules[0].min_size': " WIDE "4294967296\n" },
        { "rules = ({ zone = \"auto\"; min_size = \"2G\";\nmax_size = \"2047M\"; });",
          "2: 'rules[0].max_size': expected a size of at least min_size, got \"2047M\"\n" },
        { "rules = ({ zone = \"auto\"; tier = 4.5; });", "1: 'rules[0].tier': " TIER "4.5\n" },
        { "rules = ({ zone = \"auto\"; tier = -1; });", "1: 'rules[0].tier': " TIER "-1\n" },
        { "rules = ({ zone = \"auto\"; tier = 16777216; });",
          "1: 'rules[0].tier': " TIER "16777216\n" },
        { "rules = ({ zone = \"auto\"; tier = \"\"; });", "1: 'rules[0].tier': " TIER "\"\"\n" },
        { "rules = ({ zone = \"auto\"; tier = \"-\"; });", "1: 'rules[0].tier': " TIER "\"-\"\n" },
        { "rules = ({ zone = \"auto\"; tier = \"-5\"; });",
          "1: 'rules[0].tier': " TIER "\"-5\"\n" },
        { "rules = ({ zone = \"auto\"; tier = \"5-4\"; });",
          "1: 'rules[0].tier': " TIER "\"5-4\"\n" },
        { "rules = ({ zone = \"auto\"; tier = \"5-16777216\"; });",
          "1: 'rules[0].tier': " TIER "\"5-16777216\"\n" },
        { "rules = ({ zone = \"auto\"; tier = \"4,5\"; });",
          "1: 'rules[0].tier': " TIER "\"4,5\"\n" },
        { "rules = ({ zone = \"auto\"; tier = \"5--\"; });",
          "1: 'rules[0].tier': " TIER "\"5--\"\n" },
        { "rules = ({ zone = \"auto\"; tier = \"slow\"; });",
          "1: 'rules[0].tier': " TIER "\"slow\"\n" },
        { "rules = ({ zone = \"auto\"; tier = true; });", "1: 'rules[0].tier': " TIER "true\n" },
        { "rules = ({ zone = \"auto\"; tier = (4, 5); });",
          "1: 'rules[0].tier': " TIER "a list\n" },
        { "rules = ({ zone = \"auto\"; distance = 20; });",
          "1: 'rules[0].distance': " DISTANCE "20\n" },
        { "rules = ({ zone = \"auto\"; distance = ({ from = 0; min = 20; }); });",
          "1: 'rules[0].distance': " DISTANCE "a list\n" },
        { "rules = ({ zone = \"auto\";\ndistance = { min = 20; }; });",
          "2: 'rules[0].distance.from': expected a whole number from 0 to 1023, got nothing\n" },
        { "rules = ({ zone = \"auto\";\ndistance = { from = 0; }; });",
          "2: 'rules[0].distance': expected min, max or both, got neither\n" },
        { "rules = ({ zone = \"auto\"; distance = { }; });",
          "1: 'rules[0].distance.from': expected a whole number from 0 to 1023, got nothing\n"
          "1: 'rules[0].distance': expected min, max or both, got neither\n" },
        { "rules = ({ zone = \"auto\"; distance = {\nfrom = 1024;\nmin = 256;\nmax = 9; }; });",
          "2: 'rules[0].distance.from': expected a whole number from 0 to 1023, got 1024\n"
          "3: 'rules[0].distance.min': expected a whole number from 0 to 255, got 256\n"
          "4: 'rules[0].distance.max': expected a whole number from 10 to 255, got 9\n" },
        { "rules = ({ zone = \"auto\"; distance = { from = 0; min = -1; max = \"far\"; }; });",
          "1: 'rules[0].distance.min': expected a whole number from 0 to 255, got -1\n"
          "1: 'rules[0].distance.max': expected a whole number from 10 to 255, got \"far\"\n" },
        { "rules = ({ zone = \"auto\"; distance = { from = 0; min = 21;\nmax = 20; }; });",
          "2: 'rules[0].distance.max': expected a distance of at least min, got 20\n" },
        { "rules = ({ zone = \"auto\"; node = 1; distance = { from = 1;\nmin = 11; }; });",
          "2: 'rules[0].distance.min': expected at most 10, the distance of the rule's only node "
          "from "
          "itself, got 11\n" },
        { "rules = ({ zone = \"auto\"; distance = { from = 0; mix = 20; max = 20; }; });",
          "1: 'rules[0].distance.mix': " ONE_OF_THE_KEYS "; is 'min' meant?\n" },
        { "rules = ({ zone = \"auto\"; distance = { from = 4294967296; min = 4294967316; }; });",
          "1: 'rules[0].distance.from': " WIDE "4294967296\n"
          "1: 'rules[0].distance.min': " WIDE "4294967316\n" },
        { "rules = ({ zone = \"auto\"; distance = { from = 0; min = 20; min = 30; }; });",
          "1: 'rules[0].distance.min': " AGAIN(1) },
        { "rules = ({ zone = \"auto\"; from = 0; });",
          "1: 'rules[0].from': " ONE_OF_THE_KEYS "\n" },
        { "distance = { from = 0; min = 20; };", "1: 'distance': " ONE_OF_THE_KEYS "\n" },
        { "rules = ({ zone = \"auto\"; virtualization = []; });",
          "1: 'rules[0].virtualization': " VIRTUALIZATION "an empty array\n" },
        { "rules = ({ zone = \"auto\"; virtualization = \"hyper-v\"; });",
          "1: 'rules[0].virtualization': " VIRTUALIZATION "\"hyper-v\"\n" },
        { "rules = ({ zone = \"auto\"; virtualization = true; });",
          "1: 'rules[0].virtualization': " VIRTUALIZATION "true\n" },
        { "rules = ({ zone = \"auto\"; virtualization = (\"!!kvm\",\n\"\",\n\"!\"); });",
          "1: 'rules[0].virtualization': " VIRTUALIZATION "\"!!kvm\"\n"
          "2: 'rules[0].virtualization': " VIRTUALIZATION "\"\"\n"
          "3: 'rules[0].virtualization': " VIRTUALIZATION "\"!\"\n" },
        { "rules = ({ zone = \"auto\"; virtualization = [\"kvm\", \"kvm\"]; });",
          "1: 'rules[0].virtualization': " ONCE "\"kvm\" again\n" },
        { "rules = ({ zone = \"auto\"; virtualization = [\"!kvm\", \"!xen\"]; });",
          "1: 'rules[0].virtualization': " ALWAYS_HOLDS },
        { "rules = ({ zone = \"auto\"; virtualization = [\"vm\", \"no\", \"container\"]; });",
          "1: 'rules[0].virtualization': " ALWAYS_HOLDS },
        { "rules = ({ zone = \"auto\"; architecture = \"x86_64\"; });",
          "1: 'rules[0].architecture': " ARCHITECTURE "\"x86_64\"\n" },
        { "rules = ({ zone = \"auto\"; architecture = \"kvm\"; });",
          "1: 'rules[0].architecture': " ARCHITECTURE "\"kvm\"\n" },
        { "rules = ({ zone = \"auto\"; architecture = \"!native\"; });",
          "1: 'rules[0].architecture': " NEVER_HOLDS "\"!native\"\n" },
        { "rules = ({ zone = \"auto\"; architecture = [\"!s390\", \"!s390x\"]; });",
          "1: 'rules[0].architecture': " ALWAYS_HOLDS },
        { "rules = ({ zone = \"auto\"; architecture = [\"s390\", \"s390x\"];\n origin = \"dimm\"; "
          "});",
          "2: 'rules[0].origin': " NO_SUCH_ORIGIN "\"dimm\"\n" },
        { "rules = ({ zone = \"auto\"; architecture = \"s390x\"; origin = [\"dimm\", \"balloon\"]; "
          "});",
          "1: 'rules[0].origin': " NO_SUCH_ORIGIN "an array\n" },
        { "rules = ({ zone = \"auto\"; architecture = \"x86-64\"; origin = [\"standby\"]; });",
          "1: 'rules[0].origin': " NO_SUCH_ORIGIN "an array\n" },
        { "rules = ({ zone = \"auto\"; driver = 1; });",
          "1: 'rules[0].driver': " DRIVER_TEXT "1\n" },
        { "rules = ({ zone = \"auto\"; driver = \"\"; });",
          "1: 'rules[0].driver': " DRIVER_TEXT "\"\"\n" },
        { "rules = ({ zone = \"auto\";\n driver = \"System RAM (NVIDIA)\"; });",
          "2: 'rules[0].driver': " DRIVER "\"System RAM (NVIDIA)\"\n" },
        { "rules = ({ zone = \"auto\"; driver = \"(kmem\"; });",
          "1: 'rules[0].driver': " DRIVER "\"(kmem\"\n" },
        { "rules = ({ zone = \"auto\"; driver = \"NVIDIA[\"; });",
          "1: 'rules[0].driver': " DRIVER "\"NVIDIA[\"\n" },
        { "rules = ({ zone = \"auto\"; driver = \"NVIDIA\\\\\"; });",
          "1: 'rules[0].driver': " DRIVER "\"NVIDIA\\\"\n" },
        { "rules = ({ zone = \"auto\"; driver = \"12345678901234567890123456789012\"; });",
          "1: 'rules[0].driver': " DRIVER "\"12345678901234567890123456789012\"\n" },
        { "rules = ({ zone = \"auto\"; driver = \"NVIDIA\"; origin = [\"kmem\", \"dimm\"]; });",
          "1: 'rules[0].driver': " DRIVER_ORIGIN "\"NVIDIA\"\n" },
        { "rules = ({ zone = \"auto\"; driver = \"kmem\"; origin = \"driver\"; });",
          "1: 'rules[0].driver': " DRIVER_ORIGIN "\"kmem\"\n" },
        { "rules = ({ zone = \"auto\"; driver = \"*\"; origin = \"standby\"; });",
          "1: 'rules[0].driver': " DRIVER_ORIGIN "\"*\"\n" },
        { "rules = ({ zone = \"kernel\";\n movable_node = true; });",
          "2: 'rules[0].movable_node': expected no movable_node with zone = \"kernel\", which "
          "makes "
          "the memory kernel memory, got true\n" },
        { "rules = ({ zone = \"auto\"; udev_property = \"A=1\"; });",
          "1: 'rules[0].udev_property': " UDEV_PROPERTY "\"A=1\"\n" },
        { "rules = ({ zone = \"auto\"; udev_property = (); });",
          "1: 'rules[0].udev_property': " UDEV_PROPERTY "an empty list\n" },
        { "rules = ({ zone = \"auto\"; udev_property = [\"A\"]; });",
          "1: 'rules[0].udev_property': " UDEV_PROPERTY "an array\n" },
        { "rules = ({ zone = \"auto\"; udev_property = (\"A\",\n{ }); });",
          "1: 'rules[0].udev_property[0]': " UDEV_PROPERTY "\"A\"\n"
          "2: 'rules[0].udev_property[1].name': " PROPERTY_TEXT "nothing\n"
          "2: 'rules[0].udev_property[1].value': " PROPERTY_TEXT "nothing\n" },
        { "rules = ({ zone = \"auto\"; udev_property = { name = 1; value = true; }; });",
          "1: 'rules[0].udev_property.name': " PROPERTY_TEXT "1\n"
          "1: 'rules[0].udev_property.value': " PROPERTY_TEXT "true\n" },
        { "rules = ({ zone = \"auto\"; udev_property = { name = \"A\"; value = \"\"; }; });",
          "1: 'rules[0].udev_property.value': " PROPERTY_TEXT "\"\"\n" },
        { "rules = ({ zone = \"auto\"; udev_property = { nam = \"A\"; value = \"1\"; }; });",
          "1: 'rules[0].udev_property.nam': " ONE_OF_THE_KEYS "; is 'name' meant?\n"
          "1: 'rules[0].udev_property.name': " PROPERTY_TEXT "nothing\n" },
        { "rules = ({ zone = \"auto\"; udev_property = { name = \"A=1\"; value = \"1\"; }; });",
          "1: 'rules[0].udev_property.name': expected a name without an equals sign, got "
          "\"A=1\"\n" },
        { "event_source = \"udev\";\nrules = ({ zone = \"auto\"; udev_property = (\n"
          "{ name = \"A\"; value = \"1\"; },\n{ name = \"A\"; value = \"2\"; },\n"
          "{ name = \"A\"; value = \"1\"; }); });",
          "4: 'rules[0].udev_property[1].name': expected each property once in a rule, got \"A\"\n"
          "5: 'rules[0].udev_property[2].name': expected each property once in a rule, got "
          "\"A\"\n" },
        { "rules = ({ zone = \"auto\"; udev_property = ({ name = \"A\"; value = 99999999999; }); "
          "});",
          "1: 'rules[0].udev_property[0].value': " WIDE "99999999999\n" },
        { "rules = (\n{ node = 1; zone = \"auto\"; },\n"
          "{ zone = \"auto\"; udev_property = { name = \"A\"; value = \"1\"; }; });",
          "3: 'rules.udev_property': expected event_source = \"udev\" with it, got \"kernel\"\n" },
        { "event_source = \"x\";\n"
          "rules = ({ zone = \"auto\"; udev_property = { name = \"A\"; value = \"1\"; }; });",
          "1: 'event_source': expected \"kernel\" or \"udev\", got \"x\"\n" },
        /* A rule with a faulty criterion does not count as a rule without criteria. */
        { "rules = ({ zone = \"auto\"; origin = \"x\"; }, { node = 1; zone = \"auto\"; });",
          "1: 'rules[0].origin': " ORIGINS "\"x\"\n" },
        { "rules = ({ zone = \"auto\"; origin = 1;\nnode = -1;\nmin_size = \"2M\"; max_size = "
          "\"17M\"; "
          "distance = { from = 0; min = 30;\nmax = 20; };\nfrob = 1; });",
          "1: 'rules[0].origin': " ORIGINS "1\n2: 'rules[0].node': " NODES "-1\n"
          "4: 'rules[0].distance.max': expected a distance of at least min, got 20\n"
          "5: 'rules[0].frob': " ONE_OF_THE_KEYS "\n" },

        /* Keys that are none. */
        { "frob = 1;", "1: 'frob': " ONE_OF_THE_KEYS "\n" },
        { "frob = { };", "1: 'frob': " ONE_OF_THE_KEYS "\n" },
        { "*ettle = 1;", "1: '*ettle': " ONE_OF_THE_KEYS "\n" },
        { "Settle = 1;", "1: 'Settle': " ONE_OF_THE_KEYS "; is 'settle' meant?\n" },
        { "min_kernal = 1;", "1: 'min_kernal': " ONE_OF_THE_KEYS "; is 'min_kernel' meant?\n" },
        { "zone = \"auto\";", "1: 'zone': " ONE_OF_THE_KEYS "\n" },
        { "retry = { delays = 1; };",
          "1: 'retry.delays': " ONE_OF_THE_KEYS "; is 'delay' meant?\n" },
        { "rules = ({ zone = \"auto\"; nodes = 1; });",
          "1: 'rules[0].nodes': " ONE_OF_THE_KEYS "; is 'node' meant?\n" },

        /* Keys that are there twice. */
        { "settle = 1;\nsettle = 2;\ncoldplug = 1;",
          "2: 'settle': " AGAIN(1) "3: 'coldplug': " COLDPLUG "1\n" },
        { "settle = 1; settle = 2; settle = 3;",
          "1: 'settle': " AGAIN(1) "1: 'settle': " AGAIN(1) },
        { "retry = { cap = 1;\n cap = 2; };", "2: 'retry.cap': " AGAIN(1) },
        { "rules = ({ node = 1; zone = \"auto\"; },\n { zone = \"keep\"; zone = \"auto\"; });",
          "2: 'rules[1].zone': " AGAIN(2) },
        { "rules = ({ zone = \"auto\"; });\nrules = ();", "2: 'rules': " AGAIN(1) },

        /* Numbers that libconfig would cut to 32 bits, or to 64. */
        { "min_kernel = 2147483648;", "1: 'min_kernel': " WIDE "2147483648\n" },
        { "min_kernel = 4294967296;\nfrob = 1;",
          "1: 'min_kernel': " WIDE "4294967296\n2: 'frob': " ONE_OF_THE_KEYS "\n" },
        { "min_kernel = 0x100000000;", "1: 'min_kernel': " WIDE "0x100000000\n" },
        { "settle = 99999999999;", "1: 'settle': " WIDE "99999999999\n" },
        { "retry = { attempts = 4294967297; };", "1: 'retry.attempts': " WIDE "4294967297\n" },
        { "rules = ({ node = (1, 4294967297); zone = \"auto\"; });",
          "1: 'rules[0].node': " WIDE "4294967297\n" },
        { "min_kernel = 9223372036854775808L;",
          "1: 'min_kernel': expected a number of at most 64 bits, got 9223372036854775808\n" },
        { "min_kernel = 0x10000000000000000L;",
          "1: 'min_kernel': expected a number of at most 64 bits, got 0x10000000000000000\n" },

        /* Syntax errors, with the likely mistake. */
        { "settle = ;", "1: expected a value, got ';'\n" },
        { "coldplug = apply;", "1: expected a value, got 'apply'; " NEEDS_QUOTES "\"apply\"\n" },
        { "coldplug = 'apply';", "1: expected a value, got 'apply'; " NEEDS_QUOTES "\"apply\"\n" },
        { "coldplug = “apply”;",
          "1: expected a value, got '“apply”'; strings need the double quotes of ASCII, \"\n" },
        { "event_source = /dev/x/y;",
          "1: expected a value, got '/dev/x/y'; " NEEDS_QUOTES "\"/dev/x/y\"\n" },
        { "# a size\nmin_kernel = 512M\nper_node = true;",
          "2: expected a value, got '512M'; " UNIT "\"512M\"\n" },
        { "settle = 2s;", "1: expected a value, got '2s'; " UNIT "\"2s\"\n" },
        { "min_kernel = 512 M;",
          "1: expected ';' after a value, got 'M'; a value of two words needs double quotes\n" },
        { "min_kernel = 0x10G;", "1: expected a value, got '0x10G'; " UNIT "\"0x10G\"\n" },
        { "rules = ({ node = 0-3; zone = \"auto\"; });",
          "1: expected a value, got '0-3'; " UNIT "\"0-3\"\n" },
        { "rules = ({ node = 1,2; zone = \"auto\"; });",
          "1: expected a key, got '2'; several values need brackets: [1, 2]\n" },
        { "max_movable_ratio = 300%;",
          "1: expected a value, got '300%'; a percentage is written as a number, 3.0 for 300%\n" },
        { "per_node = yes;", "1: expected a value, got 'yes'; is true meant?\n" },
        { "per_node = On", "1: expected a value, got 'On'; is true meant?\n" },
        { "per_node = no;", "1: expected a value, got 'no'; is false meant?\n" },
        { "per_node = OFF;", "1: expected a value, got 'OFF'; is false meant?\n" },
        { "[Memory]\nsettle = 1;",
          "1: expected a key, got '['; the file has keys but no sections\n" },
        { "; a comment\nsettle = 1;",
          "1: expected a key, got ';'; one ';' ends a setting, and '#' starts a comment\n" },
        { "settle = 1;;",
          "1: expected a key, got ';'; one ';' ends a setting, and '#' starts a comment\n" },
        { "\"settle\" = 1;", "1: expected a key, got \"settle\"; keys have no quotes\n" },
        { "settle 1;", "1: expected '=' after 'settle', got '1'\n" },
        { "settle == 1;", "1: expected a value, got '='\n" },
        { "settle", "1: expected '=' after 'settle', got the end of the file\n" },
        { "settle = 1;\ncoldplug =\n", "2: " NO_VALUE },
        { "rules = ({ zone = \"auto\"; },\n);",
          "2: expected a value, got ')'; remove the comma before it\n" },
        { "rules = ({ node = [1, 2,]; zone = \"auto\"; });",
          "1: expected a value, got ']'; remove the comma before it\n" },
        { "rules = ({ zone = \"auto\"; }\n{ zone = \"keep\"; });",
          "2: expected ',' or ')' for the '(' in line 1, got '{'; a comma is missing between two "
          "groups\n" },
        { "rules = ({ zone = \"auto\"; };\n{ zone = \"keep\"; });",
          "1: expected ',' or ')' for the '(' in line 1, got ';'; commas separate the elements of "
          "a list\n" },
        { "rules = (\n{ zone = \"auto\";\n);", "3: expected '}' for the '{' in line 2, got ')'\n" },
        { "rules = (\n{ zone = \"auto\"; }\n",
          "2: expected ',' or ')' for the '(' in line 1, got the end of the file\n" },
        { "retry = {\ncap = 1;\n",
          "2: expected '}' for the '{' in line 1, got the end of the file\n" },
        { "retry = [{ cap = 1; }];",
          "1: expected a value, got '{'; only ( ) may hold lists and groups\n"
          "1: 'retry': expected a group of settings in braces, got an empty array\n" },
        { "/* 512M */ per_node = true; # ' \" ]\n// (\nsettle = \"1s\" \"\"; coldplug = $HOME;",
          "3: expected a value, got '$'\n" },
        { "frob = 1;\nsettle = \"9ms\";\n}\n",
          "1: 'frob': " ONE_OF_THE_KEYS "\n2: 'settle': " SETTLE "\"9ms\"\n"
          "3: expected a key, got '}'; no bracket is open here\n" },
        { "rules = (\n { },\n { node = 1; ! } );",
          "2: 'rules[0].zone': " ZONE "nothing\n3: expected a key, got '!'\n" },
        { "rules = ({ node = [1, \"2\"]; zone = \"auto\" });",
          "1: expected the syntax of libconfig, got a mismatched element type in array\n" },
        { "settle = -;", "1: expected a value, got '-'; " NEEDS_QUOTES "\"-\"\n" },
        { "settle = -0x10;", "1: expected a value, got '-0x10'; " NEEDS_QUOTES "\"-0x10\"\n" },
        { "settle = 1;\v", "1: expected a key, got '?'\n" },
        /* What stands behind an error is not checked, but a string without an end is the mistake. */
        { "settle = 1;\ncoldplug 2;\nsettle = 99999999999;",
          "2: expected '=' after 'coldplug', got '2'\n" },
        { "max_movable_ratio = 2G;\nmin_kernel = 2G;",
          "1: expected a value, got '2G'; " UNIT "\"2G\"\n" },
        { "coldplug = \"apply;\nsettle = \"2s\";",
          "1: 'coldplug': " COLDPLUG "\"apply;?settle = \"\n"
          "2: expected a quotation mark to end the string, got the end of the file\n" },
        { "settle = 1;\ncoldplug = \"app",
          "2: expected a quotation mark to end the string, got the end of the file\n" },
        { "settle = 1 /* one\ncoldplug = 3;",
          "1: expected */ to end the comment, got the end of the file\n" },
        { "frob = 1;\n/* \" */ settle = 0; # \"\n/*",
          "1: 'frob': " ONE_OF_THE_KEYS "\n2: 'settle': " SETTLE "0\n"
          "3: expected */ to end the comment, got the end of the file\n" },
        { "settle = ((((((((((((((((1))))))))))))))));",
          "1: expected at most 15 brackets one in the other, got more\n"
          "1: 'settle': " SETTLE "a list\n" },
        { "@include \"/etc/passwd\"\nfrob = 1;",
          "1: expected settings, got @include, which memoryd does not follow: use a drop-in\n"
          "2: 'frob': " ONE_OF_THE_KEYS "\n" },
        { "  @include\t\"x\" frob = 1;\n# @include \"x\"\nlog_level = \"\n@include \\\"x\\\"\";",
          "1: expected settings, got @include, which memoryd does not follow: use a drop-in\n"
          "3: 'log_level': " LOG_LEVEL "\"?@include \"x\"\"\n" },

        /* Across keys. */
        { "retry = { delay = \"2s\";\n cap = \"1s\"; };",
          "2: 'retry.cap': expected retry.delay to be at most retry.cap, got a shorter cap\n" },
        { "retry = { cap = \"1s\";\n delay = \"1001ms\"; };",
          "2: 'retry.delay': expected retry.delay to be at most retry.cap, got a longer delay\n" },
        { "retry = { delay = \"2min\"; };",
          "1: 'retry.delay': expected retry.delay to be at most retry.cap, got a longer delay\n" },
        { "retry = { cap = \"999ms\"; };",
          "1: 'retry.cap': expected retry.delay to be at most retry.cap, got a shorter cap\n" },
        { "retry = { delay = \"2min\"; cap = \"x\"; };", "1: 'retry.cap': " RETRY_TIME "\"x\"\n" },
};

/* Puts the file's name in front of each line. */
static char *with_name(const char *name, const char *lines)
{
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        ck_assert_ptr_nonnull(stream);
        for (const char *end; *lines; lines = end + 1) {
                end = strchr(lines, '\n');
                fprintf(stream, "%s:%.*s\n", name, (int) (end - lines), lines);
        }
        ck_assert_int_eq(fclose(stream), 0);
        return text;
}

START_TEST(every_fault_of_a_file_is_reported_with_its_line)
{
        const FileCase *c = &file_cases[_i];
        char *expected = with_name(ETC, c->faults);

        put(ETC, c->text);
        assert_tree_faults(expected);
        free(expected);
}
END_TEST

START_TEST(one_file_alone_is_checked_the_same_way)
{
        const FileCase *c = &file_cases[_i];
        char *expected = with_name("/some.conf", c->faults);
        ConfFaults faults = { 0 };
        Conf conf;
        int r;

        put("/some.conf", c->text);
        fill(&conf);
        r = conf_load_file(below_root("/some.conf"), &conf, &faults);
        assert_faults(r, &conf, &faults, expected);
        if (r == 0)
                conf_done(&conf);
        free(expected);
}
END_TEST

START_TEST(all_faults_of_all_files_come_in_one_run_and_in_order)
{
        put(VENDOR, "frob = 1;\nsettle = 2;\nsettle = 3;\nper_node = 4;\n");
        put(ETC, "coldplug = \"x\";\n{\n");
        put(VENDOR_D "20-b.conf", "rules = ({ });\n");
        put(ETC_D "10-a.conf", "log_level = 1;\n\nlog_level = 2;\nfrob = 3;\n");
        assert_tree_faults(
                VENDOR ":1: 'frob': " ONE_OF_THE_KEYS "\n" VENDOR ":3: 'settle': " AGAIN(2) VENDOR
                ":4: 'per_node': " BOOL "4\n" ETC ":1: 'coldplug': " COLDPLUG "\"x\"\n" ETC
                ":2: expected a key, got '{'\n" ETC_D "10-a.conf:1: 'log_level': " LOG_LEVEL
                "1\n" ETC_D "10-a.conf:3: 'log_level': " AGAIN(1) ETC_D
                "10-a.conf:4: 'frob': " ONE_OF_THE_KEYS "\n" VENDOR_D
                "20-b.conf:1: 'rules[0].zone': " ZONE "nothing\n");
}
END_TEST

START_TEST(faults_are_added_to_those_that_are_there)
{
        ConfFaults faults = { 0 };
        Conf conf;

        put("/a.conf", "a = 1;");
        put("/b.conf", "b = 1;");
        fill(&conf);
        ck_assert_int_eq(conf_load_file(below_root("/b.conf"), &conf, &faults), 1);
        ck_assert_int_eq(conf_load_file(below_root("/a.conf"), &conf, &faults), 1);
        assert_faults(1, &conf, &faults,
                      "/b.conf:1: 'b': " ONE_OF_THE_KEYS "\n/a.conf:1: 'a': " ONE_OF_THE_KEYS "\n");
}
END_TEST

START_TEST(no_file_at_all_gives_the_defaults)
{
        Conf conf, defaults;

        load(&conf);
        conf_init(&defaults);
        assert_conf_eq(&conf, &defaults);
        ck_assert_uint_eq(strings_length(conf.files), 0);
        conf_done(&conf);
        conf_done(&defaults);
        conf_done(NULL);
}
END_TEST

START_TEST(every_setting_is_read)
{
        Conf conf;

        put(ETC,
            "min_kernel = \"512M\"; max_movable_ratio = 2.5; per_node = false;\n"
            "contiguous = false; whole_device = true;\n"
            "coldplug = \"leave\"; kernel_auto_online = \"respect\"; event_source = \"udev\"; "
            "offload = \"uniform\";\n"
            "settle = \"500ms\"; log_level = \"debug\";\n"
            "retry = { delay = \"3s\"; factor = 1.5; cap = \"1h\"; attempts = 7; };\n"
            "rules = (\n"
            "  { name = \"first\"; node = (1, \"3-4\"); node_class = [\"cpu\", \"memoryless\"];\n"
            "    zone = \"movable\"; },\n"
            "  { zone = \"leave\"; });\n");
        load(&conf);
        ck_assert_uint_eq(conf.policy.min_kernel_bytes, UINT64_C(512) << 20);
        ck_assert_uint_eq(conf.policy.max_movable_ratio_permille, 2500);
        ck_assert(!conf.policy.per_node);
        ck_assert(!conf.policy.contiguous);
        ck_assert_int_eq(conf.policy.whole_device, WHOLE_DEVICE_YES);
        ck_assert_int_eq(conf.coldplug, COLDPLUG_LEAVE);
        ck_assert_int_eq(conf.kernel_auto_online, KERNEL_AUTO_ONLINE_RESPECT);
        ck_assert_int_eq(conf.offload, OFFLOAD_UNIFORM);
        ck_assert_int_eq(conf.event_source, EVENT_SOURCE_UDEV);
        ck_assert_uint_eq(conf.settle_usec, 500 * USEC_PER_MSEC);
        ck_assert_int_eq(conf.log_level, LOG_DEBUG);
        ck_assert_uint_eq(conf.retry.first_usec, 3 * USEC_PER_SEC);
        ck_assert_uint_eq(conf.retry.factor_permille, 1500);
        ck_assert_uint_eq(conf.retry.cap_usec, 3600 * USEC_PER_SEC);
        ck_assert_uint_eq(conf.retry.attempts, 7);

        ck_assert_uint_eq(conf.policy.n_rules, 2);
        ck_assert_str_eq(conf.policy.rules[0].name, "first");
        ck_assert_str_eq(conf.policy.rules[0].file + strlen(root), ETC);
        ck_assert_uint_eq(conf.policy.rules[0].line, 7);
        ck_assert(conf.policy.rules[0].has_nodes);
        ck_assert_uint_eq(conf.policy.rules[0].nodes.bits[0], 0x1a);
        ck_assert_uint_eq(conf.policy.rules[0].node_classes,
                          1U << NODE_CLASS_CPU | 1U << NODE_CLASS_MEMORYLESS);
        ck_assert_int_eq(conf.policy.rules[0].zone, ZONE_ACTION_MOVABLE);
        ck_assert_str_eq(conf.policy.rules[1].name, "rule 2");
        ck_assert_uint_eq(conf.policy.rules[1].line, 9);
        ck_assert(!conf.policy.rules[1].has_nodes);
        ck_assert_uint_eq(conf.policy.rules[1].node_classes, 0);
        ck_assert_int_eq(conf.policy.rules[1].zone, ZONE_ACTION_LEAVE);
        conf_done(&conf);
}
END_TEST

START_TEST(every_criterion_is_read)
{
        const Rule *rule;
        Conf conf;

        put(ETC, "event_source = \"udev\";\n"
                 "rules = (\n"
                 "  { origin = [\"kmem\", \"dimm\"]; address = \"0x100000000-0x1FFFFFFFF\";\n"
                 "    min_size = \"1G\"; max_size = 0x200000000L; zone = \"keep\"; movable_node = "
                 "true;\n"
                 "    distance = { from = 1; min = 17; max = 31; };\n"
                 "    virtualization = \"!container\"; architecture = (\"x86-64\", \"arm64\");\n"
                 "    udev_property = ({ name = \"ID_A\"; value = \"1\"; },\n"
                 "                     { name = \"ID_B\"; value = \"x y\"; }); },\n"
                 "  { distance = { from = 0; max = 20; }; zone = \"auto\";\n"
                 "    udev_property = { name = \"ID_B\"; value = \"x y\"; }; },\n"
                 "  { distance = { from = 0; min = 21; }; zone = \"auto\"; });\n");
        load(&conf);
        ck_assert_uint_eq(conf.policy.n_rules, 3);
        rule = &conf.policy.rules[0];
        ck_assert_uint_eq(rule->origins, 1U << ORIGIN_KMEM | 1U << ORIGIN_DIMM);
        ck_assert(rule->has_address);
        ck_assert_uint_eq(rule->first_address, UINT64_C(0x100000000));
        ck_assert_uint_eq(rule->last_address, UINT64_C(0x1ffffffff));
        ck_assert_uint_eq(rule->min_size_bytes, UINT64_C(1) << 30);
        ck_assert_uint_eq(rule->max_size_bytes, UINT64_C(8) << 30);
        ck_assert(rule->has_distance);
        ck_assert_uint_eq(rule->distance.from, 1);
        ck_assert_uint_eq(rule->distance.min, 17);
        ck_assert_uint_eq(rule->distance.max, 31);
        ck_assert_uint_eq(strings_length(rule->virtualization), 1);
        ck_assert_str_eq(rule->virtualization[0], "!container");
        ck_assert_uint_eq(strings_length(rule->architecture), 2);
        ck_assert_str_eq(rule->architecture[0], "x86-64");
        ck_assert_str_eq(rule->architecture[1], "arm64");
        ck_assert_uint_eq(rule->udev_mask, 3);
        ck_assert_int_eq(rule->zone, ZONE_ACTION_KEEP);
        ck_assert(rule->movable_node);

        ck_assert_uint_eq(conf.policy.rules[1].udev_mask, 2);
        ck_assert_uint_eq(conf.policy.rules[1].distance.min, 0);
        ck_assert_uint_eq(conf.policy.rules[1].distance.max, 20);
        ck_assert(!conf.policy.rules[1].movable_node);
        ck_assert(!conf.policy.rules[1].has_address);
        ck_assert_ptr_null(conf.policy.rules[1].virtualization);
        ck_assert_uint_eq(conf.policy.rules[2].distance.min, 21);
        ck_assert_uint_eq(conf.policy.rules[2].distance.max, UINT32_MAX);
        ck_assert(!conf.policy.rules[2].udev_mask);

        ck_assert_uint_eq(conf.policy.n_udev_properties, 2);
        ck_assert_str_eq(conf.policy.udev_properties[0].name, "ID_A");
        ck_assert_str_eq(conf.policy.udev_properties[0].value, "1");
        ck_assert_str_eq(conf.policy.udev_properties[1].name, "ID_B");
        ck_assert_str_eq(conf.policy.udev_properties[1].value, "x y");
        conf_done(&conf);
}
END_TEST

/* Each is taken, and is what the machine's word of that name is matched by. */
START_TEST(every_word_for_a_machine_is_known)
{
        static const char *const keys[] = { "virtualization", "architecture" };
        const ConfKey *key = conf_key_find("rules", keys[_i]);

        for (int i = 0; key->word(i); i++)
                for (unsigned negated = 0; negated < 2; negated++) {
                        const char *mark = negated ? "!" : "";
                        Conf conf;
                        char text[128], word[32];

                        if (negated && strcmp(key->word(i), "native") == 0)
                                continue;
                        snprintf(word, sizeof(word), "%s%s", mark, key->word(i));
                        snprintf(text, sizeof(text), "rules = ({ zone = \"auto\"; %s = \"%s\"; });",
                                 keys[_i], word);
                        put(ETC, text);
                        load(&conf);
                        ck_assert_str_eq(_i == 0 ? conf.policy.rules[0].virtualization[0] :
                                                   conf.policy.rules[0].architecture[0],
                                         word);
                        conf_done(&conf);
                }
}
END_TEST

typedef struct NumberCase {
        const char *text;
        uint64_t value;
} NumberCase;

static const NumberCase ratio_cases[] = {
        { "0", 0 },          { "0.0009", 0 },       { "0.001", 1 },     { "1.001", 1001 },
        { "2.3", 2300 },     { "2.9999", 2999 },    { "3", 3000 },      { "4.096", 4096 },
        { "0.333333", 333 }, { "999.999", 999999 }, { "8.2e1", 82000 }, { "1000", 1000000 },
};

START_TEST(a_ratio_is_rounded_down_to_thousandths)
{
        char text[64];
        Conf conf;

        snprintf(text, sizeof(text), "max_movable_ratio = %s;", ratio_cases[_i].text);
        put(ETC, text);
        load(&conf);
        ck_assert_uint_eq(conf.policy.max_movable_ratio_permille, ratio_cases[_i].value);
        conf_done(&conf);
}
END_TEST

static const NumberCase size_cases[] = {
        { "0", 0 },
        { "2147483647", INT32_MAX },
        { "0x80000000", UINT64_C(1) << 31 },
        { "0xFFFFFFFF", UINT32_MAX },
        { "4294967296L", UINT64_C(1) << 32 },
        { "4294967296LL", UINT64_C(1) << 32 },
        { "0x200000000L", UINT64_C(1) << 33 },
        { "\"3G\"", UINT64_C(3) << 30 },
        { "\"1024P\"", UINT64_C(1) << 60 },
        { "\"1.5G\"", UINT64_C(3) << 29 },
        { "\"block\"", MIN_KERNEL_ONE_BLOCK },
};

START_TEST(a_size_is_read_at_its_full_width)
{
        char text[64];
        Conf conf;

        snprintf(text, sizeof(text), "min_kernel = %s;", size_cases[_i].text);
        put(ETC, text);
        load(&conf);
        ck_assert_uint_eq(conf.policy.min_kernel_bytes, size_cases[_i].value);
        conf_done(&conf);
}
END_TEST

static const NumberCase time_cases[] = {
        { "\"10ms\"", 10 * 1000 },    { "0.01", 10 * 1000 }, { "\"2\"", 2 * 1000000 },
        { "2", 2 * 1000000 },         { "2.5", 2500000 },    { "60", 60 * 1000000 },
        { "\"1min\"", 60 * 1000000 }, { "0.015627", 15627 }, { "1e1", 10 * 1000000 },
};

START_TEST(a_time_is_text_with_a_unit_or_a_number_of_seconds)
{
        char text[64];
        Conf conf;

        snprintf(text, sizeof(text), "settle = %s;", time_cases[_i].text);
        put(ETC, text);
        load(&conf);
        ck_assert_uint_eq(conf.settle_usec, time_cases[_i].value);
        conf_done(&conf);
}
END_TEST

START_TEST(later_files_override_by_key)
{
        Conf conf;

        put(VENDOR, "settle = 1; log_level = \"err\"; coldplug = \"leave\"; per_node = false;\n"
                    "retry = { attempts = 1; delay = \"1s\"; };");
        put(ETC, "settle = 2; log_level = \"crit\"; retry = { attempts = 2; };");
        put(VENDOR_D "50-a.conf", "settle = 3; min_kernel = 1;");
        put(RUN_D "40-b.conf", "settle = 4; log_level = \"alert\"; min_kernel = 2;");
        put(ETC_D "30-c.conf", "settle = 5; log_level = \"debug\"; contiguous = false;");
        load(&conf);
        ck_assert_uint_eq(conf.settle_usec, 3 * USEC_PER_SEC);
        ck_assert_uint_eq(conf.policy.min_kernel_bytes, 1);
        ck_assert_int_eq(conf.log_level, LOG_ALERT);
        ck_assert_int_eq(conf.coldplug, COLDPLUG_LEAVE);
        ck_assert(!conf.policy.per_node);
        ck_assert(!conf.policy.contiguous);
        ck_assert_uint_eq(conf.retry.attempts, 2);
        ck_assert_uint_eq(conf.retry.first_usec, USEC_PER_SEC);
        conf_done(&conf);
}
END_TEST

static void assert_strings(const char *const *expected, size_t n, char *const *strings)
{
        ck_assert_uint_eq(strings_length(strings), n);
        for (size_t i = 0; i < n; i++)
                ck_assert_str_eq(strings[i] + strlen(root), expected[i]);
}

START_TEST(a_name_in_etc_hides_the_same_in_run_and_that_in_usr_lib)
{
        static const char *const expected[] = {
                VENDOR, ETC, ETC_D "10.conf", RUN_D "20.conf", VENDOR_D "30.conf",
        };
        Conf conf;

        put(VENDOR, "");
        put(ETC, "");
        put(VENDOR_D "10.conf", "broken");
        put(RUN_D "10.conf", "broken");
        put(ETC_D "10.conf", "settle = 1;");
        put(VENDOR_D "20.conf", "broken");
        put(RUN_D "20.conf", "settle = 2;");
        put(VENDOR_D "30.conf", "settle = 3;");
        /* No drop-ins: hidden, of another ending, nothing but the ending. */
        put(ETC_D ".40.conf", "broken");
        put(ETC_D "40.conf~", "broken");
        put(ETC_D "40.conf.bak", "broken");
        put(ETC_D "README", "broken");
        put(ETC_D ".conf", "broken");
        load(&conf);
        assert_strings(expected, ELEMENTSOF(expected), conf.files);
        ck_assert_uint_eq(conf.settle_usec, 3 * USEC_PER_SEC);
        conf_done(&conf);
}
END_TEST

START_TEST(a_link_to_dev_null_masks)
{
        static const char *const expected[] = { VENDOR };
        Conf conf;

        put(VENDOR, "settle = 1;");
        ck_assert_int_eq(symlink("/dev/null", below_root(ETC)), 0);
        put(VENDOR_D "10.conf", "settle = 2;");
        ck_assert_int_eq(symlink("/dev/null", below_root(ETC_D "10.conf")), 0);
        load(&conf);
        assert_strings(expected, ELEMENTSOF(expected), conf.files);
        ck_assert_uint_eq(conf.settle_usec, USEC_PER_SEC);
        conf_done(&conf);
}
END_TEST

static void assert_rules(const Conf *conf, const char *const *names, size_t n)
{
        ck_assert_uint_eq(conf->policy.n_rules, n);
        for (size_t i = 0; i < n; i++)
                ck_assert_str_eq(conf->policy.rules[i].name, names[i]);
}

#define RULE(name) "{ name = \"" name "\"; node = 1; zone = \"auto\"; }"
#define UNNAMED "{ node = 1; zone = \"auto\"; }"
#define ALL(name) "{ name = \"" name "\"; zone = \"auto\"; }"

START_TEST(rules_of_drop_ins_go_before_those_of_the_main_file)
{
        static const char *const expected[] = { "a1", "a2", "b1", "rule 4", "m1", "rule 6" };
        Conf conf;

        put(VENDOR, "rules = (" RULE("v1") ", " UNNAMED ");");
        put(ETC, "rules = (" RULE("m1") ", " UNNAMED ");");
        put(VENDOR_D "20.conf", "rules = (" RULE("b1") ", " UNNAMED ");");
        put(ETC_D "10.conf", "rules = (" RULE("a1") ", " RULE("a2") ");");
        load(&conf);
        assert_rules(&conf, expected, ELEMENTSOF(expected));
        conf_done(&conf);
}
END_TEST

/* With a drop-in that is not installed. Returns what conf_apply() does. */
static int apply_draft(const char *name, const char *text, Conf *conf, ConfFaults *faults)
{
        ConfLoad *load;
        int r;

        fill(conf);
        ck_assert_int_eq(conf_read(root, &(ConfText){ name, text }, faults, &load), 0);
        r = conf_apply(load, conf);
        conf_load_free(load);
        return r;
}

START_TEST(a_draft_counts_as_a_drop_in_of_its_name)
{
        static const struct {
                const char *name;
                const char *expected[4];
                size_t n;
        } cases[] = {
                { "15-draft.conf", { "a1", "draft", "b1", "m1" }, 4 },
                { "/somewhere/else/05-draft.conf", { "draft", "a1", "b1", "m1" }, 4 },
                { "./99-draft.conf", { "a1", "b1", "draft", "m1" }, 4 },
                /* in the place of one of that name, whichever folder has it */
                { "20.conf", { "a1", "draft", "m1" }, 3 },
                { "drafts/10.conf", { "draft", "b1", "m1" }, 3 },
        };
        Conf conf;

        put(ETC, "rules = (" RULE("m1") ");");
        put(VENDOR_D "20.conf", "rules = (" RULE("b1") ");");
        put(ETC_D "10.conf", "rules = (" RULE("a1") ");");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                ConfFaults faults = {};
                int r = apply_draft(cases[i].name, "rules = (" RULE("draft") ");", &conf, &faults);

                assert_faults(r, &conf, &faults, "");
                assert_rules(&conf, cases[i].expected, cases[i].n);
                conf_done(&conf);
        }
}
END_TEST

START_TEST(faults_of_a_draft_and_of_the_files_come_in_one_run)
{
        ConfFaults faults = {};
        Conf conf;
        int r;

        put(ETC, "settle = true;");
        put(ETC_D "10.conf", "coldplug = 3;");
        r = apply_draft("05-draft.conf", "per_node = 3;", &conf, &faults);
        ck_assert_int_eq(r, 1);
        ck_assert_uint_eq(faults.n_faults, 3);
        ck_assert_str_eq(faults.faults[1].file, "05-draft.conf");
        ck_assert_ptr_nonnull(strstr(faults.faults[1].text, "'per_node': "));
        conf_faults_done(&faults);
}
END_TEST

START_TEST(a_drop_in_has_a_name_that_ends_so)
{
        static const struct {
                const char *name;
                bool is_dropin;
        } cases[] = {
                { "10.conf", true },   { "/etc/x/a.b.conf", true },
                { "x.conf", true },    { ".conf", false },
                { "/x/.conf", false }, { "/x/.10.conf", false },
                { "10.conf~", false }, { "10.Conf", false },
                { "conf", false },     { "x.conf/y", false },
                { "", false },         { "x/", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                ck_assert_msg(conf_is_dropin_name(cases[i].name) == cases[i].is_dropin, "%s",
                              cases[i].name);
}
END_TEST

START_TEST(the_vendors_rules_stay_when_etc_has_none)
{
        static const char *const expected[] = { "a1", "v1" };
        Conf conf;

        put(VENDOR, "rules = (" RULE("v1") ");");
        put(ETC, "settle = 1;");
        put(ETC_D "10.conf", "rules = (" RULE("a1") ");");
        load(&conf);
        assert_rules(&conf, expected, ELEMENTSOF(expected));
        conf_done(&conf);

        put(ETC, "rules = ();");
        load(&conf);
        assert_rules(&conf, expected, 1);
        conf_done(&conf);
}
END_TEST

START_TEST(a_replaced_rule_does_not_hold_its_name)
{
        static const char *const expected[] = { "x" };
        Conf conf;

        put(VENDOR, "rules = (" RULE("x") ");");
        put(ETC, "rules = (" RULE("x") ");");
        load(&conf);
        assert_rules(&conf, expected, ELEMENTSOF(expected));
        conf_done(&conf);
}
END_TEST

START_TEST(two_rules_of_one_name_are_a_fault)
{
        put(ETC, "rules = (\n" RULE("x") ",\n" RULE("y") ",\n" RULE("y") ");");
        put(ETC_D "10.conf", "\n\nrules = (" RULE("x") ");");
        assert_tree_faults_at(
                ETC ":2: 'rules.name': expected a name that no other rule has, got \"x\" as in "
                    "%s" ETC_D "10.conf:3\n" ETC
                    ":4: 'rules.name': expected a name that no other rule has, got \"y\" as in "
                    "%s" ETC ":3\n",
                root, root);
}
END_TEST

START_TEST(no_rule_may_be_called_as_an_unnamed_one_is)
{
        put(ETC, "rules = (" UNNAMED ",\n" RULE("rule 1") ");");
        assert_tree_faults_at(
                ETC ":2: 'rules.name': expected a name that no other rule has, got \"rule 1\" as "
                    "the unnamed rule in %s" ETC ":1 is called\n",
                root);
}
END_TEST

START_TEST(a_rule_behind_one_without_criteria_is_a_fault_across_files)
{
        put(ETC, "rules = (" RULE("a") ",\n" ALL("b") ",\n" RULE("c") ",\n" ALL("d") ");");
        assert_tree_faults_at(
                ETC ":3: 'rules': expected no rule behind one without criteria, got \"c\" behind "
                    "\"b\" in %s" ETC ":2\n" ETC
                    ":4: 'rules': expected no rule behind one without criteria, got \"d\" behind "
                    "\"b\" in %s" ETC ":2\n",
                root, root);

        put(ETC, "rules = (" RULE("a") ",\n" ALL("b") ");");
        put(ETC_D "10.conf", "\nrules = ({ zone = \"leave\"; });");
        assert_tree_faults_at(
                ETC ":1: 'rules': expected no rule behind one without criteria, got \"a\" behind "
                    "\"rule 1\" in %s" ETC_D "10.conf:2\n" ETC
                    ":2: 'rules': expected no rule behind one without criteria, got \"b\" behind "
                    "\"rule 1\" in %s" ETC_D "10.conf:2\n",
                root, root);
}
END_TEST

START_TEST(a_drop_in_may_match_all_before_the_vendors_rules)
{
        static const char *const expected[] = { "all", "v1", "v2" };
        Conf conf;

        put(VENDOR, "rules = (" RULE("v1") ",\n" ALL("v2") ");");
        put(ETC_D "10.conf", "rules = (" ALL("all") ");");
        load(&conf);
        assert_rules(&conf, expected, ELEMENTSOF(expected));
        conf_done(&conf);

        /* Within the vendor's file it is a fault as anywhere. */
        put(VENDOR, "rules = (" ALL("v1") ",\n" ALL("v2") ");");
        unlink(below_root(ETC_D "10.conf"));
        assert_tree_faults_at(
                VENDOR ":2: 'rules': expected no rule behind one without criteria, got \"v2\" "
                       "behind \"v1\" in %s" VENDOR ":1\n",
                root);
}
END_TEST

#define PROPERTY_RULE(name, property, value)                                                       \
        "{ name = \"" name "\"; zone = \"auto\"; udev_property = { name = \"" property             \
        "\"; value = \"" value "\"; }; }"

START_TEST(udev_properties_are_judged_when_all_files_are_read)
{
        Conf conf;

        put(VENDOR, "rules = (" PROPERTY_RULE("v", "GONE", "1") ");");
        put(ETC, "rules = (" PROPERTY_RULE("m", "A", "1") ");");
        put(ETC_D "10.conf",
            "rules = (" PROPERTY_RULE("d", "B", "1") ",\n" PROPERTY_RULE("e", "A", "1") ");");
        put(ETC_D "20.conf", "event_source = \"udev\";");
        load(&conf);
        ck_assert_uint_eq(conf.policy.n_udev_properties, 2);
        ck_assert_str_eq(conf.policy.udev_properties[0].name, "A");
        ck_assert_str_eq(conf.policy.udev_properties[1].name, "B");
        ck_assert_uint_eq(conf.policy.rules[0].udev_mask, 2);
        ck_assert_uint_eq(conf.policy.rules[1].udev_mask, 1);
        ck_assert_uint_eq(conf.policy.rules[2].udev_mask, 1);
        conf_done(&conf);

        put(ETC_D "30.conf", "event_source = \"kernel\";");
        assert_tree_faults(ETC
                           ":1: 'rules.udev_property': expected event_source = \"udev\" with it, "
                           "got \"kernel\"\n" ETC_D
                           "10.conf:1: 'rules.udev_property': expected event_source = \"udev\" "
                           "with it, got \"kernel\"\n" ETC_D
                           "10.conf:2: 'rules.udev_property': expected event_source = \"udev\" "
                           "with it, got \"kernel\"\n");
        /* Which may be what the rest of a file would have said. */
        put(ETC_D "30.conf", "event_source = ");
        assert_tree_faults(ETC_D "30.conf:1: " NO_VALUE);

        /* The vendor's rule alone, and then with those gone that asked for it. */
        put(ETC_D "30.conf", "event_source = \"kernel\";");
        put(ETC_D "10.conf", "");
        put(ETC, "");
        assert_tree_faults(VENDOR
                           ":1: 'rules.udev_property': expected event_source = \"udev\" with "
                           "it, got \"kernel\"\n");
        put(ETC, "rules = ();");
        load(&conf);
        ck_assert_uint_eq(conf.policy.n_udev_properties, 0);
        conf_done(&conf);
}
END_TEST

/* A file with rules for `n` properties, of names that begin with a prefix. */
static void put_properties(const char *name, const char *prefix, unsigned n)
{
        size_t size;
        char *text = NULL;
        FILE *stream = open_memstream(&text, &size);

        ck_assert_ptr_nonnull(stream);
        fputs("event_source = \"udev\";\nrules = (\n", stream);
        for (unsigned i = 0; i < n; i++)
                fprintf(stream,
                        "%s{ zone = \"auto\"; udev_property = { name = \"%s\"; value = \"%u\"; }; "
                        "}",
                        i > 0 ? ",\n" : "", prefix, i);
        fputs(");\n", stream);
        ck_assert_int_eq(fclose(stream), 0);
        put(name, text);
        free(text);
}

START_TEST(there_are_at_most_64_udev_properties)
{
        Conf conf;

        /* Those of replaced rules do not count, nor do those that are asked for again. */
        put_properties(VENDOR, "V", 64);
        put_properties(ETC, "A", 60);
        put_properties(ETC_D "10.conf", "B", 4);
        put_properties(ETC_D "20.conf", "A", 60);
        load(&conf);
        ck_assert_uint_eq(conf.policy.n_udev_properties, UDEV_PROPERTIES_MAX);
        ck_assert_uint_eq(conf.policy.rules[3].udev_mask, UINT64_C(1) << 63);
        conf_done(&conf);

        put_properties(ETC_D "10.conf", "B", 5);
        assert_tree_faults(ETC_D
                           "10.conf:7: 'rules[4].udev_property': expected at most 64 different "
                           "properties in all rules, got more\n");
}
END_TEST

/* A list of rules for a node each, one a line. */
static void put_rules(const char *name, unsigned n)
{
        size_t size;
        char *text = NULL;
        FILE *stream = open_memstream(&text, &size);

        ck_assert_ptr_nonnull(stream);
        fputs("rules = (\n", stream);
        for (unsigned i = 0; i < n; i++)
                fprintf(stream, "{ node = %u; zone = \"auto\"; }%s\n", i, i + 1 < n ? "," : ");");
        ck_assert_int_eq(fclose(stream), 0);
        put(name, text);
        free(text);
}

START_TEST(there_are_at_most_1024_rules_in_all_files)
{
        Conf conf;

        put_rules(VENDOR, 1024);
        put_rules(ETC, 1000);
        put_rules(ETC_D "10.conf", 24);
        load(&conf);
        ck_assert_uint_eq(conf.policy.n_rules, 1024);
        conf_done(&conf);

        put_rules(ETC_D "10.conf", 27);
        assert_tree_faults(ETC_D
                           "10.conf:26: 'rules': expected at most 1024 rules in all files, got "
                           "more\n");
}
END_TEST

START_TEST(delay_and_cap_are_compared_across_files_at_the_later_one)
{
        put(VENDOR, "retry = { cap = \"10s\"; };");
        put(ETC, "settle = 1;");
        put(VENDOR_D "10.conf", "\nretry = { delay = \"11s\"; };");
        put(VENDOR_D "20.conf", "retry = { attempts = 3; };");
        assert_tree_faults(VENDOR_D
                           "10.conf:2: 'retry.delay': "
                           "expected retry.delay to be at most retry.cap, got a longer delay\n");
        put(VENDOR_D "30.conf", "retry = { cap = \"12s\"; };");
        assert_tree_faults("");
        put(VENDOR_D "30.conf", "retry = { cap = \"10s\"; };");
        assert_tree_faults(VENDOR_D
                           "30.conf:1: 'retry.cap': "
                           "expected retry.delay to be at most retry.cap, got a shorter cap\n");
        /* The file that may have set it right could not be read. */
        put(VENDOR_D "40.conf", "retry = ");
        assert_tree_faults(VENDOR_D "40.conf:1: " NO_VALUE);
}
END_TEST

START_TEST(what_is_no_file_is_refused_without_waiting)
{
        ck_assert_int_eq(mkdir(below_root(ETC_D "10-folder.conf"), 0755), 0);
        ck_assert_int_eq(mkfifo(below_root(ETC_D "20-fifo.conf"), 0600), 0);
        ck_assert_int_eq(symlink("/dev/zero", below_root(ETC_D "30-device.conf")), 0);
        ck_assert_int_eq(symlink("nowhere", below_root(ETC_D "40-dangling.conf")), 0);
        ck_assert_int_eq(symlink("50-loop.conf", below_root(ETC_D "50-loop.conf")), 0);
        /* The path may be too long for bind(). */
        ck_assert_int_eq(mknod(below_root(ETC_D "60-socket.conf"), S_IFSOCK | 0600, 0), 0);
        ck_assert_int_eq(mkdir(below_root(ETC), 0755), 0);
        ck_assert_int_eq(mkfifo(below_root(VENDOR), 0600), 0);
        assert_tree_faults(VENDOR ": expected a file, got a FIFO\n" ETC
                                  ": expected a file, got a folder\n" ETC_D
                                  "10-folder.conf: expected a file, got a folder\n" ETC_D
                                  "20-fifo.conf: expected a file, got a FIFO\n" ETC_D
                                  "30-device.conf: expected a file, got a device\n" ETC_D
                                  "40-dangling.conf: expected a readable file, got "
                                  "\"No such file or directory\"\n" ETC_D
                                  "50-loop.conf: expected a readable file, got "
                                  "\"Too many levels of symbolic links\"\n" ETC_D
                                  "60-socket.conf: expected a readable file, got "
                                  "\"No such device or address\"\n");
}
END_TEST

START_TEST(a_file_where_a_folder_should_be_is_a_fault)
{
        put(SYSCONFDIR "/memoryd/memoryd.conf.d", "");
        put("/run/memoryd", "");
        put(ETC, "frob = 1;");
        assert_tree_faults("/run/memoryd/memoryd.conf.d: expected a readable folder, got \"Not a "
                           "directory\"\n" SYSCONFDIR
                           "/memoryd/memoryd.conf.d: expected a readable folder, got "
                           "\"Not a directory\"\n" ETC ":1: 'frob': " ONE_OF_THE_KEYS "\n");
}
END_TEST

/* Root may read all: it becomes nobody in a child first. */
START_TEST(a_file_and_a_folder_without_permission_are_faults)
{
        pid_t child;
        int status;

        put(ETC, "settle = 1;");
        put(ETC_D "10.conf", "settle = 1;");
        put(RUN_D "10.conf", "settle = 1;");
        ck_assert_int_eq(chmod(below_root(ETC), 0), 0);
        ck_assert_int_eq(chmod(below_root(ETC_D "10.conf"), 0), 0);
        ck_assert_int_eq(chmod(below_root(RUN_D), 0), 0);
        ck_assert_int_eq(chmod(root, 0755), 0);

        child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
                if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
                        _exit(2);
                assert_tree_faults(
                        "/run/memoryd/memoryd.conf.d: expected a readable folder, got "
                        "\"Permission denied\"\n" ETC
                        ": expected a readable file, got \"Permission denied\"\n" ETC_D
                        "10.conf: expected a readable file, got \"Permission denied\"\n");
                _exit(0);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFEXITED(status));
        ck_assert_int_eq(WEXITSTATUS(status), 0);
        ck_assert_int_eq(chmod(below_root(RUN_D), 0755), 0);
}
END_TEST

#define OWNER                                                                                      \
        " that belongs to root and that no other user can change, got one of user %u and group "   \
        "%u with mode %04o\n"

/* Expects that the tree is good, but not while other users can write to this file or folder. */
static void assert_private(const char *name, const char *shown, const char *what)
{
        static const mode_t modes[] = { 0775, 0757, 0777 };
        mode_t least = strcmp(what, "file") == 0 ? 0400 : 0700;
        gid_t group = geteuid() == 0 ? 65534 : getegid();
        char expected[512];

        ck_assert_int_eq(chown(below_root(name), (uid_t) -1, group), 0);
        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                ck_assert_int_eq(chmod(below_root(name), modes[i]), 0);
                snprintf(expected, sizeof(expected), "%s: expected a %s" OWNER, shown, what,
                         (unsigned) geteuid(), (unsigned) group, (unsigned) modes[i]);
                assert_tree_faults(expected);
        }
        /* Only root can have the group of root. */
        if (geteuid() == 0) {
                ck_assert_int_eq(chown(below_root(name), (uid_t) -1, 0), 0);
                ck_assert_int_eq(chmod(below_root(name), 0775), 0);
                assert_tree_faults("");
        }
        ck_assert_int_eq(chmod(below_root(name), least), 0);
        assert_tree_faults("");
}

START_TEST(files_and_folders_that_other_users_can_change_are_refused)
{
        put(VENDOR, "settle = \"1s\";");
        put(ETC, "settle = \"1s\";");
        put(ETC_D "10.conf", "settle = \"1s\";");
        put(RUN_D "20.conf", "settle = \"1s\";");
        assert_private(VENDOR, VENDOR, "file");
        assert_private(ETC, ETC, "file");
        assert_private(ETC_D "10.conf", ETC_D "10.conf", "file");
        assert_private(RUN_D "20.conf", RUN_D "20.conf", "file");
        assert_private(SYSCONFDIR "/memoryd/", SYSCONFDIR "/memoryd", "folder");
        assert_private(RUN_D, "/run/memoryd/memoryd.conf.d", "folder");
        assert_private(ETC_D, SYSCONFDIR "/memoryd/memoryd.conf.d", "folder");
}
END_TEST

/* Only root can give files away. */
START_TEST(files_of_other_users_are_refused)
{
        char expected[512], elsewhere[PATH_MAX];

        if (geteuid() != 0)
                return;
        put(ETC, "settle = \"1s\";");
        ck_assert_int_eq(chown(below_root(ETC), 65534, 65534), 0);
        snprintf(expected, sizeof(expected), ETC ": expected a file" OWNER, 65534, 65534, 0644);
        assert_tree_faults(expected);

        /* Through a link, it is the file that counts. */
        put("/elsewhere.conf", "settle = 1;");
        ck_assert_int_eq(chown(below_root("/elsewhere.conf"), 65534, 65534), 0);
        ck_assert_int_eq(unlink(below_root(ETC)), 0);
        snprintf(elsewhere, sizeof(elsewhere), "%s", below_root("/elsewhere.conf"));
        ck_assert_int_eq(symlink(elsewhere, below_root(ETC)), 0);
        assert_tree_faults(expected);
        ck_assert_int_eq(chown(below_root("/elsewhere.conf"), 0, 0), 0);
        put("/elsewhere.conf", "settle = \"1s\";");
        assert_tree_faults("");
}
END_TEST

START_TEST(a_file_that_the_caller_names_may_belong_to_anyone)
{
        ConfFaults faults = { 0 };
        Conf conf;

        put("/some.conf", "settle = \"1s\";");
        ck_assert_int_eq(chmod(below_root("/some.conf"), 0666), 0);
        if (geteuid() == 0)
                ck_assert_int_eq(chown(below_root("/some.conf"), 65534, 65534), 0);
        fill(&conf);
        assert_faults(conf_load_file(below_root("/some.conf"), &conf, &faults), &conf, &faults, "");
        conf_done(&conf);
}
END_TEST

START_TEST(a_file_of_one_mebibyte_is_the_largest)
{
        size_t size = CONF_FILE_SIZE_MAX + 1;
        char *text = malloc(size);

        ck_assert_ptr_nonnull(text);
        memset(text, '\n', size);
        memcpy(text, "frob = 1;", 9);
        put_bytes(ETC, text, size);
        assert_tree_faults(ETC ": expected a file of at most 1 MiB, got a larger one\n");
        put_bytes(ETC, text, size - 1);
        assert_tree_faults(ETC ":1: 'frob': " ONE_OF_THE_KEYS "\n");
        free(text);
}
END_TEST

START_TEST(more_settings_than_there_can_be_are_not_read_on)
{
        ConfFaults faults = { 0 };
        size_t size;
        char *text = NULL;
        FILE *stream = open_memstream(&text, &size);
        Conf conf;

        ck_assert_ptr_nonnull(stream);
        for (unsigned i = 1; i <= 70000; i++)
                fprintf(stream, "key%u = 1;\n", i);
        ck_assert_int_eq(fclose(stream), 0);
        put_bytes(ETC, text, size);
        ck_assert_int_eq(conf_load(root, &conf, &faults), 1);
        ck_assert_uint_eq(faults.n_faults, 257);
        ck_assert_str_eq(faults.faults[255].text, "'key256': " ONE_OF_THE_KEYS);
        ck_assert_str_eq(faults.faults[256].text,
                         "expected at most 256 settings in one place, got more");
        ck_assert_uint_eq(faults.faults[256].line, 257);
        conf_faults_done(&faults);
        free(text);
}
END_TEST

START_TEST(a_nul_byte_is_a_fault_and_ends_the_text)
{
        static const char text[] = "frob = 1;\n\n\0settle = 0;\n";
        static const char in_string[] = "coldplug = \"a\0b\";";

        put_bytes(ETC, text, sizeof(text) - 1);
        assert_tree_faults(ETC ":1: 'frob': " ONE_OF_THE_KEYS "\n" ETC
                               ":3: expected text, got a NUL byte\n");
        put_bytes(ETC, in_string, sizeof(in_string) - 1);
        assert_tree_faults(ETC ":1: expected text, got a NUL byte\n");
}
END_TEST

START_TEST(one_file_alone_must_exist)
{
        ConfFaults faults = { 0 };
        Conf conf;

        fill(&conf);
        assert_faults(conf_load_file(below_root("/none.conf"), &conf, &faults), &conf, &faults,
                      "/none.conf: expected a readable file, got \"No such file or directory\"\n");
}
END_TEST

START_TEST(paths_in_faults_have_single_slashes)
{
        ConfFaults faults = { 0 };
        char doubled[PATH_MAX];
        Conf conf;

        put(ETC, "frob = 1;");
        fill(&conf);
        snprintf(doubled, sizeof(doubled), "%s//", root);
        assert_faults(conf_load(doubled, &conf, &faults), &conf, &faults,
                      ETC ":1: 'frob': " ONE_OF_THE_KEYS "\n");
        snprintf(doubled, sizeof(doubled), "%s//" SYSCONFDIR "///memoryd/memoryd.conf", root);
        assert_faults(conf_load_file(doubled, &conf, &faults), &conf, &faults,
                      ETC ":1: 'frob': " ONE_OF_THE_KEYS "\n");
}
END_TEST

START_TEST(a_fault_is_text_whatever_the_file_is_called)
{
        ConfFaults faults = { 0 };
        Conf conf;
        char *line;

        ck_assert_int_eq(conf_load_text("/Tür\xff\n.conf", "frob = 1;", 9, &conf, &faults), 1);
        ck_assert_int_eq(conf_fault_format(&faults.faults[0], &line), 0);
        ck_assert_str_eq(line, "/Tür??.conf:1: 'frob': " ONE_OF_THE_KEYS);
        free(line);
        conf_faults_done(&faults);
}
END_TEST

static void assert_text(const char *text, size_t size, const char *expected)
{
        ConfFaults faults = { 0 };
        char *printed = NULL;
        size_t n;
        FILE *stream = open_memstream(&printed, &n);
        Conf conf;
        int r;

        ck_assert_ptr_nonnull(stream);
        fill(&conf);
        r = conf_load_text("what-if", text, size, &conf, &faults);
        for (size_t i = 0; i < faults.n_faults; i++) {
                char *line;

                ck_assert_int_eq(conf_fault_format(&faults.faults[i], &line), 0);
                fprintf(stream, "%s\n", line);
                free(line);
        }
        ck_assert_int_eq(fclose(stream), 0);
        ck_assert_str_eq(printed, expected);
        ck_assert_int_eq(r, *expected ? 1 : 0);
        if (*expected)
                assert_filled(&conf);
        else
                conf_done(&conf);
        free(printed);
        conf_faults_done(&faults);
}

START_TEST(a_text_is_read_as_a_file_is)
{
        static const char text[] = "settle = 3; rules = (" RULE("x") ");# no newline";
        ConfFaults faults = { 0 };
        char *large = calloc(CONF_FILE_SIZE_MAX + 1, 1);
        Conf conf;

        /* Neither the end of the text nor a NUL behind it is looked for. */
        ck_assert_int_eq(conf_load_text("x", text, strlen(text), &conf, &faults), 0);
        ck_assert_uint_eq(conf.settle_usec, 3 * USEC_PER_SEC);
        assert_rules(&conf, (const char *const[]){ "x" }, 1);
        ck_assert_str_eq(conf.policy.rules[0].file, "x");
        ck_assert_ptr_null(conf.files);
        conf_done(&conf);
        ck_assert_int_eq(conf_load_text("x", "settle = 35 and more", 11, &conf, &faults), 0);
        ck_assert_uint_eq(conf.settle_usec, 35 * USEC_PER_SEC);
        conf_done(&conf);

        assert_text("", 0, "");
        assert_text("frob = 1;\nsettle = ;", 20,
                    "what-if:1: 'frob': " ONE_OF_THE_KEYS
                    "\nwhat-if:2: expected a value, got ';'\n");
        assert_text("settle = 1;\n\0", 13, "what-if:2: expected text, got a NUL byte\n");
        assert_text(
                "@include \"x\"", 12,
                "what-if:1: expected settings, got @include, which memoryd does not follow: use "
                "a drop-in\n");
        ck_assert_ptr_nonnull(large);
        memset(large, '\n', CONF_FILE_SIZE_MAX + 1);
        assert_text(large, CONF_FILE_SIZE_MAX, "");
        assert_text(large, CONF_FILE_SIZE_MAX + 1,
                    "what-if: expected a text of at most 1 MiB, got a larger one\n");
        free(large);
}
END_TEST

static const char good_text[] =
        "# comment \"\n"
        "min_kernel = \"512M\"; // another\n"
        "max_movable_ratio = 2.5e0;\n"
        "/* a\n * third */\n"
        "coldplug : \"le\" \"ave\";\n"
        "retry = { delay = 0x1; factor = 1.5, cap = 60L attempts = 7; };\n"
        "event_source = \"udev\";\n"
        "rules = (\n"
        "  { name = \"\\x41\\\\\\\"\"; node = (1, \"3-4\"); zone = \"movable\"; },\n"
        "  { udev_property = ({ name = \"A\"; value = \"1\" }, { name = \"B\", value = \"2\" })\n"
        "    distance : { from = 0x0; min = 11 max = 20; }, address = \"0x0-0xfffffff\";\n"
        "    min_size = 1; max_size = 16777216L; architecture = [ \"!arm\" ]; zone = \"keep\"; },\n"
        "  { node = [ 5 ]; node_class = [ \"cpu\", \"memoryless\" ]; zone = \"leave\"; }\n"
        ");\n";

/* Neither loads what it should not, nor crashes: either a fault is named or the result is whole. */
static void load_any(const char *text, size_t size)
{
        ConfFaults faults = { 0 };
        Conf conf;
        int r;

        put_bytes(ETC, text, size);
        fill(&conf);
        r = conf_load(root, &conf, &faults);
        if (r == 0) {
                ck_assert_uint_eq(faults.n_faults, 0);
                conf_done(&conf);
        } else {
                ck_assert_int_eq(r, 1);
                ck_assert_uint_gt(faults.n_faults, 0);
                assert_filled(&conf);
        }
        conf_faults_done(&faults);
}

START_TEST(a_file_cut_anywhere_is_read_or_refused)
{
        for (size_t size = 0; size < sizeof(good_text); size++)
                load_any(good_text, size);
}
END_TEST

START_TEST(a_file_with_any_byte_wrong_is_read_or_refused)
{
        static const char wrong[] = { '\0', '\n', '"', '\\', '*', '@', '{',
                                      '}',  '(',  ')', ',',  '9', 'x', '\xff' };
        char text[sizeof(good_text)];

        for (size_t i = 0; i < sizeof(good_text) - 1; i++)
                for (size_t j = 0; j < sizeof(wrong); j++) {
                        memcpy(text, good_text, sizeof(good_text));
                        text[i] = wrong[j];
                        load_any(text, sizeof(good_text) - 1);
                }
}
END_TEST

/* The text of a file of the source tree; automake tells tests where that is. To be freed. */
static char *read_source(const char *name)
{
        const char *folder = getenv("srcdir");
        char path[PATH_MAX], *text = calloc(CONF_FILE_SIZE_MAX, 1);
        FILE *file;

        snprintf(path, sizeof(path), "%s/%s", folder ? folder : ".", name);
        file = fopen(path, "r");
        ck_assert_msg(file && text, "%s", path);
        ck_assert_uint_gt(fread(text, 1, CONF_FILE_SIZE_MAX - 1, file), 0);
        ck_assert_int_eq(fclose(file), 0);
        return text;
}

START_TEST(the_defaults_in_the_table_are_the_defaults)
{
        const ConfKey *key = conf_key((size_t) _i);
        const char *dot = strchr(key->name, '.');
        Conf conf, defaults;
        char text[256];

        if (!key->default_text) {
                ck_assert_int_eq(strncmp(key->name, "rules", 5), 0);
                return;
        }
        if (dot)
                snprintf(text, sizeof(text), "%.*s = { %s = %s; };", (int) (dot - key->name),
                         key->name, dot + 1, key->default_text);
        else
                snprintf(text, sizeof(text), "%s = %s;", key->name, key->default_text);
        put(ETC, text);
        load(&conf);
        conf_init(&defaults);
        assert_conf_eq(&conf, &defaults);
        conf_done(&conf);
}
END_TEST

/* The text of a value. To be freed. */
static char *value_text(const ConfKey *key, const void *base, const Policy *policy)
{
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        ck_assert_ptr_nonnull(stream);
        conf_value_print(stream, key, base, policy);
        ck_assert_int_eq(fclose(stream), 0);
        return text;
}

START_TEST(settings_come_first_in_the_table_and_print_their_defaults)
{
        Conf conf;

        conf_init(&conf);
        ck_assert_str_eq(conf_key(CONF_SETTINGS)->name, "rules");
        for (size_t i = 0; i < CONF_SETTINGS; i++) {
                char *text = value_text(conf_key(i), &conf, NULL);

                ck_assert_str_eq(text, conf_key(i)->default_text);
                ck_assert_uint_eq(conf_key_index(conf_key(i)), i);
                ck_assert_ptr_null(conf_setting_file(&conf, i));
                free(text);
        }
        conf_done(&conf);
}
END_TEST

/* Settings as they are printed. */
static const char *const printed_cases[] = {
        "min_kernel = \"1536M\";",    "min_kernel = \"0\";",         "min_kernel = \"1023P\";",
        "max_movable_ratio = 0.5;",   "max_movable_ratio = 2.25;",   "max_movable_ratio = 1.024;",
        "max_movable_ratio = 0.001;", "max_movable_ratio = 1000.0;", "per_node = false;",
        "whole_device = true;",       "whole_device = false;",       "whole_device = \"prefer\";",
        "coldplug = \"leave\";",      "settle = \"10ms\";",          "settle = \"1234567us\";",
        "leave_delay = \"1h\";",      "log_level = \"debug\";",
};

START_TEST(a_setting_is_printed_as_it_is_written)
{
        const char *line = printed_cases[_i], *equals = strstr(line, " = ");
        char name[64], *text;
        const ConfKey *key;
        Conf conf;

        snprintf(name, sizeof(name), "%.*s", (int) (equals - line), line);
        key = conf_key_find(NULL, name);
        put(ETC, "\n\n");
        put(ETC_D "20-it.conf", line);
        load(&conf);
        text = value_text(key, &conf, NULL);
        ck_assert_uint_eq(strlen(text) + 1, strlen(equals + 3));
        ck_assert_int_eq(strncmp(text, equals + 3, strlen(text)), 0);
        ck_assert_str_eq(conf_setting_file(&conf, conf_key_index(key)),
                         below_root(ETC_D "20-it.conf"));
        ck_assert_uint_eq(conf.origins[conf_key_index(key)].line, 1);
        free(text);
        conf_done(&conf);
}
END_TEST

static void assert_shown(const char *path, bool sees_all, int result, const char *expected)
{
        _cleanup_free_ char *text = NULL;
        uint64_t digest;

        ck_assert_int_eq(conf_show_file(path, sees_all, &text, &digest), result);
        ck_assert_str_eq(text, expected);
}

START_TEST(a_file_is_shown_to_those_who_may_read_it)
{
        static const char other[] = "not all users can read it, so only root is shown it";
        char path[PATH_MAX], folder[PATH_MAX];

        put_bytes(ETC, "a = \"\x1b\xc2\xa0\xff\0\";\t# x\n", 17);
        strcpy(path, below_root(ETC));
        strcpy(folder, path);
        *strrchr(folder, '/') = '\0';
        ck_assert_int_eq(chmod(root, 0755), 0);
        assert_shown(path, false, 0, "a = \"?\xc2\xa0??\";\t# x\n");
        ck_assert_int_eq(chmod(path, 0640), 0);
        assert_shown(path, false, 1, other);
        assert_shown(path, true, 0, "a = \"?\xc2\xa0??\";\t# x\n");
        ck_assert_int_eq(chmod(path, 0644), 0);
        ck_assert_int_eq(chmod(folder, 0750), 0);
        assert_shown(path, false, 1, other);
        ck_assert_int_eq(chmod(folder, 0755), 0);
        assert_shown(path, false, 0, "a = \"?\xc2\xa0??\";\t# x\n");
        ck_assert_int_eq(chmod(root, 0700), 0);
        assert_shown(path, false, 1, other);
        ck_assert_int_eq(truncate(path, CONF_FILE_SIZE_MAX + 1), 0);
        assert_shown(path, true, 1, "expected a file of at most 1 MiB, got a larger one");
        assert_shown(folder, true, 1, "it is no file any more");
        ck_assert_int_eq(unlink(path), 0);
        assert_shown(path, true, 1, "No such file or directory");
}
END_TEST

START_TEST(a_file_with_an_unprintable_name_is_shown)
{
        Conf conf;

        /* The first name is shown like the second one. */
        put(ETC_D "10-\x01.conf", "settle = 1;\n");
        put(ETC_D "10-?.conf", "settle = 2;\n");
        load(&conf);
        for (size_t i = 0; i < 2; i++)
                ck_assert_str_eq(conf.files[i], below_root(ETC_D "10-?.conf"));
        assert_shown(conf.paths[0], true, 0, "settle = 1;\n");
        assert_shown(conf.paths[1], true, 0, "settle = 2;\n");
        ck_assert_ptr_null(conf.paths[2]);
        conf_done(&conf);
}
END_TEST

/* Criteria of a rule as they are printed. */
static const char *const printed_criteria[] = {
        "node = \"3\";",
        "node = \"0,2-5,1023\";",
        "node_class = \"memoryless\";",
        "node_class = (\"cpu\", \"cpuless\");",
        "origin = (\"unknown\", \"dimm\", \"virtio-mem\");",
        "driver = \"a\\\"b*\";",
        "address = \"0x100000000-0x1ffffffff\";",
        "min_size = \"1\";",
        "max_size = \"4G\";",
        "distance = { from = 1; min = 20; };",
        "distance = { from = 0; max = 30; };",
        "distance = { from = 0; min = 12; max = 30; };",
        "tier = 4;",
        "tier = \"4-6\";",
        "tier = \"5-\";",
        "virtualization = \"!vm\";",
        "architecture = (\"x86-64\", \"arm64\");",
        "udev_property = { name = \"A\"; value = \"1\"; };",
        ("udev_property = ({ name = \"A\"; value = \"1\"; }, "
         "{ name = \"B\"; value = \"x \\\\ y\"; });"),
};

START_TEST(a_criterion_is_printed_as_it_is_written)
{
        const char *line = printed_criteria[_i], *equals = strstr(line, " = ");
        char file[512], *text = NULL;
        size_t n_criteria = 0;
        Conf conf;

        snprintf(file, sizeof(file),
                 "event_source = \"udev\"; rules = ({ zone = \"auto\"; name = \"x\"; %s });", line);
        put(ETC, file);
        load(&conf);
        for (size_t i = CONF_SETTINGS + 1; conf_key(i); i++) {
                const ConfKey *key = conf_key(i);

                if (!conf_rule_has(&conf.policy.rules[0], key))
                        continue;
                n_criteria++;
                ck_assert_int_eq(
                        strncmp(key->name + strlen("rules."), line, (size_t) (equals - line)), 0);
                text = value_text(key, &conf.policy.rules[0], &conf.policy);
        }
        ck_assert_uint_eq(n_criteria, 1);
        ck_assert_uint_eq(strlen(text) + 1, strlen(equals + 3));
        ck_assert_int_eq(strncmp(text, equals + 3, strlen(text)), 0);
        free(text);
        conf_done(&conf);
}
END_TEST

/* What the manual page says from the key's name to the next one. To be freed. */
static char *manual_entry(const char *name)
{
        char *text = read_source("man/memoryd.conf.5"), head[64], *start, *end, *entry;

        snprintf(head, sizeof(head), "\n.TP\n.B %s\n", name);
        start = strstr(text, head);
        ck_assert_msg(start, "%s is not documented", name);
        start += strlen(head);
        end = strstr(start, "\n.TP\n");
        entry = strndup(start, end ? (size_t) (end - start) : strlen(start));
        ck_assert_ptr_nonnull(entry);
        free(text);
        return entry;
}

/* The same text as the page's source has it: with escapes for what roff has a meaning for. */
static char *as_manual_text(const char *text)
{
        char *copy = calloc(strlen(text) * 4 + 1, 1), *to = copy;

        ck_assert_ptr_nonnull(copy);
        for (; *text; text++)
                if (*text == '"')
                        to = stpcpy(to, "\\(dq");
                else if (*text == '-')
                        to = stpcpy(to, "\\-");
                else
                        *to++ = *text;
        return copy;
}

START_TEST(every_key_is_documented_with_its_range_and_default)
{
        const ConfKey *key = conf_key((size_t) _i);
        char *entry = manual_entry(key->name), *expected, *wanted;
        char line[2048];

        expected = conf_key_expected(key);
        ck_assert_ptr_nonnull(expected);
        wanted = as_manual_text(expected);
        snprintf(line, sizeof(line), "Value: %s.\n", wanted);
        ck_assert_msg(strstr(entry, line), "%s: \"%s\" is not in:\n%s", key->name, line, entry);
        free(wanted);
        free(expected);

        if (key->default_text) {
                wanted = as_manual_text(key->default_text);
                snprintf(line, sizeof(line), "Default: %s.\n", wanted);
                ck_assert_msg(strstr(entry, line), "%s: \"%s\" is not in:\n%s", key->name, line,
                              entry);
                free(wanted);
        }
        free(entry);
}
END_TEST

/*
 * Takes the comment sign from the lines of the shipped file that are settings: they start with it
 * and no blank follows, other than in lines of prose.
 */
static void uncomment(char *text)
{
        for (char *line = text; *line; line = strchr(line, '\n') + 1)
                if (line[0] == '#' && line[1] != ' ' && line[1] != '\n')
                        line[0] = ' ';
}

/* The shipped file leaves to others what is theirs, and says nothing else. */
static void assert_shipped(const Conf *defaults)
{
        static const char *const names[] = { "kmem", "balloon", "driver", "standby" };
        static const Origin origins[] = { ORIGIN_KMEM, ORIGIN_BALLOON, ORIGIN_DRIVER,
                                          ORIGIN_STANDBY };
        Conf conf;

        load(&conf);
        assert_rules(&conf, names, ELEMENTSOF(names));
        for (size_t i = 0; i < ELEMENTSOF(origins); i++) {
                ck_assert_uint_eq(conf.policy.rules[i].origins, 1U << origins[i]);
                ck_assert_int_eq(conf.policy.rules[i].zone, ZONE_ACTION_LEAVE);
        }
        policy_done(&conf.policy);
        assert_conf_eq(&conf, defaults);
        conf_done(&conf);
}

START_TEST(the_shipped_file_shows_every_setting_at_its_default)
{
        char *text = read_source("conf/memoryd.conf");
        Conf defaults;

        conf_init(&defaults);
        put(VENDOR, text);
        assert_shipped(&defaults);
        uncomment(text);
        put(VENDOR, text);
        assert_shipped(&defaults);

        for (size_t i = 0; conf_key(i); i++) {
                const ConfKey *key = conf_key(i);
                const char *dot = strchr(key->name, '.');
                char setting[128];

                if (!key->default_text)
                        continue;
                snprintf(setting, sizeof(setting), " %s = %s;\n", dot ? dot + 1 : key->name,
                         key->default_text);
                ck_assert_msg(strstr(text, setting), "\"%s\" is not there", setting);
        }
        free(text);
}
END_TEST

START_TEST(each_example_is_good_as_a_drop_in_to_the_shipped_file)
{
        const char *folder = getenv("srcdir");
        char *shipped = read_source("conf/memoryd.conf");
        char pattern[PATH_MAX];
        glob_t found;

        put(VENDOR, shipped);
        snprintf(pattern, sizeof(pattern), "%s/conf/examples/*.conf", folder ? folder : ".");
        ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
        ck_assert_uint_eq(found.gl_pathc, 6);
        for (size_t i = 0; i < found.gl_pathc; i++) {
                char *text = read_source(found.gl_pathv[i] + strlen(folder ? folder : ".") + 1);
                Conf conf;

                put(ETC_D "50-example.conf", text);
                load(&conf);
                ck_assert_uint_ge(conf.policy.n_rules, 4);
                conf_done(&conf);
                free(text);
        }
        globfree(&found);
        free(shipped);
}
END_TEST

static size_t n_keys(void)
{
        size_t n = 0;

        while (conf_key(n))
                n++;
        return n;
}

static TCase *add_case(Suite *suite, const char *name)
{
        TCase *tcase = tcase_create(name);

        tcase_add_checked_fixture(tcase, set_up, tear_down);
        suite_add_tcase(suite, tcase);
        return tcase;
}

static void add_value_tests(Suite *suite)
{
        TCase *files = add_case(suite, "files"), *values = add_case(suite, "values");

        tcase_add_loop_test(files, every_fault_of_a_file_is_reported_with_its_line, 0,
                            ELEMENTSOF(file_cases));
        tcase_add_loop_test(files, one_file_alone_is_checked_the_same_way, 0,
                            ELEMENTSOF(file_cases));
        tcase_add_test(files, all_faults_of_all_files_come_in_one_run_and_in_order);
        tcase_add_test(files, faults_are_added_to_those_that_are_there);

        tcase_add_test(values, no_file_at_all_gives_the_defaults);
        tcase_add_test(values, every_setting_is_read);
        tcase_add_test(values, every_criterion_is_read);
        tcase_add_loop_test(values, every_word_for_a_machine_is_known, 0, 2);
        tcase_add_loop_test(values, a_ratio_is_rounded_down_to_thousandths, 0,
                            ELEMENTSOF(ratio_cases));
        tcase_add_loop_test(values, a_size_is_read_at_its_full_width, 0, ELEMENTSOF(size_cases));
        tcase_add_loop_test(values, a_time_is_text_with_a_unit_or_a_number_of_seconds, 0,
                            ELEMENTSOF(time_cases));
}

static void add_merge_tests(Suite *suite)
{
        TCase *merge = add_case(suite, "merge");

        tcase_add_test(merge, later_files_override_by_key);
        tcase_add_test(merge, a_name_in_etc_hides_the_same_in_run_and_that_in_usr_lib);
        tcase_add_test(merge, a_link_to_dev_null_masks);
        tcase_add_test(merge, rules_of_drop_ins_go_before_those_of_the_main_file);
        tcase_add_test(merge, a_draft_counts_as_a_drop_in_of_its_name);
        tcase_add_test(merge, faults_of_a_draft_and_of_the_files_come_in_one_run);
        tcase_add_test(merge, a_drop_in_has_a_name_that_ends_so);
        tcase_add_test(merge, the_vendors_rules_stay_when_etc_has_none);
        tcase_add_test(merge, a_replaced_rule_does_not_hold_its_name);
        tcase_add_test(merge, two_rules_of_one_name_are_a_fault);
        tcase_add_test(merge, no_rule_may_be_called_as_an_unnamed_one_is);
        tcase_add_test(merge, a_rule_behind_one_without_criteria_is_a_fault_across_files);
        tcase_add_test(merge, a_drop_in_may_match_all_before_the_vendors_rules);
        tcase_add_test(merge, udev_properties_are_judged_when_all_files_are_read);
        tcase_add_test(merge, there_are_at_most_64_udev_properties);
        tcase_add_test(merge, there_are_at_most_1024_rules_in_all_files);
        tcase_add_test(merge, delay_and_cap_are_compared_across_files_at_the_later_one);
}

static void add_odd_tests(Suite *suite)
{
        TCase *odd = add_case(suite, "odd");

        tcase_set_timeout(odd, 600);
        tcase_add_test(odd, what_is_no_file_is_refused_without_waiting);
        tcase_add_test(odd, a_file_where_a_folder_should_be_is_a_fault);
        tcase_add_test(odd, a_file_and_a_folder_without_permission_are_faults);
        tcase_add_test(odd, files_and_folders_that_other_users_can_change_are_refused);
        tcase_add_test(odd, files_of_other_users_are_refused);
        tcase_add_test(odd, a_file_that_the_caller_names_may_belong_to_anyone);
        tcase_add_test(odd, a_file_of_one_mebibyte_is_the_largest);
        tcase_add_test(odd, more_settings_than_there_can_be_are_not_read_on);
        tcase_add_test(odd, a_nul_byte_is_a_fault_and_ends_the_text);
        tcase_add_test(odd, one_file_alone_must_exist);
        tcase_add_test(odd, a_text_is_read_as_a_file_is);
        tcase_add_test(odd, paths_in_faults_have_single_slashes);
        tcase_add_test(odd, a_fault_is_text_whatever_the_file_is_called);
        tcase_add_test(odd, a_file_cut_anywhere_is_read_or_refused);
        tcase_add_test(odd, a_file_with_any_byte_wrong_is_read_or_refused);
}

static void add_document_tests(Suite *suite)
{
        TCase *documents = add_case(suite, "documents");

        tcase_add_test(documents, settings_come_first_in_the_table_and_print_their_defaults);
        tcase_add_test(documents, a_file_with_an_unprintable_name_is_shown);
        tcase_add_test(documents, a_file_is_shown_to_those_who_may_read_it);
        tcase_add_loop_test(documents, a_setting_is_printed_as_it_is_written, 0,
                            ELEMENTSOF(printed_cases));
        tcase_add_loop_test(documents, a_criterion_is_printed_as_it_is_written, 0,
                            ELEMENTSOF(printed_criteria));
        tcase_add_loop_test(documents, the_defaults_in_the_table_are_the_defaults, 0,
                            (int) n_keys());
        tcase_add_loop_test(documents, every_key_is_documented_with_its_range_and_default, 0,
                            (int) n_keys());
        tcase_add_test(documents, the_shipped_file_shows_every_setting_at_its_default);
        tcase_add_test(documents, each_example_is_good_as_a_drop_in_to_the_shipped_file);
}

int main(void)
{
        Suite *suite = suite_create("conf");

        add_value_tests(suite);
        add_merge_tests(suite);
        add_odd_tests(suite);
        add_document_tests(suite);
        return check_main_pure(suite);
}
