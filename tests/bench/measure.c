/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure: what a command costs the hosts that it uses.  For tests/bench only.
 *
 *	measure -o FILE [--side NAME,CGROUP,PID]... [--wire PID,DEV]...
 *		[--join CGROUP] [--timeout S] -- COMMAND [ARG...]
 *
 * A side is a host: the processes of a control group or, where CGROUP is "-",
 * of the pid namespace of PID.  The command itself runs in --join.  FILE gets
 * one JSON object: wall seconds; bytes through the devices, both ways; and for
 * each side its CPU seconds, the highest sum of its processes' anonymous
 * memory, the highest of one process, and CPU by program, as far as it was seen
 * every 20 ms.  The sums leave out what was there before the command.
 *
 * CPU is the control group's own count, which misses nothing; of a namespace it
 * is that of its living processes and of the children they have waited for, and
 * the first one's that of the command as well, whose parent is outside.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/str.h"

enum { SIDES = 4, WIRES = 4, PROCS = 4096, EVERY_US = 20000 };

struct proc_seen {
	int pid, side;
	char comm[32];
	uint64_t ticks, ticks0, anon;
	bool now; /* seen in this round */
};

struct side {
	char *name, *cgroup; /* NULL: by namespace */
	int pid;
	ino_t ns;
	double cpu0, cpu;
	uint64_t anon0, peak, peak_one;
};

struct wire {
	int pid;
	char *dev;
	uint64_t bytes0;
};

static struct side side[SIDES];
static struct wire wire[WIRES];
static size_t nsides, nwires, nprocs;
static struct proc_seen procs[PROCS];

/* The whole of a small file of /proc or /sys; "" when it is gone. */
static char *slurp(const char *path, char *b, size_t n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got = 0;

	while (fd >= 0 && len < n - 1 &&
	       (got = read(fd, b + len, n - 1 - len)) > 0)
		len += (size_t)got;
	if (fd >= 0)
		close(fd);
	b[len] = '\0';
	return b;
}

static uint64_t number_after(const char *text, const char *key)
{
	const char *p = strstr(text, key);

	return p ? strtoull(p + strlen(key), NULL, 10) : 0;
}

/* utime + stime, and with CHILDREN what it has reaped; of /proc/PID/stat. */
static uint64_t ticks_of(const char *stat, bool children)
{
	const char *p = strrchr(stat, ')');
	uint64_t sum = 0;

	for (int field = 2; p && field <= 17; field++) {
		if (field >= 14 && (children || field <= 15))
			sum += strtoull(p, NULL, 10);
		p = strchr(p + 1, ' ');
	}
	return sum;
}

static bool by_namespace(const struct side *s, int pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	return !stat(path, &st) && st.st_ino == s->ns;
}

/* Calls FN for every process of S. */
static void each(struct side *s, void (*fn)(struct side *s, int pid))
{
	static char b[65536];
	char path[512];
	struct dirent *d;
	DIR *dir;

	if (s->cgroup) {
		snprintf(path, sizeof(path), "%s/cgroup.procs", s->cgroup);
		slurp(path, b, sizeof(b));
		for (char *p = b; *p; p = strchr(p, '\n') + 1)
			fn(s, (int)strtol(p, NULL, 10));
		return;
	}
	dir = opendir("/proc");
	while (dir && (d = readdir(dir))) {
		int pid = (int)strtol(d->d_name, NULL, 10);

		if (pid > 0 && by_namespace(s, pid))
			fn(s, pid);
	}
	if (dir)
		closedir(dir);
}

static struct proc_seen *find(int pid, int of)
{
	for (size_t i = 0; i < nprocs; i++)
		if (procs[i].pid == pid && procs[i].side == of)
			return &procs[i];
	if (nprocs == PROCS)
		return NULL;
	procs[nprocs] = (struct proc_seen){.pid = pid, .side = of};
	return &procs[nprocs++];
}

