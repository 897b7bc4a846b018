/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/hmac.h"

#include "cmocka_all.h"

#include <string.h>

/* The example of the Standard Webhooks libraries' own tests. */
static void the_signature_is_that_of_the_specification(void **state)
{
	static const char body[] = "{\"test\": 2432232314}";
	char signature[HMAC_SIGNATURE_MAX];
	struct err err;

	(void)state;
	assert_int_equal(
		hmac_sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
			1614265330, body, strlen(body), signature, &err),
		0);
	assert_string_equal(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void a_bad_secret_is_refused_without_being_shown(void **state)
{
	static const char *const bad[] = {
		"",
		"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"whsec_",
		"whsec_c2hvcnQ=",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!!",
		("whsec_"
		 "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
		 "QUFBQUFBQUFB"),
	};
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(hmac_check_secret(bad[i], &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
		assert_true(strlen(bad[i]) < 8 || strstr(err.msg, bad[i] + 6) == NULL);
	}
	assert_int_equal(hmac_check_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_signature_is_that_of_the_specification),
		cmocka_unit_test(a_bad_secret_is_refused_without_being_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
