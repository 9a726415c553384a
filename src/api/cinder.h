/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cinder: volumes and who may use them.  Errors as in api/session.h; strings
 * that are missing or null are NULL.
 *
 * Two flows.  New (v3: 3.27, complete from 3.44; Nova uses it from Queens): an
 * attachment is an object of its own,
 *
 *	create (reserves; no connector)  ->  update (connector; exports)
 *		->  complete (in-use)  ->  delete (ends the export)
 *
 * and a volume with two of them is never 'available' between them.  Old (v1,
 * v2, v3): actions on the volume, cinder_volume_act().
 *
 * Deleting an attachment that Nova uses needs a service token from 2023.1 on
 * (and with the fixes of CVE-2023-2088 before): with our role "service" the
 * session sends its own, else ERR_CONFLICT.
 *
 * An application credential is not enough to delete an attachment, to terminate
 * a connection or to detach: Cinder asks Nova in the caller's name with a token
 * made of the caller's (cinder/compute/nova.py), which Keystone forbids for
 * delegated tokens: 500, ERR_LOST, nothing done (seen on Zed).  A password is.
 *
 * Seen against Zed (3.70, NFS driver), by tests/cloud/t-api-real: every call
 * below, in both flows.  Not seen: the service token, microversions below 3.70,
 * v2 and v1.
 */
#ifndef NH_API_CINDER_H
#define NH_API_CINDER_H

#include <stdint.h>

#include "api/session.h"

struct cinder_user {
	char *attachment_id; /* Kilo and newer */
	char *server_id, *device, *host;
};

struct cinder_volume {
	char *id, *name, *zone, *type;
	char *status; /* available, reserved, attaching, in-use, ... */
	char *migration_status;
	char *backend; /* os-vol-host-attr:host; administrators only */
	int64_t size_gb;
	bool multiattach, encrypted, bootable;
	struct cinder_user *users;
	size_t n_users;
};

void cinder_volume_clear(struct cinder_volume *v);
int cinder_volume_parse(const char *text, size_t len, struct cinder_volume *out,
			struct err *e);
int cinder_volume_get(struct api_session *s, const char *id,
		      struct cinder_volume *out, struct err *e);

struct cinder_attachment {
	char *id, *volume_id, *instance;
	char *status; /* reserved, attaching, attached, detached, ... */
	char *mode;   /* rw, ro, null */
	char *attached_at;
	/* JSON text; NULL: none yet, or may not be seen.  It may hold the
	 * backend's passwords: never log it.  (The connector that Cinder was
	 * given is in no answer.) */
	char *connection;
};

struct cinder_attachments {
	struct cinder_attachment *v;
	size_t n;
};

void cinder_attachment_clear(struct cinder_attachment *a);
void cinder_attachments_clear(struct cinder_attachments *v);
int cinder_attachment_parse(const char *text, size_t len,
			    struct cinder_attachment *out, struct err *e);
int cinder_attachments_parse(const char *text, size_t len,
			     struct cinder_attachments *out, struct err *e);

/* Those of an instance or of a volume (one of both may be NULL), of all
 * projects where that may be listed.  Without .connection and .mode. */
int cinder_attachments_list(struct api_session *s, const char *instance,
			    const char *volume, struct cinder_attachments *out,
			    struct err *e);
int cinder_attachment_get(struct api_session *s, const char *id,
			  struct cinder_attachment *out, struct err *e);

struct cinder_attach {
	const char *volume, *instance;
	const char *connector; /* JSON text of an object, or NULL: reserve */
	const char *mode;      /* rw, ro; NULL: rw.  Sent from 3.54 on */
};
/* Not idempotent: after ERR_LOST list, and delete what is not wanted. */
int cinder_attachment_create(struct api_session *s,
			     const struct cinder_attach *a,
			     struct cinder_attachment *out, struct err *e);
/* Gives the connector; OUT has the connection then. */
int cinder_attachment_update(struct api_session *s, const char *id,
			     const char *connector,
			     struct cinder_attachment *out, struct err *e);
/* ERR_REFUSED below 3.44. */
int cinder_attachment_complete(struct api_session *s, const char *id,
			       struct err *e);
/* Idempotent.  Gone already: ERR_NOTHING (0 when it was gone at a second
 * try). */
int cinder_attachment_delete(struct api_session *s, const char *id,
			     struct err *e);
/* Likewise, in the user's own name and never as a service: so that Cinder asks
 * Nova, and refuses what Nova's row names (ERR_CONFLICT). */
int cinder_attachment_drop(struct api_session *s, const char *id,
			   struct err *e);

/* The old flow. */
enum cinder_act {
	CINDER_RESERVE = 0, /* available -> attaching */
	CINDER_UNRESERVE,
	CINDER_ATTACH, /* -> in-use; .instance, .device, .mode */
	CINDER_BEGIN_DETACHING,
	CINDER_ROLL_DETACHING,
	CINDER_DETACH, /* -> available; .attachment, if several */
	CINDER_INITIALIZE_CONNECTION, /* .connector; the answer is the
					 connection_info */
	CINDER_TERMINATE_CONNECTION,  /* .connector */
};

struct cinder_action {
	const char *volume;
	enum cinder_act act;
	const char *instance, *device, *mode, *attachment;
	const char *connector; /* JSON text */
};
/* ANSWER (or NULL) gets CINDER_INITIALIZE_CONNECTION's JSON text. */
int cinder_volume_act(struct api_session *s, const struct cinder_action *a,
		      struct buf *answer, struct err *e);
/* The body of that action; the caller frees. */
char *cinder_action_body(const struct cinder_action *a) NH_DEALLOC(mem_free);

#endif
