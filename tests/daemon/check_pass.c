/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* What a pass does next, and when: all of its waiting, with a clock of its own. */

#include "check_main.h"
#include "daemon/pass.h"
#include "machine_fixture.h"
#include "policy/track.h"

#define BLOCK_BYTES (UINT64_C(128) << 20)
#define NOW (1000 * USEC_PER_SEC)
#define SETTLE (2 * USEC_PER_SEC)
#define NEVER USEC_INFINITY

static Machine machine;
static Pass pass;

static void set_up(void)
{
        machine_init(&machine);
        pass_init(&pass);
        pass.settle_usec = SETTLE;
}

static void tear_down(void)
{
        pass_done(&pass);
        machine_done(&machine);
}

static void assert_next(uint64_t now, PassAct act, uint64_t wake)
{
        const PassNext next = pass_next(&pass, &machine, now);

        ck_assert_int_eq(next.act, act);
        ck_assert_uint_eq(next.wake_usec, act == PASS_WAIT ? wake : NEVER);
}

/* A machine that was listed, read and identified at a time, and is to be planned. */
static void begin(const char *text, uint64_t now)
{
        machine_from(&machine, BLOCK_BYTES, text);
        pass_on_listed(&pass, &machine, 0, false, now);
        pass_on_read(&pass, true, false, false, now);
        pass.identify_needed = false;
}

START_TEST(the_start_lists_reads_identifies_and_plans)
{
        machine_from(&machine, BLOCK_BYTES, "0c=k4");
        assert_next(NOW, PASS_LIST, NEVER);
        pass_on_listed(&pass, &machine, 4, false, NOW);
        assert_next(NOW, PASS_READ, NEVER);
        pass_on_read(&pass, false, false, false, NOW);
        assert_next(NOW, PASS_READ, NEVER);
        pass_on_read(&pass, true, false, false, NOW);
        assert_next(NOW, PASS_IDENTIFY, NEVER);
        pass.identify_needed = false;
        assert_next(NOW, PASS_PLAN, NEVER);
        pass_on_planned(&pass, &machine, NOW);
        assert_next(NOW, PASS_WAIT, NEVER);
}
END_TEST

/* The truth table of waiting */

typedef enum DeviceKind {
        NO_DEVICE,
        COMPLETE,
        INCOMPLETE,
        UNKNOWN, /* nobody can tell what will follow it */
        VIRTIO,
} DeviceKind;

typedef struct WaitCase {
        const char *name;
        DeviceKind device;
        bool has_no_node;
        bool is_told; /* the kernel told the node with the event */
        bool is_decided;
        bool is_given_up;
        bool is_due; /* the kernel is to online it */
        bool needs_udev;
        bool is_announced;
        bool confirm;
        unsigned grew_msec_ago; /* 0: no block is new */
        bool waits;
        uint64_t wake_usec; /* from now on */
} WaitCase;

#define LOOK (2 * USEC_PER_MSEC)

