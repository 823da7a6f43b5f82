/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#include "check_main.h"
#include "machine_fixture.h"
#include "sysfs_fixture.h"
#include "verify/udev-rules.h"
#include "verify/verify.h"

/* A tree as the kernel shows it that is the root of udev's rules as well. */
static SysfsFixture fixture;
static Machine machine;
static Conf conf;
static bool hears_pressure, lacks_libnuma;
static WordFiles foreign_words;

#define RULE "SUBSYSTEM==\"memory\", ACTION==\"add\", ATTR{state}=\"online\"\n"
#define RELEASE "6.1.0-21-cloud-amd64"

static void setup(void)
{
        sysfs_fixture_init(&fixture);
        sysfs_fixture_write(&fixture, "ro quiet root=/dev/vda1\n", "proc/cmdline");
        sysfs_fixture_write(&fixture, "contig-zones\n",
                            "sys/module/memory_hotplug/parameters/online_policy");
        hears_pressure = true;
        lacks_libnuma = false;
        foreign_words = (WordFiles){};
        conf_init(&conf);
        machine_init(&machine);
}

static void teardown(void)
{
        conf_done(&conf);
        machine_done(&machine);
        sysfs_fixture_done(&fixture);
}

/* The machine of a text, the first block of which has its files as well. */
static void use_machine(const char *text)
{
        machine_done(&machine);
        machine_from(&machine, UINT64_C(128) << 20, text);
        machine_count(&machine);
        sysfs_fixture_set_block(&fixture, machine.blocks[0].id, "online\n", "Normal\n");
}

static void use_conf(const char *text)
{
        ConfFaults faults = {};

        conf_done(&conf);
        ck_assert_int_eq(conf_load_text("x.conf", text, strlen(text), &conf, &faults), 0);
}

/*
 * What is found, as "check: subject", a line each, with "note " before a note; *ret has all of it until the
 * next call.
 */
static const char *find(const char *release, const Findings **ret)
{
        static Findings findings;
        static char text[4096];
        Sysfs sysfs;
        VerifyInput input = {
                fixture.root,  &sysfs,  &machine,       &conf,
                foreign_words, release, hears_pressure, lacks_libnuma,
        };

        findings_done(&findings);
        sysfs_fixture_open(&fixture, &sysfs);
        ck_assert_int_eq(verify(&input, &findings), 0);
        sysfs_close(&sysfs);
        text[0] = 0;
        for (size_t i = 0; i < findings.n_findings; i++) {
                const Finding *finding = &findings.findings[i];

                ck_assert_uint_lt(strlen(text) + strlen(finding->subject) + 64, sizeof(text));
                strcat(strcat(strcat(text, finding->is_note ? "note " : ""), finding->check), ": ");
                strcat(strcat(text, finding->subject), "\n");
                /* Each says in a sentence what is wrong, and in another what to do, but for some notes. */
                ck_assert_int_eq(finding->text[strlen(finding->text) - 1], '.');
                if (!finding->is_note || *finding->advice)
                        ck_assert_int_eq(finding->advice[strlen(finding->advice) - 1], '.');
        }
        if (ret)
                *ret = &findings;
        return text;
}

#define assert_found(expected) ck_assert_str_eq(find(RELEASE, NULL), expected)

START_TEST(a_stock_machine_has_nothing_against_the_policy)
{
        use_machine("0c=k8m8 1=k4m4");
        assert_found("");
        ck_assert_str_eq(find("6.12.38+deb12-cloud-amd64", NULL), "");
}
END_TEST

/* Rules of udev */

START_TEST(rules_of_udev_are_found_with_file_and_line)
{
        const Findings *findings;

        use_machine("0c=k8");
        sysfs_fixture_write(&fixture, "# a comment\n" RULE, "usr/lib/udev/rules.d/40-vendor.rules");
        sysfs_fixture_write(&fixture, RULE "\n" RULE, "etc/udev/rules.d/10-own.rules");
        sysfs_fixture_write(&fixture, RULE, "etc/udev/rules.d/README");
        sysfs_fixture_write(&fixture, RULE, "etc/udev/rules.d/.hidden.rules");
        ck_assert_str_eq(find(RELEASE, &findings),
                         "udev-rule: /etc/udev/rules.d/10-own.rules:1\n"
                         "udev-rule: /etc/udev/rules.d/10-own.rules:3\n"
                         "udev-rule: /usr/lib/udev/rules.d/40-vendor.rules:2\n");
        ck_assert_ptr_nonnull(strstr(findings->findings[0].text, "ATTR{state}=\"online\""));
        ck_assert_ptr_nonnull(strstr(findings->findings[0].advice, "Take the rule out of /etc/"));
        ck_assert_ptr_nonnull(strstr(findings->findings[2].advice,
                                     "ln -s /dev/null /etc/udev/rules.d/40-vendor.rules"));
}
END_TEST

