// SPDX-License-Identifier: GPL-2.0-or-later
#include "machine.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MONITOR_TIMEOUT_MS 10000

static void disconnect_monitor(struct machine *machine)
{
	if (machine->qmp.fd >= 0)
		close(machine->qmp.fd);
	machine->qmp.fd = -1;
	machine->qmp.used = 0;
}

bool machine_start(struct machine *machine)
{
	pid_t parent = getpid();

	machine->pid = fork();
	if (machine->pid < 0)
		return false;
	if (machine->pid == 0) {
		int log = open("qemu.log", O_WRONLY | O_CREAT | O_APPEND, 0644);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		if (log >= 0) {
			dup2(log, STDOUT_FILENO);
			dup2(log, STDERR_FILENO);
		}
		setpgid(0, 0); /* a Ctrl-C is for us to handle */
		execvp(machine->argv[0], machine->argv);
		perror(machine->argv[0]);
		_exit(1);
	}
	return true;
}

bool machine_alive(struct machine *machine)
{
	if (machine->pid > 0 && waitpid(machine->pid, NULL, WNOHANG) == machine->pid)
		machine->pid = 0;
	return machine->pid > 0;
}

void machine_kill(struct machine *machine)
{
	if (machine->pid <= 0)
		return;
	disconnect_monitor(machine);
	kill(machine->pid, SIGKILL);
	waitpid(machine->pid, NULL, 0);
	machine->pid = 0;
}

static bool connect_monitor(struct machine *machine)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = "qmp.sock"};

	if (machine->qmp.fd >= 0)
		return true;
	machine->qmp.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (machine->qmp.fd >= 0 &&
		connect(machine->qmp.fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
		qmp_hello(&machine->qmp, MONITOR_TIMEOUT_MS))
		return true;
	disconnect_monitor(machine);
	return false;
}

bool machine_monitor(struct machine *machine, const char *command, char *output, size_t size)
{
	snprintf(output, size, "cannot reach QEMU's monitor");
	return connect_monitor(machine) &&
		qmp_human(&machine->qmp, command, output, size, MONITOR_TIMEOUT_MS);
}

bool machine_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}
