// SPDX-License-Identifier: GPL-2.0-or-later
/* The list of processes, read by two threads at a time, as when one was left behind. */
#include <pthread.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "kernel/process.h"

#define THREADS 2
#define LISTS	5

/* What it found of this process, by the last of its lists; the pid is 0 where it found nothing. */
struct found {
	struct census_process me;
	int error;
};

static void *list_often(void *context)
{
	struct found *found = context;
	struct process_reader *reader;

	found->error = process_reader_new(&reader);
	if (found->error)
		return NULL;
	for (int n = 0; n < LISTS && !found->error; n++) {
		struct census_process *processes;
		size_t count;

		found->error = process_list(reader, &processes, &count);
		found->me.pid = 0;
		for (size_t i = 0; !found->error && i < count; i++)
			if (processes[i].pid == getpid())
				found->me = processes[i];
		if (!found->error)
			free(processes);
	}
	process_reader_free(reader);
	return NULL;
}

static void test_two_at_a_time(void **state)
{
	struct found found[THREADS] = { 0 };
	const struct passwd *user;
	pthread_t threads[THREADS];
	char name[64];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, list_often, &found[i]), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	user = getpwuid(geteuid());
	snprintf(name, sizeof(name), "%u", geteuid());
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(found[i].error, 0);
		assert_int_equal(found[i].me.pid, getpid());
		assert_string_equal(found[i].me.user, user ? user->pw_name : name);
	}
}

/* Who has no name is shown by number. */
static void test_user_without_a_name(void **state)
{
	const uid_t nobody = 3999999999;
	struct found found = { 0 };

	if (geteuid() || getpwuid(nobody))
		skip();
	assert_int_equal(seteuid(nobody), 0);
	list_often(&found);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(found.error, 0);
	assert_int_equal(found.me.pid, getpid());
	assert_string_equal(found.me.user, "3999999999");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_at_a_time),
		cmocka_unit_test(test_user_without_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
