/* The allocator of a sandbox: every block knows who pays for it, so that a run's limit is the run's own, whoever is
 * running when the garbage goes. */
#include "server/base/mem.h"
#include "server/flow/sandbox_core.h"

#include <stdlib.h>

struct block {
    struct account *owner; /* 8 bytes keep what Lua needs: alignment for pointers, integers and doubles */
};

struct account *account_new(size_t limit)
{
    struct account *a = mem_alloc(sizeof *a);
    a->limit = limit;
    return a;
}

static void settle(struct account *a)
{
    if (a->closed && a->used == 0)
        mem_free(a);
}

void account_close(struct account **account)
{
    struct account *a = *account;
    if (!a)
        return;
    a->closed = true;
    settle(a);
    *account = NULL;
}

/* Lua answers a refusal with a full collection and asks once more. Only when that fails too has the run too much; from
 * then on it is doomed, because pcall would swallow the error. */
static void refuse(struct sandbox *box, struct account *owner, const void *ptr, size_t size)
{
    bool again = box->refused_armed && box->refused == ptr && box->refused_size == size;
    struct sandbox_run *run = box->current;
    if (again && run && owner == run->account && run->doom == DOOM_NONE) {
        run->doom = DOOM_MEMORY;
        run->doom_line = sandbox_line(run->L, &run->doom_part);
    }
    box->refused_armed = !again;
    box->refused = ptr;
    box->refused_size = size;
}

/* What is shared may have large blocks (the table of all short texts); a run may not. */
static bool may_grow(const struct sandbox *box, const struct account *owner, size_t size, size_t more)
{
    if (owner != box->base && size > box->limits.block)
        return false;
    return owner->used + more <= owner->limit && box->used + more <= box->limits.memory_state;
}

static void release(struct sandbox *box, struct block *block, size_t size)
{
    struct account *owner = block->owner;
    free(block);
    owner->used -= size;
    box->used -= size;
    settle(owner);
}

void *sandbox_allocate(void *context, void *ptr, size_t old_size, size_t new_size)
{
    struct sandbox *box = context;
    struct block *old = ptr ? (struct block *)ptr - 1 : NULL;
    size_t before = old ? old_size : 0; /* without a block it is the kind of object */
    if (new_size == 0) {
        if (old)
            release(box, old, before);
        return NULL;
    }

    struct account *owner = old ? old->owner : box->account;
    bool grows = new_size > before;
    if (grows && !may_grow(box, owner, new_size, new_size - before)) {
        refuse(box, owner, ptr, new_size);
        return NULL;
    }
    struct block *block = realloc(old, sizeof *block + new_size);
    if (!block)
        return grows ? NULL : ptr;

    block->owner = owner;
    owner->used = owner->used + new_size - before;
    box->used = box->used + new_size - before;
    if (grows) {
        box->refused_armed = false;
        sandbox_charge(box, new_size / BYTES_PER_TICK);
    }
    return block + 1;
}
