/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/life.h"

#include "base/clock.h"
#include "reporters/cloudevent.h"
#include "world/jout.h"

#include <inttypes.h>
#include <stdlib.h>

#define SCHEMA "urn:vfio-stress:schema:life:1"

static const struct {
	const char *word, *type;
	bool numbered; /* it may come more than once */
} kinds[] = {
	[LIFE_STARTED] = {"started", "io.github.vfio-stress.run.started.v1", false},
	[LIFE_ALIVE] = {"alive", "io.github.vfio-stress.run.alive.v1", true},
	[LIFE_FAILING] = {"failing", "io.github.vfio-stress.run.failing.v1", false},
	[LIFE_RESUMED] = {"resumed", "io.github.vfio-stress.run.resumed.v1", true},
};

const char *life_word(enum life_kind kind)
{
	return kinds[kind].word;
}

void life_id(const struct life *life, char *buf, size_t size)
{
	if (kinds[life->kind].numbered)
		snprintf(buf, size, "%s.%s.%" PRIu64, life->run, kinds[life->kind].word,
			life->number);
	else
		snprintf(buf, size, "%s.%s", life->run, kinds[life->kind].word);
}

static struct json_t *lane_json(const struct life_lane *lane)
{
	struct json_t *o = jout_object(), *cycles = jout_object();

	jout_text(o, "name", lane->name);
	jout_int(cycles, "done", (int64_t)lane->done);
	jout_int(cycles, "failed", (int64_t)lane->failed);
	jout_put(o, "cycles", cycles);
	jout_int(o, "cycle", (int64_t)lane->cycle);
	jout_str(o, "step", lane->step);
	jout_bool(o, "over", lane->over);
	return o;
}

static struct json_t *data_json(const struct life *life, size_t nlanes)
{
	struct json_t *o = jout_object(), *lanes = jout_array();
	size_t i;

	jout_text(o, "schema", "vfio-stress/life/1");
	jout_text(o, "event", kinds[life->kind].word);
	jout_int(o, "number", (int64_t)life->number);
	jout_text(o, "run", life->run);
	jout_text(o, "scenario", life->scenario);
	jout_str(o, "host", life->host);
	jout_time(o, "started", life->started_ns);
	jout_int(o, "elapsed_s", (life->now_ns - life->started_ns) / NS_PER_S);
	if (life->next_ms > 0)
		jout_int(o, "next_within_s", (life->next_ms + 999) / 1000);
	else
		jout_null(o, "next_within_s");
	jout_int(o, "failures", (int64_t)life->failures);
	jout_str(o, "why", life->why);
	for (i = 0; i < nlanes; i++)
		jout_push(lanes, lane_json(&life->lanes[i]));
	jout_put(o, "lanes", lanes);
	jout_int(o, "lanes_omitted", (int64_t)(life->nlanes - nlanes));
	return o;
}

static void begin_event(const struct life *life, FILE *out)
{
	char id[64];

	life_id(life, id, sizeof(id));
	cloudevent_begin(&(struct cloudevent){.id = id,
				 .host = life->host,
				 .type = kinds[life->kind].type,
				 .subject = life->run,
				 .schema = SCHEMA,
				 .time_ns = life->now_ns},
		out);
}

static char *text_with(const struct life *life, bool event, size_t nlanes, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (out == NULL)
		abort();
	if (event)
		begin_event(life, out);
	jout_write(data_json(life, nlanes), out);
	fputs(event ? "}\n" : "\n", out);
	fclose(out);
	return text;
}

static char *fitting(const struct life *life, bool event, size_t max, size_t *len_out)
{
	size_t nlanes = life->nlanes;
	char *text = text_with(life, event, nlanes, len_out);

	while (*len_out > max && nlanes > 0) {
		nlanes /= 2;
		free(text);
		text = text_with(life, event, nlanes, len_out);
	}
	return text;
}

char *life_event(const struct life *life, size_t max, size_t *len_out)
{
	return fitting(life, true, max, len_out);
}

char *life_data(const struct life *life, size_t max, size_t *len_out)
{
	return fitting(life, false, max, len_out);
}
