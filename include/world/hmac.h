/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_HMAC_H
#define VFIO_STRESS_WORLD_HMAC_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define HMAC_SIGNATURE_MAX 64 /* room for "v1," and 32 bytes in base64, NUL included */

/* Is it a secret of Standard Webhooks, "whsec_" and 24 to 64 bytes in base64? */
int hmac_check_secret(const char *secret, struct err *err) must_check;

/*
 * The webhook-signature of Standard Webhooks, version 1: HMAC-SHA256 over "id.timestamp.body".
 * Messages never contain the secret. `out` has HMAC_SIGNATURE_MAX bytes.
 */
int hmac_sign(const char *secret, const char *id, int64_t unix_s, const void *body, size_t len,
	char *out, struct err *err) must_check;

#endif
