/* SPDX-License-Identifier: Apache-2.0 */
/* A host over SSH: a real sshd, one process a connection, on a port that the
 * kernel chose. */
#include "unit/host-lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "agent/procfs.h"
#include "host/known.h"

/* libssh2 1.10 itself leaks two big numbers for every ECDSA key it reads. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libssh2.so";
}

/* libcrypto keeps no frame pointers: only the slow unwinder gets from its
 * allocator back to libssh2. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "fast_unwind_on_malloc=0";
}

/* libssh2 sends through this one: a full socket, as often as a test likes. */
static bool in_parts;

ssize_t send(int fd, const void *p, size_t n, int flags)
{
	static unsigned turn;

	if (in_parts && turn++ % 4) {
		errno = EAGAIN;
		return -1;
	}
	if (in_parts && n > 10000)
		n = 10000;
	return syscall(SYS_sendto, fd, p, n, flags, NULL, 0);
}

struct lab {
	char *dir, *cache, *agent;
	char *known, *ed, *ecdsa, *rsa;
	int port, listener;
	pid_t pid; /* accepts, starts sshd */
	bool noexec;
	const char *extra; /* a further line of sshd_config */
};

static void tool(const char *const *argv)
{
	struct proc p = {.argv = (char *const *)argv, .timeout_us = 20000000};
	struct err e = ERR_INIT;

	if (proc_run(&p, &e) || p.exit_code)
		fail_msg("%s: %s %s", argv[0], err_msg(&e), buf_str(&p.err));
	proc_clear(&p);
}

#define TOOL(...) tool((const char *const[]){__VA_ARGS__, NULL})

static char *keygen(struct lab *l, const char *type, const char *name)
{
	char *path = mem_printf("%s/%s", l->dir, name);

	TOOL("ssh-keygen", "-q", "-t", type, "-N", "", "-C", name, "-f", path);
	return path;
}

static char *slurp(const char *dir, const char *name)
{
	AUTO(mem_freep) char *path = mem_printf("%s/%s", dir, name);
	AUTO(buf_clear) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	assert_ok(fs_read_path(path, 65536, &b, &e));
	return buf_steal(&b);
}

/* "[127.0.0.1]:PORT type base64" from a public key's file. */
static void know(struct lab *l, const char *pub)
{
	AUTO(mem_freep) char *key = slurp(l->dir, pub);
	AUTO(mem_freep)
	char *line = mem_printf("# a comment\n[127.0.0.1]:%d %s", l->port, key);

	lab_put(l->dir, "known", line);
}

/* ---- the server ------------------------------------------------------ */

static void sshd_config(struct lab *l)
{
	AUTO(mem_freep)
	char *text =
		mem_printf("HostKey %s/host\n"
			   "AuthorizedKeysFile %s/authorized_keys\n"
			   "PermitRootLogin prohibit-password\n"
			   "PasswordAuthentication no\n"
			   "KbdInteractiveAuthentication no\n"
			   "StrictModes no\nUsePAM no\nPidFile none\n"
			   /* not the .bashrc of whoever runs this */
			   "SetEnv HOME=%s\n"
			   "MaxAuthTries 20\n%s\n",
			   l->dir, l->dir, l->dir, l->extra ? l->extra : "");

	lab_put(l->dir, "sshd_config", text);
}

static void serve(struct lab *l)
{
	AUTO(mem_freep) char *conf = mem_printf("%s/sshd_config", l->dir);
	AUTO(mem_freep) char *log = mem_printf("%s/sshd.log", l->dir);

	signal(SIGCHLD, SIG_IGN);
	if (l->noexec &&
	    (unshare(CLONE_NEWNS) ||
	     mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	     mkdir(l->cache, 0700) ||
	     mount("tmpfs", l->cache, "tmpfs", MS_NOEXEC, "mode=0700") ||
	     mount("tmpfs", "/var/cache", "tmpfs", 0, "mode=0755")))
		_exit(1);
	for (;;) {
		int s = accept(l->listener, NULL, NULL);

		if (s < 0)
			_exit(1);
		if (fork() == 0) {
			signal(SIGCHLD, SIG_DFL);
			dup2(s, 0);
			dup2(s, 1);
			close(s);
			close(l->listener);
			execl("/usr/sbin/sshd", "/usr/sbin/sshd", "-i", "-f",
			      conf, "-E", log, NULL);
			_exit(127);
		}
		close(s);
	}
}

