/* SPDX-License-Identifier: MIT */
/* Stacks known again, and stacks copied. */
#include "stack.bpf.h"
#include "python.bpf.h"

#define STACK_WAYS 4 /* stacks that are told apart at the same place and depth */

/*
 * Copies a CPU may make: one each STACK_EVERY_NS on average, and as many more at once as time went
 * by without, up to STACK_BURST_NS' worth. Each costs as much as some ten switches here, and a
 * hundred in the helper.
 */
#define STACK_EVERY_NS (1 << 18)
#define STACK_BURST_NS (64ULL << 20)

/* A task's first stack rings for the collector, so that a short process is still there to be asked
 * about; this often at most on a CPU. */
#define STACK_BELL_NS 2000000ULL

#define STACK_GUESS 32760	/* how much of a stack is copied whose end is not known */
#define STACK_PIECE 4096	/* a page, by which it is copied where a part of it is not there */
#define STACK_FAR (64ULL << 20) /* a stack that would end farther away than this ends elsewhere */

/* What is known of a stack before it is copied. */
struct stack {
	struct gt_wire_stack_key key;
	u64 ts;
	u32 cpu, task;
	bool kernel; /* its kernel's part is in stack_kernel */
	bool python; /* its Python frames are in python_stack */
};

static __always_inline struct stack_cpu *stack_cpu(u32 cpu)
{
	return (struct stack_cpu *)stack_cpus[cpu_entry(cpu)];
}

/* Whose turn it is to be copied must not depend on who it is: hence a gap of random length, so that
 * no thread that keeps time finds itself always before or always behind the others. */
static __always_inline bool stack_due(struct stack_cpu *c, u64 now)
{
	u64 earliest = now - STACK_BURST_NS;

	if (c->next > now)
		return false;
	if (c->next < earliest)
		c->next = earliest;
	c->next += bpf_get_prandom_u32() & (2 * STACK_EVERY_NS - 1);
	return true;
}

/* Where the stack ends, 0 when that cannot be told. Thread libraries put a thread's own data, at
 * which fsbase points, on top of its stack; the first thread's is where exec laid the arguments. */
static __always_inline u64 stack_top(struct task_struct *t, u64 sp)
{
	u64 top = core_thread_data(t);

	if (top - sp < STACK_FAR)
		return top;
	top = BPF_CORE_READ(t, mm, start_stack);
	return top - sp < STACK_FAR ? top : 0;
}

/*
 * The same where not all of it is there: an array on the stack that was never written to is a hole,
 * and what called lies behind it. Pieces that cannot be read are zero. Up to the end of the last
 * that could.
 */
static __noinline u32 stack_read_pieces(void *to, u64 from, u64 len, u64 room)
{
	u64 first = STACK_PIECE - (from & (STACK_PIECE - 1)), at, end;
	s64 failed;

	end = bpf_probe_read_user(to, first, (void *)from) ? 0 : first;
	for (u32 i = 0; i < GT_STACK_BYTES_MAX / STACK_PIECE; i++) {
		at = first + i * STACK_PIECE;
		/* 6.1 must see the bound on what is used, not on what it is computed from. */
		asm volatile("" : "+r"(at));
		if (at > room - STACK_PIECE || at >= len)
			break;
		failed = bpf_probe_read_user(to + at, STACK_PIECE, (void *)(from + at)) >> 63;
		/* Two ways here would be two to the number of pieces for the verifier. */
		asm volatile("" : "+r"(failed));
		end = (end & failed) | ((at + STACK_PIECE) & ~failed);
		if (!end)
			break; /* it leads nowhere */
	}
	return end < len ? end : len;
}

static __always_inline struct gt_wire_stack *stack_reserve(void *ring, const struct stack *k,
							   u32 id, const u32 room)
{
	struct gt_wire_stack *r = bpf_ringbuf_reserve(ring, sizeof(*r) + room, 0);

	if (!r)
		return NULL;
	record_header(&r->hdr, k->ts, GT_WIRE_STACK, 0, k->task);
	r->stack = id;
	r->as = k->key.as;
	r->ip = k->key.ip;
	r->sp = k->key.sp;
	r->more = k->key.more;
	r->bytes = 0;
	r->pad = 0;
	return r;
}

