/* Linear probing with backward-shift deletion: no tombstones, so a long-lived map does not decay. */
#include "server/base/map.h"

#include "server/base/mem.h"

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_done(struct map *m)
{
    mem_free(m->slots);
    map_init(m);
}

static size_t find(const struct map *m, struct uuid key)
{
    size_t i = uuid_hash(key) & (m->cap - 1);
    while (m->slots[i].value && !uuid_equal(m->slots[i].key, key))
        i = (i + 1) & (m->cap - 1);
    return i;
}

void *map_get(const struct map *m, struct uuid key)
{
    return m->cap ? m->slots[find(m, key)].value : NULL;
}

static void grow(struct map *m)
{
    struct map old = *m;
    m->cap = old.cap ? old.cap * 2 : 16;
    m->slots = mem_array(m->cap, sizeof *m->slots);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].value)
            m->slots[find(m, old.slots[i].key)] = old.slots[i];
    mem_free(old.slots);
}

void map_put(struct map *m, struct uuid key, void *value)
{
    if ((m->len + 1) * 4 > m->cap * 3)
        grow(m);
    struct map_slot *slot = &m->slots[find(m, key)];
    if (!slot->value)
        m->len++;
    *slot = (struct map_slot){.key = key, .value = value};
}

/* Moves later entries of the run back over the hole, unless that would put one before its own place. */
static void close_hole(struct map *m, size_t hole)
{
    size_t mask = m->cap - 1;
    for (size_t i = (hole + 1) & mask; m->slots[i].value; i = (i + 1) & mask) {
        size_t home = uuid_hash(m->slots[i].key) & mask;
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        m->slots[hole] = m->slots[i];
        hole = i;
    }
    m->slots[hole].value = NULL;
}

void *map_remove(struct map *m, struct uuid key)
{
    if (!m->cap)
        return NULL;
    size_t i = find(m, key);
    void *value = m->slots[i].value;
    if (value) {
        close_hole(m, i);
        m->len--;
    }
    return value;
}

void *map_next(const struct map *m, size_t *at)
{
    while (*at < m->cap) {
        void *value = m->slots[(*at)++].value;
        if (value)
            return value;
    }
    return NULL;
}