static void listen_any(struct lab *l)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t n = sizeof(a);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(l->listener, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(l->listener, 16), 0);
	getsockname(l->listener, (struct sockaddr *)&a, &n);
	l->port = ntohs(a.sin_port);
}

static void start(struct lab *l)
{
	sshd_config(l);
	l->pid = fork();
	if (l->pid == 0)
		serve(l);
}

static int setup(void **state)
{
	struct lab *l = MEM_NEW(struct lab);

	l->dir = lab_dir();
	l->agent = lab_agent();
	l->cache = mem_printf("%s/cache", l->dir);
	l->known = mem_printf("%s/known", l->dir);
	mem_free(keygen(l, "ed25519", "host"));
	l->ed = keygen(l, "ed25519", "ed");
	listen_any(l);
	know(l, "host.pub");
	{
		AUTO(mem_freep) char *k = slurp(l->dir, "ed.pub");

		lab_put(l->dir, "authorized_keys", k);
	}
	*state = l;
	return 0;
}

/* The kernel closes what a killed process had open when it gets to it. */
static void end(pid_t pid)
{
	int64_t until = clock_mono_us() + 20000000;
	struct procfs_stat s;

	kill(pid, SIGKILL);
	while (procfs_stat(pid, &s) && procfs_runs(&s)) {
		assert_true(clock_mono_us() < until);
		clock_sleep_us(2000);
	}
}

/* Of the listener: one sshd a connection. */
static void kill_sshds(struct lab *l)
{
	AUTO(mem_freep)
	char *path = mem_printf("/proc/%d/task/%d/children", (int)l->pid,
				(int)l->pid);
	AUTO(buf_clear) struct buf b = BUF_INIT;
	AUTO(strv_clear) struct strv v = STRV_INIT;
	struct err e = ERR_INIT;

	assert_ok(fs_read_path(path, 4096, &b, &e));
	strv_split(&v, buf_str(&b), " \n");
	for (size_t i = 0; i < v.n; i++)
		end((pid_t)atol(v.v[i]));
}

static int teardown(void **state)
{
	struct lab *l = *state;

	if (l->pid > 0) {
		kill_sshds(l);
		kill(l->pid, SIGKILL);
		waitpid(l->pid, NULL, 0);
	}
	close(l->listener);
	lab_rm(l->dir);
	mem_free(l->cache);
	mem_free(l->agent);
	mem_free(l->known);
	mem_free(l->ed);
	mem_free(l->ecdsa);
	mem_free(l->rsa);
	mem_free(l);
	return 0;
}

/* ---- the client ------------------------------------------------------ */

static struct host *open_with(struct lab *l, const char *identity,
			      struct host_config *cfg, struct err *e)
{
	const char *known[] = {l->known, NULL};
	const char *ids[] = {identity, NULL};

	cfg->name = "compute-30";
	cfg->address = "127.0.0.1";
	cfg->transport = HOST_SSH;
	cfg->port = l->port;
	cfg->known_hosts = known;
	cfg->identities = ids;
	cfg->agent_path = l->agent;
	cfg->cache_dir = l->cache;
	return host_open(cfg, e);
}

static struct host *open_ok(struct lab *l)
{
	struct host_config cfg = {.no_ssh_agent = true};
	struct err e = ERR_INIT;
	struct host *h = open_with(l, l->ed, &cfg, &e);

	if (!h) {
		AUTO(mem_freep) char *log = slurp(l->dir, "sshd.log");

		fail_msg("%s\n%s", err_msg(&e), log);
	}
	return h;
}

