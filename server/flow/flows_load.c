/* Bringing a run into memory: its row, its source, its journal, and what it has missed, one after another. */
#include "protocol/item.h"
#include "protocol/wire_json.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/base/metric.h"
#include "server/flow/flows_inside.h"
#include "server/flow/json.h"

#include <stdio.h>

/* How long one that cannot be loaded is left alone: twice as long each time, up to about four minutes. */
enum { AGAIN_MS = 500, FAILURES_MAX = 9 };

/* The version stays in memory until the run is in it. */
static void hold_version(struct bot *bot, struct flow_version *version)
{
    bot->version = version;
    flow_version_hold(version);
}

void bot_let_version_go(struct bot *bot)
{
    if (bot->version)
        flow_version_let_go(bot->version);
    bot->version = NULL;
}

static void fail(struct bot *bot, const char *what, parley_status status)
{
    log_warn(NULL, "a run cannot be loaded yet", LOG_STR("what", what), LOG_UUID("run", bot->id), LOG_STATUS(status));
    bot->state = BOT_FAILED;
    bot->again_ms = loop_now_ms(bot->flows->loop) + (AGAIN_MS << bot->failures);
    if (bot->failures < FAILURES_MAX)
        bot->failures++;
    bot_let_version_go(bot);
    if (bot->dropped)
        bot_due(bot);
}

/* ---- the run itself ---- */

static int64_t question_of(struct bot *bot)
{
    struct value waiting;
    parley_status st = wire_json_read_stored(&bot->arena, span_str(bot->waiting), &waiting);
    return st == PARLEY_OK ? json_int(&waiting, "question") : 0;
}

void bot_replayed(struct bot *bot)
{
    if (bot->replay_us)
        metric_observe_us(METRIC_flow_replay_duration_seconds, clock_mono_us() - bot->replay_us);
    bot->replay_us = 0;
}

static void restore(struct bot *bot)
{
    struct flow_saved saved = {.run = bot->id,
                               .conversation = bot->conv->id,
                               .state = (enum flow_state)bot->row.state,
                               .step = bot->row.step,
                               .input_seq = bot->row.input_seq,
                               .question_seq = question_of(bot),
                               .waiting = span_str(bot->waiting),
                               .entries = bot->entries,
                               .entry_count = bot->entry_count};
    bot->replay_us = clock_mono_us();
    parley_status st = flow_load(bot->flows->engine, bot->version, &saved, bot, &bot->run);
    bot_let_version_go(bot);
    if (st != PARLEY_OK)
        fail(bot, "journal", st);
    else if (bot->state == BOT_LOADING)
        bot->state = BOT_BUSY; /* `ready` or a commit comes */
}

/* A run without a step begins with the first thing that the customer said; after a human part, said since that. */
static void begin(struct bot *bot)
{
    struct flow_birth birth = {.run = bot->id, .conversation = bot->conv->id, .input_seq = bot->row.input_seq};
    if (!uuid_is_nil(bot->conv->service.row.handoff)) {
        birth.input_seq = bot->conv->moved;
        bot_drop_inputs(bot, birth.input_seq);
    }
    if (!list_empty(&bot->inputs)) {
        struct bot_input *first = LIST_ITEM(bot->inputs.next, struct bot_input, node);
        struct value body;
        if (wire_json_read_stored(&bot->arena, first->body, &body) != PARLEY_OK)
            body = (struct value){.type = VALUE_MAP};
        flow_birth_by(&birth, first->seq, first->kind, &body);
    }
    bot->state = BOT_BUSY;
    parley_status st = flow_start(bot->flows->engine, bot->version, &birth, bot, &bot->run);
    bot_let_version_go(bot);
    if (st != PARLEY_OK)
        fail(bot, "start", st);
}

/* ---- what it missed ---- */

static void read_missed(struct bot *bot, int64_t after);

static void on_missed(void *arg, parley_status status, const struct log_page *page)
{
    struct bot *bot = arg;
    if (status != PARLEY_OK) {
        fail(bot, "missed items", status);
        return;
    }
    for (int i = 0; i < page->n; i++)
        if (bot_takes(&page->rows[i]))
            bot_add_input(bot, &page->rows[i]);
    if (page->more) {
        read_missed(bot, page->rows[page->n - 1].seq);
    } else if (bot->row.step > 0) {
        restore(bot);
    } else if (bot_serves(bot)) {
        begin(bot);
    } else {
        bot->state = BOT_ASIDE;
        bot_due(bot);
    }
}

