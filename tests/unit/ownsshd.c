/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/ownsshd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fs.h"

static bool run(const char *const *argv)
{
	struct proc p = {.argv = (char *const *)argv, .timeout_us = 20000000};
	struct err e = ERR_INIT;
	bool ok = !proc_run(&p, &e) && p.exit_code == 0;

	err_clear(&e);
	proc_clear(&p);
	return ok;
}

/* A port that nobody else is given while HOLD is open: bound, not listened on,
 * it is for the one who binds it by number, as sshd does, with SO_REUSEADDR. */
static unsigned free_port(int *hold)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	*hold = fd;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    getsockname(fd, (struct sockaddr *)&a, &n))
		return 0;
	return ntohs(a.sin_port);
}

static bool can_connect(unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)port);
	ok = !connect(fd, (struct sockaddr *)&a, sizeof(a));
	close(fd);
	return ok;
}

static bool write_text(const char *where, const char *text)
{
	int fd = open(where, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct err e = ERR_INIT;
	bool ok = fd >= 0 && !fs_write_all(fd, text, strlen(text), &e);

	err_clear(&e);
	close(fd);
	return ok;
}

/* An empty home for root, an empty /run, a configuration of our own. */
static bool own_world(struct ownsshd *s, const char *dir)
{
	struct passwd *pw = getpwuid(0);
	char *conf = mem_printf("%s/sshd_config", dir);
	char *key = mem_printf("%s/host_key", dir);
	char *text = mem_printf("Port %u\nListenAddress 127.0.0.1\n"
				"HostKey %s\nUsePAM no\nPidFile none\n"
				"MaxStartups 100\n"
				"PermitRootLogin prohibit-password\n",
				s->port, key);
	char *ssh = mem_printf("%s/.ssh", pw ? pw->pw_dir : "");
	const char *keygen[] = {"ssh-keygen", "-q", "-N", "",  "-t",
				"ed25519",    "-f", key,  NULL};
	bool ok;

	s->keys = mem_printf("%s/authorized_keys", ssh);
	ok = pw && !mount("tmpfs", pw->pw_dir, "tmpfs", 0, "mode=0700") &&
	     !mkdir(ssh, 0700) && write_text(s->keys, "# somebody's\n") &&
	     !mount("tmpfs", "/run", "tmpfs", 0, "mode=0755") &&
	     !mkdir("/run/sshd", 0755) && run(keygen) &&
	     write_text(conf, text) &&
	     !mount(conf, "/etc/ssh/sshd_config", "none", MS_BIND, "");
	mem_free(conf);
	mem_free(key);
	mem_free(text);
	mem_free(ssh);
	return ok;
}

bool ownsshd_start(struct ownsshd *s, const char *dir)
{
	char *argv[] = {(char *)"/usr/sbin/sshd", (char *)"-D", NULL};
	char *pub = mem_printf("%s/host_key.pub", dir), *key;
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;

	*s = (struct ownsshd){.p = {.pid = -1}, .hold = -1};
	if (getuid() != 0 || access("/usr/sbin/sshd", X_OK) ||
	    access("/etc/ssh/sshd_config", R_OK) || unshare(CLONE_NEWNS) ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, ""))
		goto no;
	s->port = free_port(&s->hold);
	if (!s->port || !own_world(s, dir) || fs_read_path(pub, 4096, &b, &e) ||
	    proc_open(&s->p, argv, NULL, NULL, false, &e))
		goto no;
	/* Without the comment. */
	key = strchr(buf_str(&b), ' ') + 1;
	s->host_key =
		mem_strndup(b.p, strcspn(key, " \n") + (size_t)(key - b.p));
	for (int i = 0; i < 400 && !s->on; i++) {
		s->on = can_connect(s->port);
		clock_sleep_us(50000);
	}
no:
	err_clear(&e);
	mem_free(pub);
	buf_clear(&b);
	return s->on;
}

void ownsshd_stop(struct ownsshd *s)
{
	if (s->p.pid > 0) {
		kill(s->p.pid, SIGTERM);
		proc_close(&s->p, 5000000);
	}
	mem_closefd(&s->hold);
	mem_free(s->host_key);
	mem_free(s->keys);
}
