/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/instream.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define GZIP_BUFFER (256u << 10)

/*
 * zlib reads what is not compressed as it is, checks the sums, and hands out everything in front of
 * damage.
 */
struct instream {
	gzFile gz;
	int fd; /* of gz */
	off_t begin; /* where it stood; -1 = no file */
	char *name;
	int64_t mtime_ns, unpacked;
	char head[INSTREAM_PEEK_MAX];
	size_t head_at, head_len;
	bool peeked;
};

struct instream *instream_of_fd(int fd, const char *name)
{
	struct instream *in = xcalloc(1, sizeof(*in));
	struct stat st;

	in->name = xstrdup(name);
	in->fd = fd;
	in->begin = -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		in->mtime_ns = (int64_t)st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec;
		in->begin = lseek(fd, 0, SEEK_CUR);
	}
	in->gz = gzdopen(fd, "r");
	/* these fail only when memory is out */
	if (in->gz == NULL || gzbuffer(in->gz, GZIP_BUFFER) != 0)
		abort();
	return in;
}

int instream_open(const char *path, struct instream **out, struct err *err)
{
	bool standard = str_eq(path, "-");
	int fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
			  : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return err_set(err, errno == ENOENT ? ERR_ABSENT : ERR_IO, errno, "open %s",
			standard ? "standard input" : path);
	*out = instream_of_fd(fd, standard ? "standard input" : path);
	return 0;
}

void instream_close(struct instream *in)
{
	if (in == NULL)
		return;
	gzclose(in->gz);
	free(in->name);
	free(in);
}

const char *instream_name(const struct instream *in)
{
	return in->name;
}

int64_t instream_mtime_ns(const struct instream *in)
{
	return in->mtime_ns;
}

static int failed(struct instream *in, struct err *err)
{
	int code;

	gzerror(in->gz, &code);
	if (code == Z_ERRNO)
		return err_set(err, ERR_IO, errno, "read %s", in->name);
	err_set(err, ERR_IO, 0, "%s is not whole: its gzip data is damaged or cut off", in->name);
	return err_hint(err, "what was read until there is reported");
}

static ssize_t read_more(struct instream *in, char *buf, size_t size, struct err *err)
{
	int n = gzread(in->gz, buf, size > INT_MAX ? INT_MAX : (unsigned)size), code;

	if (n < 0)
		return failed(in, err);
	if (n == 0) {
		gzerror(in->gz, &code);
		return code == Z_OK || code == Z_STREAM_END ? 0 : failed(in, err);
	}
	if (!gzdirect(in->gz) && (in->unpacked += n) > INSTREAM_UNPACKED_MAX)
		return err_set(err, ERR_IO, 0,
			"%s unpacks to more than %d GiB: the rest is not read", in->name,
			(int)(INSTREAM_UNPACKED_MAX >> 30));
	return n;
}

int instream_peek(struct instream *in, const char **s_out, size_t *n_out, struct err *err)
{
	while (!in->peeked && in->head_len < sizeof(in->head)) {
		ssize_t n = read_more(
			in, in->head + in->head_len, sizeof(in->head) - in->head_len, err);

		/* what is cut off here fails again when it is read */
		if (n < 0 && in->head_len == 0)
			return -1;
		if (n <= 0)
			break;
		in->head_len += (size_t)n;
	}
	in->peeked = true;
	*s_out = in->head;
	*n_out = in->head_len;
	return 0;
}

ssize_t instream_read(struct instream *in, char *buf, size_t size, struct err *err)
{
	size_t held = in->head_len - in->head_at;

	if (held == 0)
		return read_more(in, buf, size, err);
	if (held > size)
		held = size;
	memcpy(buf, in->head + in->head_at, held);
	in->head_at += held;
	return (ssize_t)held;
}

int instream_plain(const struct instream *in, off_t *at_out)
{
	if (in->begin < 0 || !gzdirect(in->gz))
		return -1;
	*at_out = in->begin + gztell(in->gz) - (off_t)(in->head_len - in->head_at);
	return in->fd;
}

int instream_go_to(struct instream *in, off_t at, struct err *err)
{
	in->head_at = in->head_len;
	if (gzseek(in->gz, at - in->begin, SEEK_SET) < 0)
		return err_set(err, ERR_IO, errno, "read %s", in->name);
	return 0;
}
