/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/store.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/db.h"

#include <stdlib.h>
#include <string.h>

enum { WAITING, DELIVERED, GIVEN_UP }; /* outbox.state */

void outbox_item_finish(struct outbox_item *item)
{
	free(item->url);
	free(item->secret);
	free(item->key);
	free(item->content_type);
	free(item->body);
	*item = (struct outbox_item){0};
}

/* Behind the beginning is a number, and what tells forms of a message apart. */
static int drop_replaced(struct store *s, const struct outbox_item *item, struct err *err)
{
	if (item->replaces[0] == '\0')
		return 0;
	return db_run(store_db(s), err,
		"DELETE FROM outbox WHERE state = 0 AND url = ?1 AND key = ?3"
		" AND substr(event_id, 1, length(?2)) = ?2"
		" AND ltrim(substr(event_id, length(?2) + 1), '0123456789')"
		" = ltrim(substr(?4, length(?2) + 1), '0123456789')",
		"ssss", item->url, item->replaces, item->key ? item->key : "", item->event_id);
}

int store_outbox_add(struct store *s, const struct outbox_item *item, struct err *err)
{
	if (drop_replaced(s, item, err) != 0)
		return -1;
	return db_run(store_db(s), err,
		"INSERT OR IGNORE INTO outbox (run, event_id, url, secret, key, content_type,"
		" body, created_ns, next_ns, timeout_ms) VALUES (?,?,?,?,?,?,?,?,?,?)",
		"ssssssbiii", item->run, item->event_id, item->url, item->secret,
		item->key ? item->key : "", item->content_type, (const void *)item->body,
		item->body_len, item->created_ns, item->next_try_ns, (int64_t)item->timeout_ms);
}

static void read_item(struct query *q, struct outbox_item *out)
{
	struct outbox_item item = {0};
	const void *body;

	str_set(item.run, db_text(q, 0));
	str_set(item.event_id, db_text(q, 1));
	item.url = xstrdup(db_text(q, 2));
	item.secret = db_is_null(q, 3) ? NULL : xstrdup(db_text(q, 3));
	item.content_type = xstrdup(db_text(q, 4));
	body = db_blob(q, 5, &item.body_len);
	item.body = xmalloc(item.body_len + 1);
	if (item.body_len > 0)
		memcpy(item.body, body, item.body_len);
	item.body[item.body_len] = '\0';
	item.created_ns = db_int(q, 6);
	item.next_try_ns = db_int(q, 7);
	item.tries = (unsigned)db_int(q, 8);
	item.timeout_ms = (int)db_int(q, 9);
	item.key = *db_text(q, 10) ? xstrdup(db_text(q, 10)) : NULL;
	*out = item;
}

int store_outbox_next(
	struct store *s, int64_t now_wall_ns, struct outbox_item *out, struct err *err)
{
	struct query *q;
	int rc;

	if (db_query(store_db(s), &q, err,
		    "SELECT run, event_id, url, secret, content_type, body, created_ns, next_ns,"
		    " tries, timeout_ms, key FROM outbox o WHERE state = 0"
		    " AND (next_ns <= ?1 OR next_ns - ?2 > ?1)"
		    " AND id = (SELECT min(id) FROM outbox WHERE state = 0 AND url = o.url)"
		    " ORDER BY id LIMIT 1",
		    "ii", now_wall_ns, OUTBOX_AHEAD_NS) != 0)
		return -1;
	rc = db_row(q, err);
	if (rc == 1)
		read_item(q, out);
	db_done(q);
	return rc;
}

int store_outbox_result(struct store *s, const struct outbox_item *item, bool delivered,
	int64_t next_try_ns, const char *problem, struct err *err)
{
	int64_t state = delivered ? DELIVERED : next_try_ns == NEVER ? GIVEN_UP : WAITING;

	return db_run(store_db(s), err,
		"UPDATE outbox SET state = ?, next_ns = ?, tries = tries + 1, problem = ?"
		" WHERE event_id = ? AND url = ?",
		"iisss", state, next_try_ns, problem, item->event_id, item->url);
}

int store_outbox_hurry(struct store *s, struct err *err)
{
	return db_run(store_db(s), err, "UPDATE outbox SET next_ns = 0 WHERE state = 0", "");
}

static int64_t one_number(struct store *s, const char *sql, int64_t otherwise)
{
	struct query *q;
	struct err err;
	int64_t n = otherwise;

	if (db_query(store_db(s), &q, &err, sql, "") != 0)
		return otherwise;
	if (db_row(q, &err) == 1 && !db_is_null(q, 0))
		n = db_int(q, 0);
	db_done(q);
	return n;
}

int64_t store_outbox_pending(struct store *s)
{
	static const char sql[] = "SELECT count(*) FROM outbox WHERE state = 0";

	return one_number(s, sql, -1);
}

int64_t store_outbox_due_ns(struct store *s)
{
	static const char sql[] =
		"SELECT min(next_ns) FROM outbox o WHERE state = 0"
		" AND id = (SELECT min(id) FROM outbox WHERE state = 0 AND url = o.url)";

	return one_number(s, sql, NEVER);
}
