// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tiny guest: ready in a second even when emulated inside an emulation. It prints L2 START with
 * its command line, L2 PCI per function, L2 READY, then obeys the ACPI power button and the bytes
 * that come on its serial ports (COM1, COM2). tests/lab/README.md lists its words and bytes.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TICKS_PER_S 100u
#define DMA_ADDRESS 0x7f000000u /* far above the guest's memory, so no IOMMU maps it */

struct action { /* by command-line word (also WORD-after=SECONDS) and by serial byte */
	const char *word;
	char byte;
	void (*perform)(void);
};

struct multiboot_info {
	uint32_t flags, mem_lower, mem_upper, boot_device;
	const char *cmdline;
};

static const char *cmdline = "";
static volatile uint32_t ticks; /* since READY or a little earlier */

/* --- ports ------------------------------------------------------------------------------------ */

static void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void outw(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static void outl(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static uint16_t inw(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static uint32_t inl(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* --- serial ports ----------------------------------------------------------------------------- */

#define COM1           0x3f8
#define COM2           0x2f8
#define UART_LINE      5
#define UART_RECEIVED  0x01
#define UART_CAN_SEND  0x20
#define UART_SEND_WAIT 100000 /* polls; a console that nobody reads must not stop the guest */

static void serial_init(uint16_t port)
{
	outb(port + 1, 0); /* no interrupts */
	outb(port + 3, 0x80); /* divisor 1: 115200 baud */
	outb(port + 0, 1);
	outb(port + 1, 0);
	outb(port + 3, 3); /* 8n1 */
	outb(port + 2, 7); /* FIFOs on and empty */
	outb(port + 4, 3); /* DTR, RTS */
}

static void put_char(char c)
{
	if (c == '\n')
		put_char('\r');
	for (int i = 0; i < UART_SEND_WAIT && !(inb(COM1 + UART_LINE) & UART_CAN_SEND); i++)
		;
	outb(COM1, (uint8_t)c);
}

static void put(const char *text)
{
	while (*text)
		put_char(*text++);
}

static void put_hex(uint32_t value, int digits)
{
	while (digits-- > 0)
		put_char("0123456789abcdef"[value >> (4 * digits) & 15]);
}

/* A byte that came in, or 0. A port that is absent reads as ones. */
static char received(uint16_t port)
{
	uint8_t line = inb(port + UART_LINE);

	return line != 0xff && (line & UART_RECEIVED) ? (char)inb(port) : '\0';
}

/* --- the command line -------------------------------------------------------------------------- */

static size_t length(const char *text)
{
	size_t n = 0;

	while (text[n])
		n++;
	return n;
}

static bool begins(const char *text, const char *with)
{
	while (*with)
		if (*text++ != *with++)
			return false;
	return true;
}

/* What follows `word` and `suffix` in the word of the command line that begins so, or NULL. */
static const char *find_word(const char *word, const char *suffix)
{
	for (const char *at = cmdline; *at; at++) {
		const char *end = at + length(word);

		if ((at == cmdline || at[-1] == ' ') && begins(at, word) && begins(end, suffix))
			return end + length(suffix);
	}
	return NULL;
}

static bool has_word(const char *word)
{
	const char *end = find_word(word, "");

	return end && (*end == '\0' || *end == ' ');
}

static uint32_t number(const char *text, uint32_t base)
{
	uint32_t value = 0;

	if (begins(text, "0x"))
		text += 2;
	for (;; text++) {
		uint32_t digit;

		if (*text >= '0' && *text <= '9')
			digit = (uint32_t)(*text - '0');
		else if (*text >= 'a' && *text <= 'f')
			digit = (uint32_t)(*text - 'a') + 10;
		else
			return value;
		if (digit >= base)
			return value;
		value = value * base + digit;
	}
}

/* --- interrupts: only the timer, to wake up and to measure time -------------------------------- */

#define TIMER_VECTOR 32

struct gate {
	uint16_t offset_low, selector;
	uint8_t zero, type;
	uint16_t offset_high;
} __attribute__((packed));

struct table_pointer {
	uint16_t limit;
	uint32_t base;
} __attribute__((packed));

void timer_stub(void);
void exception_stub(void);
void timer_interrupt(void);
void exception(void);
void guest_main(const struct multiboot_info *info);

static struct gate idt[256];

void timer_interrupt(void)
{
	ticks++;
	outb(0x20, 0x20); /* end of interrupt */
}

void exception(void)
{
	put("L2 EXCEPTION\n");
}

static void load_idt(uint16_t limit)
{
	struct table_pointer pointer = {limit, (uint32_t)idt};

	__asm__ volatile("lidt %0" : : "m"(pointer));
}

static void interrupts_init(void)
{
	uint16_t divisor = 1193182 / TICKS_PER_S;

	for (int i = 0; i < 256; i++) {
		uint32_t stub = (uint32_t)(i < TIMER_VECTOR ? exception_stub : timer_stub);

		idt[i] = (struct gate){stub & 0xffff, 8, 0, 0x8e, stub >> 16};
	}
	load_idt(sizeof(idt) - 1);

	outb(0x20, 0x11); /* both 8259s: vectors from 32, only the timer let through */
	outb(0xa0, 0x11);
	outb(0x21, TIMER_VECTOR);
	outb(0xa1, TIMER_VECTOR + 8);
	outb(0x21, 4);
	outb(0xa1, 2);
	outb(0x21, 1);
	outb(0xa1, 1);
	outb(0x21, 0xfe);
	outb(0xa1, 0xff);
	outb(0x43, 0x36);
	outb(0x40, divisor & 0xff);
	outb(0x40, divisor >> 8);
	__asm__ volatile("sti");
}

/* --- ACPI: the power button and switching off -------------------------------------------------- */

#define PM1_POWER_BUTTON 0x0100
#define PM1_SLEEP_S5     0x2000 /* SLP_EN; QEMU's S5 has type 0 */

static uint16_t pm1_event, pm1_control;

static const char *find_rsdp(void)
{
	for (const char *at = (const char *)0xe0000; at < (const char *)0x100000; at += 16)
		if (begins(at, "RSD PTR "))
			return at;
	return NULL;
}

static uint32_t get32(const char *at)
{
	return *(const uint32_t *)at;
}

static void use_fadt(const char *fadt)
{
	uint16_t smi_command = (uint16_t)get32(fadt + 48);
	uint8_t enable = (uint8_t)fadt[52];

	pm1_event = (uint16_t)get32(fadt + 56);
	pm1_control = (uint16_t)get32(fadt + 64);
	if (smi_command && enable && !(inw(pm1_control) & 1)) {
		outb(smi_command, enable);
		for (int i = 0; i < 100000 && !(inw(pm1_control) & 1); i++)
			;
	}
	outw(pm1_event, 0xffff); /* forget what is pending */
	outw(pm1_event + 2, PM1_POWER_BUTTON);
}

static void acpi_init(void)
{
	const char *rsdp = find_rsdp(), *rsdt;

	if (!rsdp) {
		put("L2 NOACPI\n");
		return;
	}
	rsdt = (const char *)get32(rsdp + 16);
	for (uint32_t at = 36; at < get32(rsdt + 4); at += 4) {
		const char *table = (const char *)get32(rsdt + at);

		if (begins(table, "FACP"))
			use_fadt(table);
	}
}

static bool power_button(void)
{
	if (!pm1_event || !(inw(pm1_event) & PM1_POWER_BUTTON))
		return false;
	outw(pm1_event, PM1_POWER_BUTTON);
	return true;
}

/* --- PCI and the edu device -------------------------------------------------------------------- */

#define EDU_ID        0x11e81234u
#define EDU_BUFFER    0x40000u
#define EDU_DMA_FROM  0x80
#define EDU_DMA_TO    0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_CMD   0x98
#define EDU_START     1u
#define EDU_TO_RAM    2u
#define LAST_BUS      16

static uint32_t edu_address; /* of its configuration space; 0 = none */

static uint32_t function_address(uint32_t bus, uint32_t slot, uint32_t fn)
{
	return 0x80000000u | bus << 16 | slot << 11 | fn << 8;
}

static uint32_t config_read(uint32_t address, uint32_t reg)
{
	outl(0xcf8, address | reg);
	return inl(0xcfc);
}

static void config_write(uint32_t address, uint32_t reg, uint32_t value)
{
	outl(0xcf8, address | reg);
	outl(0xcfc, value);
}

static void put_function(uint32_t bus, uint32_t slot, uint32_t fn, uint32_t id, uint32_t class)
{
	put("L2 PCI ");
	put_hex(bus, 2);
	put_char(':');
	put_hex(slot, 2);
	put_char('.');
	put_hex(fn, 1);
	put_char(' ');
	put_hex(id & 0xffff, 4);
	put_char(':');
	put_hex(id >> 16, 4);
	put_char(' ');
	put_hex(class >> 16, 4);
	put_char('\n');
}

static void list_slot(uint32_t bus, uint32_t slot)
{
	for (uint32_t fn = 0; fn < 8; fn++) {
		uint32_t address = function_address(bus, slot, fn);
		uint32_t id = config_read(address, 0);
		bool present = (id & 0xffff) != 0xffff && (id & 0xffff) != 0;

		if (present)
			put_function(bus, slot, fn, id, config_read(address, 8));
		if (id == EDU_ID)
			edu_address = address;
		if (fn == 0 && (!present || !(config_read(address, 12) & 0x800000)))
			return; /* nothing here, or a single function */
	}
}

static void list_pci(void)
{
	for (uint32_t bus = 0; bus < LAST_BUS; bus++)
		for (uint32_t slot = 0; slot < 32; slot++)
			list_slot(bus, slot);
}

static void set_register(volatile uint32_t *edu, uint32_t reg, uint32_t value)
{
	edu[reg / 4] = value;
	edu[reg / 4 + 1] = 0;
}

static void dma(void)
{
	const char *arg = find_word("edudma", "=");
	uint32_t address = arg ? number(arg, 16) : DMA_ADDRESS;
	volatile uint32_t *edu;

	if (!edu_address) {
		put("L2 NOEDU\n");
		return;
	}
	config_write(edu_address, 4, config_read(edu_address, 4) | 6); /* memory, bus master */
	edu = (volatile uint32_t *)(config_read(edu_address, 16) & ~15u);
	set_register(edu, EDU_DMA_FROM, EDU_BUFFER);
	set_register(edu, EDU_DMA_TO, address);
	set_register(edu, EDU_DMA_COUNT, 16);
	set_register(edu, EDU_DMA_CMD, EDU_START | EDU_TO_RAM);
	put("L2 EDUDMA ");
	put_hex(address, 8);
	put_char('\n');
}

/* --- actions ----------------------------------------------------------------------------------- */

#define PVPANIC_PORT     0x505
#define PVPANIC_PANICKED 1

static void alive(void)
{
	put("L2 ALIVE\n");
}

static void hang(void)
{
	put("L2 HANG\n");
	halt();
}

static void panic(void)
{
	put("L2 PANIC\n");
	outb(PVPANIC_PORT, PVPANIC_PANICKED);
	halt();
}

static void power_off(void)
{
	put("L2 OFF\n");
	if (pm1_control)
		outw(pm1_control, PM1_SLEEP_S5);
	halt();
}

static void reboot(void)
{
	put("L2 REBOOT\n");
	outb(0xcf9, 2);
	outb(0xcf9, 6);
	outb(0x64, 0xfe);
	halt();
}

static void triple_fault(void)
{
	put("L2 TRIPLE\n");
	load_idt(0);
	__asm__ volatile("int3");
}

static const struct action actions[] = {
	{"alive", '?', alive},
	{"edudma", 'd', dma},
	{"hang", 'h', hang},
	{"panic", 'x', panic},
	{"poweroff", 'p', power_off},
	{"reboot", 'r', reboot},
	{"triple", 't', triple_fault},
};

#define N_ACTIONS (sizeof(actions) / sizeof(actions[0]))

static void obey_byte(char byte)
{
	for (size_t i = 0; byte && i < N_ACTIONS; i++)
		if (actions[i].byte == byte)
			actions[i].perform();
}

static void obey_words(void)
{
	for (size_t i = 0; i < N_ACTIONS; i++) {
		const char *word = actions[i].word;

		if (find_word(word, "-after="))
			continue;
		if (has_word(word) || find_word(word, "="))
			actions[i].perform();
	}
}

/* Performs each WORD-after=SECONDS when its time comes, once. */
static void obey_clock(void)
{
	static bool done[N_ACTIONS];

	for (size_t i = 0; i < N_ACTIONS; i++) {
		const char *after = find_word(actions[i].word, "-after=");

		if (!after || done[i] || ticks < number(after, 10) * TICKS_PER_S)
			continue;
		done[i] = true;
		actions[i].perform();
	}
}

static void wait_ready(void)
{
	const char *after = find_word("ready", "-after=");

	if (has_word("never-ready"))
		hang();
	while (after && ticks < number(after, 10) * TICKS_PER_S)
		__asm__ volatile("hlt");
	ticks = 0;
}

void guest_main(const struct multiboot_info *info)
{
	if (info->flags & 4)
		cmdline = info->cmdline;
	serial_init(COM1);
	serial_init(COM2);
	put("\nL2 START ");
	put(cmdline);
	put_char('\n');
	interrupts_init();
	acpi_init();
	if (!has_word("nolist"))
		list_pci();
	wait_ready();
	put("L2 READY\n");

	obey_words();
	for (;;) {
		__asm__ volatile("hlt");
		if (power_button()) {
			put("L2 POWERBUTTON\n");
			if (!has_word("ignorepwr"))
				power_off();
		}
		obey_byte(received(COM1));
		obey_byte(received(COM2));
		obey_clock();
	}
}