static void read_missed(struct bot *bot, int64_t after)
{
    struct log_range range = {.conversation = bot->conv->id,
                              .after = after,
                              .oldest = true,
                              .limit = LIMIT_PAGE_ITEMS,
                              .bytes = LIMIT_PAGE_BYTES};
    parley_status st = log_range(bot->flows->store, &range, on_missed, bot);
    if (st != PARLEY_OK)
        fail(bot, "missed items", st);
}

/* ---- journal ---- */

static void read_journal(struct bot *bot);

static void keep_entry(struct bot *bot, const struct flow_journal_row *row)
{
    if (bot->entry_count == bot->entry_room) {
        size_t room = bot->entry_room ? bot->entry_room * 2 : 64;
        struct flow_entry *entries = arena_array(&bot->arena, room, sizeof *entries);
        if (bot->entry_count)
            memcpy(entries, bot->entries, bot->entry_count * sizeof *entries);
        bot->entries = entries;
        bot->entry_room = room;
    }
    bot->entries[bot->entry_count++] = (struct flow_entry){.entry = row->entry,
                                                           .step = row->step,
                                                           .call = arena_span(&bot->arena, row->call),
                                                           .line = row->line,
                                                           .data = arena_span(&bot->arena, row->data),
                                                           .item = arena_span(&bot->arena, row->item)};
}

static void on_journal(void *arg, parley_status status, const struct flow_journal_row *rows, int n)
{
    struct bot *bot = arg;
    for (int i = 0; status == PARLEY_OK && i < n; i++)
        keep_entry(bot, &rows[i]);
    if (status != PARLEY_OK)
        fail(bot, "journal", status);
    else if (n == FLOW_JOURNAL_PAGE)
        read_journal(bot);
    else
        read_missed(bot, bot->row.input_seq);
}

static void read_journal(struct bot *bot)
{
    int64_t after = bot->entry_count ? bot->entries[bot->entry_count - 1].entry : 0;
    parley_status st = flow_journal_load(bot->flows->store, &bot->row, after, on_journal, bot);
    if (st != PARLEY_OK)
        fail(bot, "journal", st);
}

/* ---- source ---- */

static void on_source(void *arg, parley_status status, const struct flow_row *rows, int n)
{
    struct bot *bot = arg;
    struct flow_error error = {0};
    struct flow_version *version;
    char file[LIMIT_NAME + 8];
    if (status == PARLEY_OK && n) {
        snprintf(file, sizeof file, "%.*s.lua", SPAN_ARG(rows[0].name));
        status = flow_version_add(bot->flows->engine, file, rows[0].source, &version, &error);
        if (status == PARLEY_OK)
            hold_version(bot, version);
    } else if (status == PARLEY_OK) {
        status = PARLEY_NOT_FOUND;
    }
    if (status != PARLEY_OK)
        fail(bot, "source", status);
    else
        read_journal(bot);
}

static void on_row(void *arg, parley_status status, const struct flow_run_row *rows, int n)
{
    struct bot *bot = arg;
    if (status != PARLEY_OK || n == 0) {
        fail(bot, "row", status == PARLEY_OK ? PARLEY_NOT_FOUND : status);
        return;
    }
    bot->row = rows[0];
    bot->leaves = rows[0].leaves;
    mem_free(bot->waiting);
    bot->waiting = mem_span(rows[0].waiting);
    if (rows[0].state == FLOW_RUN_ENDED || rows[0].state == FLOW_RUN_FAILED) {
        bot->dropped = true;
        fail(bot, "it is over", PARLEY_WRONG_STATE);
        return;
    }
    struct flow_version *version = flow_version_find(bot->flows->engine, bot->row.hash);
    if (version) {
        hold_version(bot, version);
        read_journal(bot);
        return;
    }
    status = flow_by_hash(bot->flows->store, bot->row.hash, on_source, bot);
    if (status != PARLEY_OK)
        fail(bot, "source", status);
}

void bot_load(struct bot *bot)
{
    bot->state = BOT_LOADING;
    bot->forgets = false;
    bot->replay_us = 0;
    bot_let_version_go(bot);
    bot->used_ms = loop_now_ms(bot->flows->loop);
    bot->entries = NULL;
    bot->entry_count = bot->entry_room = 0;
    arena_reset(&bot->arena);
    bot_drop_inputs(bot, INT64_MAX);
    parley_status st = flow_run_get(bot->flows->store, bot->id, on_row, bot);
    if (st != PARLEY_OK)
        fail(bot, "row", st);
}