static const WaitCase wait_cases[] = {
        { "a complete device", .device = COMPLETE },
        { "a complete device that just came", .device = COMPLETE, .confirm = true,
          .grew_msec_ago = 1 },
        { "no node", .device = COMPLETE, .has_no_node = true, .waits = true, .wake_usec = LOOK },
        { "no device", .device = NO_DEVICE, .waits = true, .wake_usec = LOOK },
        { "no device, decided", .device = NO_DEVICE, .is_decided = true },
        { "no device, given up", .device = NO_DEVICE, .is_given_up = true },
        { "blocks are missing", .device = INCOMPLETE, .waits = true, .wake_usec = LOOK },
        { "blocks are missing, decided", .device = INCOMPLETE, .is_decided = true },
        { "blocks are missing, given up", .device = INCOMPLETE, .is_given_up = true },
        { "an unknown device", .device = UNKNOWN },
        { "an unknown device, to be confirmed", .device = UNKNOWN, .confirm = true, .waits = true },
        { "an unknown device that came 14 ms ago", .device = UNKNOWN, .grew_msec_ago = 14,
          .waits = true, .wake_usec = USEC_PER_MSEC },
        { "an unknown device that came 15 ms ago", .device = UNKNOWN, .grew_msec_ago = 15 },
        { "virtio-mem that grew 99 ms ago", .device = VIRTIO, .grew_msec_ago = 99, .waits = true,
          .wake_usec = USEC_PER_MSEC },
        { "virtio-mem that grew 100 ms ago", .device = VIRTIO, .grew_msec_ago = 100 },
        { "virtio-mem that grew, decided", .device = VIRTIO, .grew_msec_ago = 1,
          .is_decided = true },
        { "an unknown device without a link", .device = UNKNOWN, .is_told = true, .waits = true,
          .wake_usec = LOOK },
        { "an unknown device without a link, given up", .device = UNKNOWN, .is_told = true,
          .is_given_up = true },
        { "a known device without a link", .device = COMPLETE, .is_told = true },
        { "udev is at work", .device = COMPLETE, .needs_udev = true, .waits = true,
          .wake_usec = LOOK },
        { "udev is done", .device = COMPLETE, .needs_udev = true, .is_announced = true },
        { "udev is not asked", .device = COMPLETE, .needs_udev = false },
        { "the kernel is about to online it", .device = COMPLETE, .is_due = true, .waits = true,
          .wake_usec = SETTLE },
        { "the kernel has left it, decided", .device = COMPLETE, .is_due = true,
          .is_decided = true },
        { "the kernel has left it, given up", .device = COMPLETE, .is_due = true,
          .is_given_up = true },
};

/* The machine of a case: kernel memory, and a block of the case's. */
static void begin_case(const WaitCase *wait)
{
        Device *device;
        Block *block;

        begin("0c=k1o1", NOW);
        block = &machine.blocks[1];
        (void) machine_add_device(&machine, 0, 0, 0);
        if (wait->device != NO_DEVICE) {
                device = machine_add_device(&machine, 1, 1, 0);
                device->missing_blocks = wait->device == INCOMPLETE;
                device->origin = wait->device == UNKNOWN ? ORIGIN_UNKNOWN :
                                 wait->device == VIRTIO  ? ORIGIN_VIRTIO_MEM :
                                                           ORIGIN_DIMM;
        }
        if (wait->has_no_node) {
                block->node = NODE_NONE;
                block->status = BLOCK_STATUS_WAITING;
        }
        block->told_node = wait->is_told ? 0 : NODE_NONE;
        block->decision.verdict = wait->is_decided ? VERDICT_MOVABLE : VERDICT_NONE;
        block->given_up = wait->is_given_up;
        block->kernel_due = wait->is_due;
        block->announced = wait->is_announced;
        pass.needs_udev = wait->needs_udev;
        pass.confirm_needed = wait->confirm;
        pass.grew_usec = wait->grew_msec_ago ? NOW - wait->grew_msec_ago * USEC_PER_MSEC : 0;
}

START_TEST(the_plan_waits_for_what_is_missing)
{
        const WaitCase *wait = &wait_cases[_i];
        PassNext next;

        begin_case(wait);
        next = pass_next(&pass, &machine, NOW);
        ck_assert_msg((next.act == PASS_WAIT) == wait->waits, "%s: act %d", wait->name, next.act);
        ck_assert_int_eq(pass_is_waiting(&pass), wait->waits);
        if (wait->waits)
                ck_assert_msg(next.wake_usec == NOW + wait->wake_usec, "%s: wakes after %lld us",
                              wait->name, (long long) (next.wake_usec - NOW));
        else
                ck_assert_int_eq(next.act, PASS_PLAN);
}
END_TEST

/* Acts until there is nothing to do or a plan is to be made; all that is looked for stays as it is. */
static PassNext act_until_rest(uint64_t now)
{
        for (unsigned i = 0; i < 10; i++) {
                PassNext next = pass_next(&pass, &machine, now);

                if (next.act == PASS_LIST)
                        pass_on_listed(&pass, &machine, 0, false, now);
                else if (next.act == PASS_READ)
                        pass_on_read(&pass, true, false, false, now);
                else if (next.act == PASS_IDENTIFY &&
                         next.nodeless.n + next.kernel.n + next.held.n + next.n_unknown == 0)
                        pass.identify_needed = false;
                else
                        return next;
        }
        ck_abort_msg("a pass without an end");
}