static void open_fails(struct lab *l, const char *identity, enum err_kind kind,
		       const char *msg, const char *hint)
{
	struct host_config cfg = {.no_ssh_agent = true, .connect_us = 20000000};
	struct err e = ERR_INIT;
	struct host *h = open_with(l, identity, &cfg, &e);

	assert_null(h);
	if (e.kind != kind || !strstr(err_msg(&e), msg) ||
	    !strstr(err_msg(&e), "compute-30") ||
	    (hint && (!e.hint || !strstr(e.hint, hint))))
		fail_msg("%s: %s (%s)", err_kind_name(e.kind), err_msg(&e),
			 e.hint ? e.hint : "no hint");
	err_clear(&e);
}

static void t_bootstrap(void **state)
{
	struct lab *l = *state;
	AUTO(mem_freep) char *pub = slurp(l->dir, "host.pub");
	struct host_info i = {0};
	struct host_key k = {0};
	struct stat a, b;
	struct err e = ERR_INIT;
	struct host *h;

	start(l);
	h = open_ok(l);
	assert_ok(host_info(h, &i, &e));
	assert_int_equal(strncmp(i.exe, l->cache, strlen(l->cache)), 0);
	assert_non_null(strstr(i.exe, i.exe_sha256));
	assert_int_equal(stat(i.exe, &a), 0);
	assert_int_equal(a.st_mode & 07777, 0700);
	assert_ok(host_hostkey(h, &k, &e));
	assert_int_equal(strncmp(pub, k.line, strlen(k.line)), 0);
	assert_int_equal(k.port, l->port);
	host_key_clear(&k);
	host_close(h);
	/* The second time it is there. */
	h = open_ok(l);
	assert_int_equal(stat(i.exe, &b), 0);
	assert_true(a.st_ino == b.st_ino);
	host_close(h);
	/* What is damaged is replaced: it does not start. */
	unlink(i.exe);
	lab_put("/", i.exe + 1, "#!/no/such/interpreter\n");
	assert_int_equal(chmod(i.exe, 0700), 0);
	h = open_ok(l);
	assert_int_equal(stat(i.exe, &b), 0);
	assert_true(a.st_size == b.st_size);
	host_close(h);
	/* A directory that others could write to is not used. */
	unlink(i.exe);
	assert_int_equal(chmod(l->cache, 0777), 0);
	open_fails(l, l->ed, ERR_REFUSED, "not root's alone", NULL);
	host_info_clear(&i);
}

/* A link that takes a packet in parts: whatever else wants to be sent meanwhile
 * waits for its turn, such as the window that our own reading opens. */
static void t_slow(void **state)
{
	struct lab *l = *state;
	struct host *h;

	start(l);
	in_parts = true;
	h = open_ok(l);
	in_parts = false;
	host_close(h);
}

static void t_both_send(void **state)
{
	struct lab *l = *state;
	struct host_list_opts o = {.path = HOST_PATH(l->cache, ".")};
	struct host_list list = {0};
	struct err e = ERR_INIT;
	pid_t pid[3];
	struct host *h;

	start(l);
	for (int i = 0; i < 3; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			h = open_ok(l);
			host_close(h);
			_exit(0);
		}
	}
	for (int i = 0; i < 3; i++) {
		int st;

		waitpid(pid[i], &st, 0);
		assert_int_equal(st, 0);
	}
	h = open_ok(l);
	assert_ok(host_list(h, &o, &list, &e));
	assert_int_equal(list.n, 1);
	host_list_clear(&list);
	host_close(h);
}

static void t_noexec(void **state)
{
	struct lab *l = *state;
	struct host_info i = {0};
	struct err e = ERR_INIT;
	struct host *h;

	l->noexec = true;
	start(l);
	h = open_ok(l);
	assert_ok(host_info(h, &i, &e));
	assert_int_equal(strncmp(i.exe, "/var/cache/novahaul/", 20), 0);
	host_info_clear(&i);
	host_close(h);
}