/*
 * A STACK record with a copy of `len` bytes, below `room`, a power of two that the verifier wants
 * constant. NULL: there was no room in the ring, or, with `holes`, not all of it can be read.
 */
static __always_inline struct gt_wire_stack *stack_whole(void *ring, const struct stack *k, u32 id,
							 u32 len, const u32 room, bool *holes)
{
	struct gt_wire_stack *r = stack_reserve(ring, k, id, room);

	if (!r || !len)
		return r;
	/* It is, but 6.1 forgets the bound of what it kept on its stack meanwhile. */
	asm volatile("" : "+r"(len));
	len &= room - 1;
	r->bytes = len;
	if (!bpf_probe_read_user(r + 1, len, (void *)k->key.sp))
		return r;
	*holes = true;
	bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
	return NULL;
}

/* The same of any length up to the most, and with holes. */
static __always_inline struct gt_wire_stack *stack_pieces(void *ring, const struct stack *k, u32 id,
							  u64 len)
{
	struct gt_wire_stack *r = stack_reserve(ring, k, id, GT_STACK_BYTES_MAX);

	if (r)
		r->bytes = stack_read_pieces(
			r + 1, k->key.sp, len < GT_STACK_BYTES_MAX ? len : GT_STACK_BYTES_MAX - 8,
			GT_STACK_BYTES_MAX);
	return r;
}

/* Send registers and a copy. False: there was no room. */
static __always_inline bool stack_send(void *ring, const struct stack *k, u32 id,
				       struct task_struct *t)
{
	u64 top = k->key.sp ? stack_top(t, k->key.sp) : 0, len = top - k->key.sp;
	struct gt_wire_stack *r = NULL;
	bool holes = false;

	if (!top)
		len = k->key.sp ? STACK_GUESS : 0; /* a kernel thread has none */
	if (len < 1 << 10)
		r = stack_whole(ring, k, id, len, 1 << 10, &holes);
	else if (len < 1 << 11)
		r = stack_whole(ring, k, id, len, 1 << 11, &holes);
	else if (len < 1 << 12)
		r = stack_whole(ring, k, id, len, 1 << 12, &holes);
	else if (len < 1 << 13)
		r = stack_whole(ring, k, id, len, 1 << 13, &holes);
	else if (len < 1 << 14)
		r = stack_whole(ring, k, id, len, 1 << 14, &holes);
	else if (len < 1 << 15)
		r = stack_whole(ring, k, id, len, 1 << 15, &holes);
	else
		holes = true; /* so long a stack often has some */
	if (holes)
		r = stack_pieces(ring, k, id, len);
	if (!r)
		return false;
	r->top = top;
	core_preserved((struct pt_regs *)bpf_task_pt_regs(t), r);
	record_submit(r);
	return true;
}

static __always_inline bool stack_send_kernel(void *ring, const struct stack *k, u32 id,
					      const struct stack_frames *f)
{
	struct gt_wire_kernel_stack *r = bpf_ringbuf_reserve(ring, sizeof(*r), 0);

	if (!r)
		return false;
	record_header(&r->hdr, k->ts, GT_WIRE_KERNEL_STACK, 0, k->task);
	r->stack = id;
	r->frames = f->n;
	__builtin_memcpy(r->ip, f->ip, sizeof(r->ip));
	record_submit(r);
	return true;
}

/* The values at a known stack's places, folded. What cannot be read is 0. */
static __always_inline u64 stack_fold_far(u64 sp, const struct gt_wire_stack_shape *shape,
					  u32 slots)
{
	u64 fold = 0, value;

	for (u32 i = 0; i < GT_STACK_SLOTS_MAX && i < slots; i++) {
		bpf_probe_read_user(&value, sizeof(value), (void *)(sp + shape->slot[i]));
		fold = gt_stack_fold(fold, value);
	}
	return fold;
}