START_TEST(a_name_in_a_folder_of_higher_rank_hides_the_same_below)
{
        static const char *const folders[] = { "lib", "usr/lib", "usr/local/lib", "run", "etc" };

        use_machine("0c=k8");
        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                char expected[128];

                sysfs_fixture_write(&fixture, RULE, "%s/udev/rules.d/40-x.rules", folders[i]);
                snprintf(expected, sizeof(expected), "udev-rule: /%s/udev/rules.d/40-x.rules:1\n",
                         folders[i]);
                assert_found(expected);
        }
        sysfs_fixture_write(&fixture, "", "etc/udev/rules.d/40-x.rules");
        assert_found("");
}
END_TEST

START_TEST(a_link_to_dev_null_masks_a_file)
{
        use_machine("0c=k8");
        sysfs_fixture_write(&fixture, RULE, "usr/lib/udev/rules.d/40-x.rules");
        sysfs_fixture_write(&fixture, "", "etc/udev/rules.d/other.rules");
        ck_assert_int_eq(
                symlink("/dev/null", sysfs_fixture_path(&fixture, "etc/udev/rules.d/40-x.rules")),
                0);
        assert_found("");
}
END_TEST

START_TEST(a_folder_that_is_a_link_to_another_counts_once)
{
        use_machine("0c=k8");
        sysfs_fixture_write(&fixture, RULE, "usr/lib/udev/rules.d/40-x.rules");
        ck_assert_int_eq(symlink("usr/lib", sysfs_fixture_path(&fixture, "lib")), 0);
        assert_found("udev-rule: /usr/lib/udev/rules.d/40-x.rules:1\n");
        for (unsigned i = 2; i <= UDEV_FILES_MAX; i++)
                sysfs_fixture_write(&fixture, "", "usr/lib/udev/rules.d/%u.rules", i);
        assert_found("udev-rule: /usr/lib/udev/rules.d/40-x.rules:1\n");
        sysfs_fixture_write(&fixture, "", "run/udev/rules.d/1.rules");
        assert_found("udev-rule: rules.d\n");
}
END_TEST

/* An absolute link starts at the root, and no link leads above it. */
START_TEST(no_link_leads_out_of_the_root)
{
        char outside[] = "/tmp/memoryd-check-XXXXXX";
        FILE *file;
        int fd;

        use_machine("0c=k8");
        fd = mkstemp(outside);
        ck_assert_int_ge(fd, 0);
        file = fdopen(fd, "w");
        fputs(RULE, file);
        fclose(file);
        sysfs_fixture_write(&fixture, "", "etc/udev/rules.d/other.rules");
        ck_assert_int_eq(
                symlink(outside, sysfs_fixture_path(&fixture, "etc/udev/rules.d/40-x.rules")), 0);
        ck_assert_int_eq(symlink("../../../../../../../../etc/udev/rules.d/inside",
                                 sysfs_fixture_path(&fixture, "etc/udev/rules.d/50-x.rules")),
                         0);
        assert_found("");
        sysfs_fixture_write(&fixture, RULE, "etc/udev/rules.d/inside");
        assert_found("udev-rule: /etc/udev/rules.d/50-x.rules:1\n");
        unlink(outside);
}
END_TEST

