/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/undo.h"

#include "base/str.h"
#include "model/event.h"

/* A record that is cut on its way would put back something else. */
_Static_assert(sizeof(((struct undo_rec *)0)->subject) <= sizeof(((struct event *)0)->subject) &&
		sizeof(((struct undo_rec *)0)->path) <= DETAIL_MAX &&
		sizeof(((struct undo_rec *)0)->value) <= ADVICE_MAX,
	"an undo record fits an event");

void undo_to_event(const struct undo_rec *rec, struct event *ev)
{
	*ev = (struct event){.kind = EV_UNDO, .code = (uint32_t)rec->kind};
	str_set(ev->subject, rec->subject);
	str_set(ev->text, rec->path);
	str_set(ev->hint, rec->value);
}

void undo_from_event(const struct event *ev, struct undo_rec *rec)
{
	*rec = (struct undo_rec){.kind = (enum undo_kind)ev->code};
	str_set(rec->subject, ev->subject);
	str_set(rec->path, ev->text);
	str_set(rec->value, ev->hint);
}

int undo_begin(struct emitter *out, const struct undo_rec *rec, uint64_t *id_out, struct err *err)
{
	uint64_t id = 1; /* a stand-alone lane has no store that gives one */
	struct event ev;

	undo_to_event(rec, &ev);
	if (emit_durable(out, &ev, &id, err) != 0)
		return err_wrap(err, "writing down how to undo a change of %s", rec->subject);
	*id_out = id;
	return 0;
}

void undo_done(struct emitter *out, uint64_t id)
{
	struct event ev = {.kind = EV_UNDO_DONE, .code = (uint32_t)id};

	emit(out, &ev);
}
