/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "inspect/inspect.h"

#include <errno.h>
#include <ftw.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/proc.h"

#define DEFAULT_FILES 200000
#define DEFAULT_TIMEOUT_S 540
#define DEFAULT_WORK_DIR "/var/tmp"

static const char usage_text[] =
	"usage: novahaul-inspect info FILE --format raw|qcow2 [OPTION...]\n"
	"       novahaul-inspect deep --disk FILE:FORMAT... "
	"[--config-drive FILE] [--base-dir DIR] [OPTION...]\n"
	"options: --user NAME  --timeout SECONDS  --work-dir DIR  "
	"--no-namespaces\n"
	"         --tcg  --kvm  --max-files N  (deep only)\n";

enum {
	OPT_FORMAT = 256,
	OPT_DISK,
	OPT_CONFIG,
	OPT_BASE_DIR,
	OPT_USER,
	OPT_TIMEOUT,
	OPT_WORK_DIR,
	OPT_NO_NAMESPACES,
	OPT_TCG,
	OPT_KVM,
	OPT_MAX_FILES,
	OPT_WORKER,
	OPT_VERSION,
	OPT_HELP,
};

static const struct option options[] = {
	{"format", required_argument, NULL, OPT_FORMAT},
	{"disk", required_argument, NULL, OPT_DISK},
	{"config-drive", required_argument, NULL, OPT_CONFIG},
	{"base-dir", required_argument, NULL, OPT_BASE_DIR},
	{"user", required_argument, NULL, OPT_USER},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"work-dir", required_argument, NULL, OPT_WORK_DIR},
	{"no-namespaces", no_argument, NULL, OPT_NO_NAMESPACES},
	{"tcg", no_argument, NULL, OPT_TCG},
	{"kvm", no_argument, NULL, OPT_KVM},
	{"max-files", required_argument, NULL, OPT_MAX_FILES},
	{"worker", required_argument, NULL, OPT_WORKER},
	{"version", no_argument, NULL, OPT_VERSION},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

/* PATH is made absolute here: the worker and qemu-img see it as it is now. */
static int add_disk(struct inspect_opts *o, const char *path, size_t len,
		    enum image_format format, struct err *e)
{
	AUTO(mem_freep) char *p = mem_strndup(path, len);
	struct stat st;
	char *real;

	if (format == IMAGE_FORMAT_UNKNOWN)
		return err_set(e, ERR_USAGE,
			       "%s: the format must be raw or qcow2", p);
	if (o->ndisks == INSPECT_DISKS_MAX)
		return err_set(e, ERR_USAGE, "more than %d disks",
			       INSPECT_DISKS_MAX);
	real = realpath(p, NULL);
	if (!real || stat(real, &st)) {
		err_sys(e, ERR_FAILED, errno, "%s", p);
		mem_free(real);
		return -1;
	}
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
		mem_free(real);
		return err_set(e, ERR_FAILED, "%s is not a file", p);
	}
	o->disks[o->ndisks++] = (struct inspect_disk){.name = mem_strdup(real),
						      .path = mem_strdup(real),
						      .format = format};
	mem_free(real);
	return 0;
}

static int add_pair(struct inspect_opts *o, const char *arg, struct err *e)
{
	const char *colon = strrchr(arg, ':');

	if (!colon)
		return err_set(e, ERR_USAGE, "--disk wants FILE:FORMAT");
	return add_disk(o, arg, (size_t)(colon - arg),
			image_format_by_name(colon + 1), e);
}

static int base_dir(struct inspect_opts *o, const char *path, struct err *e)
{
	struct stat st;
	char *real;

	if (o->base_dir)
		return err_set(e, ERR_USAGE, "two --base-dir");
	real = realpath(path, NULL);
	if (!real || stat(real, &st)) {
		err_sys(e, ERR_FAILED, errno, "%s", path);
		mem_free(real);
		return -1;
	}
	o->base_dir = real;
	return S_ISDIR(st.st_mode)
		       ? 0
		       : err_set(e, ERR_FAILED, "%s is not a directory", path);
}

static int number(const char *arg, uint64_t max, uint64_t *out, struct err *e)
{
	char *end;

	errno = 0;
	*out = strtoull(arg, &end, 10);
	if (errno || *end || !*arg || *arg == '-' || !*out || *out > max)
		return err_set(e, ERR_USAGE, "\"%s\" is not a number in 1-%llu",
			       arg, (unsigned long long)max);
	return 0;
}

