/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entry of the tiny guest (multiboot 1, 32-bit flat, no paging) and its interrupt stubs. */

#define MAGIC 0x1badb002
#define FLAGS 2			/* wants the memory fields; the command line comes anyway */
#define STACK 16384

	.section .multiboot, "a"
	.align 4
	.long MAGIC, FLAGS, -(MAGIC + FLAGS)

	.text
	.globl start
start:
	cli
	mov $stack + STACK, %esp
	push %ebx		/* multiboot information */
	lgdt gdt_pointer
	ljmp $8, $1f
1:	mov $16, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	call guest_main
2:	cli
	hlt
	jmp 2b

	.globl timer_stub
timer_stub:
	pusha
	call timer_interrupt
	popa
	iret

	.globl exception_stub
exception_stub:
	cli
	call exception
	jmp 2b

	.data
	.align 8
gdt:	.quad 0
	.quad 0x00cf9a000000ffff	/* 8: code */
	.quad 0x00cf92000000ffff	/* 16: data */
gdt_pointer:
	.word . - gdt - 1
	.long gdt

	.bss
	.align 16
stack:	.skip STACK
