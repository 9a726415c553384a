/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of a host: an authorized_keys that anybody may have written, what sshd
 * -T prints, a digest. */
#include "fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/fs.h"
#include "transfer/authkeys.h"
#include "transfer/digest.h"

static const char key[] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA";
static const char made[] = "# made by novahaul, which will remove it";
static char path[64];
static int dir = -1;

static void clean(void)
{
	unlinkat(dir, "keys", 0);
	rmdir(path);
}

static void make(void)
{
	if (dir >= 0)
		return;
	snprintf(path, sizeof(path), "%s/nh-texts-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	FUZZ_ASSERT(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_ASSERT(dir >= 0);
	atexit(clean);
}

static void get(struct buf *out)
{
	struct err e = ERR_INIT;

	buf_reset(out);
	if (fs_read(dir, "keys", 1 << 20, out, &e))
		FUZZ_ASSERT(e.sys == ENOENT);
	err_clear(&e);
}

/* Adding and removing our line leaves nobody else's touched. */
static void keys(const char *p, size_t n)
{
	AUTO(buf_clear) struct buf with = BUF_INIT, after = BUF_INIT;
	AUTO(buf_clear) struct buf again = BUF_INIT;
	struct authkeys a = {dir, "keys", geteuid(), getegid()};
	struct authkeys_line l = {"j-1", "/x --receive /y", key};
	struct err e = ERR_INIT;

	unlinkat(dir, "keys", 0);
	FUZZ_ASSERT(!fs_write_atomic(dir, "keys", p, n, 0600, &e));
	/* Without what may have been ours before. */
	if (authkeys_remove(&a, "j-1", &e))
		goto out;
	get(&after);
	if (authkeys_add(&a, &l, &e))
		goto out;
	get(&with);
	FUZZ_ASSERT(memmem(with.p, with.len, key, strlen(key)));
	FUZZ_ASSERT(with.len >= after.len &&
		    (!after.len || !memcmp(with.p, after.p, after.len)));
	FUZZ_ASSERT(!authkeys_remove(&a, "j-1", &e));
	get(&again);
	/* What we would make is taken away with our line. */
	if (!again.len) {
		FUZZ_ASSERT(after.len <= strlen(made) + 1);
		goto out;
	}
	/* A missing newline at the end of the last line may have come. */
	FUZZ_ASSERT(again.len >= after.len && again.len <= after.len + 1 &&
		    (!after.len || !memcmp(again.p, after.p, after.len)));
out:
	err_clear(&e);
}

static void words(const char *p)
{
	struct authkeys_user u = {.name = "nova", .home = "/home/nova"};
	char *where = authkeys_path(p, &u);

	FUZZ_ASSERT(!where || *where == '/');
	mem_free(where);
	if (digest_text_ok(p))
		FUZZ_ASSERT(strlen(p) == DIGEST_TEXT_MAX - 1);
	if (authkeys_word_ok(p))
		FUZZ_ASSERT(!strpbrk(p, " \"'\\$`;&|<>\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	make();
	if (!size)
		return 0;
	text = mem_strndup((const char *)data + 1, size - 1);
	if (data[0] & 1)
		keys((const char *)data + 1, size - 1);
	else
		words(text);
	mem_free(text);
	return 0;
}

size_t fuzz_seed(unsigned int k, uint8_t *buf, size_t cap)
{
	static const char *const seeds[] = {
		"\1# mine\nssh-rsa AAAA me@here\n"
		"restrict,command=\"/x --receive /y\" ssh-ed25519 AAAA "
		"novahaul:j-1\n",
		"\1ssh-rsa AAAA no newline",
		"\1# made by novahaul, which will remove it\n",
		"\2port 22\nauthorizedkeysfile .ssh/authorized_keys x\n",
		"\2authorizedkeysfile %h/.ssh/k%u %%\n",
		"\2sha256t4m:0123456789abcdef0123456789abcdef"
		"0123456789abcdef0123456789abcdef",
		"\2/usr/libexec/novahaul-agent"};
	size_t n;

	if (k >= sizeof(seeds) / sizeof(seeds[0]))
		return 0;
	n = strlen(seeds[k]);
	FUZZ_ASSERT(n <= cap);
	memcpy(buf, seeds[k], n);
	return n;
}