static void t_keys(void **state)
{
	struct lab *l = *state;
	struct host *h;
	AUTO(mem_freep) char *pub = NULL;
	AUTO(mem_freep) char *line = NULL;

	start(l);
	lab_put(l->dir, "known", "");
	open_fails(l, l->ed, ERR_REFUSED, "is not known", "ssh-keyscan -p");
	assert_false(lab_has(l->dir, "cache"));
	know(l, "ed.pub"); /* another key of that type */
	open_fails(l, l->ed, ERR_REFUSED, "has changed", "ssh-keygen -f");
	assert_false(lab_has(l->dir, "cache"));
	pub = slurp(l->dir, "host.pub");
	line = mem_printf("@revoked * %s[127.0.0.1]:%d %s", pub, l->port, pub);
	lab_put(l->dir, "known", line);
	open_fails(l, l->ed, ERR_REFUSED, "revoked", NULL);
	/* Only its RSA key is known. */
	mem_free(line);
	line = mem_printf("[127.0.0.1]:%d ssh-rsa AAAA\n", l->port);
	lab_put(l->dir, "known", line);
	open_fails(l, l->ed, ERR_REFUSED, "another type", "ssh-keyscan");
	/* Hashed names are found. */
	know(l, "host.pub");
	TOOL("ssh-keygen", "-q", "-H", "-f", l->known);
	mem_free(pub);
	pub = slurp(l->dir, "known");
	assert_non_null(strstr(pub, "|1|"));
	assert_null(strstr(pub, "127.0.0.1"));
	h = open_ok(l);
	host_close(h);
}

static void verdict(const char *text, const char *host, int port,
		    enum known_verdict want)
{
	char path[] = "/tmp/nh-known-XXXXXX";
	AUTO(strv_clear) struct strv files = STRV_INIT;
	int fd = mkstemp(path);
	struct known k;

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	strv_add(&files, "/no/such/file");
	strv_add(&files, path);
	known_check(&k, &files, host, port, "ssh-ed25519", "KEY");
	if (k.verdict != want)
		fail_msg("%s: %s: %d", text, host, k.verdict);
	known_clear(&k);
	unlink(path);
}

static void t_known(void **state)
{
	(void)state;
	verdict("a,b ssh-ed25519 KEY\n", "b", 22, KNOWN_OK);
	verdict("a,b ssh-ed25519 KEY", "B", 22, KNOWN_OK);
	verdict("a,b ssh-ed25519 KEY me@x\r\n", "b", 22, KNOWN_OK);
	verdict("a,b ssh-ed25519 KEY\n", "b", 23, KNOWN_NOT);
	verdict("[b]:23 ssh-ed25519 KEY\n", "b", 23, KNOWN_OK);
	verdict("b ecdsa-sha2-nistp256 KEY\n", "b", 22, KNOWN_NOT);
	verdict("b ssh-ed25519 OLD\n", "b", 22, KNOWN_OTHER);
	verdict("b ssh-ed25519 OLD\nb ssh-ed25519 KEY\n", "b", 22, KNOWN_OK);
	verdict("*.x,!c.x ssh-ed25519 KEY\n", "b.x", 22, KNOWN_OK);
	verdict("*.x,!c.x ssh-ed25519 KEY\n", "c.x", 22, KNOWN_NOT);
	verdict("b? ssh-ed25519 KEY\n", "b", 22, KNOWN_NOT);
	verdict("#b ssh-ed25519 KEY\n", "b", 22, KNOWN_NOT);
	verdict("b ssh-ed25519\n\n \n", "b", 22, KNOWN_NOT);
	verdict("@cert-authority b ssh-ed25519 KEY\n", "b", 22, KNOWN_NOT);
	verdict("b ssh-ed25519 KEY\n@revoked b ssh-ed25519 KEY\n", "b", 22,
		KNOWN_REVOKED);
	verdict("|1|x|y ssh-ed25519 KEY\n||| ssh-ed25519 KEY\n", "b", 22,
		KNOWN_NOT);
}

