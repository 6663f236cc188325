/* SPDX-License-Identifier: MIT */
/*
 * One item of a spec over a child of the kit's. A layer gets it as the backend of a spec of its
 * own. A backend gets the system allocator from the library whatever stands in the spec; so
 * another one goes by its options, whose create() puts the child into a copy of the request.
 */
#include <stdio.h>
#include <string.h>

#include "child.h"

#define CHILD_NAME   "kit-child"
#define WATCHED_NAME "kit-watched"

/* A case has a process of its own, makes its instances one after the other, and by one thread. */
static struct kit_child *child_now;
static const struct dal_backend *watched_now;

/* ---- The two backends ------------------------------------------------------------------------- -
 */

static int create_child(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)request;
    *allocator = kit_child_allocator(child_now);
    return 0;
}

static const struct dal_backend child_backend = {
    DAL_BACKEND_HEADER,     .name = CHILD_NAME,
    .version = "0",         .summary = "watches what is done with its memory",
    .create = create_child,
};

static int create_watched(const struct dal_backend_request *request,
                          struct dal_allocator *allocator)
{
    struct dal_backend_request copy = *request;

    copy.child = &child_now->storage.instance;
    return watched_now->create(&copy, allocator);
}

static int register_watched(const struct dal_backend *backend)
{
    static struct dal_backend watched;
    size_t bytes = backend->size_bytes < sizeof watched ? backend->size_bytes : sizeof watched;

    if (watched_now == backend)
        return 0;
    watched_now = backend;
    memcpy(&watched, backend, bytes);
    watched.size_bytes = sizeof watched;
    watched.name = WATCHED_NAME;
    watched.create = create_watched;
    return dal_backend_register(&watched);
}

int kit_item_create(struct kit *kit, char *message, size_t message_bytes)
{
    const struct kit_item *item = kit->item;
    bool is_layer = (item->backend->flags & DAL_BACKEND_LAYER) != 0;
    const char *options = memchr(item->text, ':', (size_t)item->text_length);
    int name_length = options ? (int)(options - item->text) : item->text_length;
    char spec[4096];
    int error;

    child_now = kit->child;
    if (is_layer)
        snprintf(spec, sizeof spec, "%.*s+" CHILD_NAME, item->text_length, item->text);
    else
        snprintf(spec, sizeof spec, WATCHED_NAME "%.*s", item->text_length - name_length,
                 item->text + name_length);
    error = is_layer ? dal_backend_register(&child_backend) : register_watched(item->backend);
    if (!error)
        error = dal_instance_create_spec(spec, &kit->instance, message, message_bytes);
    return error;
}

/* ---- Items ------------------------------------------------------------------------------------ -
 */

struct search {
    struct kit_item *items;
    size_t room, count;
    const char *text;
};

/* Up to the next plus that is not in parentheses. */
static int item_length(const char *text)
{
    int depth = 0;
    int length = 0;

    while (text[length] && (text[length] != '+' || depth > 0)) {
        depth += (text[length] == '(') - (text[length] == ')');
        length++;
    }
    return length;
}

static int add_item(const struct dal_spec_item *given, void *data)
{
    struct search *search = data;
    struct kit_item item = {
        .backend = given->backend,
        .text = search->text,
        .text_length = item_length(search->text),
    };

    for (size_t i = 0; i < given->value_count; i++)
        item.has_nested |= dal_spec_item_value(given, i)->option &&
                           dal_spec_item_value(given, i)->option->type == DAL_OPTION_SPEC;
    search->text += item.text_length + (search->text[item.text_length] == '+');
    if (search->count < search->room)
        search->items[search->count++] = item;
    return 0;
}

size_t kit_items(const struct kit *kit, struct kit_item *items, size_t count)
{
    struct search search = {.items = items, .room = count, .text = kit->subject->spec};

    if (kit->subject->spec)
        (void)dal_spec_visit(kit->subject->spec, add_item, &search, NULL, 0);
    return search.count;
}
