/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/undo.h"

#include "model/event.h"

#include "cmocka_all.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct undo_rec rec = {
	.kind = UNDO_DRIVER,
	.subject = "0000:41:00.0",
	.path = "nvidia-override",
	.value = "nvidia",
};

static void a_record_survives_the_journey_as_an_event(void **state)
{
	struct undo_rec back;
	struct event ev;

	(void)state;
	undo_to_event(&rec, &ev);
	assert_int_equal(ev.kind, EV_UNDO);
	undo_from_event(&ev, &back);
	assert_int_equal(back.kind, UNDO_DRIVER);
	assert_string_equal(back.subject, rec.subject);
	assert_string_equal(back.path, rec.path);
	assert_string_equal(back.value, rec.value);
}

static void the_change_waits_for_the_acknowledgement(void **state)
{
	const struct order ack = {.kind = ORDER_ACK, .ask = 1, .value = 77};
	struct emitter out = {.lane = 3};
	struct err err = {0};
	struct event ev;
	uint64_t id = 0;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	out.fd = pair[0];
	assert_int_equal(send(pair[1], &ack, sizeof(ack), 0), sizeof(ack));
	assert_int_equal(undo_begin(&out, &rec, &id, &err), 0);
	assert_int_equal(id, 77);
	assert_int_equal(recv(pair[1], &ev, sizeof(ev), 0), sizeof(ev));
	assert_int_equal(ev.kind, EV_UNDO);
	assert_true(ev.flags & EVENT_ACK);
	undo_done(&out, id);
	assert_int_equal(recv(pair[1], &ev, sizeof(ev), 0), sizeof(ev));
	assert_int_equal(ev.kind, EV_UNDO_DONE);
	assert_int_equal(ev.code, 77);
	close(pair[0]);
	close(pair[1]);
}

static void a_late_answer_to_an_older_request_is_none_to_this_one(void **state)
{
	const struct order late = {.kind = ORDER_ACK, .ask = 4, .value = 76};
	const struct order ack = {.kind = ORDER_ACK, .ask = 5, .value = 77};
	struct emitter out = {.asked = 4};
	struct err err = {0};
	uint64_t id = 0;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	out.fd = pair[0];
	assert_int_equal(send(pair[1], &late, sizeof(late), 0), sizeof(late));
	assert_int_equal(send(pair[1], &ack, sizeof(ack), 0), sizeof(ack));
	assert_int_equal(undo_begin(&out, &rec, &id, &err), 0);
	assert_int_equal(id, 77);
	/* and when no other comes, the change is not made */
	assert_int_equal(send(pair[1], &ack, sizeof(ack), 0), sizeof(ack));
	close(pair[1]);
	assert_int_equal(undo_begin(&out, &rec, &id, &err), -1);
	close(pair[0]);
}

static void what_the_store_refuses_may_not_be_changed(void **state)
{
	const struct order deny = {.kind = ORDER_DENY},
			   ack = {.kind = ORDER_ACK, .ask = 1, .value = 77};
	struct emitter out = {0};
	struct err err = {0};
	uint64_t id = 5;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	out.fd = pair[0];
	assert_int_equal(send(pair[1], &deny, sizeof(deny), 0), sizeof(deny));
	/* of something that was sent before */
	assert_int_equal(send(pair[1], &ack, sizeof(ack), 0), sizeof(ack));
	assert_int_equal(undo_begin(&out, &rec, &id, &err), -1);
	assert_int_equal(err.code, ERR_LOST);
	assert_non_null(strstr(err.msg, "store cannot be written"));
	assert_int_equal(id, 5);
	/* and nothing ever again */
	assert_int_equal(undo_begin(&out, &rec, &id, &err), -1);
	close(pair[0]);
	close(pair[1]);
}

static void without_a_supervisor_nothing_may_be_changed(void **state)
{
	struct emitter out = {0};
	struct err err = {0};
	uint64_t id = 5;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	out.fd = pair[0];
	close(pair[1]);
	assert_int_equal(undo_begin(&out, &rec, &id, &err), -1);
	assert_int_equal(err.code, ERR_LOST);
	assert_int_equal(id, 5);
	assert_non_null(strstr(err.msg, "0000:41:00.0"));
	close(pair[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_survives_the_journey_as_an_event),
		cmocka_unit_test(the_change_waits_for_the_acknowledgement),
		cmocka_unit_test(a_late_answer_to_an_older_request_is_none_to_this_one),
		cmocka_unit_test(what_the_store_refuses_may_not_be_changed),
		cmocka_unit_test(without_a_supervisor_nothing_may_be_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
