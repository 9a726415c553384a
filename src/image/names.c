/* SPDX-License-Identifier: Apache-2.0 */
#include "image/names.h"

#include <string.h>

#include "core/buf.h"

#define SHA1_HEX 40
#define SWEEP_ORIGINAL_S                                                       \
	86400		     /* remove_unused_original_minimum_age_seconds     \
			      */
#define SWEEP_RESIZED_S 3600 /* remove_unused_resized_minimum_age_seconds */

static bool has_prefix(const char *s, const char *p)
{
	return strncmp(s, p, strlen(p)) == 0;
}

static bool has_suffix(const char *s, const char *p)
{
	size_t n = strlen(s), m = strlen(p);

	return n > m && strcmp(s + n - m, p) == 0;
}

/* How many of the first bytes of S are in SET. */
static size_t span_hex(const char *s)
{
	return strspn(s, "0123456789abcdef");
}

/* The whole of S is a decimal number of at most 9 digits. */
static bool number(const char *s, uint64_t *out)
{
	size_t n = strspn(s, "0123456789");
	uint64_t v = 0;

	if (n == 0 || n > 9 || s[n])
		return false;
	for (; *s; s++)
		v = v * 10 + (uint64_t)(*s - '0');
	*out = v;
	return true;
}

bool image_name_plain(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > 255 || name[0] == '.' || name[0] == '-')
		return false;
	return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "abcdefghijklmnopqrstuvwxyz"
			    "0123456789._-") == n;
}

char *image_name_quote(const char *name)
{
	struct buf b = BUF_INIT;
	size_t n = 0;

	buf_putc(&b, '"');
	for (; n < 120 && name[n]; n++) {
		unsigned char c = (unsigned char)name[n];

		if (c < ' ' || c > '~' || c == '"' || c == '\\')
			buf_printf(&b, "\\x%02x", c);
		else
			buf_putc(&b, (char)c);
	}
	buf_puts(&b, name[n] ? "\"..." : "\"");
	return buf_steal(&b);
}

static const struct fixed_name {
	const char *name;
	struct image_name is;
} fixed_names[] = {
	{"disk", {IMAGE_ACT_COPY, IMAGE_ROLE_DISK, NULL}},
	{"disk.local", {IMAGE_ACT_COPY, IMAGE_ROLE_LOCAL, NULL}},
	/* Nova's own migrate skips it from Ocata on, and rebuilds it; a start
	 * does not, it fails on a missing one. */
	{"disk.swap", {IMAGE_ACT_COPY, IMAGE_ROLE_SWAP, NULL}},
	{"disk.config", {IMAGE_ACT_COPY, IMAGE_ROLE_CONFIG, NULL}},
	{"disk.info",
	 {IMAGE_ACT_REWRITE, IMAGE_ROLE_INFO, "its keys are absolute paths"}},
	{"kernel", {IMAGE_ACT_COPY, IMAGE_ROLE_KERNEL, NULL}},
	{"ramdisk", {IMAGE_ACT_COPY, IMAGE_ROLE_RAMDISK, NULL}},
	{"console.log",
	 {IMAGE_ACT_OPTIONAL, IMAGE_ROLE_CONSOLE,
	  "may hold the guest's secrets; libvirt makes a new one"}},
	{"libvirt.xml",
	 {IMAGE_ACT_RECREATE, IMAGE_ROLE_XML,
	  "a start writes it from the database"}},
	{"unrescue.xml",
	 {IMAGE_ACT_REFUSE, IMAGE_ROLE_RESCUE, "the instance is in rescue"}},
};

static const char debris[] = "left over from an interrupted operation of Nova";

/* <hex>.tmp: the shared-storage test of resize and evacuate. */
static bool is_probe(const char *s)
{
	size_t n = span_hex(s);

	return n >= 8 && strcmp(s + n, ".tmp") == 0;
}

static bool is_debris(const char *s)
{
	return has_suffix(s, "_rbase") || has_suffix(s, "_qcow") ||
	       has_suffix(s, "_raw") || has_suffix(s, ".part") || is_probe(s);
}

/* virtlogd rotates console.log to console.log.0, .1, ... */
static bool is_rotated_console(const char *s)
{
	uint64_t n;

	return has_prefix(s, "console.log.") &&
	       number(s + strlen("console.log."), &n);
}

static struct image_name name_of_file(const char *s)
{
	uint64_t n;

