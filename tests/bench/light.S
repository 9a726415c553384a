/* SPDX-License-Identifier: Apache-2.0 */
/*
 * light.S: a boot sector that is a whole guest: it says on the serial console
 * that it is ready, sleeps, and switches itself off when the power button is
 * pressed.  Where a processor is emulated, the boot of a real system takes
 * seconds of the cores that the copies are measured on; this takes next to
 * none.  Ports: 0x3f8 COM1; 0x600, 0x602, 0x604 the ACPI PM1 status, enable and
 * control registers, where SeaBIOS puts them (PMBASE 0x600) on QEMU's pc and
 * q35; ACPI 6.4, 4.8.3.1: PWRBTN is bit 8, SLP_EN bit 13, and QEMU's SLP_TYP of
 * S5 is 0.
 */
	.intel_syntax noprefix
	.code16
	.globl _start
_start:
	cli
	xor	ax, ax
	mov	ds, ax
	mov	ss, ax
	mov	sp, 0x7c00
	cld
	mov	si, offset text - _start + 0x7c00
	mov	dx, 0x3f8
1:	lodsb
	test	al, al
	jz	2f
	out	dx, al
	jmp	1b
2:	mov	dx, 0x602
	mov	ax, 0x100
	out	dx, ax
	sti
3:	hlt
	mov	dx, 0x600
	in	ax, dx
	test	ah, 1
	jz	3b
	mov	dx, 0x604
	mov	ax, 0x2000
	out	dx, ax
	jmp	3b
text:
	.asciz	"\r\n@guest ready\r\n"
	.org	510
	.word	0xaa55
