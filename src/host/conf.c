/* SPDX-License-Identifier: Apache-2.0 */
#include "host/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SECOND 1000000LL

void conf_clear(struct conf *c)
{
	mem_free(c->name);
	mem_free(c->address);
	mem_free(c->user);
	mem_free(c->agent);
	strv_clear(&c->known_hosts);
	strv_clear(&c->identities);
	strv_clear(&c->cache_dirs);
	memset(c, 0, sizeof(*c));
}

/* Is ADDRESS this machine, by name?  Numbers are never guessed at. */
static bool is_here(const char *address)
{
	char self[256] = "";

	if (!strcasecmp(address, "localhost"))
		return true;
	if (gethostname(self, sizeof(self) - 1) || !*self)
		return false;
	if (!strcasecmp(address, self))
		return true;
	self[strcspn(self, ".")] = '\0';
	return !strcasecmp(address, self);
}

static void from_home(struct strv *v, const char *rel)
{
	const char *home = getenv("HOME");

	if (home && *home == '/')
		strv_addf(v, "%s/%s", home, rel);
}

/* ---- our copy of the agent ------------------------------------------- */

static char *beside_us(void)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	*slash = '\0';
	return mem_printf("%s/novahaul-agent", exe);
}

static int find_agent(struct conf *c, const struct host_config *h,
		      struct err *e)
{
	const char *env = getenv("NOVAHAUL_AGENT");
	AUTO(mem_freep) char *beside = beside_us();

	if (h->agent_path)
		c->agent = mem_strdup(h->agent_path);
	else if (env && *env)
		c->agent = mem_strdup(env);
	else if (beside && !access(beside, X_OK))
		c->agent = mem_strdup(beside);
	else
		c->agent = mem_strdup(NH_PKGLIBEXECDIR "/novahaul-agent");
	if (!access(c->agent, R_OK | X_OK))
		return 0;
	err_sys(e, ERR_FAILED, errno, "%s", c->agent);
	return err_hint(e, "install novahaul-agent, or set NOVAHAUL_AGENT to "
			   "its path");
}

static int digest_agent(struct conf *c, struct err *e)
{
	AUTO(mem_closefd) int fd = open(c->agent, O_RDONLY | O_CLOEXEC);
	AUTO(mem_freep) char *b = mem_calloc(1, 65536);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char sum[EVP_MAX_MD_SIZE];
	ssize_t n = -1;

	EVP_DigestInit_ex(md, EVP_sha256(), NULL);
	while (fd >= 0 && (n = read(fd, b, 65536)) > 0)
		EVP_DigestUpdate(md, b, (size_t)n);
	EVP_DigestFinal_ex(md, sum, NULL);
	EVP_MD_CTX_free(md);
	if (fd < 0 || n < 0)
		return err_sys(e, ERR_FAILED, errno, "%s", c->agent);
	hex_encode(sum, 32, c->agent_sha256);
	return 0;
}

/* ---- all of it ------------------------------------------------------- */

static void set_lists(struct conf *c, const struct host_config *h)
{
	if (h->known_hosts) {
		strv_addv(&c->known_hosts, h->known_hosts);
	} else {
		from_home(&c->known_hosts, ".ssh/known_hosts");
		strv_add(&c->known_hosts, "/etc/ssh/ssh_known_hosts");
	}
	if (h->identities) {
		strv_addv(&c->identities, h->identities);
	} else {
		from_home(&c->identities, ".ssh/id_ed25519");
		from_home(&c->identities, ".ssh/id_ecdsa");
		/* Tried so that its refusal can be explained. */
		from_home(&c->identities, ".ssh/id_rsa");
	}
	if (h->cache_dir)
		strv_add(&c->cache_dirs, h->cache_dir);
	strv_add(&c->cache_dirs, "/var/cache/novahaul");
	/* Where the first is mounted noexec. */
	strv_add(&c->cache_dirs, "/var/lib/novahaul");
	strv_add(&c->cache_dirs, "/opt/novahaul");
}

/* These become words of a command line that a login shell reads. */
static int check_words(const struct conf *c, struct err *e)
{
	for (size_t i = 0; i < c->cache_dirs.n; i++) {
		const char *s = c->cache_dirs.v[i];

		if (*s != '/' || s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					     "abcdefghijklmnopqrstuvwxyz"
					     "0123456789/_.-")])
			return err_set(e, ERR_USAGE,
				       "cache directory \"%s\": only an "
				       "absolute path of letters, digits and "
				       "/_.- will do",
				       s);
	}
	if (!*c->name || !*c->address || *c->address == '-')
		return err_set(e, ERR_USAGE, "\"%s\": not a host's address",
			       c->address);
	return 0;
}

int conf_init(struct conf *c, const struct host_config *h, struct err *e)
{
	memset(c, 0, sizeof(*c));
	c->name = mem_strdup(h->name);
	c->address = mem_strdup(h->address ? h->address : h->name);
	c->user = mem_strdup(h->user ? h->user : "root");
	c->port = h->port ? h->port : 22;
	c->local = h->transport == HOST_LOCAL ||
		   (h->transport == HOST_AUTO && is_here(c->address));
	c->no_ssh_agent = h->no_ssh_agent;
	c->connect_us = h->connect_us ? h->connect_us : 15 * SECOND;
	c->tcp_us = c->connect_us;
	c->command_us = h->command_us ? h->command_us : 60 * SECOND;
	c->dead_us = h->dead_us ? h->dead_us : 30 * SECOND;
	set_lists(c, h);
	if (!check_words(c, e) && !find_agent(c, h, e) && !digest_agent(c, e))
		return 0;
	conf_clear(c);
	return -1;
}