static void t_auth(void **state)
{
	struct lab *l = *state;
	AUTO(mem_freep) char *all = NULL;
	AUTO(mem_freep) char *none = mem_printf("%s/none", l->dir);
	AUTO(mem_freep) char *stranger = keygen(l, "ed25519", "stranger");
	AUTO(mem_freep) char *a = NULL;
	AUTO(mem_freep) char *b = NULL;
	struct host_config cfg = {.no_ssh_agent = true};
	struct err e = ERR_INIT;
	struct host *h;

	l->ecdsa = keygen(l, "ecdsa", "ecdsa");
	l->rsa = keygen(l, "rsa", "rsa");
	a = slurp(l->dir, "ecdsa.pub");
	b = slurp(l->dir, "rsa.pub");
	all = mem_printf("%s%s", a, b);
	lab_put(l->dir, "authorized_keys", all);
	start(l);
	h = open_with(l, l->ecdsa, &cfg, &e);
	if (!h)
		fail_msg("%s", err_msg(&e));
	host_close(h);
	open_fails(l, l->rsa, ERR_FAILED, "(RSA)", "Ed25519");
	open_fails(l, stranger, ERR_FAILED, "stranger", "ssh-copy-id");
	open_fails(l, none, ERR_FAILED, "no key", "ssh-keygen -t ed25519");
	/* An encrypted one cannot be asked about. */
	TOOL("ssh-keygen", "-q", "-p", "-N", "secret", "-f", l->ecdsa);
	open_fails(l, l->ecdsa, ERR_FAILED, "encrypted", "ssh-add");
}

/* Whether somebody listens there: the name comes a little before that. */
static bool listens(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	yes = !connect(s, (struct sockaddr *)&a, sizeof(a));
	close(s);
	return yes;
}

static void t_ssh_agent(void **state)
{
	struct lab *l = *state;
	AUTO(mem_freep) char *sock = mem_printf("%s/agent.sock", l->dir);
	AUTO(mem_freep) char *none = mem_printf("%s/none", l->dir);
	AUTO(mem_freep) char *auth = mem_printf("SSH_AUTH_SOCK=%s", sock);
	char *argv[] = {(char *)"ssh-agent", (char *)"-D", (char *)"-a", sock,
			NULL};
	char *add[] = {(char *)"ssh-add", (char *)"-q", l->ed, NULL};
	char *env[] = {auth, (char *)"PATH=/usr/bin:/bin", NULL};
	struct proc p = {.argv = add, .env = env, .timeout_us = 20000000};
	struct host_config cfg = {0};
	struct err e = ERR_INIT;
	struct proc_pipe ag;
	struct host *h;

	start(l);
	assert_ok(proc_open(&ag, argv, NULL, NULL, false, &e));
	while (!listens(sock))
		clock_sleep_us(5000);
	assert_ok(proc_run(&p, &e));
	assert_int_equal(p.exit_code, 0);
	proc_clear(&p);
	setenv("SSH_AUTH_SOCK", sock, 1);
	h = open_with(l, none, &cfg, &e);
	unsetenv("SSH_AUTH_SOCK");
	if (!h)
		fail_msg("%s", err_msg(&e));
	host_close(h);
	proc_close(&ag, 0);
}

/* ---- links that break ------------------------------------------------ */

struct runner {
	struct host *h;
	struct host_run r;
	int rc;
	struct err e;
};

static void *run_it(void *arg)
{
	struct runner *k = arg;

	k->rc = host_run(k->h, &k->r, &k->e);
	return NULL;
}