START_TEST(what_is_no_file_or_too_large_a_one_is_said_and_not_read)
{
        const Findings *findings;
        const char *path;
        FILE *file;

        use_machine("0c=k8");
        sysfs_fixture_write(&fixture, RULE, "etc/udev/rules.d/20-large.rules");
        file = fopen(sysfs_fixture_path(&fixture, "etc/udev/rules.d/20-large.rules"), "ae");
        ck_assert_int_eq(ftruncate(fileno(file), UDEV_FILE_SIZE_MAX), 0);
        fclose(file);
        assert_found("udev-rule: /etc/udev/rules.d/20-large.rules:1\n");
        path = sysfs_fixture_path(&fixture, "etc/udev/rules.d/20-large.rules");
        ck_assert_int_eq(truncate(path, UDEV_FILE_SIZE_MAX + 1), 0);
        ck_assert_int_eq(
                mkfifo(sysfs_fixture_path(&fixture, "etc/udev/rules.d/30-fifo.rules"), 0600), 0);
        ck_assert_str_eq(find(RELEASE, &findings), "udev-rule: /etc/udev/rules.d/20-large.rules\n"
                                                   "udev-rule: /etc/udev/rules.d/30-fifo.rules\n");
        ck_assert_ptr_nonnull(strstr(findings->findings[0].text, strerror(EFBIG)));
}
END_TEST

START_TEST(a_rule_that_onlines_what_the_policy_leaves_to_it_is_a_note)
{
        static const struct {
                const char *conf;
                bool is_note;
        } cases[] = {
                { "", false },
                { "rules = ({ origin = \"balloon\"; zone = \"leave\"; });", true },
                { "rules = ({ origin = [\"kmem\", \"balloon\"]; zone = \"leave\"; });", true },
                { "rules = ({ zone = \"leave\"; });", true },
                { "rules = ({ origin = \"kmem\"; zone = \"movable\"; },"
                  " { driver = \"NVIDIA\"; zone = \"movable\"; },"
                  " { origin = \"balloon\"; zone = \"leave\"; });",
                  true },
                { "rules = ({ origin = \"kmem\"; zone = \"leave\"; });", false },
                { "rules = ({ origin = \"balloon\"; node = 0; zone = \"leave\"; });", false },
                { "rules = ({ node = 0; zone = \"movable\"; },"
                  " { origin = \"balloon\"; zone = \"leave\"; });",
                  false },
                { "rules = ({ origin = \"balloon\"; zone = \"kernel-default\"; });", false },
        };
        const Findings *findings;

        use_machine("0c=k8");
        sysfs_fixture_write(&fixture, "xen\n", "sys/hypervisor/type");
        sysfs_fixture_write(&fixture, RULE, "usr/lib/udev/rules.d/40-vm-hotadd.rules");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                use_conf(cases[i].conf);
                (void) find(RELEASE, &findings);
                ck_assert_uint_eq(findings->n_findings, 1);
                ck_assert_msg(findings->findings[0].is_note == cases[i].is_note, "%zu", i);
                ck_assert(!strstr(findings->findings[0].advice, "ln -s") == cases[i].is_note);
        }
}
END_TEST

/* The firmware's tables and what systemd calls the machine decide on rules that ask for them. */
START_TEST(rules_for_other_machines_are_none)
{
        static const char rules[] = "ATTR{[dmi/id]sys_vendor}==\"Xen\", GOTO=\"apply\"\n"
                                    "GOTO=\"end\"\nLABEL=\"apply\"\n" RULE "LABEL=\"end\"\n";

        use_machine("0c=k8");
        sysfs_fixture_write(&fixture, rules, "usr/lib/udev/rules.d/40-vm-hotadd.rules");
        assert_found("");
        sysfs_fixture_write(&fixture, "QEMU\n", "sys/class/dmi/id/sys_vendor");
        assert_found("");
        sysfs_fixture_write(&fixture, "Xen\n", "sys/class/dmi/id/sys_vendor");
        assert_found("udev-rule: /usr/lib/udev/rules.d/40-vm-hotadd.rules:4\n");

        sysfs_fixture_write(&fixture, "CONST{virt}==\"kvm\", " RULE,
                            "usr/lib/udev/rules.d/40-vm-hotadd.rules");
        strcpy(machine.virtualization, "none");
        assert_found("");
        strcpy(machine.virtualization, "kvm");
        assert_found("udev-rule: /usr/lib/udev/rules.d/40-vm-hotadd.rules:1\n");
}
END_TEST

/* The kernel's own onlining */

