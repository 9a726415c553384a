/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sdjournal.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A longer text is cut: a datagram has a limit. */
enum { TEXT_MAX = 8192 };

static const struct {
	const char *event, *id;
	int priority; /* as syslog's */
} kinds[] = {
	[SDJOURNAL_START] = {"start", "cea6a1dd4a2b49c885af692a9e60995a", 5},
	[SDJOURNAL_STEP] = {"step", "13dbae5dfbda46a382335d3175fbcedd", 6},
	[SDJOURNAL_FAIL] = {"fail", "e28b29bbc9024bc0908a6d21394581a5", 4},
	[SDJOURNAL_SAY] = {"say", "cb794d3e9ffc425daf8ac2550aba2dad", 6},
	[SDJOURNAL_END] = {"end", "b1c4b28978de433b8558c4d0e4b4cbc9", 5},
};

int sdjournal_open(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(to.sun_path))
		return -1;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)))
		mem_closefd(&fd);
	return fd;
}

/* KEY=VALUE, or, when it has more than one line, KEY, the length as 64 bits,
 * little end first, and the bytes. */
static void put(struct buf *b, const char *key, const char *value)
{
	size_t n = value ? strnlen(value, TEXT_MAX) : 0;

	if (!value)
		return;
	buf_puts(b, key);
	if (memchr(value, '\n', n)) {
		buf_putc(b, '\n');
		for (int i = 0; i < 8; i++)
			buf_putc(b, (char)((uint64_t)n >> (8 * i) & 0xff));
	} else {
		buf_putc(b, '=');
	}
	buf_put(b, value, n);
	buf_putc(b, '\n');
}

void sdjournal_encode(struct buf *b, const struct sdjournal *s)
{
	AUTO(mem_freep)
	char *message =
		mem_printf("job %s: %s%s%s%s%s", s->job, kinds[s->what].event,
			   s->step ? " " : "", s->step ? s->step : "",
			   s->text ? ": " : "", s->text ? s->text : "");

	put(b, "MESSAGE", message);
	put(b, "MESSAGE_ID", kinds[s->what].id);
	buf_printf(b, "PRIORITY=%d\nSYSLOG_IDENTIFIER=novahaul\n",
		   kinds[s->what].priority);
	put(b, "NOVAHAUL_EVENT", kinds[s->what].event);
	put(b, "NOVAHAUL_JOB", s->job);
	put(b, "NOVAHAUL_INSTANCE", s->instance);
	put(b, "NOVAHAUL_STEP", s->step);
}

void sdjournal_send(int fd, const struct sdjournal *s)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	if (fd < 0)
		return;
	sdjournal_encode(&b, s);
	/* The job's own journal has it: what is lost here is lost. */
	if (send(fd, b.p, b.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}