/* The same, where all places are in a window. */
static __always_inline u64 stack_fold_near(const u8 *window,
					   const struct gt_wire_stack_shape *shape, u32 slots)
{
	u64 fold = 0;
	u32 at;

	for (u32 i = 0; i < GT_STACK_SLOTS_MAX && i < slots; i++) {
		at = shape->slot[i];
		/* Another entry may have taken its place meanwhile; its fold then fits nothing. */
		asm volatile("" : "+r"(at));
		at &= STACK_WINDOW - 8;
		fold = gt_stack_fold(fold, *(const u64 *)(window + at));
	}
	return fold;
}

/* Places go up the stack and are multiples of 8. */
__noinline u64 stack_fold_slots(u64 sp, const struct gt_wire_stack_shape *shape)
{
	u32 zero = 0, slots, last;
	u8 *window;

	if (!shape)
		return 0;
	slots = READ_ONCE(shape->slots);
	window = bpf_map_lookup_elem(&stack_window, &zero);
	if (!window || !slots || slots > GT_STACK_SLOTS_MAX)
		return stack_fold_far(sp, shape, slots);
	last = slots - 1;
	asm volatile("" : "+r"(last)); /* as in cpu_entry() */
	last = READ_ONCE(shape->slot[last & (GT_STACK_SLOTS_MAX - 1)]);
	asm volatile("" : "+r"(last));
	if (last > STACK_WINDOW - 8 ||
	    bpf_probe_read_user(window, (last & (STACK_WINDOW - 1)) + 8, (void *)sp))
		return stack_fold_far(sp, shape, slots);
	return stack_fold_near(window, shape, slots);
}

/*
 * The id of the stack that this one is, if it is the one known by number `way` at its place, or 0.
 * The table replaces entries under our eyes, so an entry is believed only if its fold fits its id
 * and key too. (A function of its own, so that the verifier walks it once and not
 * for each way.)
 */
__noinline u32 stack_known_way(const struct stack *k, u32 way)
{
	struct gt_wire_stack_shape *shape;
	struct gt_wire_stack_key key;
	u64 fold;
	u32 id;

	if (!k)
		return 0;
	key = k->key;
	key.way = way;
	shape = bpf_map_lookup_elem(&stacks_known, &key);
	if (!shape)
		return 0;
	id = READ_ONCE(shape->stack);
	fold = stack_fold_slots(key.sp, shape);
	return gt_stack_close(fold, id, &key) == READ_ONCE(shape->fold) ? id : 0;
}

/* The id of the stack that this one is, 0: it is not known. */
static __always_inline u32 stack_known(const struct stack *k)
{
	u32 id = 0;

	for (u32 way = 0; way < STACK_WAYS && !id; way++)
		id = stack_known_way(k, way);
	if (id)
		stack_cpu(k->cpu)->counts.known++;
	return id;
}

/* Wake the collector for the first stack of a task. */
static __always_inline void stack_ring(struct stack_cpu *c, struct task_struct *t, u64 now)
{
	struct task_state *s = task_find(t);
	u32 nothing = 0;

	if (!s || s->rung || now - c->bell < STACK_BELL_NS)
		return;
	s->rung = 1;
	c->bell = now;
	bpf_ringbuf_output(&stack_bell, &nothing, sizeof(nothing), BPF_RB_FORCE_WAKEUP);
}

/*
 * Copy and send a stack that is not known. Its id, 0: not now. Copied is a stack only if it is time
 * for one, and if the ring is not half full already: stacks must not crowd out what they belong to.
 */