#define ALL_MOVABLE "offload = \"uniform\"; rules = ({ zone = \"movable\"; });"

static const struct {
        const char *conf;
        const char *word;
        bool is_found;
} auto_online_cases[] = {
        { "", "offline\n", false },
        { "", "online\n", true },
        { "", "online_movable\n", true },
        { "kernel_auto_online = \"respect\";", "offline\n", false },
        { "kernel_auto_online = \"respect\";", "online_kernel\n", true },
        { ALL_MOVABLE, "online_movable\n", false },
        { ALL_MOVABLE, "offline\n", false },
        { ALL_MOVABLE, "online_kernel\n", true },
        { ALL_MOVABLE "kernel_auto_online = \"respect\";", "online_movable\n", true },
};

START_TEST(a_kernel_that_onlines_by_itself_is_found)
{
        use_machine("0c=k8");
        use_conf(auto_online_cases[_i].conf);
        sysfs_fixture_write(&fixture, auto_online_cases[_i].word,
                            MEMORY_PATH "/auto_online_blocks");
        assert_found(auto_online_cases[_i].is_found ? "auto-online: /" MEMORY_PATH
                                                      "/auto_online_blocks\n" :
                                                      "");
}
END_TEST

#define NODE1_WORD NODE_PATH "/node1/auto_online_blocks"
#define NODE1_FOUND "auto-online: /" NODE1_WORD "\n"
#define NODE1_MOVABLE "offload = \"uniform\"; rules = ({ node = 1; zone = \"movable\"; });"

static const struct {
        const char *conf;
        const char *word;
        const char *found;
} node_word_cases[] = {
        { "", "inherit\n", "" },
        { "", "offline\n", "" },
        { "", "online_movable\n", NODE1_FOUND },
        { "kernel_auto_online = \"respect\";", "online\n", NODE1_FOUND },
        { NODE1_MOVABLE, "online_movable\n", "" },
        { NODE1_MOVABLE, "online\n", NODE1_FOUND },
        { "offload = \"uniform\"; rules = ({ node = 0; zone = \"movable\"; });", "online_movable\n",
          NODE1_FOUND },
};

START_TEST(a_node_that_onlines_by_itself_is_found)
{
        use_machine("0c=k8 1c=k2");
        use_conf(node_word_cases[_i].conf);
        sysfs_fixture_write(&fixture, node_word_cases[_i].word, NODE1_WORD);
        assert_found(node_word_cases[_i].found);
}
END_TEST

START_TEST(a_word_that_another_process_set_is_a_note)
{
        const Findings *findings;

        use_machine("0c=k8 1c=k2");
        sysfs_fixture_write(&fixture, "online_movable\n", MEMORY_PATH "/auto_online_blocks");
        sysfs_fixture_write(&fixture, "online\n", NODE1_WORD);
        foreign_words.machine = true;
        ck_assert_str_eq(find(RELEASE, &findings),
                         "note auto-online: /" MEMORY_PATH "/auto_online_blocks\n" NODE1_FOUND);
        ck_assert_ptr_nonnull(strstr(findings->findings[0].text, "\"online_movable\""));
        ck_assert_ptr_nonnull(strstr(findings->findings[0].advice, "memoryctl reload"));
        node_set_add(&foreign_words.nodes, 1);
        assert_found("note auto-online: /" MEMORY_PATH "/auto_online_blocks\nnote " NODE1_FOUND);
}
END_TEST

/* The command line */

#define WORD "kernel-command-line: "