static void look(struct side *s, int pid)
{
	struct proc_seen *p = find(pid, (int)(s - side));
	char path[64], b[4096];
	const char *open, *close;

	if (!p)
		return;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	slurp(path, b, sizeof(b));
	open = strchr(b, '(');
	close = strrchr(b, ')');
	if (!open || !close)
		return;
	p->now = true;
	p->ticks = ticks_of(b, false);
	snprintf(p->comm, sizeof(p->comm), "%.*s", (int)(close - open - 1),
		 open + 1);
	/* Shared pages are counted once, where the kernel tells. */
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	p->anon = number_after(slurp(path, b, sizeof(b)), "Pss_Anon:");
	if (!p->anon) {
		snprintf(path, sizeof(path), "/proc/%d/status", pid);
		p->anon = number_after(slurp(path, b, sizeof(b)), "RssAnon:");
	}
}

static void sample(bool first)
{
	for (size_t i = 0; i < nprocs; i++)
		procs[i].now = false;
	for (size_t i = 0; i < nsides; i++) {
		struct side *s = &side[i];
		uint64_t sum = 0;

		each(s, look);
		for (size_t k = 0; k < nprocs; k++) {
			struct proc_seen *p = &procs[k];

			if (p->side != (int)i || !p->now)
				continue;
			sum += p->anon;
			if (first)
				p->ticks0 = p->ticks;
			else if (p->ticks > p->ticks0 && p->anon > s->peak_one)
				s->peak_one = p->anon;
		}
		if (first)
			s->anon0 = sum;
		else if (sum > s->anon0 && sum - s->anon0 > s->peak)
			s->peak = sum - s->anon0;
	}
}

static double ns_cpu;

static void add_cpu(struct side *s, int pid)
{
	char path[64], b[4096];

	(void)s;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	ns_cpu += (double)ticks_of(slurp(path, b, sizeof(b)), true);
}

static double cpu_of(struct side *s)
{
	char path[512], b[4096];

	if (!s->cgroup) {
		ns_cpu = 0;
		each(s, add_cpu);
		return ns_cpu / (double)sysconf(_SC_CLK_TCK);
	}
	snprintf(path, sizeof(path), "%s/cpu.stat", s->cgroup);
	if (*slurp(path, b, sizeof(b)) && strstr(b, "usage_usec "))
		return (double)number_after(b, "usage_usec ") / 1e6;
	snprintf(path, sizeof(path), "%s/cpuacct.usage", s->cgroup);
	return strtod(slurp(path, b, sizeof(b)), NULL) / 1e9;
}

/* "  eth0: RX-BYTES 7 more TX-BYTES ..." */
static uint64_t bytes_of(const struct wire *w)
{
	char path[64], b[8192], key[64], *p;
	uint64_t rx, tx = 0;

	snprintf(path, sizeof(path), "/proc/%d/net/dev", w->pid);
	slurp(path, b, sizeof(b));
	snprintf(key, sizeof(key), "%s:", w->dev);
	p = strstr(b, key);
	if (!p)
		return 0;
	rx = strtoull(p + strlen(key), &p, 10);
	for (int i = 0; i < 8; i++)
		tx = strtoull(p, &p, 10);
	return rx + tx;
}

/* Of the command, which has ended, and all that it has waited for. */
static double cpu_of_command(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void put_side(struct buf *b, int i)
{
	const struct side *s = &side[i];
	double ticks = (double)sysconf(_SC_CLK_TCK);
	const char *comma = "";

	buf_printf(b,
		   "\"%s\":{\"cpu\":%.3f,\"peak_kib\":%llu,"
		   "\"peak_one_kib\":%llu,\"programs\":{",
		   s->name, s->cpu, (unsigned long long)s->peak,
		   (unsigned long long)s->peak_one);
	for (size_t k = 0; k < nprocs; k++) {
		uint64_t sum = 0;

		if (procs[k].side != i || !*procs[k].comm)
			continue;
		for (size_t n = k; n < nprocs; n++) {
			if (procs[n].side != i ||
			    (n != k && strcmp(procs[n].comm, procs[k].comm)))
				continue;
			sum += procs[n].ticks - procs[n].ticks0;
			if (n != k)
				*procs[n].comm = '\0';
		}
		if (!sum || strpbrk(procs[k].comm, "\"\\"))
			continue;
		buf_printf(b, "%s\"%s\":%.2f", comma, procs[k].comm,
			   (double)sum / ticks);
		comma = ",";
	}
	buf_puts(b, "}}");
}

static void put(FILE *out, double wall, uint64_t bytes, int code)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	buf_printf(&b, "{\"wall\":%.4f,\"wire\":%llu,\"exit\":%d", wall,
		   (unsigned long long)bytes, code);
	for (size_t i = 0; i < nsides; i++) {
		buf_putc(&b, ',');
		put_side(&b, (int)i);
	}
	buf_puts(&b, "}\n");
	fputs(buf_str(&b), out);
}