struct args {
	struct inspect_opts o;
	const char *format, *config;
	bool tcg;
};

static int one_option(struct args *a, int c, struct err *e)
{
	struct inspect_opts *o = &a->o;
	uint64_t n;

	switch (c) {
	case OPT_FORMAT:
		a->format = optarg;
		return 0;
	case OPT_DISK:
		return add_pair(o, optarg, e);
	case OPT_CONFIG:
		if (a->config)
			return err_set(e, ERR_USAGE, "two config drives");
		a->config = optarg;
		return 0;
	case OPT_BASE_DIR:
		return base_dir(o, optarg, e);
	case OPT_USER:
		o->user = optarg;
		return 0;
	case OPT_TIMEOUT:
		if (number(optarg, 86400, &n, e))
			return -1;
		o->timeout_s = (unsigned int)n;
		return 0;
	case OPT_WORK_DIR:
		o->work_dir = optarg;
		return 0;
	case OPT_NO_NAMESPACES:
		o->no_namespaces = true;
		return 0;
	case OPT_TCG:
		a->tcg = true;
		return 0;
	case OPT_KVM:
		o->kvm = true;
		return 0;
	case OPT_MAX_FILES:
		return number(optarg, UINT32_MAX, &o->max_files, e);
	case OPT_WORKER:
		o->worker = optarg;
		return 0;
	}
	return err_set(e, ERR_USAGE, "see novahaul-inspect --help");
}

static int positional(struct args *a, int argc, char **argv, struct err *e)
{
	struct inspect_opts *o = &a->o;
	const char *verb = optind < argc ? argv[optind] : "";
	int left = argc - optind - 1;

	if (strcmp(verb, "info") == 0) {
		o->command = INSPECT_INFO;
		if (left != 1 || !a->format || o->ndisks || a->config ||
		    o->base_dir)
			return err_set(e, ERR_USAGE,
				       "info wants one FILE and --format");
		return add_disk(o, argv[optind + 1], strlen(argv[optind + 1]),
				image_format_by_name(a->format), e);
	}
	if (strcmp(verb, "deep") != 0)
		return err_set(e, ERR_USAGE, "the command is info or deep");
	o->command = INSPECT_DEEP;
	if (left || a->format || !(o->ndisks || a->config))
		return err_set(e, ERR_USAGE,
			       "deep wants --disk FILE:FORMAT, or "
			       "--config-drive FILE, and no other word");
	if (!a->config)
		return 0;
	o->config_drive = true;
	return add_disk(o, a->config, strlen(a->config), IMAGE_FORMAT_RAW, e);
}

static int parse(struct args *a, int argc, char **argv, struct err *e)
{
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == OPT_VERSION || c == OPT_HELP) {
			if (c == OPT_VERSION)
				printf("novahaul-inspect %s\n",
				       PACKAGE_VERSION);
			else
				fputs(usage_text, stdout);
			exit(fflush(stdout) ? INSPECT_FAILED : INSPECT_OK);
		}
		if (one_option(a, c, e))
			return -1;
	}
	if (a->tcg && a->o.kvm)
		return err_set(e, ERR_USAGE, "--tcg and --kvm exclude another");
	return positional(a, argc, argv, e);
}

static int report(const struct err *e)
{
	fprintf(stderr, "error: %s\n", err_msg(e));
	if (e->hint)
		fprintf(stderr, "hint: %s\n", e->hint);
	return e->kind == ERR_USAGE ? INSPECT_USAGE : INSPECT_FAILED;
}

static int print_json(json_t *j)
{
	char *text = json_dumps(j, JSON_SORT_KEYS | JSON_ENSURE_ASCII);
	bool bad = !text || puts(text) < 0 || fflush(stdout);

	mem_free(text);
	json_decref(j);
	if (bad)
		fputs("error: writing the result\n", stderr);
	return bad ? INSPECT_FAILED : INSPECT_OK;
}

static int worker(struct inspect_opts *o)
{
	struct err e = ERR_INIT;
	json_t *j = NULL;
	int rc;

	if (jail_enter(o, &e) == 0)
		j = o->command == INSPECT_INFO ? inspect_info(o, &e)
					       : inspect_deep(o, &e);
	if (j) {
		rc = print_json(j);
	} else if (e.kind == ERR_NOTHING) {
		rc = print_json(
			json_pack("{s:o}", "skipped", walk_text(err_msg(&e))));
		rc = rc ? rc : INSPECT_SKIPPED;
	} else {
		rc = report(&e);
	}
	err_clear(&e);
	return rc;
}