static const struct {
        const char *words;
        const char *machine;
        const char *conf;
        const char *found;
} command_line_cases[] = {
        { "memhp_default_state=online", "0c=k8", "", WORD "memhp_default_state=online\n" },
        { "memhp_default_state=online_movable", "0c=k8", "",
          WORD "memhp_default_state=online_movable\n" },
        { "memhp_default_state=offline", "0c=k8", "", "" },
        { "memhp_default_state=online memhp_default_state=offline", "0c=k8", "", "" },
        { "init=/x -- memhp_default_state=online", "0c=k8", "", "" },
        { "x.memhp_default_state=online", "0c=k8", "", "" },
        { "\"memhp_default_state=online\"", "0c=k8", "", WORD "memhp_default_state=online\n" },
        { "memory_hotplug.online_policy=auto-movable", "0c=k8", "",
          WORD "memory_hotplug.online_policy=auto-movable\n" },
        { "memory-hotplug.online-policy=auto-movable", "0c=k8", "",
          WORD "memory_hotplug.online_policy=auto-movable\n" },
        { "memory_hotplug.online_policy=contig-zones", "0c=k8", "", "" },

        /* Only where more is movable than the guards allow: exactly three to one is not. */
        { "kernelcore=1G", "0c=k2m6", "", "" },
        { "kernelcore=1G", "0c=k2m7", "", WORD "kernelcore=1G\n" },
        { "movablecore=7G", "0c=k2m7", "", WORD "movablecore=7G\n" },
        { "movablecore=7G", "0c=k2m7", "max_movable_ratio = 4.0;", "" },
        /* A node with a CPU, of a machine that is within the ratio. */
        { "kernelcore=1G", "0c=k8 1c=k1m4", "", WORD "kernelcore=1G\n" },
        { "kernelcore=1G", "0c=k8 1c=k1m4", "per_node = false;", "" },
        { "kernelcore=1G", "0c=k8 1=k1m4", "", "" },
        { "movable_node", "0c=k8", "", "" },
        { "movable_node", "0c=k8 1=m4", "min_kernel = 0;", "" },
        { "movable_node", "0c=k2m7", "", WORD "movable_node\n" },
        { "movable_node", "0c=k8 1=m4", "", WORD "movable_node\nmovable-only-node: node 1\n" },
        { "movable_node", "0c=k8 1=m4", "rules = ({ node = 1; zone = \"leave\"; });",
          "note movable-only-node: node 1\n" },
};

START_TEST(words_of_the_command_line_are_found)
{
        use_machine(command_line_cases[_i].machine);
        use_conf(command_line_cases[_i].conf);
        sysfs_fixture_write(&fixture, command_line_cases[_i].words, "proc/cmdline");
        assert_found(command_line_cases[_i].found);
}
END_TEST

START_TEST(a_policy_of_the_kernels_own_is_found_once)
{
        use_machine("0c=k8");
        sysfs_fixture_write(&fixture, "auto-movable\n",
                            "sys/module/memory_hotplug/parameters/online_policy");
        assert_found("online-policy: /sys/module/memory_hotplug/parameters/online_policy\n");
        sysfs_fixture_write(&fixture, "memory_hotplug.online_policy=auto-movable\n",
                            "proc/cmdline");
        assert_found(WORD "memory_hotplug.online_policy=auto-movable\n");
}
END_TEST

/* Nodes and blocks */

static const struct {
        const char *machine;
        const char *conf;
        const char *found;
} node_cases[] = {
        { "0c=k8 1=k1m2", "", "" },
        { "0c=k8 1=o4", "", "" },
        { "0c=k8 1=m4", "", "movable-only-node: node 1\n" },
        { "0c=k8 1=m2 2c=m2", "", "movable-only-node: node 1\nmovable-only-node: node 2\n" },
        { "0c=k8 1=m4", "min_kernel = 0;", "" },
        { "0c=k8 1=m4", "rules = ({ node = 1; zone = \"movable\"; movable_node = true; });", "" },
        { "0c=k8 1=m4", "rules = ({ node = 2; zone = \"movable\"; movable_node = true; });",
          "movable-only-node: node 1\n" },
        { "0c=k8 1=m4", "rules = ({ node = 1; zone = \"movable\"; });",
          "movable-only-node: node 1\n" },
        { "0c=k8 1=m4", "rules = ({ node = 1; zone = \"leave\"; });",
          "note movable-only-node: node 1\n" },
        { "0c=k8 1=m4",
          "rules = ({ node = 1; zone = \"leave\"; address = \"0x40000000-0x4fffffff\"; });",
          "movable-only-node: node 1\n" },
};

START_TEST(nodes_with_movable_memory_alone_are_found_unless_a_rule_means_it)
{
        use_machine(node_cases[_i].machine);
        use_conf(node_cases[_i].conf);
        assert_found(node_cases[_i].found);
}
END_TEST