START_TEST(what_is_missing_is_waited_for_until_it_settles)
{
        const WaitCase *wait = &wait_cases[_i];
        PassNext next;

        if (!wait->waits)
                return;
        begin_case(wait);
        pass.confirm_needed = false;
        pass.grew_usec = 0;
        if (pass_next(&pass, &machine, NOW).act != PASS_WAIT)
                return; /* it was to be confirmed, and now is */
        ck_assert_int_eq(act_until_rest(NOW + SETTLE - 1).act, PASS_WAIT);

        next = act_until_rest(NOW + SETTLE);
        ck_assert_int_eq(next.kernel.n, wait->is_due);
        ck_assert_int_eq(next.nodeless.n, wait->has_no_node);
        ck_assert_int_eq(next.n_unknown, !wait->is_due && !wait->has_no_node);
        ck_assert(machine.blocks[1].given_up);
        if (next.act == PASS_IDENTIFY) {
                pass.identify_needed = false;
                next = pass_next(&pass, &machine, NOW + SETTLE);
        }
        ck_assert_int_eq(next.act, PASS_PLAN);
        ck_assert(!pass_is_waiting(&pass));
}
END_TEST

START_TEST(blocks_without_a_node_are_looked_at_less_and_less_often)
{
        static const unsigned delays_msec[] = { 2, 4, 8, 16, 32, 50, 50, 50 };
        uint64_t now = NOW;

        begin_case(&(WaitCase){ .device = COMPLETE, .has_no_node = true });
        for (size_t i = 0; i < ELEMENTSOF(delays_msec); i++) {
                const PassNext next = act_until_rest(now);

                ck_assert_int_eq(next.act, PASS_WAIT);
                ck_assert_uint_eq(next.wake_usec - now, delays_msec[i] * USEC_PER_MSEC);
                now = next.wake_usec;
        }
}
END_TEST

START_TEST(each_new_block_has_the_plan_wait_anew)
{
        begin_case(&(WaitCase){ .device = COMPLETE, .has_no_node = true });
        ck_assert_int_eq(act_until_rest(NOW).act, PASS_WAIT);
        pass_on_listed(&pass, &machine, 1, false, NOW + SETTLE - 1);
        ck_assert_int_eq(act_until_rest(NOW + SETTLE).act, PASS_WAIT);
        ck_assert_int_eq(act_until_rest(NOW + 2 * SETTLE - 2).act, PASS_WAIT);
        ck_assert_int_eq(act_until_rest(NOW + 2 * SETTLE - 1).act, PASS_IDENTIFY);
}
END_TEST

/* A DIMM of four blocks, the upper two of which have no node, and another DIMM. */
static void begin_half_a_dimm(bool has_device)
{
        begin("0c=k1o2 ?=o2 0=o1", NOW);
        (void) machine_add_device(&machine, 0, 0, 0);
        if (has_device)
                machine_add_device(&machine, 1, 4, 0)->origin = ORIGIN_DIMM;
        machine_add_device(&machine, 5, 5, 0)->origin = ORIGIN_DIMM;
        for (size_t i = 3; i < 5; i++)
                machine.blocks[i].status = BLOCK_STATUS_WAITING;
}

static void find_node(size_t i, uint64_t now)
{
        machine.blocks[i].node = 0;
        machine.blocks[i].status = BLOCK_STATUS_PENDING;
        machine.blocks[i].given_up = false;
        pass_on_read(&pass, true, false, false, now);
}

START_TEST(each_node_that_is_found_has_the_plan_wait_anew)
{
        begin_half_a_dimm(true);
        ck_assert_int_eq(act_until_rest(NOW).act, PASS_WAIT);
        find_node(3, NOW + SETTLE - 1);
        ck_assert_int_eq(act_until_rest(NOW + SETTLE - 1).act, PASS_WAIT);
        ck_assert_int_eq(act_until_rest(NOW + 2 * SETTLE - 2).act, PASS_WAIT);
        ck_assert_int_eq(act_until_rest(NOW + 2 * SETTLE - 1).act, PASS_IDENTIFY);
}
END_TEST