	for (size_t i = 0; i < ARRAY_SIZE(fixed_names); i++)
		if (strcmp(s, fixed_names[i].name) == 0)
			return fixed_names[i].is;
	if (has_prefix(s, "disk.eph") && number(s + strlen("disk.eph"), &n))
		return (struct image_name){IMAGE_ACT_COPY, IMAGE_ROLE_EPHEMERAL,
					   NULL};
	if (has_suffix(s, ".rescue"))
		return (struct image_name){IMAGE_ACT_REFUSE, IMAGE_ROLE_RESCUE,
					   "the instance is in rescue, or was "
					   "and left a rescue disk behind"};
	if (is_rotated_console(s))
		return (struct image_name){IMAGE_ACT_OPTIONAL,
					   IMAGE_ROLE_CONSOLE,
					   "an older part of console.log"};
	if (is_debris(s))
		return (struct image_name){IMAGE_ACT_NEVER, IMAGE_ROLE_DEBRIS,
					   debris};
	return (struct image_name){IMAGE_ACT_REFUSE, IMAGE_ROLE_UNKNOWN,
				   "not a file that Nova makes"};
}

struct image_name image_name_of(const char *entry, enum image_ftype type)
{
	switch (type) {
	case IMAGE_FTYPE_REG:
		return name_of_file(entry);
	case IMAGE_FTYPE_DIR:
		if (strcmp(entry, "swtpm") == 0)
			return (struct image_name){
				IMAGE_ACT_REFUSE, IMAGE_ROLE_VTPM,
				"vTPM state of a half-done move: it may be "
				"the only copy"};
		return (struct image_name){IMAGE_ACT_REFUSE, IMAGE_ROLE_UNKNOWN,
					   "a directory, where Nova keeps "
					   "plain files (or a ploop image)"};
	case IMAGE_FTYPE_OTHER:
		break;
	}
	return (struct image_name){IMAGE_ACT_REFUSE, IMAGE_ROLE_UNKNOWN,
				   "a link, device or socket"};
}

bool image_role_is_disk(enum image_role r)
{
	return r == IMAGE_ROLE_DISK || r == IMAGE_ROLE_LOCAL ||
	       r == IMAGE_ROLE_EPHEMERAL || r == IMAGE_ROLE_SWAP ||
	       r == IMAGE_ROLE_CONFIG;
}

const char *image_role_name(enum image_role r)
{
	switch (r) {
	case IMAGE_ROLE_UNKNOWN:
		break;
	case IMAGE_ROLE_DISK:
		return "disk";
	case IMAGE_ROLE_LOCAL:
		return "local";
	case IMAGE_ROLE_EPHEMERAL:
		return "ephemeral";
	case IMAGE_ROLE_SWAP:
		return "swap";
	case IMAGE_ROLE_CONFIG:
		return "config-drive";
	case IMAGE_ROLE_INFO:
		return "disk-info";
	case IMAGE_ROLE_KERNEL:
		return "kernel";
	case IMAGE_ROLE_RAMDISK:
		return "ramdisk";
	case IMAGE_ROLE_CONSOLE:
		return "console";
	case IMAGE_ROLE_XML:
		return "xml";
	case IMAGE_ROLE_RESCUE:
		return "rescue";
	case IMAGE_ROLE_DEBRIS:
		return "debris";
	case IMAGE_ROLE_VTPM:
		return "vtpm-leftover";
	case IMAGE_ROLE_DIR:
		return "directory";
	case IMAGE_ROLE_BASE:
		return "base";
	case IMAGE_ROLE_NVRAM:
		return "nvram";
	case IMAGE_ROLE_TPM_DIR:
		return "tpm-directory";
	case IMAGE_ROLE_TPM_FILE:
		return "tpm-file";
	}
	return "unknown";
}

const char *image_act_name(enum image_act a)
{
	switch (a) {
	case IMAGE_ACT_REFUSE:
		break;
	case IMAGE_ACT_COPY:
		return "copy";
	case IMAGE_ACT_REWRITE:
		return "rewrite";
	case IMAGE_ACT_OPTIONAL:
		return "optional";
	case IMAGE_ACT_RECREATE:
		return "recreate";
	case IMAGE_ACT_NEVER:
		return "never";
	}
	return "refuse";
}

