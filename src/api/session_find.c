/* SPDX-License-Identifier: Apache-2.0 */
/* Where a service is, and which versions of it. */
#include "api/session_priv.h"

#include <string.h>

#include "core/clock.h"

/* The newest that this code was written for. */
static const struct api_version ours[] = {
	[CLOUD_IDENTITY] = {3, 0},
	/* 2.101 attaches volumes without an answer. */
	[CLOUD_COMPUTE] = {2, 100},
	[CLOUD_NETWORK] = {2, 0},
	/* 1.38 cannot write back what it reads: placement.h */
	[CLOUD_PLACEMENT] = {1, 37},
	[CLOUD_VOLUME] = {3, 70},
};

/* Catalog types, newest name first. */
static const char *const *types_of(enum cloud_service service)
{
	static const char *const names[CLOUD_SERVICES][5] = {
		[CLOUD_IDENTITY] = {"identity"},
		[CLOUD_COMPUTE] = {"compute", "computev21"},
		[CLOUD_NETWORK] = {"network"},
		[CLOUD_PLACEMENT] = {"placement"},
		[CLOUD_VOLUME] = {"block-storage", "volumev3", "volumev2",
				  "volume"},
	};

	return names[service];
}

static void trim(char *s)
{
	size_t n = strlen(s);

	while (n && s[n - 1] == '/')
		s[--n] = '\0';
}

/* Where the last component of S begins, or NULL for a bare host. */
static char *last(char *s)
{
	char *host = strstr(s, "://"), *slash = strrchr(s, '/');

	return host && slash > host + 2 ? slash + 1 : NULL;
}

char *session_base(const char *url, const char *project,
		   struct api_version *version)
{
	char *s = mem_strdup(url), *p;

	*version = (struct api_version){0};
	trim(s);
	p = last(s);
	if (p && project &&
	    (strcmp(p, project) == 0 ||
	     (strncmp(p, "AUTH_", 5) == 0 && strcmp(p + 5, project) == 0))) {
		*p = '\0';
		trim(s);
		p = last(s);
	}
	if (p && *p == 'v')
		*version = version_read(p);
	if (p && version->major) {
		*p = '\0';
		trim(s);
	}
	return s;
}

char *session_place(struct api_session *s, enum cloud_service service)
{
	const struct endpoint *ep;

	if (s->cloud.override[service])
		return mem_strdup(s->cloud.override[service]);
	ep = token_find(&s->token, types_of(service), s->cloud.region,
			s->cloud.interface[service]);
	return ep ? mem_strdup(ep->url) : NULL;
}

int session_offers(struct api_session *s, enum cloud_service service,
		   const char *url, int64_t deadline, int *status,
		   struct version_offers *offers, struct err *e)
{
	AUTO(session_wipe) struct strv h = STRV_INIT;
	AUTO(http_reply_clear) struct http_reply r = {0};
	struct send q = {
		.service = service,
		.method = API_GET,
		.url = url,
		.headers = &h,
		.repeatable = true,
		.deadline_us = deadline,
	};
	bool repeated = false;

	*offers = (struct version_offers){0};
	strv_add(&h, "Accept: application/json");
	/* Version documents want no token; where they do, 401 says so. */
	if (s->has_token)
		strv_addf(&h, "X-Auth-Token: %s", s->token.id);
	if (session_send(s, &q, &r, &repeated, e))
		return err_wrap(e, "asking %s for its versions", url);
	*status = r.status == 404 ? 404 : 200;
	if (r.status == 404)
		return 0;
	if (r.status != 200 && r.status != 203 && r.status != 300)
		session_fault(s, &q, &r, false, e);
	else if (version_offers_parse(buf_str(&r.body), r.body.len, offers,
				      e) == 0)
		return 0;
	return err_wrap(e, "asking %s for its versions", url);
}

static bool less(struct api_version a, struct api_version b)
{
	return a.major < b.major || (a.major == b.major && a.minor < b.minor);
}

/* The newest that OFFERS and we have of the API that calls itself ID; {0, 0}
 * when it is not offered: Icehouse answers any path with what there is. */
static int negotiate(enum cloud_service service, struct api_version id,
		     const struct version_offers *offers, struct api_version *v,
		     struct err *e)
{
	*v = (struct api_version){0};
	for (size_t i = 0; i < offers->n; i++) {
		const struct version_offer *o = &offers->v[i];

		if (o->id.major != id.major || o->id.minor != id.minor)
			continue;
		*v = id;
		if (!o->max.major)
			return 0;
		if (less(ours[service], o->min))
			return err_set(e, ERR_REFUSED,
				       "it speaks %d.%d and newer; novahaul "
				       "knows up to %d.%d",
				       o->min.major, o->min.minor,
				       ours[service].major,
				       ours[service].minor);
		*v = less(o->max, ours[service]) ? o->max : ours[service];
		return 0;
	}
	return 0;
}