/* Which blocks a plan decides on now. */
static const char *wanted(void)
{
        static char text[16];
        size_t n = 0;

        for (size_t i = 0; i < machine.n_blocks; i++)
                text[n++] = track_wants_plan(&machine.blocks[i], NOW) ? '1' : '0';
        text[n] = 0;
        return text;
}

/* Half of a DIMM's nodes come 30 s late, with its device known or not. */
START_TEST(half_of_a_device_is_not_decided_on_before_the_rest)
{
        uint64_t late = NOW + 30 * USEC_PER_SEC;
        PassNext next;

        begin_half_a_dimm(_i > 0);
        ck_assert_int_eq(act_until_rest(NOW).act, PASS_WAIT);
        next = act_until_rest(NOW + SETTLE);
        ck_assert_uint_eq(next.nodeless.n, 2);
        ck_assert_uint_eq(next.nodeless.first, 3);
        ck_assert_uint_eq(next.n_unknown, 0);
        pass.identify_needed = false;
        ck_assert_int_eq(act_until_rest(NOW + SETTLE).act, PASS_PLAN);
        ck_assert_str_eq(wanted(), "000001");
        pass_on_planned(&pass, &machine, NOW + SETTLE);
        machine.blocks[5].decision.verdict = VERDICT_KERNEL;
        machine.blocks[5].status = BLOCK_STATUS_DONE;

        find_node(3, NOW + 10 * USEC_PER_SEC);
        for (uint64_t now = NOW + 10 * USEC_PER_SEC; now < late; now = next.wake_usec) {
                next = act_until_rest(now);
                if (next.act == PASS_PLAN) {
                        ck_assert_str_eq(wanted(), "000000");
                        pass_on_planned(&pass, &machine, now);
                        next = act_until_rest(now);
                }
                ck_assert_int_eq(next.act, PASS_WAIT);
                ck_assert_uint_le(next.wake_usec, now + 5 * USEC_PER_SEC);
                ck_assert(!pass_is_waiting(&pass));
        }
        find_node(4, late);
        if (_i == 0) {
                ck_assert_int_eq(act_until_rest(late).act, PASS_WAIT);
                machine_add_device(&machine, 1, 4, 0)->origin = ORIGIN_DIMM;
        }
        ck_assert_int_eq(act_until_rest(late).act, PASS_PLAN);
        ck_assert_str_eq(wanted(), "011110");
}
END_TEST

/* The link to an ACPI device comes 30 s late: it makes a difference if a rule asks for the origin. */
START_TEST(blocks_wait_for_their_device_if_the_policy_does)
{
        PassNext next;

        begin_case(&(WaitCase){ .device = NO_DEVICE });
        pass.needs_origin = _i > 0;
        ck_assert_int_eq(act_until_rest(NOW).act, PASS_WAIT);
        next = act_until_rest(NOW + SETTLE);
        ck_assert_int_eq(next.act, PASS_IDENTIFY);
        ck_assert_uint_eq(next.n_unknown, _i == 0);
        ck_assert_uint_eq(next.held.n, _i > 0);
        pass.identify_needed = false;
        ck_assert_int_eq(act_until_rest(NOW + SETTLE).act, PASS_PLAN);
        ck_assert_int_eq(track_wants_plan(&machine.blocks[1], NOW), _i == 0);
        pass_on_planned(&pass, &machine, NOW + SETTLE);
        if (_i == 0)
                return;

        /* The next look for devices has found it. */
        assert_next(NOW + SETTLE, PASS_WAIT, NOW + SETTLE + 5 * USEC_PER_SEC);
        assert_next(NOW + 30 * USEC_PER_SEC, PASS_READ, NEVER);
        pass_on_read(&pass, true, false, false, NOW + 30 * USEC_PER_SEC);
        assert_next(NOW + 30 * USEC_PER_SEC, PASS_IDENTIFY, NEVER);
        pass.identify_needed = false;
        (void) machine_add_device(&machine, 1, 1, 0);
        ck_assert_int_eq(act_until_rest(NOW + 30 * USEC_PER_SEC).act, PASS_PLAN);
        ck_assert(track_wants_plan(&machine.blocks[1], NOW));
}
END_TEST

