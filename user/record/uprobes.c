/* SPDX-License-Identifier: MIT */
#include "uprobes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Older headers than the kernel may lack it. */
#define TRACE_UPROBE_MULTI 48

struct uprobes {
	const struct bpf_program *program;
	bool multi;
	struct uprobes_link {
		struct bpf_link *link; /* NULL: `fd` is it */
		int fd;
	} * links;
	uint32_t nlinks, cap;
};

/* The kernel's struct of arguments for BPF_LINK_CREATE, as far as it goes for these links. */
struct multi_args {
	uint32_t program, target, type, flags;
	uint64_t path, offsets, semaphores, cookies;
	uint32_t n, more_flags, pid;
	uint32_t pad;
};

static int multi_link(int program, const char *path, const struct uprobes_place *places, uint32_t n)
{
	uint64_t *values = calloc(n, 3 * sizeof(*values));
	struct multi_args args = {
		.program = (uint32_t)program,
		.type = TRACE_UPROBE_MULTI,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)values,
		.semaphores = (uintptr_t)(values + n),
		.cookies = (uintptr_t)(values + 2 * (size_t)n),
		.n = n,
	};
	int fd;

	if (!values)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		values[i] = places[i].offset;
		values[n + i] = places[i].semaphore;
		values[2 * (size_t)n + i] = places[i].cookie;
	}
	fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &args, sizeof(args));
	if (fd < 0)
		fd = -errno;
	free(values);
	return fd;
}

/* A kernel that knows such links looks at the path, and says that it is no file. */
static bool has_multi(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = TRACE_UPROBE_MULTI);
	struct uprobes_place place = { 0 };
	int program, link;

	program = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "giltrace_probe", "GPL", insns, 2, &opts);
	if (program < 0)
		return false;
	link = multi_link(program, "/", &place, 1);
	close(program);
	if (link >= 0)
		close(link);
	return link == -EBADF;
}

void uprobes_prepare(struct bpf_program *program)
{
	if (has_multi())
		bpf_program__set_expected_attach_type(program, TRACE_UPROBE_MULTI);
}

struct uprobes *uprobes_new(const struct bpf_program *program)
{
	struct uprobes *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->program = program;
	u->multi = bpf_program__expected_attach_type(program) == TRACE_UPROBE_MULTI;
	return u;
}

/* Room for one more link. */
static bool reserve(struct uprobes *u)
{
	struct uprobes_link *more;

	if (u->nlinks < u->cap)
		return true;
	more = reallocarray(u->links, u->cap ? 2 * u->cap : 16, sizeof(*more));
	if (!more)
		return false;
	u->links = more;
	u->cap = u->cap ? 2 * u->cap : 16;
	return true;
}

static int attach_multi(struct uprobes *u, const char *path, const struct uprobes_place *places,
			uint32_t n)
{
	int fd;

	if (!reserve(u))
		return -ENOMEM;
	fd = multi_link(bpf_program__fd(u->program), path, places, n);
	if (fd < 0)
		return fd;
	u->links[u->nlinks++] = (struct uprobes_link){ .fd = fd };
	return 0;
}

static int attach_one(struct uprobes *u, const char *path, const struct uprobes_place *place)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .ref_ctr_offset = place->semaphore,
		    .bpf_cookie = place->cookie);
	struct bpf_link *link;

	if (u->multi)
		return attach_multi(u, path, place, 1);
	if (!reserve(u))
		return -ENOMEM;
	link = bpf_program__attach_uprobe_opts(u->program, -1, path, place->offset, &opts);
	if (!link)
		return -errno;
	u->links[u->nlinks++] = (struct uprobes_link){ .link = link };
	return 0;
}

/*
 * The kernel looks at an instruction when someone has it mapped, and only then can it refuse: so
 * someone has, while a place is tried by itself.
 */
static int try_place(struct uprobes *u, int fd, const char *path, const struct uprobes_place *place)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	void *mapped =
		mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, (off_t)(place->offset & ~(page - 1)));
	int err = attach_one(u, path, place);

	if (mapped != MAP_FAILED)
		munmap(mapped, page);
	return err;
}

/* The stretch of the file that has all places, mapped; MAP_FAILED where it cannot be. */
static void *map_places(int fd, const struct uprobes_place *places, uint32_t n, size_t *size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), from = UINT64_MAX, to = 0;

	for (uint32_t i = 0; i < n; i++) {
		from = places[i].offset < from ? places[i].offset : from;
		to = places[i].offset > to ? places[i].offset : to;
	}
	from &= ~(page - 1);
	*size = (to | (page - 1)) + 1 - from;
	return mmap(NULL, *size, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, fd, (off_t)from);
}

/* All places by one link. 0 or -errno. */
static int try_all(struct uprobes *u, int fd, const char *path, const struct uprobes_place *places,
		   uint32_t n)
{
	size_t size;
	void *mapped = map_places(fd, places, n, &size);
	int err = attach_multi(u, path, places, n);

	if (mapped != MAP_FAILED)
		munmap(mapped, size);
	return err;
}

uint32_t uprobes_attach(struct uprobes *u, int fd, struct uprobes_place *places, uint32_t n)
{
	uint32_t attached = 0;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (uint32_t i = 0; i < n; i++)
		places[i].err = 0;
	if (n && u->multi && !try_all(u, fd, path, places, n))
		return n;
	for (uint32_t i = 0; i < n; i++) {
		places[i].err = try_place(u, fd, path, &places[i]);
		attached += !places[i].err;
	}
	return attached;
}

void uprobes_free(struct uprobes *u)
{
	if (!u)
		return;
	for (uint32_t i = 0; i < u->nlinks; i++) {
		if (u->links[i].link)
			bpf_link__destroy(u->links[i].link);
		else
			close(u->links[i].fd);
	}
	free(u->links);
	free(u);
}
