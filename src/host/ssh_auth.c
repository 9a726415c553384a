/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who we are: keys of an ssh-agent, then identity files.  Never a password.
 *
 * libssh2 1.10 signs with RSA keys only as "ssh-rsa", with SHA-1, which sshd
 * refuses since OpenSSH 8.8.  RSA keys are tried last, for old hosts, and a
 * refusal says what to do about it.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/fs.h"
#include "host/ssh_priv.h"

struct tried {
	struct strv words; /* "ssh-agent key alice@x", ... */
	bool rsa, rsa_only;
	bool none; /* no key at all was there */
};

/* 1 in, 0 not with this key, -1 the connection is gone. */
static int outcome(struct ssh *h, int rc, struct err *e)
{
	if (!rc)
		return 1;
	if (rc == LIBSSH2_ERROR_SOCKET_DISCONNECT ||
	    rc == LIBSSH2_ERROR_SOCKET_RECV || rc == LIBSSH2_ERROR_SOCKET_SEND)
		return ssh_err(h, ERR_FAILED,
			       "ssh: the host hung up during authentication",
			       e);
	return 0;
}

static void note(struct tried *t, bool rsa, const char *what, const char *name)
{
	strv_addf(&t->words, "%s %s%s", what, name, rsa ? " (RSA)" : "");
	t->rsa |= rsa;
	t->rsa_only &= rsa;
	t->none = false;
}

/* ---- ssh-agent ------------------------------------------------------- */

static bool blob_is_rsa(const unsigned char *p, size_t n)
{
	static const char want[] = "\0\0\0\7ssh-rsa";

	return n >= sizeof(want) - 1 && !memcmp(p, want, sizeof(want) - 1);
}

static int try_identity(struct ssh *h, LIBSSH2_AGENT *a,
			struct libssh2_agent_publickey *id, struct tried *t,
			struct err *e)
{
	int rc;

	while ((rc = libssh2_agent_userauth(a, h->cfg->user, id)) ==
	       LIBSSH2_ERROR_EAGAIN)
		if (ssh_wait(h, e))
			return err_wrap(e, "ssh: authentication");
	note(t, blob_is_rsa(id->blob, id->blob_len), "ssh-agent key",
	     id->comment ? id->comment : "?");
	return outcome(h, rc, e);
}

static int each_identity(struct ssh *h, LIBSSH2_AGENT *a, bool rsa,
			 struct tried *t, struct err *e)
{
	struct libssh2_agent_publickey *id, *last = NULL;
	int rc = 0;

	while (!rc && !libssh2_agent_get_identity(a, &id, last)) {
		last = id;
		if (blob_is_rsa(id->blob, id->blob_len) == rsa)
			rc = try_identity(h, a, id, t, e);
	}
	return rc;
}

static int try_agent(struct ssh *h, bool rsa, struct tried *t, struct err *e)
{
	LIBSSH2_AGENT *a;
	int rc = 0;

	if (h->cfg->no_ssh_agent || !getenv("SSH_AUTH_SOCK"))
		return 0;
	a = libssh2_agent_init(h->s);
	if (!a)
		return 0;
	if (!libssh2_agent_connect(a)) {
		if (!libssh2_agent_list_identities(a))
			rc = each_identity(h, a, rsa, t, e);
		libssh2_agent_disconnect(a);
	}
	libssh2_agent_free(a);
	return rc;
}

/* ---- files ----------------------------------------------------------- */

/* Of the old form by its first line, of OpenSSH's by what is within. */
static bool file_is_rsa(const char *path)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	AUTO(mem_freep) unsigned char *raw = NULL;
	AUTO(buf_clear) struct buf body = BUF_INIT;
	struct err e = ERR_INIT;
	int n;

	if (fs_read_path(path, 65536, &b, &e)) {
		err_clear(&e);
		return false;
	}
	if (strstr(b.p, "BEGIN RSA PRIVATE KEY"))
		return true;
	if (!strstr(b.p, "BEGIN OPENSSH PRIVATE KEY"))
		return false;
	for (const char *p = b.p; *p; p += strcspn(p, "\n"), p += *p == '\n')
		if (*p != '-')
			buf_put(&body, p, strcspn(p, "\r\n"));
	raw = mem_calloc(1, body.len + 4);
	n = EVP_DecodeBlock(raw, (unsigned char *)body.p,
			    (int)(body.len - body.len % 4));
	OPENSSL_cleanse(b.p, b.len);
	OPENSSL_cleanse(body.p, body.len);
	/* The public half comes in clear before the private one. */
	for (int i = 0; i + 7 < n; i++)
		if (!memcmp(raw + i, "ssh-rsa", 7)) {
			OPENSSL_cleanse(raw, (size_t)n);
			return true;
		}
	if (n > 0)
		OPENSSL_cleanse(raw, (size_t)n);
	return false;
}