static void t_cut(void **state)
{
	struct lab *l = *state;
	AUTO(mem_freep) char *mark = mem_printf("%s/mark", l->dir);
	AUTO(mem_freep)
	char *script =
		mem_printf("touch %s; for i in 1 2 3 4 5 6 7 8; do "
			   "sleep 0.15; [ ! -e %s/f ] || touch %s2; done",
			   mark, l->dir, mark);
	struct runner k = {.e = ERR_INIT};
	struct host_lease ls = {0};
	struct host_lease_ref ref = {l->dir, UUID1};
	struct host_write w = {
		.path = HOST_PATH(l->dir, "f"), .p = "x", .n = 1};
	struct err e = ERR_INIT;
	pthread_t t;

	start(l);
	k.h = open_ok(l);
	assert_ok(lab_claim(k.h, l->dir, "job-1", "s1", 1, &e));
	k.r = (struct host_run){
		.argv = (const char *const[]){"sh", "-c", script, NULL},
		.mutates = true};
	pthread_create(&t, NULL, run_it, &k);
	while (!lab_has(l->dir, "mark"))
		clock_sleep_us(10000);
	kill_sshds(l);
	pthread_join(t, NULL);
	assert_int_equal(k.rc, -1);
	assert_int_equal(k.e.kind, ERR_LOST);
	assert_non_null(strstr(err_msg(&k.e), "compute-30"));
	err_clear(&k.e);
	host_run_clear(&k.r);
	/* The next one waits for what the lost agent still did (or ends it):
	 * take_us is half a second, the script takes more than one.  It never
	 * sees what comes after it. */
	assert_ok(host_write(k.h, &w, &e));
	assert_true(lab_has(l->dir, "f"));
	clock_sleep_us(1400000);
	assert_false(lab_has(l->dir, "mark2"));
	assert_ok(host_lease_read(k.h, &ref, &ls, &e));
	assert_int_equal(ls.epoch, 2);
	host_lease_clear(&ls);
	/* A link that broke while idle costs nothing. */
	kill_sshds(l);
	assert_ok(host_write(k.h, &w, &e));
	host_close(k.h);
}

static void t_silent(void **state)
{
	struct lab *l = *state;
	struct host_config cfg = {.no_ssh_agent = true,
				  .dead_us = 3000000,
				  .connect_us = 20000000};
	struct err e = ERR_INIT;
	struct host *h;
	struct host_lease_ref ref = {l->dir, UUID1};
	struct host_lease ls = {0};
	struct host_write w = {
		.path = HOST_PATH(l->dir, "f"), .p = "x", .n = 1};
	AUTO(mem_freep) char *text = NULL;
	pid_t agent;
	int64_t t0;

	start(l);
	h = open_with(l, l->ed, &cfg, &e);
	assert_non_null(h);
	assert_ok(lab_claim(h, l->dir, "job-1", "s1", 1, &e));
	text = slurp(l->dir, ".novahaul/leases/" UUID1);
	agent = (pid_t)atol(strstr(text, "\npid=") + 5);
	kill(agent, SIGSTOP);
	t0 = clock_mono_us();
	assert_kind(host_write(h, &w, &e), ERR_LOST);
	assert_in_range(clock_mono_us() - t0, 2700000, 15000000);
	/* Taken over from itself: the frozen agent is ended first. */
	assert_ok(host_lease_read(h, &ref, &ls, &e));
	assert_int_equal(ls.epoch, 2);
	host_lease_clear(&ls);
	assert_ok(host_write(h, &w, &e));
	host_close(h);
}

/* Connections that came to the listener and that nobody took. */
static int dials(struct lab *l)
{
	int n = 0, s;

	fcntl(l->listener, F_SETFL, O_NONBLOCK);
	while ((s = accept(l->listener, NULL, NULL)) >= 0) {
		close(s);
		n++;
	}
	fcntl(l->listener, F_SETFL, 0);
	return n;
}