START_TEST(a_node_that_cannot_have_pages_of_1_gib_is_a_note)
{
        static const char pages[] = "sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages";
        static const char switched[] = "proc/sys/vm/movable_gigantic_pages";
        const Findings *findings;

        use_machine("0c=k8m8 1=k7m8 2=k7m7");
        assert_found("");
        sysfs_fixture_write(&fixture, "0\n", pages);
        assert_found("");
        sysfs_fixture_write(&fixture, "2\n", pages);
        ck_assert_str_eq(find(RELEASE, &findings), "note gigantic-pages: node 1\n");
        sysfs_fixture_write(&fixture, "0\n", switched);
        assert_found("note gigantic-pages: node 1\n");
        sysfs_fixture_write(&fixture, "1\n", switched);
        assert_found("");
}
END_TEST

static void set_foreign(unsigned first, unsigned last, Verdict verdict)
{
        for (unsigned id = first; id <= last; id++) {
                Block *block = machine_find_block(&machine, id);

                block->status = BLOCK_STATUS_FOREIGN;
                block->decision.verdict = verdict;
                block->onliner = ONLINER_OTHER;
        }
}

START_TEST(blocks_that_others_onlined_against_the_policy_are_found_as_ranges)
{
        const Findings *findings;

        use_machine("0c=k20m4 1=k4");
        set_foreign(3, 3, VERDICT_MOVABLE);
        set_foreign(8, 11, VERDICT_MOVABLE);
        set_foreign(16, 19, VERDICT_MOVABLE);
        set_foreign(20, 23, VERDICT_KERNEL);
        set_foreign(24, 27, VERDICT_MOVABLE);
        ck_assert_str_eq(find(RELEASE, &findings), "foreign-block: memory3\n"
                                                   "foreign-block: memory8-11\n"
                                                   "foreign-block: memory16-19\n"
                                                   "foreign-block: memory20-23\n"
                                                   "foreign-block: memory24-27\n");
        ck_assert_str_eq(findings->findings[3].text, "Something other than memoryd onlined this as "
                                                     "movable memory, the policy has it kernel.");
}
END_TEST

START_TEST(memory_that_the_kernel_could_not_add_is_found)
{
        const Findings *findings;

        use_machine("0c=k8");
        machine.acpi.devices = calloc(2, sizeof(AcpiDevice));
        ck_assert_ptr_nonnull(machine.acpi.devices);
        machine.acpi.n_devices = 2;
        strcpy(machine.acpi.devices[0].name, "PNP0C80:00");
        strcpy(machine.acpi.devices[1].name, "PNP0C80:01");
        ck_assert_str_eq(find(RELEASE, &findings), "");
        machine.acpi.devices[1].failed = true;
        ck_assert_str_eq(find(RELEASE, &findings), "failed-device: PNP0C80:01\n");
        ck_assert_ptr_nonnull(strstr(findings->findings[0].text,
                                     "could not add the memory of PNP0C80:01 (size not known): "));
        ck_assert_ptr_nonnull(strstr(findings->findings[0].advice, "memmap_on_memory"));
        machine.acpi.is_off = true;
        (void) find(RELEASE, &findings);
        ck_assert_ptr_nonnull(strstr(findings->findings[0].text, "hotplug/memory/enabled"));
        ck_assert_ptr_nonnull(strstr(findings->findings[0].advice, "Write 1 to the file"));
}
END_TEST

/* The kernel */

START_TEST(a_dax_device_that_cannot_be_onlined_as_a_whole_is_a_note_that_names_the_way)
{
        const Findings *findings;
        Device *device;

        use_machine("0c=k8 1=o4");
        device = machine_add_device(&machine, 8, 11, 0);
        device->origin = ORIGIN_KMEM;
        strcpy(device->name, "dax0.0");
        for (DaxState state = DAX_STATE_NONE; state < _DAX_STATE_MAX; state++) {
                device->dax_state = state;
                assert_found(state == DAX_STATE_OFFLINE ? "note dax-state: dax0.0\n" : "");
        }
        device->dax_state = DAX_STATE_OFFLINE;
        (void) find(RELEASE, &findings);
        ck_assert_ptr_nonnull(strstr(findings->findings[0].text, "EBUSY"));
        ck_assert_ptr_nonnull(strstr(findings->findings[0].advice,
                                     "write \"unplugged\" to /sys/bus/dax/devices/dax0.0/state"));
        ck_assert_ptr_nonnull(
                strstr(findings->findings[0].advice, "\"memoryctl online --device dax0.0\"."));
        for (size_t i = 8; i < 12; i++)
                machine.blocks[i].state = BLOCK_ONLINE;
        (void) find(RELEASE, &findings);
        ck_assert_ptr_nonnull(strstr(findings->findings[0].text, "one by one"));
        ck_assert_ptr_null(strstr(findings->findings[0].advice, "memoryctl"));
}
END_TEST