static int try_file(struct ssh *h, const char *path, bool rsa, struct tried *t,
		    struct err *e)
{
	int rc;

	while ((rc = libssh2_userauth_publickey_fromfile_ex(
			h->s, h->cfg->user, (unsigned)strlen(h->cfg->user),
			NULL, path, NULL)) == LIBSSH2_ERROR_EAGAIN)
		if (ssh_wait(h, e))
			return err_wrap(e, "ssh: authentication");
	note(t, rsa,
	     rc == LIBSSH2_ERROR_FILE || rc == LIBSSH2_ERROR_METHOD_NONE
		     ? "unreadable or encrypted"
		     : "key",
	     path);
	return outcome(h, rc, e);
}

static int try_files(struct ssh *h, bool rsa, struct tried *t, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < h->cfg->identities.n && !rc; i++) {
		const char *path = h->cfg->identities.v[i];

		if (!access(path, R_OK) && file_is_rsa(path) == rsa)
			rc = try_file(h, path, rsa, t, e);
	}
	return rc;
}

/* ---- all of it ------------------------------------------------------- */

static int refused(struct ssh *h, const struct tried *t, struct err *e)
{
	const char *user = h->cfg->user;
	AUTO(mem_freep) char *list = strv_join(&t->words, ", ");

	if (t->none) {
		err_set(e, ERR_FAILED,
			"ssh: there is no key to log in with as "
			"%s",
			user);
		return err_hint(e,
				"ssh-keygen -t ed25519; ssh-copy-id %s@%s; "
				"or start an ssh-agent",
				user, h->cfg->address);
	}
	err_set(e, ERR_FAILED, "ssh: login as %s refused; tried: %s", user,
		list);
	if (t->rsa_only)
		return err_hint(e,
				"RSA keys are signed with SHA-1 here, which "
				"sshd refuses since OpenSSH 8.8: use an "
				"Ed25519 key: ssh-keygen -t ed25519; "
				"ssh-copy-id -i ~/.ssh/id_ed25519 %s@%s",
				user, h->cfg->address);
	return err_hint(e,
			"ssh-copy-id %s@%s; an encrypted key goes into an "
			"ssh-agent: ssh-add",
			user, h->cfg->address);
}

static int try_all(struct ssh *h, struct tried *t, struct err *e)
{
	int rc = 0;

	for (int rsa = 0; rsa < 2 && !rc; rsa++) {
		rc = try_agent(h, rsa, t, e);
		if (!rc)
			rc = try_files(h, rsa, t, e);
	}
	return rc;
}

/* No key did it.  Asked only now, what the host accepts costs no round trip of
 * a login that succeeds. */
static int without(struct ssh *h, const struct tried *t, struct err *e)
{
	char *methods;

	while (!(methods = libssh2_userauth_list(
			 h->s, h->cfg->user, (unsigned)strlen(h->cfg->user))) &&
	       libssh2_session_last_errno(h->s) == LIBSSH2_ERROR_EAGAIN)
		if (ssh_wait(h, e))
			return err_wrap(e, "ssh: authentication");
	if (!methods && libssh2_userauth_authenticated(h->s))
		return 0;
	/* It may have hung up after so many tries. */
	if (!methods && t->none)
		return ssh_err(h, ERR_RETRY, "ssh: authentication", e);
	if (methods && !strstr(methods, "publickey"))
		return err_set(e, ERR_FAILED,
			       "ssh: the host accepts no keys, only: %s",
			       methods);
	return refused(h, t, e);
}

int ssh_auth(struct ssh *h, struct err *e)
{
	struct tried t = {.rsa_only = true, .none = true};
	int rc = try_all(h, &t, e);

	if (!rc)
		rc = without(h, &t, e);
	strv_clear(&t.words);
	return rc < 0 ? -1 : 0;
}