/* One thing to try: BASE/PATH says its versions, BASE/PATH/project is it. */
static int try_version(struct api_session *s, enum cloud_service service,
		       const char *base, const char *path, int64_t deadline,
		       struct err *e)
{
	AUTO(mem_freep) char *url = mem_printf("%s/%s/", base, path);
	const char *project = s->token.project_id;
	struct reached *to = &s->svc[service];
	struct version_offers offers;
	int status, rc;

	if (session_offers(s, service, url, deadline, &status, &offers, e))
		return -1;
	if (status == 404)
		return 0;
	rc = negotiate(service, version_read(path), &offers, &to->version, e);
	version_offers_clear(&offers);
	if (rc || !to->version.major)
		return rc;
	to->url = project ? mem_printf("%s/%s/%s", base, path, project)
			  : mem_printf("%s/%s", base, path);
	return 0;
}

/* PATHS newest first. */
static int try_versions(struct api_session *s, enum cloud_service service,
			const char *base, const char *const *paths,
			int64_t deadline, struct err *e)
{
	struct reached *to = &s->svc[service];

	for (; *paths && !to->url; paths++)
		if (try_version(s, service, base, *paths, deadline, e))
			return -1;
	if (!to->url)
		return err_set(e, ERR_REFUSED,
			       "%s offers no version that novahaul knows",
			       base);
	return 0;
}

static int placement(struct api_session *s, const char *base, int64_t deadline,
		     struct err *e)
{
	struct reached *to = &s->svc[CLOUD_PLACEMENT];
	AUTO(mem_freep) char *url = mem_printf("%s/", base);
	struct version_offers offers;
	int status, rc;

	if (session_offers(s, CLOUD_PLACEMENT, url, deadline, &status, &offers,
			   e))
		return -1;
	rc = negotiate(CLOUD_PLACEMENT, (struct api_version){1, 0}, &offers,
		       &to->version, e);
	version_offers_clear(&offers);
	if (!rc && !to->version.major)
		return err_set(e, ERR_REFUSED, "%s is no placement service",
			       base);
	if (!rc)
		to->url = mem_strdup(base);
	return rc;
}

static int reach(struct api_session *s, enum cloud_service service,
		 const char *place, int64_t deadline, struct err *e)
{
	static const char *const compute[] = {"v2.1", "v2", NULL};
	static const char *const volume[] = {"v3", "v2", "v1", NULL};
	struct api_version said;
	AUTO(mem_freep)
	char *base = session_base(place, s->token.project_id, &said);

	switch (service) {
	case CLOUD_COMPUTE:
		return try_versions(s, service, base, compute, deadline, e);
	case CLOUD_VOLUME:
		return try_versions(s, service, base, volume, deadline, e);
	case CLOUD_PLACEMENT:
		return placement(s, base, deadline, e);
	case CLOUD_NETWORK:
		s->svc[service].url = mem_printf("%s/v2.0", base);
		s->svc[service].version = ours[service];
		return 0;
	case CLOUD_IDENTITY:
		s->svc[service].url = mem_strdup(s->keystone);
		s->svc[service].version.major = s->v2 ? 2 : 3;
		return 0;
	case CLOUD_SERVICES:
		break;
	}
	return err_set(e, ERR_BUG, "no such service");
}

static int missing(const struct api_session *s, enum cloud_service service,
		   struct err *e)
{
	static const char *const words[] = {"public", "internal", "admin"};

	return err_set(e, ERR_REFUSED,
		       "cloud %s: its catalog has no %s endpoint of type %s "
		       "(region %s)",
		       s->cloud.name, words[s->cloud.interface[service]],
		       types_of(service)[0],
		       s->cloud.region ? s->cloud.region : "any");
}

int session_ready(struct api_session *s, enum cloud_service service,
		  int64_t deadline, struct err *e)
{
	AUTO(mem_freep) char *place = NULL;

	if (session_login(s, deadline, e))
		return -1;
	if (s->svc[service].known)
		return 0;
	place = session_place(s, service);
	if (!place && service != CLOUD_IDENTITY)
		return missing(s, service, e);
	if (reach(s, service, place ? place : s->keystone, deadline, e))
		return err_wrap(e, "cloud %s: looking for %s", s->cloud.name,
				cloud_service_name(service));
	s->svc[service].known = true;
	return 0;
}