static int rm(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path) && errno != ENOENT;
}

/* With the worker's rights: it chose what is in there. */
static void remove_dir(const char *dir, unsigned int uid, unsigned int gid)
{
	bool root = geteuid() == 0;

	if (root && (setegid(gid) || seteuid(uid)))
		return;
	nftw(dir, rm, 16, FTW_DEPTH | FTW_PHYS);
	if (root && (seteuid(0) || setegid(0)))
		return;
	rmdir(dir);
}

static void child_env(const char *dir, struct strv *env)
{
	static const char *const keep[] = {"LIBGUESTFS_PATH",
					   "LIBGUESTFS_HV",
					   "LIBGUESTFS_BACKEND_SETTINGS",
					   "SUPERMIN_KERNEL",
					   "SUPERMIN_MODULES",
					   NULL};

	strv_add(env, "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:"
		      "/usr/sbin:/sbin");
	strv_add(env, "LANG=C");
	strv_addf(env, "HOME=%s", dir);
	strv_addf(env, "TMPDIR=%s", dir);
	/* libguestfs's sockets */
	strv_addf(env, "XDG_RUNTIME_DIR=%s", dir);
	for (size_t i = 0; keep[i]; i++)
		if (getenv(keep[i]))
			strv_addf(env, "%s=%s", keep[i], getenv(keep[i]));
}

/* Runs the worker and passes on what it says. */
static int run_worker(const struct inspect_opts *o, const char *dir,
		      char **argv, struct err *e)
{
	AUTO(strv_clear) struct strv av = STRV_INIT;
	AUTO(strv_clear) struct strv env = STRV_INIT;
	struct proc p = {.timeout_us = (int64_t)(o->timeout_s + 5) * 1000000,
			 .out_max = 4 << 20};
	int rc = INSPECT_FAILED;

	strv_add(&av, "/proc/self/exe");
	strv_addf(&av, "--worker=%s", dir);
	strv_addv(&av, (const char *const *)argv + 1);
	child_env(dir, &env);
	p.argv = av.v;
	p.env = env.v;
	if (proc_run(&p, e)) {
		err_wrap(e, "novahaul-inspect's worker");
	} else {
		fwrite(p.err.p, 1, p.err.len, stderr);
		fwrite(p.out.p, 1, p.out.len, stdout);
		rc = fflush(stdout) ? INSPECT_FAILED : p.exit_code;
		/* a signal, say the limit on processor time */
		if (rc > 128)
			err_set(e, ERR_FAILED, "the worker died of signal %d",
				rc - 128);
	}
	proc_clear(&p);
	return rc > 128 ? INSPECT_FAILED : rc;
}

static int supervise(const struct inspect_opts *o, char **argv)
{
	AUTO(mem_freep)
	char *dir = mem_printf("%s/novahaul-inspect-XXXXXX",
			       o->work_dir ? o->work_dir : DEFAULT_WORK_DIR);
	struct err e = ERR_INIT;
	unsigned int uid, gid;
	int rc = INSPECT_FAILED;

	if (jail_user(o, &uid, &gid, &e)) {
		rc = report(&e);
	} else if (!mkdtemp(dir)) {
		err_sys(&e, ERR_FAILED, errno, "making %s", dir);
		rc = report(&e);
	} else {
		if (geteuid() == 0 && chown(dir, uid, gid))
			err_sys(&e, ERR_FAILED, errno, "chown of %s", dir);
		else
			rc = run_worker(o, dir, argv, &e);
		if (e.kind != ERR_NONE)
			rc = report(&e);
		remove_dir(dir, uid, gid);
	}
	err_clear(&e);
	return rc;
}

int main(int argc, char **argv)
{
	struct args a = {.o = {.max_files = DEFAULT_FILES,
			       .timeout_s = DEFAULT_TIMEOUT_S}};
	struct err e = ERR_INIT;
	int rc;

	if (parse(&a, argc, argv, &e)) {
		rc = report(&e);
		err_clear(&e);
	} else if (a.o.worker) {
		rc = worker(&a.o);
	} else {
		rc = supervise(&a.o, argv);
	}
	for (size_t i = 0; i < a.o.ndisks; i++) {
		mem_free(a.o.disks[i].name);
		mem_free(a.o.disks[i].path);
		mem_free(a.o.disks[i].base);
	}
	mem_free(a.o.base_dir);
	return rc;
}