START_TEST(what_the_kernel_lacks_is_found_where_it_matters)
{
        const Findings *findings;

        use_machine("0c=k8");
        ck_assert_str_eq(find("3.7.10", &findings), "kernel-feature: online_movable\n");
        ck_assert_str_eq(findings->findings[0].text, feature_loss(FEATURE_ONLINE_TYPES));
        ck_assert_ptr_nonnull(strstr(findings->findings[0].advice, "Linux 3.8 (commit "));
        ck_assert_str_eq(find("3.8.0", NULL), "");
        ck_assert_str_eq(find("strange", NULL), "");

        ck_assert_int_eq(unlink(sysfs_fixture_path(&fixture, MEMORY_PATH "/auto_online_blocks")),
                         0);
        ck_assert_str_eq(find("4.6.7", NULL), "");
        ck_assert_str_eq(find("4.7.0", NULL), "kernel-feature: auto_online_blocks\n");
        use_conf("kernel_auto_online = \"respect\";");
        ck_assert_str_eq(find("4.7.0", NULL), "");

        sysfs_fixture_set_block(&fixture, 0, "online\n", NULL);
        ck_assert_str_eq(find(RELEASE, &findings), "note kernel-feature: valid_zones\n");
        ck_assert_str_eq(findings->findings[0].text, feature_loss(FEATURE_HOT_REMOVE));
        ck_assert_ptr_nonnull(strstr(findings->findings[0].advice, "CONFIG_MEMORY_HOTREMOVE"));
}
END_TEST

/* What of the series a kernel lacks is a finding only where it was asked for. */
START_TEST(answers_by_node_are_missed_where_they_were_asked_for)
{
        const Findings *findings;

        use_machine("0c=k8 1=k1m2");
        use_conf("rules = ({ node = 1; zone = \"movable\"; });");
        assert_found("");
        use_conf("offload = \"uniform\"; rules = ({ node = 1; zone = \"auto\"; });");
        assert_found("");
        use_conf("offload = \"uniform\"; rules = ({ zone = \"movable\"; });");
        assert_found("");
        use_conf("offload = \"uniform\"; rules = ({ node = 1; zone = \"movable\"; });"
                 "kernel_auto_online = \"respect\";");
        assert_found("");
        use_conf("offload = \"uniform\"; rules = ({ node = 1; zone = \"movable\"; });");
        ck_assert_str_eq(find(RELEASE, &findings),
                         "note kernel-feature: nodeN/auto_online_blocks\n");
        ck_assert_str_eq(findings->findings[0].text, feature_loss(FEATURE_NODE_AUTO_ONLINE));
        ck_assert_ptr_nonnull(strstr(findings->findings[0].advice, "memoryd's patch 4"));
        sysfs_fixture_write(&fixture, "inherit\n", NODE_PATH "/node1/auto_online_blocks");
        assert_found("");
}
END_TEST

START_TEST(tiers_are_missed_where_a_rule_asks_for_them)
{
        const Findings *findings;

        use_machine("0c=k8 1=k1m2");
        machine.nodes[0].has_tier = true;
        use_conf("rules = ({ tier = \"5-\"; zone = \"movable\"; });");
        ck_assert_str_eq(find(RELEASE, &findings), "note tier: memory_tiering\n");
        ck_assert_ptr_nonnull(strstr(findings->findings[0].advice, "6.1 or later"));

        sysfs_fixture_write(&fixture, "0\n",
                            "sys/devices/virtual/memory_tiering/memory_tier4/nodelist");
        assert_found("note tier: node1\n");
        machine.nodes[1].has_tier = true;
        assert_found("");
        machine.nodes[1].has_tier = false;
        use_conf("rules = ({ node = 1; zone = \"movable\"; });");
        assert_found("");
}
END_TEST

