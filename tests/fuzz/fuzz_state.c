/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The files that one memoryd leaves to the next. What is loaded and saved again is loaded as the same. */

#include "actuator/takeover.h"
#include "daemon/counters.h"
#include "daemon/crash.h"
#include "daemon/dax-write.h"
#include "daemon/remember.h"
#include "fuzz.h"

#define N_BLOCKS 8

static void fill_block(Block *block)
{
        block->inode = block->id;
        block->state = block->id % 2 ? BLOCK_OFFLINE : BLOCK_ONLINE;
}

static void check_blocks(const uint8_t *data, size_t size)
{
        Machine machine;

        fuzz_machine(&machine, N_BLOCKS, fill_block);
        FUZZ_ASSERT(fuzz_write("blocks", data, size));
        if (remember_load(fuzz_folder(), &machine) == 0) {
                FUZZ_ASSERT(remember_save(fuzz_folder(), &machine) == 0);
                FUZZ_ASSERT(remember_load(fuzz_folder(), &machine) == 0);
        }
        machine_done(&machine);
}

static void check_takeover(const uint8_t *data, size_t size)
{
        Takeover takeover = {}, again = {};

        FUZZ_ASSERT(fuzz_write("auto_online_blocks", data, size));
        if (takeover_load(fuzz_folder(), &takeover) == 0) {
                takeover.is_changed = true;
                FUZZ_ASSERT(takeover_save(fuzz_folder(), &takeover) == 0);
                FUZZ_ASSERT(takeover_load(fuzz_folder(), &again) == 0);
                FUZZ_ASSERT(again.n_answers <= takeover.n_answers);
        }
        takeover_done(&takeover);
        takeover_done(&again);
}

static void check_dax(const uint8_t *data, size_t size)
{
        DaxWrite dax = {}, again = {};

        FUZZ_ASSERT(fuzz_write("dax", data, size));
        if (dax_write_load(&dax, fuzz_folder()) > 0) {
                FUZZ_ASSERT(dax_write_save(&dax, fuzz_folder()) == 0);
                FUZZ_ASSERT(dax_write_load(&again, fuzz_folder()) > 0);
                FUZZ_ASSERT(strcmp(again.device, dax.device) == 0 && again.verdict == dax.verdict);
        }
        dax_write_done(&dax);
        dax_write_done(&again);
}

static void check_counters(const uint8_t *data, size_t size)
{
        Counters counters = {};

        FUZZ_ASSERT(fuzz_write("counters", data, size));
        if (counters_load(fuzz_folder(), &counters) > 0) {
                counters.is_changed = true;
                counters_save(&counters, fuzz_folder());
                FUZZ_ASSERT(!counters.is_changed);
                FUZZ_ASSERT(counters_load(fuzz_folder(), &counters) > 0);
        }
        counters_done(&counters);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        unsigned n;

        check_blocks(data, size);
        check_takeover(data, size);
        check_dax(data, size);
        check_counters(data, size);
        FUZZ_ASSERT(fuzz_write("crashes", data, size));
        n = crash_count(fuzz_folder(), 1000 * USEC_PER_SEC);
        FUZZ_ASSERT(crash_delay_sec(n) <= 60);
        return 0;
}
