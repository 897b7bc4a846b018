/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/newfile.h"

#include "base/mem.h"

#include "cmocka_all.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder with a file `f` of mode 0640 that says "old". */
struct place {
	char dir[64], path[80];
};

static void place_make(struct place *p)
{
	FILE *f;

	snprintf(p->dir, sizeof(p->dir), "/tmp/vfio-stress-newfile.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/f", p->dir);
	f = fopen(p->path, "w");
	fputs("old", f);
	fclose(f);
	chmod(p->path, 0640);
}

static int files_in(const struct place *p)
{
	struct dirent *entry;
	DIR *dir = opendir(p->dir);
	int n = 0;

	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* Its only file says this. */
static void place_check(const struct place *p, const char *wanted)
{
	char text[16] = "";
	FILE *f = fopen(p->path, "r");

	assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
	assert_string_equal(text, wanted);
	fclose(f);
	assert_int_equal(files_in(p), 1);
}

static void place_remove(struct place *p)
{
	unlink(p->path);
	rmdir(p->dir);
}

static void begin(const char *path, struct newfile *f)
{
	struct err err = {0};

	if (newfile_open(path, "snapshot 'f'", f, &err) != 0)
		fail_msg("%s", err.msg);
}

static void it_is_there_whole_with_the_mode_of_the_old_one(void **state)
{
	struct err err = {0};
	struct newfile f;
	struct place p;
	struct stat st;

	(void)state;
	place_make(&p);
	begin(p.path, &f);
	fputs("new", f.out);
	fflush(f.out);
	assert_int_equal(stat(p.path, &st), 0);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(newfile_commit(&f, &err), 0);
	place_check(&p, "new");
	assert_int_equal(stat(p.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	newfile_abandon(&f);
	place_remove(&p);
}

static void a_death_leaves_nothing(void **state)
{
	bool known;
	struct newfile f;
	struct place p;
	int fd;

	(void)state;
	place_make(&p);
	fd = open(p.dir, O_TMPFILE | O_WRONLY, 0600);
	known = fd >= 0;
	if (known)
		close(fd);
	begin(p.path, &f);
	fputs("new", f.out);
	fflush(f.out);
	if (known)
		place_check(&p, "old"); /* as it is when nothing follows */
	newfile_abandon(&f);
	unlink(p.path);
	begin(p.path, &f);
	if (known)
		assert_int_equal(files_in(&p), 0);
	newfile_abandon(&f);
	place_remove(&p);
	if (!known)
		skip();
}

static void who_takes_the_name_meanwhile_is_replaced(void **state)
{
	struct err err = {0};
	struct newfile f;
	struct place p;

	(void)state;
	place_make(&p);
	unlink(p.path);
	begin(p.path, &f);
	fputs("new", f.out);
	assert_int_equal(symlink("/nonexistent", p.path), 0);
	assert_int_equal(newfile_commit(&f, &err), 0);
	place_check(&p, "new");
	place_remove(&p);
}

static void what_is_abandoned_leaves_nothing(void **state)
{
	struct newfile f;
	struct place p;

	(void)state;
	place_make(&p);
	begin(p.path, &f);
	fputs("new", f.out);
	newfile_abandon(&f);
	place_check(&p, "old");
	place_remove(&p);
}

/* A limit of the file's size is a disk that is full. */
static void the_old_file_survives_a_full_disk(void **state)
{
	const struct rlimit small = {1024, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
	struct err err = {0};
	struct newfile f;
	struct place p;
	int i;

	(void)state;
	place_make(&p);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	begin(p.path, &f);
	for (i = 0; i < 1000; i++)
		fputs("0123456789abcdef", f.out);
	assert_int_equal(newfile_commit(&f, &err), -1);
	setrlimit(RLIMIT_FSIZE, &none);
	assert_non_null(strstr(err.msg, "write snapshot 'f'"));
	place_check(&p, "old");
	place_remove(&p);
}

static void what_is_no_plain_file_is_written_in_place(void **state)
{
	struct err err = {0};
	struct newfile f;

	(void)state;
	begin("/dev/null", &f);
	assert_true(f.in_place);
	fputs("x", f.out);
	assert_int_equal(newfile_commit(&f, &err), 0);
	begin("/dev/full", &f);
	fputs("x", f.out);
	assert_int_equal(newfile_commit(&f, &err), -1);
	assert_int_equal(err.sys, ENOSPC);
	assert_int_equal(newfile_open("/nonexistent/f", "x", &f, &err), -1);
	assert_string_equal(err.hint, "make its folder first");
}

static void a_pipe_that_nobody_reads_is_not_waited_for(void **state)
{
	struct err err = {0};
	struct newfile f;
	struct place p;

	(void)state;
	place_make(&p);
	unlink(p.path);
	assert_int_equal(mkfifo(p.path, 0600), 0);
	assert_int_equal(newfile_open(p.path, "report 'f'", &f, &err), -1);
	assert_string_equal(err.hint, "nobody reads from this pipe");
	assert_null(newfile_grow(p.path));
	assert_int_equal(errno, ENXIO);
	place_remove(&p);
}

/* Whoever may write to the folder could have root empty any file. */
static void what_grows_follows_no_link_and_is_ones_own(void **state)
{
	char link[96];
	struct place p;
	struct stat st;
	FILE *f;

	(void)state;
	place_make(&p);
	snprintf(link, sizeof(link), "%s.link", p.path);
	assert_int_equal(symlink("f", link), 0);
	assert_null(newfile_grow(link));
	assert_int_equal(errno, ELOOP);
	unlink(link);
	place_check(&p, "old");
	unlink(p.path);
	umask(0);
	f = newfile_grow(p.path);
	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	fclose(f);
	place_remove(&p);
}

static void a_try_leaves_the_folder_as_it_was(void **state)
{
	struct err err = {0};
	struct place p;

	(void)state;
	place_make(&p);
	assert_int_equal(newfile_try(p.path, "snapshot 'f'", &err), 0);
	place_check(&p, "old");
	place_remove(&p);
	assert_int_equal(newfile_try(p.path, "snapshot 'f'", &err), -1);
	assert_non_null(strstr(err.msg, "create snapshot 'f'"));
	assert_string_equal(err.hint, "make its folder first");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_there_whole_with_the_mode_of_the_old_one),
		cmocka_unit_test(a_death_leaves_nothing),
		cmocka_unit_test(who_takes_the_name_meanwhile_is_replaced),
		cmocka_unit_test(what_is_abandoned_leaves_nothing),
		cmocka_unit_test(the_old_file_survives_a_full_disk),
		cmocka_unit_test(what_is_no_plain_file_is_written_in_place),
		cmocka_unit_test(a_pipe_that_nobody_reads_is_not_waited_for),
		cmocka_unit_test(what_grows_follows_no_link_and_is_ones_own),
		cmocka_unit_test(a_try_leaves_the_folder_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
