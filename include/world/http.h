/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_HTTP_H
#define VFIO_STRESS_WORLD_HTTP_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define HTTP_ANSWER_MAX (64u << 10) /* head and body; a longer answer is cut off */
#define HTTP_SAID_MAX   512

/*
 * One POST over HTTPS. The server's certificate is always verified, against the system's
 * authorities or CURL_CA_BUNDLE, SSL_CERT_FILE, SSL_CERT_DIR; redirects are not followed.
 */
struct http_post {
	const char *url;
	const char *const *headers; /* "Name: value", NULL-terminated */
	const void *body;
	size_t len;
	int64_t timeout_ms; /* for everything; connecting gets at most half of it */
};

struct http_answer {
	int status;
	int64_t retry_after_ms; /* -1 = the server did not say */
	char said[HTTP_SAID_MAX]; /* how its body begins, as it came but for NUL bytes; foreign */
};

/*
 * 0 when a status came back, whatever it is. -1 without one: ERR_INPUT when the URL can never work,
 * ERR_REFUSED when the certificate is not good, else something that may pass (ERR_TIMEOUT,
 * ERR_LOST). Messages never contain the URL or a part of it: it may be a secret.
 */
int http_post(const struct http_post *post, struct http_answer *out, struct err *err) must_check;

#endif
