/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "actuator/writer.h"
#include "kernel/sysfs.h"
#include "policy/offload.h"

/*
 * While memoryd runs, it controls the kernel's own onlining through the auto_online_blocks of the machine
 * and, on a kernel that has them, of the nodes. A word that another process sets meanwhile stays, until the
 * configuration is reloaded: memoryd writes nothing to that file, and does not restore it. What is known of
 * the files is kept below /run, so that the words are restored in the end even if memoryd was killed and
 * started again. A word that was set while no memoryd ran is the one to restore.
 */

/* What is known of a file. */
typedef struct Answer {
        int32_t node;      /* the node of the file; NODE_NONE: the machine */
        OnlineWord before; /* the word before memoryd wrote, to be restored */
        unsigned
                ours; /* mask of 1 << OnlineWord: words that memoryd wrote or is about to write, or found */
        OnlineWord refused; /* could not be written, or _ONLINE_WORD_INVALID; is not saved */
        OnlineWord
                foreign; /* what another process set while memoryd ran, or _ONLINE_WORD_INVALID */
        bool is_loaded; /* from what an earlier memoryd saved, and not compared with the file yet */
        bool is_told;   /* the foreign word was logged */
} Answer;

typedef struct Takeover {
        Answer *answers; /* owned */
        size_t n_answers;
        bool is_changed;                         /* since it was last saved */
        bool failed;                             /* it could not be saved last time */
        char machine_word[AUTO_ONLINE_WORD_MAX]; /* as last read; "": there is no such file */
} Takeover;

void takeover_done(Takeover *takeover);

/*
 * Loads what an earlier memoryd saved below the folder. A missing file is no error. Returns 0,
 * -EBADMSG if the file is damaged or of another version, or another negative errno. *ret is written
 * on success only.
 */
int takeover_load(const char *folder, Takeover *ret);

/*
 * Saves the words below the folder if they have changed, atomically. Removes the file if no word is to be
 * restored or left alone. Returns 0 or a negative errno.
 */
int takeover_save(const char *folder, Takeover *takeover);

/*
 * Decides on a file that says `current` and is to say `wanted`. Returns 1 if `wanted` is to be written: this
 * is noted, and must be saved first. Returns 0 if there is nothing to write, if a write of `wanted` has
 * failed, or if another process has set the file. Returns -ENOMEM if there is no memory.
 */
int takeover_take(Takeover *takeover, int32_t node, OnlineWord current, OnlineWord wanted);

/*
 * Returns the word to restore in a file. Returns _ONLINE_WORD_INVALID if there is none, if another
 * process has set the file since, or if the word could not be written.
 */
OnlineWord takeover_release(const Takeover *takeover, int32_t node, OnlineWord current);

/* Notes that a word was written or, with a negative errno, that it could not be written. */
void takeover_written(Takeover *takeover, int32_t node, OnlineWord word, int error);

/*
 * Allows another attempt to write words that could not be written, and takes over files that another process
 * has set. Their words are the ones to restore.
 */
void takeover_renew(Takeover *takeover);

/* Forgets a file: nothing is to be restored in it. */
void takeover_forget(Takeover *takeover, int32_t node);

/* The words that the configuration wants in these files. */
typedef struct TakeoverWish {
        const Policy *policy;
        bool is_uniform; /* the setting `offload` */
        bool gives_back; /* restore previous words: memoryd stops, or is to respect them */
} TakeoverWish;

/* The files of the machine and of its nodes that another process has set. */
WordFiles takeover_foreign(const Takeover *takeover, const Machine *machine);

/*
 * Notes in the machine and its nodes what the kernel would do without memoryd. It does nothing where the file
 * says what another process wants, or where memoryd leaves the file alone.
 */
void takeover_note_words(const Takeover *takeover, Machine *machine);

/*
 * Reads the word of the machine. The words of the nodes are read with the nodes. Logs an unknown word once.
 */
void takeover_read(Takeover *takeover, const Sysfs *sysfs);

/* Whether the kernel onlines memory that is added to a node without a word of its own. */
bool takeover_kernel_onlines(const Takeover *takeover);

/*
 * Sets the files to the wanted words, one after the other: call it again after each reply. The
 * previous words are saved below the folder first. Returns 1 if a word is being written, 0 if there
 * is nothing to write, or a negative errno.
 */
int takeover_run(Takeover *takeover, Writer *writer, const char *folder, const Machine *machine,
                 const TakeoverWish *wish);

/* Takes the reply to a write of takeover_run(). */
void takeover_on_reply(Takeover *takeover, const Sysfs *sysfs, Machine *machine,
                       const ActuatorReply *reply);

/*
 * For a memoryd that cannot start: restores the words that an earlier memoryd could not restore
 * because it was killed. Writes through the actuator, and waits for at most ten seconds for each
 * file. Returns the number of restored files, or a negative errno.
 */
int takeover_abandon(const char *folder, const Sysfs *sysfs, int actuator_fd);