/* <uuid> or <uuid><suffix>. */
static enum image_dir uuid_dir_of(const char *entry, char uuid[UUID_LEN + 1])
{
	const char *rest = entry + UUID_LEN;
	enum image_dir d = IMAGE_DIR_OTHER;

	if (strlen(entry) < UUID_LEN)
		return d;
	memcpy(uuid, entry, UUID_LEN);
	uuid[UUID_LEN] = 0;
	if (uuid_valid(uuid)) {
		if (!*rest)
			d = IMAGE_DIR_INSTANCE;
		else if (strcmp(rest, "_resize") == 0)
			d = IMAGE_DIR_RESIZE;
		else if (strcmp(rest, "_del") == 0)
			d = IMAGE_DIR_DEL;
	}
	if (d == IMAGE_DIR_OTHER)
		uuid[0] = 0;
	return d;
}

enum image_dir image_dir_of(const char *entry, char uuid[UUID_LEN + 1])
{
	static const struct {
		const char *name;
		enum image_dir d;
	} fixed[] = {
		{"_base", IMAGE_DIR_BASE},
		{"locks", IMAGE_DIR_LOCKS},
		{"snapshots", IMAGE_DIR_SNAPSHOTS},
		{"compute_nodes", IMAGE_DIR_NODES},
		{".novahaul", IMAGE_DIR_OURS},
	};
	char own[UUID_LEN + 1] = "";
	enum image_dir d = uuid_dir_of(entry, uuid ? uuid : own);
	const char *hex = entry + strlen("instance-");

	if (d != IMAGE_DIR_OTHER)
		return d;
	if (uuid)
		uuid[0] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (strcmp(entry, fixed[i].name) == 0)
			return fixed[i].d;
	if (has_prefix(entry, "instance-") && strlen(hex) >= 8 &&
	    span_hex(hex) == strlen(hex))
		return IMAGE_DIR_LEGACY;
	return is_probe(entry) ? IMAGE_DIR_PROBE : IMAGE_DIR_OTHER;
}

static struct image_base_name base_sha1(const char *rest)
{
	struct image_base_name b = {.copy = true};

	if (!*rest) {
		b.kind = IMAGE_BASE_IMAGE;
		b.sweep_s = SWEEP_ORIGINAL_S;
	} else if (strcmp(rest, "_sm") == 0) {
		b.kind = IMAGE_BASE_SMALL;
		b.sweep_s = SWEEP_RESIZED_S;
	} else if (rest[0] == '_' && number(rest + 1, &b.size)) {
		b.kind = IMAGE_BASE_SIZED;
		b.sweep_s = SWEEP_RESIZED_S;
	} else {
		b = (struct image_base_name){0};
	}
	return b;
}

/* ephemeral_<GiB>_<tag>: the tag is seven hex digits from Kilo, before that
 * os_type or "default". */
static struct image_base_name base_ephemeral(const char *s)
{
	struct image_base_name b = {.kind = IMAGE_BASE_EPHEMERAL,
				    .copy = true,
				    .sweep_s = SWEEP_ORIGINAL_S};
	size_t n = strspn(s, "0123456789");
	const char *tag = s + n + 1;

	if (n == 0 || n > 9 || s[n] != '_' || !*tag)
		return (struct image_base_name){0};
	while (n--)
		b.size = b.size * 10 + (uint64_t)(*s++ - '0');
	b.mistaken = strlen(tag) == 7 && span_hex(tag) != 7;
	return b;
}

struct image_base_name image_base_name_of(const char *name)
{
	struct image_base_name b = {0};

	if (!image_name_plain(name))
		return b;
	if (has_suffix(name, ".part") || has_suffix(name, ".tmp") ||
	    has_suffix(name, ".converted"))
		return (struct image_base_name){.kind = IMAGE_BASE_TEMP};
	if (has_suffix(name, ".info"))
		return (struct image_base_name){.kind = IMAGE_BASE_INFO};
	if (has_prefix(name, "swap_") && number(name + 5, &b.size))
		return (struct image_base_name){.kind = IMAGE_BASE_SWAP,
						.size = b.size,
						.copy = true,
						.sweep_s = SWEEP_ORIGINAL_S};
	if (has_prefix(name, "ephemeral_"))
		return base_ephemeral(name + strlen("ephemeral_"));
	if (span_hex(name) == SHA1_HEX)
		return base_sha1(name + SHA1_HEX);
	return b;
}
