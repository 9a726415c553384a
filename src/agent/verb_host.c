/* SPDX-License-Identifier: Apache-2.0 */
/* The host itself: who it is, its names, its file systems, its programs. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/agent_priv.h"
#include "agent/host_verbs.h"
#include "agent/mounts.h"
#include "core/clock.h"
#include "core/fs.h"
#include "core/proc.h"

/* ---- info ------------------------------------------------------------ */

int verb_exe_sha256(char hex[65], struct err *e)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	AUTO(mem_freep) char *b = mem_calloc(1, 65536);
	AUTO(mem_closefd)
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	ssize_t n = -1;

	EVP_DigestInit_ex(md, EVP_sha256(), NULL);
	while (fd >= 0 && (n = read(fd, b, 65536)) > 0)
		EVP_DigestUpdate(md, b, (size_t)n);
	EVP_DigestFinal_ex(md, sum, &len);
	EVP_MD_CTX_free(md);
	if (fd < 0 || n < 0)
		return err_sys(e, ERR_FAILED, errno, "/proc/self/exe");
	hex_encode(sum, 32, hex);
	return 0;
}

static void put_file(struct enc *out, const char *path)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	if (fs_read_path(path, 4096, &b, &e))
		err_clear(&e);
	if (b.p)
		b.p[strcspn(b.p, "\n")] = '\0';
	enc_str(out, buf_str(&b));
}

static int do_info(struct verb_call *c, struct err *e)
{
	char exe[4096], sha[65];
	struct utsname u;
	ssize_t n;

	if (agent_args_end(c, e) || verb_exe_sha256(sha, e))
		return -1;
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	uname(&u);
	enc_str(c->out, u.nodename);
	enc_str(c->out, u.release);
	enc_str(c->out, u.machine);
	put_file(c->out, "/proc/sys/kernel/random/boot_id");
	enc_str(c->out, exe);
	enc_str(c->out, sha);
	enc_str(c->out, wire_build());
	enc_u32(c->out, geteuid());
	enc_i64(c->out, clock_now_us());
	return 0;
}

/* For hosts that are reached without SSH, and so without its host key. */
static int do_hostkey(struct verb_call *c, struct err *e)
{
	static const char *const files[] = {
		"/etc/ssh/ssh_host_ed25519_key.pub",
		"/etc/ssh/ssh_host_ecdsa_key.pub",
		"/etc/ssh/ssh_host_rsa_key.pub",
	};

	if (agent_args_end(c, e))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (access(files[i], R_OK))
			continue;
		put_file(c->out, files[i]);
		return 0;
	}
	err_set(e, ERR_FAILED, "there is no host key in /etc/ssh");
	e->sys = ENOENT;
	return -1;
}

/* ---- file systems ---------------------------------------------------- */

static void put_mount(struct enc *out, dev_t dev)
{
	AUTO(mount_clear) struct mount m = MOUNT_INIT;

	mount_of(dev, &m);
	enc_str(out, m.type ? m.type : "");
	enc_str(out, m.source ? m.source : "");
	enc_str(out, m.options ? m.options : "");
}

static int do_statfs(struct verb_call *c, struct err *e)
{
	struct agent_path p;
	AUTO(mem_closefd) int fd = -1;
	struct statvfs v;
	struct stat st;

	if (agent_path(c, &p, e) || agent_args_end(c, e))
		return -1;
	fd = fs_open_beneath(p.root, p.rel, O_PATH, 0, e);
	if (fd < 0)
		return err_wrap(e, "%s", p.where);
	if (fstatvfs(fd, &v) || fstat(fd, &st))
		return err_sys(e, ERR_FAILED, errno, "%s/%s", p.where, p.rel);
	enc_u64(c->out, (uint64_t)v.f_blocks * v.f_frsize);
	enc_u64(c->out, (uint64_t)v.f_bfree * v.f_frsize);
	enc_u64(c->out, (uint64_t)v.f_bavail * v.f_frsize);
	enc_u64(c->out, v.f_files);
	enc_u64(c->out, v.f_ffree);
	put_mount(c->out, st.st_dev);
	enc_bool(c->out, (v.f_flag & ST_RDONLY) != 0);
	enc_u64(c->out, st.st_dev);
	return 0;
}

/* ---- programs -------------------------------------------------------- */

static int drop_to(struct names *n, struct proc *p, const char *user,
		   struct err *e)
{
	AUTO(buf_clear) struct buf line = BUF_INIT;
	AUTO(mem_freep) char *uid = NULL;
	AUTO(mem_freep) char *gid = NULL;
	bool found;

