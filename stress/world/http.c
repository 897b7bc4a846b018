/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/http.h"

#include "base/mem.h"
#include "base/str.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RETRY_AFTER_MAX_S 86400 /* what a server may ask for; some libcurls pass on any number */

/* OpenSSL's X509_V_ERR_* that people meet (openssl/x509_vfy.h), in words. */
static const struct {
	long code;
	const char *words;
} certificate_faults[] = {
	{9, "it is not valid yet"},
	{10, "it has expired"},
	{18, "it is self-signed"},
	{19, "its authority is not known here"},
	{20, "its authority is not known here"},
	{21, "its authority is not known here"},
	{23, "it has been revoked"},
};

static const char *certificate_fault(CURL *curl)
{
	long code = 0;
	size_t i;

	curl_easy_getinfo(curl, CURLINFO_SSL_VERIFYRESULT, &code);
	for (i = 0; i < sizeof(certificate_faults) / sizeof(certificate_faults[0]); i++)
		if (certificate_faults[i].code == code)
			return certificate_faults[i].words;
	/* libcurl itself compares the name, and then leaves 1 or 0 here */
	return code <= 1 ? "it is for another host" : "it is not good";
}

/* What is kept of an answer. */
struct hearing {
	size_t left; /* bytes until the transfer is ended: a server may never stop */
	char said[HTTP_SAID_MAX];
	size_t nsaid;
};

static size_t count(const char *data, size_t size, size_t n, void *arg)
{
	struct hearing *h = arg;

	(void)data;
	if (size * n > h->left)
		return 0;
	h->left -= size * n;
	return size * n;
}

static size_t hear(const char *data, size_t size, size_t n, void *arg)
{
	struct hearing *h = arg;
	size_t i;

	for (i = 0; i < size * n && h->nsaid < sizeof(h->said) - 1; i++)
		if (data[i] != '\0')
			h->said[h->nsaid++] = data[i];
	return count(data, size, n, arg);
}

/* libcurl itself reads neither of these; its command-line tool and OpenSSL do. */
static void set_authorities(CURL *curl)
{
	const char *bundle = getenv("CURL_CA_BUNDLE"), *file = getenv("SSL_CERT_FILE"),
		   *dir = getenv("SSL_CERT_DIR");

	if (bundle != NULL && *bundle != '\0')
		curl_easy_setopt(curl, CURLOPT_CAINFO, bundle);
	else if (file != NULL && *file != '\0')
		curl_easy_setopt(curl, CURLOPT_CAINFO, file);
	if (dir != NULL && *dir != '\0')
		curl_easy_setopt(curl, CURLOPT_CAPATH, dir);
}

static void set_up(
	CURL *curl, const struct http_post *post, struct curl_slist *headers, struct hearing *h)
{
	curl_easy_setopt(curl, CURLOPT_URL, post->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	set_authorities(curl);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(post->timeout_ms / 2));
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)post->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, post->body);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->len);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, hear);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, count);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, h);
}

static bool is_https(const char *url)
{
	return strncasecmp(url, "https:", strlen("https:")) == 0;
}

/* curl's own message is not used: it may name the host. */
static int explain(CURL *curl, CURLcode rc, const struct http_post *post, struct err *err)
{
	/* said of what is no HTTP at all, too */
	if (rc == CURLE_UNSUPPORTED_PROTOCOL && is_https(post->url))
		return err_set(err, ERR_LOST, 0, "the answer is not HTTP");
	switch (rc) {
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		err_set(err, ERR_INPUT, 0, "the URL is not an https:// one");
		return err_hint(err, "only https is spoken: a report names hosts and devices");
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(err, ERR_TIMEOUT, 0, "no answer within %lld ms",
			(long long)post->timeout_ms);
	case CURLE_PEER_FAILED_VERIFICATION:
		err_set(err, ERR_REFUSED, 0, "the server's certificate is not accepted: %s",
			certificate_fault(curl));
		return err_hint(err, "CURL_CA_BUNDLE=FILE names the authorities to trust");
	case CURLE_SSL_CACERT_BADFILE:
		err_set(err, ERR_REFUSED, 0,
			"the file with the trusted authorities cannot be read");
		return err_hint(err, "look at CURL_CA_BUNDLE and SSL_CERT_FILE");
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		err_set(err, ERR_LOST, 0, "%s", curl_easy_strerror(rc));
		return err_hint(err, "is its name right, and does this host resolve others?");
	case CURLE_COULDNT_CONNECT:
		err_set(err, ERR_LOST, 0, "%s", curl_easy_strerror(rc));
		return err_hint(err,
			"does it listen there, and may this host go there? https_proxy names a "
			"proxy");
	case CURLE_SSL_CONNECT_ERROR:
		err_set(err, ERR_LOST, 0, "%s", curl_easy_strerror(rc));
		return err_hint(err, "does it speak TLS 1.2 or newer on that port?");
	default:
		return err_set(err, ERR_LOST, 0, "%s", curl_easy_strerror(rc));
	}
}

static int perform(CURL *curl, const struct http_post *post, struct curl_slist *headers,
	struct http_answer *out, struct err *err)
{
	struct hearing hearing = {.left = HTTP_ANSWER_MAX};
	curl_off_t retry_after = 0;
	long status = 0;
	CURLcode rc;

	set_up(curl, post, headers, &hearing);
	rc = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	/* what the server has said stays said, however the rest of its answer went wrong */
	if (rc != CURLE_OK && status < 200)
		return explain(curl, rc, post, err);
	/* seconds, also when the server gave a date (then negative when it is past) */
	curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
	if (retry_after > RETRY_AFTER_MAX_S)
		retry_after = RETRY_AFTER_MAX_S;
	*out = (struct http_answer){
		.status = (int)status,
		.retry_after_ms = retry_after > 0 ? (int64_t)retry_after * 1000 : -1,
	};
	memcpy(out->said, hearing.said, sizeof(out->said));
	return 0;
}

int http_post(const struct http_post *post, struct http_answer *out, struct err *err)
{
	/* no "Expect: 100-continue": it costs a second with servers that do not know it */
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	CURL *curl;
	size_t i;
	int rc;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	curl = curl_easy_init();
	for (i = 0; post->headers != NULL && post->headers[i] != NULL; i++)
		headers = curl_slist_append(headers, post->headers[i]);
	if (curl == NULL || headers == NULL)
		rc = err_set(err, ERR_IO, 0, "libcurl cannot be used");
	else
		rc = perform(curl, post, headers, out, err);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	curl_global_cleanup();
	return rc;
}