START_TEST(a_block_without_a_node_that_was_given_up_is_read_every_five_seconds)
{
        begin_case(&(WaitCase){ .device = COMPLETE, .has_no_node = true, .is_given_up = true });
        ck_assert_int_eq(act_until_rest(NOW).act, PASS_PLAN);
        pass_on_planned(&pass, &machine, NOW);
        assert_next(NOW, PASS_WAIT, NOW + 5 * USEC_PER_SEC);
        assert_next(NOW + 5 * USEC_PER_SEC, PASS_READ, NEVER);
        ck_assert(machine.blocks[1].stale);
}
END_TEST

/* Events */

static void send(MonitorKind kind, uint32_t block, uint64_t now)
{
        const MonitorEvent event = { .block = block, .node = NODE_NONE };

        pass_on_event(&pass, &machine, kind, &event, now);
}

/* A machine with nothing to do. */
static void rest(const char *text)
{
        begin(text, NOW);
        for (size_t i = 0; i < machine.n_blocks; i++)
                machine.blocks[i].decision.verdict = VERDICT_MOVABLE;
        ck_assert_int_eq(act_until_rest(NOW).act, PASS_PLAN);
        pass_on_planned(&pass, &machine, NOW);
        assert_next(NOW, PASS_WAIT, NEVER);
}

START_TEST(an_event_is_followed_by_what_it_tells_of)
{
        static const struct {
                MonitorKind kind;
                uint32_t block;
                PassAct act;
        } cases[] = {
                { MONITOR_ADDED, 9, PASS_LIST },  { MONITOR_REMOVED, 1, PASS_LIST },
                { MONITOR_BLOCK, 1, PASS_READ },  { MONITOR_BLOCK, 9, PASS_LIST },
                { MONITOR_ONLINE, 1, PASS_READ }, { MONITOR_ONLINE, 9, PASS_LIST },
                { MONITOR_IGNORE, 1, PASS_WAIT }, { MONITOR_LOST, 0, PASS_LIST },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                rest("0c=k2");
                send(cases[i].kind, cases[i].block, NOW);
                assert_next(NOW, cases[i].act, NEVER);
                tear_down();
                set_up();
        }
}
END_TEST

START_TEST(the_echo_of_a_write_is_not_read)
{
        rest("0c=k2");
        machine.blocks[1].echo_due = true;
        send(MONITOR_ONLINE, 1, NOW);
        assert_next(NOW, PASS_WAIT, NEVER);
        send(MONITOR_ONLINE, 1, NOW);
        assert_next(NOW, PASS_READ, NEVER);
}
END_TEST

START_TEST(lost_events_have_all_blocks_read)
{
        rest("0c=k2");
        machine.blocks[0].echo_due = true;
        send(MONITOR_LOST, 0, NOW);
        for (size_t i = 0; i < 2; i++) {
                ck_assert(machine.blocks[i].stale);
                ck_assert(!machine.blocks[i].echo_due);
        }
}
END_TEST

/* What the kernel onlines */

static void begin_offload(void)
{
        begin("0c=k1o3", NOW);
        (void) machine_add_device(&machine, 0, 0, 0);
        (void) machine_add_device(&machine, 1, 3, 0);
        for (size_t i = 1; i < 4; i++)
                machine.blocks[i].kernel_due = true;
        assert_next(NOW, PASS_WAIT, NOW + SETTLE);
}

START_TEST(what_the_kernel_onlines_is_read_when_all_are_online)
{
        begin_offload();
        send(MONITOR_ONLINE, 1, NOW + 1);
        send(MONITOR_ONLINE, 2, NOW + 2);
        ck_assert(!pass.read_needed);
        send(MONITOR_ONLINE, 3, NOW + 3);
        assert_next(NOW + 3, PASS_READ, NEVER);
}
END_TEST

START_TEST(what_the_kernel_onlines_is_read_when_no_other_follows)
{
        const uint64_t last = NOW + USEC_PER_SEC;

        begin_offload();
        send(MONITOR_ONLINE, 1, last);
        ck_assert_int_eq(pass_next(&pass, &machine, last + SETTLE - 1).act, PASS_WAIT);
        assert_next(last + SETTLE, PASS_READ, NEVER);
}
END_TEST

