/* SPDX-License-Identifier: Apache-2.0 */
/* Domain XML.  Whatever is accepted points nowhere else, and says the same
 * when it is adapted once more. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "domain/domain.h"

#define U "b2a7c1d0-0f6e-4b4e-8a55-0c9f2a6d7e10"
#define DIR "/i/" U

static const char *const from[] = {"/i", NULL}, *const to[] = {"/new", NULL};
static const struct domain_target target = {.instances = "/new",
					    .has_kvm = true};

static void check_facts(const struct buf *xml)
{
	struct err e = ERR_INIT;
	struct domain *d = domain_parse(buf_str(xml), xml->len, &e);

	FUZZ_ASSERT(d);
	for (size_t i = 0; i < d->n_disks; i++) {
		const char *s = d->disks[i].source;

		FUZZ_ASSERT(!d->disks[i].has_backing);
		if (!s || !strcmp(d->disks[i].type, "network"))
			continue;
		FUZZ_ASSERT(!strcmp(d->disks[i].type, "file"));
		FUZZ_ASSERT(!*s || !strncmp(s, "/new/", 5));
		FUZZ_ASSERT(!strstr(s, ".."));
	}
	for (size_t i = 0; i < d->logs.n; i++)
		FUZZ_ASSERT(!strncmp(d->logs.v[i], "/new/", 5));
	FUZZ_ASSERT(d->n_hostdevs + d->n_mdevs + d->n_filesystems == 0);
	FUZZ_ASSERT(!d->live && !d->emulator && d->n_seclabels == 0);
	domain_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct domain_place src = {.instances = from},
					 dst = {.instances = to};
	struct buf once = BUF_INIT, twice = BUF_INIT;
	struct err e = ERR_INIT;

	if (domain_adapt((const char *)data, size, &src, &target, &once, &e)) {
		FUZZ_ASSERT(e.kind == ERR_REFUSED && once.len == 0);
	} else {
		check_facts(&once);
		FUZZ_ASSERT(domain_adapt(buf_str(&once), once.len, &dst,
					 &target, &twice, &e) == 0);
		FUZZ_ASSERT(!strcmp(buf_str(&once), buf_str(&twice)));
	}
	err_clear(&e);
	buf_clear(&once);
	buf_clear(&twice);
	return 0;
}

#define HEAD                                                                   \
	"<domain type='kvm'><name>n</name><uuid>" U "</uuid><os><type>hvm"     \
	"</type>"

size_t fuzz_seed(unsigned int k, uint8_t *buf, size_t cap)
{
	static const char *const seeds[] = {
		HEAD "</os><devices><disk type='file' device='disk'><driver "
		     "name='qemu' type='qcow2'/><source file='" DIR
		     "/disk'/><target dev='vda'/></disk></devices></domain>",
		HEAD "</os><devices><disk type='file' device='cdrom'><source "
		     "file='/i/_base/x' index='1'/><readonly/></disk>"
		     "<emulator>/q</emulator></devices></domain>",
		HEAD "</os><devices><disk type='network'><source "
		     "protocol='rbd' name='p/" U
		     "_disk'><host name='m'/></source></disk></devices>"
		     "</domain>",
		HEAD "<kernel>" DIR
		     "/kernel</kernel><loader readonly='yes'>/usr/share/o"
		     "</loader><nvram template='/usr/share/v'>/var/lib/libvirt"
		     "/qemu/nvram/n_VARS.fd</nvram></os></domain>",
		HEAD "</os><devices><interface type='bridge'><mac "
		     "address='fa:16:3e:11:22:33'/><source bridge='br'/>"
		     "<target dev='tap1'/></interface></devices></domain>",
		HEAD "</os><devices><serial type='file'><source path='" DIR
		     "/console.log'/></serial><console type='pty' tty='/d'>"
		     "<log file='" DIR "/c'/><alias name='a'/></console>"
		     "</devices><seclabel type='dynamic'/></domain>",
		HEAD "</os><devices><graphics type='vnc' port='5900' "
		     "autoport='yes' listen='1.2.3.4'><listen type='address' "
		     "address='1.2.3.4'/></graphics><rng model='virtio'>"
		     "<backend model='random'>/dev/urandom</backend></rng>"
		     "</devices></domain>",
		HEAD "</os><devices><channel type='unix'><source mode='bind' "
		     "path='/var/lib/libvirt/qemu/a.n.sock'/><target "
		     "type='virtio' name='a' state='x'/></channel>"
		     "<tpm model='tpm-crb'><backend type='emulator'/></tpm>"
		     "</devices></domain>",
	};

	if (k >= sizeof(seeds) / sizeof(seeds[0]) || strlen(seeds[k]) > cap)
		return 0;
	memcpy(buf, seeds[k], strlen(seeds[k]));
	return strlen(seeds[k]);
}
