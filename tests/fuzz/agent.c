/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/agent.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What has run is told in printable text of any length, and its output is bounded and whole. */
static void check_run(const struct agent_run *run)
{
	static const size_t sizes[] = {1, 16, 40, 200};
	char text[200];
	size_t i, k;

	if (run->len > AGENT_OUTPUT_MAX || (run->len > 0 && run->output == NULL) ||
		(run->output != NULL && run->output[run->len] != '\0') ||
		(!run->ended && (run->output != NULL || run->status != 0)))
		abort();
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		memset(text, 'x', sizeof(text));
		agent_run_text(run, text, sizes[i]);
		if (memchr(text, '\0', sizes[i]) == NULL)
			abort();
		for (k = 0; text[k] != '\0'; k++)
			if (iscntrl((unsigned char)text[k]))
				abort();
	}
}

/* A guest may answer anything to the question how its command is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *reply = xmalloc(size + 1);
	struct agent_run run = {0};
	struct err err = {0};

	memcpy(reply, data, size);
	reply[size] = '\0';
	switch (agent_status_read(reply, &run, &err)) {
	case VM_OK:
		check_run(&run);
		break;
	case VM_AGENT_SILENT:
		if (err.msg[0] == '\0' || run.output != NULL)
			abort();
		break;
	default:
		abort();
	}
	agent_run_finish(&run);
	return 0;
}