	if (names_line(n, "passwd", user, &found, &line, e))
		return -1;
	if (!found)
		return err_set(e, ERR_FAILED, "there is no user named \"%s\"",
			       user);
	uid = names_field(line.p, 2);
	gid = names_field(line.p, 3);
	p->drop = true;
	p->uid = (uid_t)strtoul(uid, NULL, 10);
	p->gid = (gid_t)strtoul(gid, NULL, 10);
	/* A line that does not say must not mean root. */
	if (!*uid || !*gid || strspn(uid, "0123456789") != strlen(uid) ||
	    strspn(gid, "0123456789") != strlen(gid))
		return err_set(e, ERR_FAILED, "getent passwd %s: \"%s\"", user,
			       line.p);
	return 0;
}

/* The file that the program works on is hostile: nova's own limits for qemu-img
 * (nova/privsep/qemu.py@33.0.2: 30 s, 1 GiB), and no room to grow it. */
static int confine(struct verb_call *c, struct proc *p, struct err *e)
{
	struct agent_path path;
	struct stat st;

	if (agent_path(c, &path, e))
		return -1;
	if (!p->drop || !p->uid || !p->gid)
		return err_set(e, ERR_USAGE,
			       "%s: only for a user without rights", path.rel);
	p->file = agent_open(&path, O_RDWR, 0, e);
	if (p->file < 0)
		return -1;
	if (fstat(p->file, &st) || !S_ISREG(st.st_mode))
		return err_sys(e, ERR_FAILED, errno, "%s/%s", path.where,
			       path.rel);
	p->confined = true;
	p->cpu_s = 30;
	p->as_bytes = 1UL << 30;
	p->fsize_bytes = (unsigned long)st.st_size + (64UL << 20);
	return 0;
}

static int run(struct verb_call *c, bool mutates, struct err *e)
{
	AUTO(strv_clear) struct strv argv = STRV_INIT;
	/* Refused before it is opened, none must be closed: 0 is the link. */
	struct proc p = {.file = -1};
	AUTO(mem_closefd) int file = -1;
	const char *user;
	bool kill_on_close;
	int rc;

	dec_strv(c->in, &argv);
	p.in = dec_bytes(c->in, &p.in_len);
	p.timeout_us = dec_i64(c->in);
	p.out_max = dec_u32(c->in);
	user = dec_str0(c->in);
	kill_on_close = dec_bool(c->in);
	if (user && drop_to(c->agent->names, &p, user, e))
		return -1;
	if (dec_bool(c->in)) {
		rc = confine(c, &p, e);
		file = p.file;
		if (rc)
			return -1;
	}
	if (agent_args_end(c, e))
		return -1;
	if (!argv.n || p.timeout_us <= 0)
		return err_set(e, ERR_USAGE, "no program, or no deadline");
	if (!p.in_len)
		p.in = NULL;
	p.argv = argv.v;
	/* What has begun to change something is not cut off half-way. */
	if (mutates && !kill_on_close &&
	    !reader_busy(c->agent->reader, READER_FINISH))
		return err_set(e, ERR_RETRY, "the caller has gone");
	rc = proc_run(&p, e);
	if (rc && !mutates && e->kind == ERR_LOST)
		e->kind = ERR_RETRY;
	if (!rc) {
		enc_u32(c->out, (uint32_t)p.exit_code);
		enc_bytes(c->out, p.out.p, p.out.len);
		enc_bytes(c->out, p.err.p, p.err.len);
	}
	proc_clear(&p);
	return rc;
}

static int do_run(struct verb_call *c, struct err *e)
{
	return run(c, true, e);
}

static int do_run_read(struct verb_call *c, struct err *e)
{
	return run(c, false, e);
}

static int do_getent(struct verb_call *c, struct err *e)
{
	AUTO(buf_clear) struct buf line = BUF_INIT;
	uint8_t db = dec_u8(c->in);
	const char *name = dec_str(c->in);
	bool found;

	if (agent_args_end(c, e) ||
	    names_line(c->agent->names, db ? "group" : "passwd", name, &found,
		       &line, e))
		return -1;
	enc_bool(c->out, found);
	for (unsigned i = 0; i < 7; i++) {
		AUTO(mem_freep) char *f = names_field(buf_str(&line), i);

		enc_str(c->out, f);
	}
	return 0;
}

const struct verb verbs_host[] = {
	{VERB_INFO, "info", .receive = true, .fn = do_info},
	{VERB_HOSTKEY, "hostkey", .fn = do_hostkey},
	{VERB_STATFS, "statfs", .fn = do_statfs},
	{VERB_DIGEST, "digest", .fn = verb_digest},
	{VERB_RUN, "run", .mutates = true, .fn = do_run},
	{VERB_RUN_READ, "run", .fn = do_run_read},
	{VERB_GETENT, "getent", .fn = do_getent},
	{VERB_PROC_SCAN, "proc-scan", .fn = verb_scan},
	{VERB_CONF, "conf", .fn = verb_conf},
	{VERB_REACH, "reach", .fn = verb_reach},
	{0},
};
