/* SPDX-License-Identifier: Apache-2.0 */
#include "image/format.h"

#include <string.h>

const char *image_format_name(enum image_format f)
{
	switch (f) {
	case IMAGE_FORMAT_UNKNOWN:
		break;
	case IMAGE_FORMAT_RAW:
		return "raw";
	case IMAGE_FORMAT_QCOW2:
		return "qcow2";
	}
	return "unknown";
}

enum image_format image_format_by_name(const char *name)
{
	if (name && strcmp(name, "raw") == 0)
		return IMAGE_FORMAT_RAW;
	if (name && strcmp(name, "qcow2") == 0)
		return IMAGE_FORMAT_QCOW2;
	return IMAGE_FORMAT_UNKNOWN;
}

/* The probe functions of qemu's block drivers that look at a file's start. */
static const struct magic {
	enum image_magic magic;
	size_t off, len;
	const char *bytes;
} magics[] = {
	{IMAGE_MAGIC_QCOW2, 0, 4, "QFI\xfb"},
	{IMAGE_MAGIC_QED, 0, 4, "QED\0"},
	{IMAGE_MAGIC_VMDK, 0, 4, "KDMV"},
	{IMAGE_MAGIC_VMDK, 0, 4, "COWD"},
	{IMAGE_MAGIC_VHDX, 0, 8, "vhdxfile"},
	{IMAGE_MAGIC_VHD, 0, 8, "conectix"},
	{IMAGE_MAGIC_VDI, 64, 4, "\x7f\x10\xda\xbe"},
	{IMAGE_MAGIC_PARALLELS, 0, 16, "WithoutFreeSpace"},
	{IMAGE_MAGIC_PARALLELS, 0, 16, "WithouFreSpacExt"},
	{IMAGE_MAGIC_BOCHS, 0, 22, "Bochs Virtual HD Image"},
	{IMAGE_MAGIC_CLOOP, 0, 22, "#!/bin/sh\n#V2.0 Format"},
	{IMAGE_MAGIC_LUKS, 0, 6, "LUKS\xba\xbe"},
};

/* vmdk_probe() skips comments and blank lines before "version=1", 2 or 3; any
 * text that opens as a comment or with that word is close enough to warn. */
static int is_vmdk_text(const char *p, size_t n)
{
	static const char *const words[] = {"# Disk DescriptorFile",
					    "version="};
	size_t k, len;

	for (k = 0; k < sizeof(words) / sizeof(words[0]); k++) {
		len = strlen(words[k]);
		for (size_t i = 0; i + len <= n && i < IMAGE_MAGIC_LEN; i++) {
			if (memcmp(p + i, words[k], len) == 0)
				return 1;
			/* only text may come before it */
			if (p[i] != '\n' && p[i] != '\t' && p[i] != '\r' &&
			    ((unsigned char)p[i] < ' ' ||
			     (unsigned char)p[i] > '~'))
				break;
		}
	}
	return 0;
}

enum image_magic image_magic_of(const void *head, size_t n)
{
	const char *p = head;

	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		const struct magic *m = &magics[i];

		if (n >= m->off + m->len &&
		    memcmp(p + m->off, m->bytes, m->len) == 0)
			return m->magic;
	}
	return is_vmdk_text(p, n) ? IMAGE_MAGIC_VMDK : IMAGE_MAGIC_NONE;
}

const char *image_magic_name(enum image_magic m)
{
	switch (m) {
	case IMAGE_MAGIC_NONE:
		break;
	case IMAGE_MAGIC_QCOW2:
		return "qcow2";
	case IMAGE_MAGIC_QED:
		return "qed";
	case IMAGE_MAGIC_VMDK:
		return "vmdk";
	case IMAGE_MAGIC_VHD:
		return "vhd";
	case IMAGE_MAGIC_VHDX:
		return "vhdx";
	case IMAGE_MAGIC_VDI:
		return "vdi";
	case IMAGE_MAGIC_PARALLELS:
		return "parallels";
	case IMAGE_MAGIC_BOCHS:
		return "bochs";
	case IMAGE_MAGIC_CLOOP:
		return "cloop";
	case IMAGE_MAGIC_LUKS:
		return "luks";
	}
	return "none";
}
