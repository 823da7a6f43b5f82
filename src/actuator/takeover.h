/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "actuator/writer.h"
#include "kernel/sysfs.h"

/*
 * While memoryd runs it says what the kernel's own auto-onlining does, in the machine's
 * auto_online_blocks and, on a kernel that has them, in those of the nodes. What they were set to is kept
 * below /run, so that a memoryd that was killed, and the one that follows it, still put it back at the end.
 */

/* A file that memoryd has written to. */
typedef struct Answer {
        int32_t node;      /* the node's file; NODE_NONE: the machine's */
        OnlineWord before; /* what it said before memoryd, to be put back */
        unsigned ours;     /* mask of 1 << OnlineWord: what memoryd has written, or is about to */
        OnlineWord
                refused; /* what could not be written last, _ONLINE_WORD_INVALID for nothing; not kept */
} Answer;

typedef struct Takeover {
        Answer *answers; /* owned */
        size_t n_answers;
        bool is_changed; /* since it was kept */
        bool failed;     /* it could not be kept last time */
        char machine_word
                [AUTO_ONLINE_WORD_MAX]; /* the machine's, as last read; "" for no such file */
} Takeover;

void takeover_done(Takeover *takeover);

/*
 * What an earlier memoryd left below the folder; nothing at all is no error. 0, -EBADMSG when it is damaged
 * or of another version, or another negative errno; *ret is written on success only.
 */
int takeover_load(const char *folder, Takeover *ret);

/* Keeps it if it has changed, atomically; no file when there is nothing to put back. 0 or a negative errno. */
int takeover_save(const char *folder, Takeover *takeover);

/*
 * For a file that says `current` and is to say `wanted`: 1 when that is to be written, which is noted and
 * to be kept first; 0 when there is nothing to write, or it was tried and could not be; -ENOMEM. What
 * somebody else has set since is what is to be put back.
 */
int takeover_take(Takeover *takeover, int32_t node, OnlineWord current, OnlineWord wanted);

/* What to put back into a file, _ONLINE_WORD_INVALID for nothing: also when somebody else has set it since. */
OnlineWord takeover_release(const Takeover *takeover, int32_t node, OnlineWord current);

/* A word was written, or could not be, with a negative errno. */
void takeover_written(Takeover *takeover, int32_t node, OnlineWord word, int error);

/* What could not be written may be tried again. */
void takeover_retry(Takeover *takeover);

/* Nothing is to be put back into this file. */
void takeover_forget(Takeover *takeover, int32_t node);

/*
 * What was to be put back was. Files that went with their nodes are not forgotten: the kernel has kept the
 * word for when the node comes back.
 */
void takeover_end(Takeover *takeover, const Machine *machine);

/* What the configuration wants of these files. */
typedef struct TakeoverWish {
        const Policy *policy;
        bool is_uniform; /* the setting `offload` */
        bool gives_back; /* what they said before memoryd, since it stops or is to respect them */
} TakeoverWish;

/* Reads the machine's word. Those of the nodes come with the nodes. */
void takeover_read(Takeover *takeover, const Sysfs *sysfs);

/* Whether the kernel onlines what is added to a node that does not say otherwise. */
bool takeover_kernel_onlines(const Takeover *takeover);

/*
 * Has the files say what is wanted, one after the other: the next one with the reply to the last. What they said is
 * kept below the folder first. 1 when something is being written, 0 when there is nothing to write, or a negative
 * errno.
 */
int takeover_run(Takeover *takeover, Writer *writer, const char *folder, const Machine *machine,
                 const TakeoverWish *wish);

/* The reply to such a write. */
void takeover_on_reply(Takeover *takeover, const Sysfs *sysfs, Machine *machine,
                       const ActuatorReply *reply);

/*
 * For a memoryd that cannot start: puts back what an earlier one took over and was killed before it
 * could, through the actuator, waiting for at most ten seconds for each. Returns the number of files that
 * were put back, or a negative errno.
 */
int takeover_abandon(const char *folder, const Sysfs *sysfs, int actuator_fd);