static void join(const char *cgroup)
{
	AUTO(mem_freep) char *path = mem_printf("%s/cgroup.procs", cgroup);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) != 1) {
		fprintf(stderr, "measure: %s: %s\n", path, strerror(errno));
		_exit(126);
	}
	close(fd);
}

static pid_t start(char **argv, const char *cgroup)
{
	sigset_t chld;
	pid_t pid;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	pid = fork();
	if (pid)
		return pid;
	sigprocmask(SIG_UNBLOCK, &chld, NULL);
	setpgid(0, 0);
	if (cgroup)
		join(cgroup);
	execvp(argv[0], argv);
	fprintf(stderr, "measure: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Samples until PID ends; its exit code, 124 when it was killed as too slow. */
static int follow(pid_t pid, int64_t until)
{
	static const struct timespec every = {.tv_nsec = EVERY_US * 1000};
	bool late = false;
	sigset_t chld;
	int status;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	while (!waitpid(pid, &status, WNOHANG)) {
		sample(false);
		if (!late && clock_mono_us() > until) {
			late = true;
			kill(-pid, SIGKILL);
		}
		/* Its end is noticed at once. */
		sigtimedwait(&chld, NULL, &every);
	}
	if (late)
		return 124;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The next comma-separated word of *S, which is cut; never NULL. */
static char *word(char **s)
{
	char *w = strsep(s, ",");

	return w ? w : (char *)"";
}

static void add_side(char *arg)
{
	struct side *s = &side[nsides];
	struct stat st;
	char path[64];

	if (nsides == SIDES)
		return;
	s->name = word(&arg);
	s->cgroup = word(&arg);
	if (str_is(s->cgroup, "-"))
		s->cgroup = NULL;
	s->pid = (int)strtol(word(&arg), NULL, 10);
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", s->pid);
	if (!stat(path, &st))
		s->ns = st.st_ino;
	nsides++;
}

static void add_wire(char *arg)
{
	if (nwires == WIRES)
		return;
	wire[nwires].pid = (int)strtol(word(&arg), NULL, 10);
	wire[nwires++].dev = word(&arg);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"side", 1, NULL, 's'}, {"wire", 1, NULL, 'w'},
		{"join", 1, NULL, 'j'}, {"timeout", 1, NULL, 't'},
		{NULL, 0, NULL, 0},
	};
	const char *out = NULL, *cgroup = NULL;
	int64_t begin, limit = 600;
	uint64_t bytes = 0;
	double wall;
	int c, code;
	FILE *f;

	while ((c = getopt_long(argc, argv, "+o:", longs, NULL)) != -1) {
		if (c == 'o')
			out = optarg;
		else if (c == 's')
			add_side(optarg);
		else if (c == 'w')
			add_wire(optarg);
		else if (c == 'j')
			cgroup = optarg;
		else if (c == 't')
			limit = strtol(optarg, NULL, 10);
		else
			return 2;
	}
	f = out ? fopen(out, "we") : NULL;
	if (!f || optind >= argc) {
		fprintf(stderr, "measure: -o FILE ... -- COMMAND\n");
		return 2;
	}
	sample(true);
	for (size_t i = 0; i < nwires; i++)
		wire[i].bytes0 = bytes_of(&wire[i]);
	for (size_t i = 0; i < nsides; i++)
		side[i].cpu0 = cpu_of(&side[i]);
	begin = clock_mono_us();
	code = follow(start(argv + optind, cgroup), begin + limit * 1000000);
	wall = (double)(clock_mono_us() - begin) / 1e6;
	for (size_t i = 0; i < nsides; i++)
		side[i].cpu = cpu_of(&side[i]) - side[i].cpu0;
	if (nsides && !side[0].cgroup)
		side[0].cpu += cpu_of_command();
	for (size_t i = 0; i < nwires; i++)
		bytes += bytes_of(&wire[i]) - wire[i].bytes0;
	put(f, wall, bytes, code);
	fclose(f);
	return code;
}