START_TEST(pressure_is_missed_where_there_is_movable_memory_or_it_is_to_be_given_back)
{
        static const char missed[] = "note kernel-feature: /proc/pressure/memory\n";
        const Findings *findings;

        hears_pressure = false;
        use_machine("0c=k8");
        assert_found("");
        use_conf("rebalance = true;");
        ck_assert_str_eq(find(RELEASE, &findings), missed);
        ck_assert_ptr_nonnull(strstr(findings->findings[0].advice, "psi=1"));
        use_conf("");
        use_machine("0c=k8m1");
        assert_found(missed);

        sysfs_fixture_write(&fixture, "some avg10=0.00\n", "proc/pressure/memory");
        ck_assert_str_eq(find(RELEASE, &findings), missed);
        ck_assert_ptr_nonnull(strstr(findings->findings[0].advice, "CAP_SYS_RESOURCE"));
        hears_pressure = true;
        assert_found("");
}
END_TEST

START_TEST(a_library_that_is_missing_is_a_note_that_says_what_to_install)
{
        const Findings *findings;

        use_machine("0c=k8");
        lacks_libnuma = true;
        ck_assert_str_eq(find(RELEASE, &findings), "note library: libnuma\n");
        ck_assert_ptr_nonnull(strstr(findings->findings[0].text, "from sysfs"));
        ck_assert_ptr_nonnull(strstr(findings->findings[0].advice, "libnuma1 (Debian"));
        lacks_libnuma = false;
        assert_found("");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("verify");
        TCase *tcase = tcase_create("verify");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, a_stock_machine_has_nothing_against_the_policy);
        tcase_add_test(tcase, rules_of_udev_are_found_with_file_and_line);
        tcase_add_test(tcase, a_name_in_a_folder_of_higher_rank_hides_the_same_below);
        tcase_add_test(tcase, a_link_to_dev_null_masks_a_file);
        tcase_add_test(tcase, a_folder_that_is_a_link_to_another_counts_once);
        tcase_add_test(tcase, no_link_leads_out_of_the_root);
        tcase_add_test(tcase, what_is_no_file_or_too_large_a_one_is_said_and_not_read);
        tcase_add_test(tcase, a_rule_that_onlines_what_the_policy_leaves_to_it_is_a_note);
        tcase_add_test(tcase, rules_for_other_machines_are_none);
        tcase_add_loop_test(tcase, a_kernel_that_onlines_by_itself_is_found, 0,
                            ELEMENTSOF(auto_online_cases));
        tcase_add_test(tcase, a_word_that_another_process_set_is_a_note);
        tcase_add_loop_test(tcase, a_node_that_onlines_by_itself_is_found, 0,
                            ELEMENTSOF(node_word_cases));
        tcase_add_loop_test(tcase, words_of_the_command_line_are_found, 0,
                            ELEMENTSOF(command_line_cases));
        tcase_add_test(tcase, a_policy_of_the_kernels_own_is_found_once);
        tcase_add_loop_test(tcase, nodes_with_movable_memory_alone_are_found_unless_a_rule_means_it,
                            0, ELEMENTSOF(node_cases));
        tcase_add_test(tcase, a_node_that_cannot_have_pages_of_1_gib_is_a_note);
        tcase_add_test(tcase, blocks_that_others_onlined_against_the_policy_are_found_as_ranges);
        tcase_add_test(tcase, memory_that_the_kernel_could_not_add_is_found);
        tcase_add_test(tcase,
                       a_dax_device_that_cannot_be_onlined_as_a_whole_is_a_note_that_names_the_way);
        tcase_add_test(tcase, what_the_kernel_lacks_is_found_where_it_matters);
        tcase_add_test(tcase, tiers_are_missed_where_a_rule_asks_for_them);
        tcase_add_test(tcase, answers_by_node_are_missed_where_they_were_asked_for);
        tcase_add_test(tcase, a_library_that_is_missing_is_a_note_that_says_what_to_install);
        tcase_add_test(tcase,
                       pressure_is_missed_where_there_is_movable_memory_or_it_is_to_be_given_back);
        suite_add_tcase(suite, tcase);
        return check_main(suite);
}
