/* SPDX-License-Identifier: MIT */
/* Python frames, from the C library's thread-specific data on. */
#include "python.bpf.h"

static __always_inline u64 read_u64(u64 from)
{
	u64 value;

	return bpf_probe_read_user(&value, sizeof(value), (void *)from) ? 0 : value;
}

/*
 * What pthread_getspecific() returns for `key`, in glibc on x86-64: a thread has its first 32
 * values in itself, more behind pointers. Where it is another library, what is found is no
 * PyThreadState.
 */
#define SPECIFIC_SELF 0x310
#define SPECIFIC_BLOCKS 0x510
#define SPECIFIC_BLOCK 32
#define SPECIFIC_KEYS 1024
#define SPECIFIC_SIZE 16 /* a sequence number, then the value */

static __always_inline u64 thread_specific(u64 thread, u32 key)
{
	u64 block = thread + SPECIFIC_SELF;

	if (key >= SPECIFIC_KEYS)
		return 0;
	if (key >= SPECIFIC_BLOCK)
		block = read_u64(thread + SPECIFIC_BLOCKS + key / SPECIFIC_BLOCK * 8);
	return block ? read_u64(block + key % SPECIFIC_BLOCK * SPECIFIC_SIZE + 8) : 0;
}

/* The newest frame of the running task, 0: it has none, or is no thread of Python's. */
static __always_inline u64 newest_frame(const struct gt_wire_python *how)
{
	u64 thread = core_thread_data(bpf_get_current_task_btf()), state, frame;
	u64 key = read_u64(how->key); /* int is_initialized; unsigned int key */

	if (!thread || (u32)key != 1)
		return 0;
	state = thread_specific(thread, key >> 32);
	if (!state || read_u64(state + how->thread_id) != thread)
		return 0;
	frame = read_u64(state + how->top);
	return how->indirect && frame ? read_u64(frame + how->top_in) : frame;
}

static __always_inline u64 in_frame(const struct python_stack *s, u8 offset)
{
	return *(const u64 *)&s->bytes[offset & (PYTHON_FRAME_ROOM - 8)];
}

/*
 * Note the frame at `frame` as number `n`. The one before it, 0: there is none, or this one could
 * not be read. (A function of its own, so that the verifier walks it once and not for each frame;
 * so is look_at_code().)
 */
__noinline u64 python_frame(u32 n, u64 frame)
{
	struct gt_wire_python_frame *f;
	const struct gt_wire_python *how;
	struct python_stack *s;
	u32 zero = 0;
	u8 mark;

	s = bpf_map_lookup_elem(&python_stacks, &zero);
	if (!s || n >= GT_PYTHON_FRAMES_MAX)
		return 0;
	how = &s->record.how;
	if (bpf_probe_read_user(s->bytes, how->size & (PYTHON_FRAME_ROOM - 1), (void *)frame))
		return 0;
	/* 6.1 forgets the bound of what it kept on its stack meanwhile. */
	asm volatile("" : "+r"(n));
	f = &s->record.frame[n & (GT_PYTHON_FRAMES_MAX - 1)];
	f->code = in_frame(s, how->code);
	f->at = in_frame(s, how->at) - (how->at_pointer ? f->code : 0);
	mark = s->bytes[how->mark & (PYTHON_FRAME_ROOM - 1)];
	f->mark = mark;
	s->fold = gt_stack_fold(gt_stack_fold(s->fold, f->code), f->at | (u64)mark << 32);
	s->record.frames = n + 1;
	return in_frame(s, how->back);
}

__noinline u64 python_take(u32 as)
{
	const struct gt_wire_python *how;
	struct python_stack *s;
	u64 frame, last = 0;
	u32 zero = 0, n;

	how = bpf_map_lookup_elem(&pythons, &as);
	if (!how)
		return 0;
	s = bpf_map_lookup_elem(&python_stacks, &zero);
	if (!s)
		return 0;
	s->record.how = *how;
	s->record.frames = 0;
	s->fold = 0;
	frame = newest_frame(how);
	for (n = 0; n < GT_PYTHON_FRAMES_MAX && frame; n++) {
		last = frame;
		frame = python_frame(n, frame);
	}
	/* One that could not be read has others behind it, as far as anyone knows. */
	s->record.cut = frame || (last && s->record.frames < n);
	return s->record.frames ? s->fold | 1 : 0;
}

/* What tells the code objects from those that may lie at their addresses soon. */
__noinline int look_at_code(u32 n)
{
	struct gt_wire_python_frame *f;
	struct python_stack *s;
	u32 zero = 0;

	s = bpf_map_lookup_elem(&python_stacks, &zero);
	if (!s || n >= GT_PYTHON_FRAMES_MAX)
		return -1;
	f = &s->record.frame[n];
	f->lines = read_u64(f->code + s->record.how.co_lines);
	f->first_line = (u32)read_u64(f->code + s->record.how.co_first_line);
	return 0;
}

__noinline int python_send(u64 ts, u32 stack, u32 task)
{
	const u32 head = offsetof(struct gt_wire_python_stack, frame);
	u32 zero = 0, cpu = bpf_get_smp_processor_id(), bytes;
	struct python_stack *s;
	void *ring;

	s = bpf_map_lookup_elem(&python_stacks, &zero);
	ring = bpf_map_lookup_elem(&rings, &cpu);
	if (!s || !ring)
		return -1;
	record_header(&s->record.hdr, ts, GT_WIRE_PYTHON_STACK, 0, task);
	s->record.stack = stack;
	for (u32 n = 0; n < GT_PYTHON_FRAMES_MAX && n < s->record.frames; n++)
		look_at_code(n);
	bytes = s->record.frames * sizeof(s->record.frame[0]);
	if (bytes > sizeof(s->record.frame))
		bytes = sizeof(s->record.frame);
	asm volatile("" : "+r"(bytes)); /* as in cpu_entry() */
	return bpf_ringbuf_output(ring, &s->record, head + (bytes & 4095), BPF_RB_NO_WAKEUP);
}