/* A host that is gone is dialled once, not by everybody who needs it. */
static void t_gone(void **state)
{
	struct lab *l = *state;
	struct host_config cfg = {.no_ssh_agent = true, .connect_us = 5000000};
	struct err e = ERR_INIT;
	struct host_write w = {
		.path = HOST_PATH(l->dir, "f"), .p = "x", .n = 1};
	struct host_session *s;
	struct host *h;

	start(l);
	h = open_with(l, l->ed, &cfg, &e);
	assert_non_null(h);
	assert_ok(lab_claim(h, l->dir, "job-1", "s1", 1, &e));
	kill_sshds(l);
	kill(l->pid, SIGKILL);
	waitpid(l->pid, NULL, 0);
	assert_kind(host_write(h, &w, &e), ERR_RETRY);
	for (int i = 0; i < 3; i++) {
		int64_t t0 = clock_mono_us();

		assert_int_equal(host_write(h, &w, &e), -1);
		assert_int_equal(e.kind, ERR_RETRY);
		assert_non_null(strstr(err_msg(&e), "compute-30"));
		err_clear(&e);
		s = host_session_open(h, &e);
		assert_null(s);
		err_clear(&e);
		assert_true(clock_mono_us() - t0 < 1000000);
	}
	assert_int_equal(dials(l), 1);
	/* It comes back: found a little later. */
	start(l);
	clock_sleep_us(2100000);
	assert_ok(host_write(h, &w, &e));
	host_close(h);
}

static void t_connect(void **state)
{
	struct lab *l = *state;
	struct host_config cfg = {.no_ssh_agent = true, .connect_us = 400000};
	struct err e = ERR_INIT;
	int64_t t0 = clock_mono_us();

	/* Nobody accepts: the kernel does, and nothing is said. */
	assert_null(open_with(l, l->ed, &cfg, &e));
	assert_int_equal(e.kind, ERR_RETRY);
	assert_in_range(clock_mono_us() - t0, 300000, 10000000);
	err_clear(&e);
	close(l->listener);
	l->listener = -1;
	assert_null(open_with(l, l->ed, &cfg, &e));
	assert_int_equal(e.kind, ERR_RETRY);
	assert_non_null(strstr(err_msg(&e), "refused"));
	err_clear(&e);
}

static void t_noise(void **state)
{
	struct lab *l = *state;

	l->extra = "ForceCommand echo Welcome to this fine compute host";
	start(l);
	open_fails(l, l->ed, ERR_FAILED, "Welcome to this", "silence it");
}

static void t_no_root(void **state)
{
	struct lab *l = *state;
	struct host_config cfg = {.no_ssh_agent = true, .user = "nobody"};
	struct err e = ERR_INIT;

	start(l);
	assert_null(open_with(l, l->ed, &cfg, &e));
	assert_int_equal(e.kind, ERR_FAILED);
	err_clear(&e);
}

static void t_bulk(void **state)
{
	struct lab *l = *state;
	AUTO(buf_clear) struct buf b = BUF_INIT;
	AUTO(mem_freep) char *big = mem_calloc(1, 1 << 20);
	struct host_write w = {
		.path = HOST_PATH(l->dir, "big"), .p = big, .n = 1 << 20};
	struct host_read r = {.path = HOST_PATH(l->dir, "big")};
	struct host_session *s;
	struct err e = ERR_INIT;
	struct host *h;

	start(l);
	h = open_ok(l);
	for (int i = 0; i < 1 << 20; i++)
		big[i] = (char)(i * 7 + i / 1000);
	assert_ok(lab_claim(h, l->dir, "job-1", "s1", 1, &e));
	assert_ok(host_write(h, &w, &e));
	assert_ok(host_read(h, &r, &b, &e));
	assert_int_equal(b.len, 1 << 20);
	assert_memory_equal(b.p, big, 1 << 20);
	s = host_session_open(h, &e);
	assert_non_null(s);
	assert_non_null(host_session_client(h, s));
	assert_ok(host_tick(h, &e));
	host_session_close(h, s);
	host_close(h);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(t_bootstrap), T(t_slow),	T(t_both_send),
		T(t_noexec),	T(t_keys),	cmocka_unit_test(t_known),
		T(t_auth),	T(t_ssh_agent), T(t_cut),
		T(t_silent),	T(t_gone),	T(t_connect),
		T(t_noise),	T(t_no_root),	T(t_bulk),
	};

	if (geteuid() || access("/usr/sbin/sshd", X_OK)) {
		fprintf(stderr, "skip: needs root and sshd\n");
		return 77;
	}
	mkdir("/run/sshd", 0755);
	signal(SIGPIPE, SIG_IGN);
	cmocka_set_test_filter(getenv("NOVAHAUL_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