__noinline u32 stack_new(const struct stack *k)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct stack_frames *f;
	struct stack_cpu *c;
	u32 zero = 0, cpu, id;
	void *ring;

	if (!k)
		return 0;
	cpu = k->cpu;
	c = stack_cpu(cpu);
	ring = bpf_map_lookup_elem(&rings, &cpu);
	f = bpf_map_lookup_elem(&stack_kernel, &zero);
	if (!ring || !f)
		return 0;
	if (!(k->key.more & GT_STACK_ONCE) && !stack_due(c, k->ts))
		goto skipped;
	if (bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) >
	    bpf_ringbuf_query(ring, BPF_RB_RING_SIZE) / 2)
		goto no_room;
	id = __sync_fetch_and_add(&next_stack, 1) + 1;
	if (k->kernel && f->n && !stack_send_kernel(ring, k, id, f))
		goto no_room;
	if (k->python && python_send(k->ts, id, k->task))
		goto no_room;
	if (!stack_send(ring, k, id, t))
		goto no_room;
	c->counts.copied++;
	stack_ring(c, t, k->ts);
	return id;
no_room:
	__sync_fetch_and_add(&losses[GT_LOSS_STACK], 1);
skipped:
	c->counts.skipped++;
	return 0;
}

/* By sixteen, as what is behind the last frame is zero: few paths to verify, and few to go. */
static __always_inline u64 stack_kernel_fold(const struct stack_frames *f)
{
	u64 fold = 0;
	u32 n = f->n;

	for (u32 from = 0; from < GT_STACK_KERNEL_MAX && from < n; from += 16)
		for (u32 i = 0; i < 16; i++)
			fold = gt_stack_fold(fold, f->ip[from + i]);
	return fold;
}

/* `once`: the like will not come again, so it is not looked for. */
static __always_inline u32 stack_take(struct task_struct *t, const struct task_state *s, u64 now,
				      bool kernel, bool once)
{
	struct stack k = {
		.key.as = s->as,
		.ts = now,
		.cpu = bpf_get_smp_processor_id(),
		.task = s->id,
		.kernel = kernel,
	};
	struct stack_frames *f;
	u32 zero = 0, id = 0;
	u64 python = 0;

	if (!core_no_registers(t) &&
	    !core_place(t, (struct pt_regs *)bpf_task_pt_regs(t), &k.key.ip, &k.key.sp))
		return 0;
	if (kernel) {
		f = bpf_map_lookup_elem(&stack_kernel, &zero);
		if (f)
			k.key.more = stack_kernel_fold(f);
	}
	if (k.key.sp)
		python = python_take(s->as);
	if (python) {
		k.python = true;
		k.key.more = gt_stack_fold(k.key.more, python);
	}
	k.key.more &= ~(u64)GT_STACK_ONCE;
	if (once)
		k.key.more |= GT_STACK_ONCE;
	else
		id = stack_known(&k);
	return id ? id : stack_new(&k);
}

/* What was asked for of the stack before a record, with GT_STACKS_OFFCPU: with the kernel's part.
 */
static __always_inline u32 stack_wanted(u32 kind, s32 call)
{
	u32 lock = call == STACK_FUTEX ? config.stacks & GT_STACKS_LOCK : 0;

	if (kind == GT_WIRE_SWITCH)
		return lock | (config.stacks & GT_STACKS_OFFCPU);
	/* Outside a system call it is an interrupt that wakes: the running task has no part in it.
	 */
	return call >= 0 ? lock | (config.stacks & GT_STACKS_WAKE) : 0;
}

__noinline int stack_of(u64 now, u32 kind, s32 call)
{
	struct task_struct *t = bpf_get_current_task_btf();
	u32 wanted = stack_wanted(kind, call), cpu, id;
	struct gt_wire_stack_of *r;
	struct task_state *s;

	if (!wanted)
		return 0;
	s = task_find(t);
	if (!s)
		return 0;
	id = stack_take(t, s, now, wanted & GT_STACKS_OFFCPU, false);
	if (!id)
		return 0;
	cpu = bpf_get_smp_processor_id();
	r = record_reserve(cpu, cpu_state(cpu), now, sizeof(*r));
	if (!r)
		return 0;
	record_header(&r->hdr, now, GT_WIRE_STACK_OF, 0, s->id);
	r->stack = id;
	r->pad = 0;
	record_submit(r);
	return 0;
}

__noinline u32 stack_sample(u64 now)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct task_state *s = task_find(t);

	return s ? stack_take(t, s, now, true, true) : 0;
}
