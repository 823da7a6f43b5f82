/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Groups the steps of a selection by node and classes. */

#include "job/effect.h"

#include "policy/guard.h"

typedef struct Move {
        int32_t node;
        ZoneClass from;
        ZoneClass to;
        uint32_t block;
} Move;

static bool is_alike(const Move *a, const Move *b)
{
        return a->node == b->node && a->from == b->from && a->to == b->to;
}

static int compare_moves(const void *a, const void *b)
{
        const Move *x = a, *y = b;

        if (x->node != y->node)
                return x->node < y->node ? -1 : 1;
        if (x->from != y->from)
                return x->from < y->from ? -1 : 1;
        if (x->to != y->to)
                return x->to < y->to ? -1 : 1;
        return (x->block > y->block) - (x->block < y->block);
}

static void add_move(const Machine *machine, Effects *effects, const Move *move, bool is_first)
{
        const Node *node = machine_find_node(machine, (uint32_t) move->node);
        Effect *effect;

        if (is_first) {
                uint32_t *blocks = effects->blocks;

                if (effects->n_effects > 0)
                        blocks = effects->effects[effects->n_effects - 1].blocks +
                                 effects->effects[effects->n_effects - 1].n_blocks;
                effects->effects[effects->n_effects++] = (Effect){
                        .node = move->node,
                        .from = move->from,
                        .to = move->to,
                        .blocks = blocks,
                        .node_bytes =
                                node ? node->totals.online_bytes + node->totals.offline_bytes : 0,
                        .movable_bytes = node ? node->totals.movable_bytes : 0,
                };
        }
        effect = &effects->effects[effects->n_effects - 1];
        effect->blocks[effect->n_blocks++] = move->block;
}

int effects_of(const Machine *machine, const Selection *selection, Effects *ret)
{
        size_t n = selection->n_steps;
        _cleanup_free_ Move *moves = calloc(n + 1, sizeof(*moves));
        Effects effects = { .effects = calloc(n + 1, sizeof(Effect)),
                            .blocks = calloc(n + 1, sizeof(uint32_t)) };

        if (!moves || !effects.effects || !effects.blocks) {
                effects_done(&effects);
                return -ENOMEM;
        }
        for (size_t i = 0; i < n; i++) {
                const Step *step = &selection->steps[i];
                const Block *block = machine_find_block(machine, step->block);

                moves[i] = (Move){ step->node, step->from,
                                   block ? verdict_class(step->to, block) : ZONE_CLASS_NONE,
                                   step->block };
        }
        qsort(moves, n, sizeof(*moves), compare_moves);
        for (size_t i = 0; i < n; i++)
                add_move(machine, &effects, &moves[i],
                         i == 0 || !is_alike(&moves[i - 1], &moves[i]));
        *ret = effects;
        return 0;
}

void effects_done(Effects *effects)
{
        free(effects->effects);
        free(effects->blocks);
        *effects = (Effects){};
}