START_TEST(what_the_kernel_leaves_is_given_up)
{
        PassNext next;

        begin_offload();
        next = pass_next(&pass, &machine, NOW + SETTLE);
        ck_assert_int_eq(next.act, PASS_PLAN);
        ck_assert_uint_eq(next.kernel.n, 3);
        ck_assert_uint_eq(next.kernel.first, 1);
}
END_TEST

/* What goes */

START_TEST(a_block_that_goes_is_looked_for_less_and_less_often)
{
        uint64_t now = NOW, delay = 2 * USEC_PER_MSEC;

        rest("0c=k2");
        send(MONITOR_REMOVED, 1, now);
        for (;; delay *= 2) {
                PassNext next = act_until_rest(now);

                ck_assert_int_eq(next.act, PASS_PLAN);
                pass_on_planned(&pass, &machine, now);
                if (!machine.blocks[1].leaving)
                        break;
                next = pass_next(&pass, &machine, now);
                ck_assert_int_eq(next.act, PASS_WAIT);
                ck_assert_uint_eq(next.wake_usec - now, delay);
                now = next.wake_usec;
        }
        /* Given up after a minute or so. */
        ck_assert_uint_eq(delay, 65536 * USEC_PER_MSEC);
}
END_TEST

START_TEST(a_node_without_memory_is_looked_for_less_and_less_often)
{
        uint64_t now = NOW, delay = 100 * USEC_PER_MSEC;

        rest("0c=k2 1=");
        machine_count(&machine);
        pass_on_listed(&pass, &machine, 0, true, now);
        ck_assert_int_eq(act_until_rest(now).act, PASS_PLAN);
        pass_on_planned(&pass, &machine, now);
        for (; delay < 50 * USEC_PER_SEC; delay *= 2) {
                assert_next(now, PASS_WAIT, now + delay);
                now += delay;
                assert_next(now, PASS_PLAN, NEVER);
                pass_on_planned(&pass, &machine, now);
        }
        assert_next(now, PASS_WAIT, NEVER);
}
END_TEST

static void add_pass_tests(Suite *suite)
{
        TCase *waiting = tcase_create("waiting"), *events = tcase_create("events");
        int n = (int) ELEMENTSOF(wait_cases);

        tcase_add_checked_fixture(waiting, set_up, tear_down);
        tcase_add_test(waiting, the_start_lists_reads_identifies_and_plans);
        tcase_add_loop_test(waiting, the_plan_waits_for_what_is_missing, 0, n);
        tcase_add_loop_test(waiting, what_is_missing_is_waited_for_until_it_settles, 0, n);
        tcase_add_test(waiting, blocks_without_a_node_are_looked_at_less_and_less_often);
        tcase_add_test(waiting, each_new_block_has_the_plan_wait_anew);
        tcase_add_test(waiting, each_node_that_is_found_has_the_plan_wait_anew);
        tcase_add_loop_test(waiting, half_of_a_device_is_not_decided_on_before_the_rest, 0, 2);
        tcase_add_loop_test(waiting, blocks_wait_for_their_device_if_the_policy_does, 0, 2);
        tcase_add_test(waiting,
                       a_block_without_a_node_that_was_given_up_is_read_every_five_seconds);
        suite_add_tcase(suite, waiting);

        tcase_add_checked_fixture(events, set_up, tear_down);
        tcase_add_test(events, an_event_is_followed_by_what_it_tells_of);
        tcase_add_test(events, the_echo_of_a_write_is_not_read);
        tcase_add_test(events, lost_events_have_all_blocks_read);
        tcase_add_test(events, what_the_kernel_onlines_is_read_when_all_are_online);
        tcase_add_test(events, what_the_kernel_onlines_is_read_when_no_other_follows);
        tcase_add_test(events, what_the_kernel_leaves_is_given_up);
        tcase_add_test(events, a_block_that_goes_is_looked_for_less_and_less_often);
        tcase_add_test(events, a_node_without_memory_is_looked_for_less_and_less_often);
        suite_add_tcase(suite, events);
}

int main(void)
{
        Suite *suite = suite_create("pass");

        add_pass_tests(suite);
        return check_main(suite);
}
