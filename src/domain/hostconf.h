/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libvirt's own files on a host say: qemu.conf, and the settings of
 * libvirt-guests.  Pure: the caller has read them.
 *
 *	hostconf_qemu("... text of /etc/libvirt/qemu.conf ...", &c);
 *	hostconf_on_boot("... of libvirt-guests.sh ...", &boot);
 *	hostconf_on_boot("... of /etc/default/libvirt-guests ...", &boot);
 *
 * Passwords in qemu.conf are not looked at.
 */
#ifndef NH_DOMAIN_HOSTCONF_H
#define NH_DOMAIN_HOSTCONF_H

#include <stdbool.h>

enum hostconf_switch {
	HOSTCONF_UNSET = 0, /* libvirt's default holds */
	HOSTCONF_OFF,
	HOSTCONF_ON,
};

/* Strings are owned; NULL: not set. */
struct hostconf_qemu {
	bool known; /* the file was there, or is known not to be */
	char *user, *group;
	char *security_driver; /* the first, of a list */
	char *lock_manager;
	enum hostconf_switch dynamic_ownership; /* default: on */
	enum hostconf_switch remember_owner;	/* default: on */
};

/* Later lines win, as for libvirt.  What is not understood is skipped. */
void hostconf_qemu(const char *text, struct hostconf_qemu *c);
void hostconf_qemu_clear(struct hostconf_qemu *c);

/* What libvirt-guests does with the guests of before when a host starts. */
enum hostconf_boot {
	HOSTCONF_BOOT_UNKNOWN = 0,
	HOSTCONF_BOOT_IGNORE,
	HOSTCONF_BOOT_START,
};

/* The last ON_BOOT= of a shell fragment, if there is one. */
void hostconf_on_boot(const char *text, enum hostconf_boot *boot);

#endif
