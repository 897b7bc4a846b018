/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/hmac.h"

#include "base/str.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#define KEY_MIN    24 /* of the specification of Standard Webhooks */
#define KEY_MAX    64
#define BASE64_MAX 88 /* characters of KEY_MAX bytes */

static const char prefix[] = "whsec_";

struct key {
	unsigned char bytes[KEY_MAX + 3];
	size_t len;
};

static int bad_secret(struct err *err, const char *why)
{
	err_set(err, ERR_INPUT, 0, "the webhook's secret is not usable: %s", why);
	return err_hint(err, "make one: echo whsec_$(openssl rand -base64 32)");
}

static int decode(const char *secret, struct key *out, struct err *err)
{
	size_t prefix_len = sizeof(prefix) - 1, len, padding = 0;
	int n;

	if (!str_starts(secret, prefix))
		return bad_secret(err, "it does not begin with whsec_");
	secret += prefix_len;
	len = strlen(secret);
	if (len == 0 || len % 4 != 0 || len > BASE64_MAX)
		return bad_secret(err, "what follows whsec_ is not 24 to 64 bytes in base64");
	while (padding < 2 && secret[len - 1 - padding] == '=')
		padding++;
	n = EVP_DecodeBlock(out->bytes, (const unsigned char *)secret, (int)len);
	if (n < 0 || (size_t)n < KEY_MIN + padding || (size_t)n > KEY_MAX + padding)
		return bad_secret(err, "what follows whsec_ is not 24 to 64 bytes in base64");
	out->len = (size_t)n - padding;
	return 0;
}

int hmac_check_secret(const char *secret, struct err *err)
{
	struct key key = {0};
	int rc = decode(secret, &key, err);

	OPENSSL_cleanse(&key, sizeof(key));
	return rc;
}

static void sha256_hmac(const struct key *key, const struct str *content, char *out)
{
	unsigned char digest[EVP_MAX_MD_SIZE], text[HMAC_SIGNATURE_MAX];
	unsigned digest_len = 0;

	HMAC(EVP_sha256(), key->bytes, (int)key->len, (const unsigned char *)content->s,
		content->len, digest, &digest_len);
	EVP_EncodeBlock(text, digest, (int)digest_len);
	snprintf(out, HMAC_SIGNATURE_MAX, "v1,%s", (const char *)text);
}

int hmac_sign(const char *secret, const char *id, int64_t unix_s, const void *body, size_t len,
	char *out, struct err *err)
{
	struct str content = {0};
	struct key key = {0};
	int rc = decode(secret, &key, err);

	if (rc == 0) {
		str_addf(&content, "%s.%" PRId64 ".", id, unix_s);
		str_addn(&content, body, len);
		sha256_hmac(&key, &content, out);
		str_finish(&content);
	}
	OPENSSL_cleanse(&key, sizeof(key));
	return rc;
}
