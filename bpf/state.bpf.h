/* SPDX-License-Identifier: MIT */
/*
 * What every probe shares: the maps (defined in state.bpf.c), who is traced, how a record gets into
 * its CPU's ring, and how a loss is told.
 */
#ifndef STATE_BPF_H
#define STATE_BPF_H

#include "core.bpf.h"

/* What holds a CPU. UNSEEN: nothing is known yet, so the task leaving it must be looked up. */
enum cpu_holder { HOLDER_UNSEEN, HOLDER_IDLE, HOLDER_OTHER, HOLDER_TRACED };

/*
 * Per CPU, in .bss and not in a map: reached by address, without a helper call. A CPU's entry is
 * written on that CPU only, from scheduler context; readers elsewhere want no more than a recent
 * value.
 */
struct cpu_state {
	u64 since;	  /* when `holder` took the CPU */
	u64 span_start;	  /* begin of the stretch without traced tasks that no record has told about
			     yet */
	u64 span_idle;	  /* idle ns in it, up to `since` */
	u64 sum[4];	  /* ns by enum cpu_holder, up to `since`: the audit */
	u64 clock_offset; /* what to add to the scheduler's clock here; 0: not known yet */
	u64 tokens_at;	  /* when `tokens` was last filled up */
	u32 tokens;	  /* CPU records that may still be sent: see cpu_flip() in sched.bpf.c */
	u32 holder;
	u32 task;     /* with HOLDER_TRACED: its id */
	u32 next_tid; /* who took it at the last switch shown: see switch_repair() in sched.bpf.c */
	u32 storage_busy; /* depth of our own task-storage calls in preemptible context: see
			     task_get() */
	u32 lost;	  /* records lost since the last LOST record */
	u32 lost_reason;
	u64 lost_first, lost_last;
};

/* Two cache lines each; bytes, so that the skeleton's type does not drag struct cpu_state into user
 * space. */
#define CPU_STATE_SIZE 128
_Static_assert(sizeof(struct cpu_state) <= CPU_STATE_SIZE, "cpus[] has too little room");

/* A few futex counts kept with the task, so that the common call costs no hash lookup. */
#define TASK_CALLS 4

struct task_call {
	u64 addr;
	u32 op;
	s32 result;
	u64 count;
};

/* Comes and goes with the task, whatever happens to its tid. What a switch wants stands first. */
struct task_state {
	u32 id, process, as;
	u32 nr_allowed;	 /* last CPU mask told about: number of CPUs, */
	u64 allowed;	 /* and its words folded into one */
	u64 run, slices; /* the audit: ns on a CPU up to the last switch-out, times switched in */
	u64 on_since;	 /* when it was switched in; 0: off the CPU */
	u64 exec;	 /* its own run-time clock when it last left the CPU */
	u64 restarting;	 /* word of its last futex call, if that was interrupted and restarts itself
			  */
	u32 next_call;	 /* which of `calls` to replace next */
	u32 counted;	 /* in `alive` */
	u64 lock_ip;	 /* the lock probe that it last came by: where, */
	u32 lock_site, lock_role; /* and which */
	u32 rung;		  /* the collector was woken for its first stack */
	u32 pad;
	struct task_call calls[TASK_CALLS];
};

/*
 * Where a task's state is found: in a table in .bss, at a place that the address of its task_struct
 * gives, reached without a helper call. Whose place is taken has its state in task storage.
 *
 * A place is free again after the task's last switch, or when its memory is given back. Some
 * kernels leave out now the one, now the other (measured), so a later task with the same address is
 * told from the former one: by its tgid, which a task keeps, and when it is marked by its birth,
 * which an exec may change.
 */
struct task_slot {
	u64 task; /* address, 0: free */
	u64 start;
	u32 tgid, pad;
	struct task_state state;
};

#define TASK_SLOTS 4096
#define TASK_SLOT_SIZE 256
_Static_assert(sizeof(struct task_slot) <= TASK_SLOT_SIZE, "task_slots[] has too little room");

/*
 * The records of sched_switch and sched_waking are collected per CPU and put into the ring
 * together: see batch.bpf.h.
 */
#define BATCH_BYTES GT_COLLECTED_BYTES

struct batch_word {
	union {
		struct {
			u32 used;    /* bytes of `data` */
			u32 flushes; /* so far: tells that it was sent meanwhile */
		};
		u64 both;
	};
};

struct batch {
	struct batch_word word;
	u32 busy; /* a record is being written */
	u32 pad;
	u8 data[BATCH_BYTES];
};

#define BATCH_SIZE 512
_Static_assert(offsetof(struct batch, data) == offsetof(struct gt_wire_collected, data),
	       "user space reads it");
_Static_assert(sizeof(struct batch) <= BATCH_SIZE, "batches[] has too little room");

extern int LINUX_KERNEL_VERSION __kconfig;
extern const volatile struct gt_wire_config config;
extern __u8 cpus[GT_MAX_CPUS][CPU_STATE_SIZE];
extern __u8 batches[GT_MAX_CPUS][BATCH_SIZE];
extern __u8 task_slots[TASK_SLOTS][TASK_SLOT_SIZE];
extern __u32 enabled;	 /* scheduler records are wanted */
extern __u32 counting;	 /* and futex calls counted */
extern __u32 next_id;	 /* last number drawn for a task, a process or an address space */
extern __u64 alive;	 /* traced tasks that have not ended, as far as was shown */
extern __u32 seen;	 /* traced tasks that count_tasks has come by */
extern __u32 no_waiting; /* iterators go on even if a ring is full */
extern __u64 losses[GT_LOSS_COUNT]; /* totals by reason */
extern __u64 repaired;		    /* switches that the kernel did not show, put back */

struct rings {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1); /* set to the number of CPUs before load */
	__type(key, u32);
	__type(value, u32);
};

/* For the few records that a thread's or a process's place in the report hangs on, where a CPU's
 * ring is full: see record_reserve_rare(). */
struct spare {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
};

struct tasks {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
};

/* What is at each lock probe's place, by its number; entry 0 is not used. */
struct lock_sites {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GT_LOCK_SITES_MAX);
	__type(key, u32);
	__type(value, struct gt_wire_lock_site);
};

extern struct rings rings SEC(".maps");
extern struct spare spare SEC(".maps");
extern struct tasks tasks SEC(".maps");
extern struct lock_sites lock_sites SEC(".maps");

/*
 * Put the current task's switch back if the kernel did not show it: before a record of what it does
 * there, of which there may be more than the reader looks back over. In sched.bpf.c. A caller that
 * is preempted in between, right after such a switch, leaves wrong books until the next one.
 */
int holder_look(void);

/* Where a CPU's entry is in what is kept per CPU. CPUs past the last one share it; their records
 * find no ring and are counted as losses. */
static __always_inline u32 cpu_entry(u32 cpu)
{
	if (cpu >= GT_MAX_CPUS)
		cpu = GT_MAX_CPUS - 1;
	/* The verifier (6.1) must see the bound on the very register that is used, so the compiler
	 * must not. */
	asm volatile("" : "+r"(cpu));
	return cpu & (GT_MAX_CPUS - 1);
}

static __always_inline struct cpu_state *cpu_state(u32 cpu)
{
	return (struct cpu_state *)cpus[cpu_entry(cpu)];
}

static __always_inline struct batch *batch_of(u32 cpu)
{
	return (struct batch *)batches[cpu_entry(cpu)];
}

/* Put what this CPU has collected into its ring. In batch.bpf.c. */
enum { BATCH_SENT, BATCH_BUSY, BATCH_NO_ROOM };
int batch_flush(void);

/* The books of a CPU open when it is first seen: by open_cpu, or by a switch that came before it.
 */
static __always_inline void cpu_begin(struct cpu_state *c, u64 now)
{
	c->since = c->span_start = c->tokens_at = now;
	c->tokens = 1;
}

/* Those cost no record: any other weighs more. */
static __always_inline bool loss_is_light(u32 reason)
{
	return reason == GT_LOSS_FUTEX_ARGS || reason == GT_LOSS_STACK;
}

/* What happened on this CPU from `first` on is not known, or not all of it, up to `now`. In
 * batch.bpf.c: what is rare must not lie in everybody's way. */
int loss_since(u32 reason, u64 first, u64 now);

static __always_inline void loss(u32 reason, u64 now)
{
	loss_since(reason, now, now);
}

static __always_inline struct task_slot *task_slot(struct task_struct *t)
{
	u32 low;

	/* The verifier lets nobody calculate with a pointer, but does let its lower half be copied.
	 */
	asm volatile("%0 = %1" : "=w"(low) : "w"((u32)(u64)t));
	low = low * 0x9e3779b1u >> 20;
	asm volatile("" : "+r"(low)); /* as in cpu_entry() */
	return (struct task_slot *)task_slots[low & (TASK_SLOTS - 1)];
}

static __always_inline bool slot_is(const struct task_slot *slot, const struct task_struct *t)
{
	return slot->task == (u64)t && slot->tgid == (u32)t->tgid;
}

/* `s` is alive no more. Asked where a task's last switch is shown, and where none will be. */
static __always_inline void task_ended(struct task_state *s)
{
	if (__sync_lock_test_and_set(&s->counted, 0))
		__sync_fetch_and_add(&alive, -1);
}

/* Nothing more is to be told of `t`. */
static __always_inline void slot_free(struct task_struct *t)
{
	struct task_slot *slot = task_slot(t);

	if (slot->task != (u64)t)
		return;
	task_ended(&slot->state);
	slot->tgid = 0;
	slot->start = 0;
	__builtin_memset(&slot->state, 0, sizeof(slot->state));
	__sync_lock_test_and_set(&slot->task, 0);
}

/*
 * The state of a traced task, NULL for any other. Most tasks of the machine have neither their
 * place in the table nor storage of any BPF program's, which two loads tell.
 */
static __always_inline struct task_state *task_find(struct task_struct *t)
{
	struct task_slot *slot = task_slot(t);

	if (slot_is(slot, t))
		return &slot->state;
	return t->bpf_storage ? bpf_task_storage_get(&tasks, t, NULL, 0) : NULL;
}

/*
 * Nothing was found for `t`, but it may be traced all the same: up to 6.1 the lookup also fails
 * while another task-storage call is under way on this CPU, which only an interrupt of preemptible
 * code can bring about. Callers in preemptible context say so by task_get_begin() and
 * task_get_end().
 */
static __always_inline bool task_unsure(const struct cpu_state *c, const struct task_struct *t)
{
	return LINUX_KERNEL_VERSION < KERNEL_VERSION(6, 2, 0) && c->storage_busy && t->bpf_storage;
}

/* The same, with the doubt counted as a loss. */
static __always_inline struct task_state *task_get(struct task_struct *t, struct cpu_state *c,
						   u64 now)
{
	struct task_state *s = task_find(t);

	if (!s && task_unsure(c, t))
		loss(GT_LOSS_TASK_STORAGE, now);
	return s;
}

static __always_inline void task_get_begin(struct cpu_state *c)
{
	__sync_fetch_and_add(&c->storage_busy, 1);
}

static __always_inline void task_get_end(struct cpu_state *c)
{
	__sync_fetch_and_add(&c->storage_busy, -1);
}

/* For callers in preemptible context. */
static __always_inline struct task_state *task_get_preemptible(struct task_struct *t)
{
	struct task_slot *slot = task_slot(t);
	struct task_state *s;
	struct cpu_state *c;

	if (slot_is(slot, t))
		return &slot->state;
	if (!t->bpf_storage)
		return NULL;
	c = cpu_state(bpf_get_smp_processor_id());
	task_get_begin(c);
	s = bpf_task_storage_get(&tasks, t, NULL, 0);
	/* Only a call that this one interrupted may be in the way: our own is over. */
	if (!s && c->storage_busy > 1 && task_unsure(c, t))
		loss(GT_LOSS_TASK_STORAGE, bpf_ktime_get_ns());
	task_get_end(c);
	return s;
}

static __always_inline u32 draw_id(void)
{
	return __sync_fetch_and_add(&next_id, 1) + 1;
}

/* Changes when any bit of the task's CPU mask does: its words folded into one. */
static __always_inline u64 fold_mask(struct task_struct *t)
{
	u64 fold = t->cpus_mask.bits[0];

#pragma unroll
	for (int i = 1; i < GT_MASK_WORDS; i++)
		if (i < config.mask_words)
			fold = (fold << 1 | fold >> 63) ^ t->cpus_mask.bits[i];
	return fold;
}

static __always_inline void record_header(struct gt_wire_hdr *hdr, u64 ts, u32 kind, u32 flags,
					  u32 task)
{
	hdr->ts = ts;
	hdr->kind = kind;
	hdr->flags = flags;
	hdr->state = 0;
	hdr->task = task;
}

/* Tell of what was lost on this CPU, if anything, before the next record. False when that found no
 * room. */
static __always_inline bool record_losses(void *ring, struct cpu_state *c, u64 now)
{
	struct gt_wire_lost *r;
	u32 count, reason;
	u64 first;

	if (!unlikely(c->lost))
		return true;
	r = bpf_ringbuf_reserve(ring, sizeof(*r), 0);
	if (!r)
		return false;
	/* An interrupt may come here too in the middle of it, or lose more: each loss is told once,
	 * and none as later than it was. */
	first = READ_ONCE(c->lost_first);
	reason = READ_ONCE(c->lost_reason);
	count = __sync_lock_test_and_set(&c->lost, 0);
	if (!count) {
		bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
		return true;
	}
	record_header(&r->hdr, now, GT_WIRE_LOST, 0, 0);
	r->reason = loss_is_light(reason) ? c->lost_reason : reason;
	r->first = c->lost_first < first ? c->lost_first : first;
	r->last = c->lost_last;
	r->count = count;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return true;
}

/* What the two below share. `rare`, a constant: with a second chance. */
static __always_inline void *record_room(u32 cpu, struct cpu_state *c, u64 now, const u64 size,
					 const bool rare)
{
	void *ring = bpf_map_lookup_elem(&rings, &cpu);
	void *r = NULL;

	if (!ring) {
		loss(GT_LOSS_CPU_RANGE, now);
		return NULL;
	}
	if ((!batch_of(cpu)->word.used || batch_flush() != BATCH_NO_ROOM) &&
	    record_losses(ring, c, now))
		r = bpf_ringbuf_reserve(ring, size, 0);
	if (!r && rare)
		r = bpf_ringbuf_reserve(&spare, size, 0);
	if (!r)
		loss(GT_LOSS_RING_FULL, now);
	return r;
}

/*
 * Room for `size` bytes (a constant) in this CPU's ring, or NULL, counted, behind what was
 * collected before. Every byte must be written.
 */
static __always_inline void *record_reserve(u32 cpu, struct cpu_state *c, u64 now, const u64 size)
{
	return record_room(cpu, c, now, size, false);
}

/* The same, with a second chance in the spare ring: births, names, programs, ends and sums. Where
 * it got room there, what was lost before it is told later. */
static __always_inline void *record_reserve_rare(u32 cpu, struct cpu_state *c, u64 now,
						 const u64 size)
{
	return record_room(cpu, c, now, size, true);
}

/* The header of such a record: in the spare ring nothing else tells the CPU. */
static __always_inline void record_header_rare(struct gt_wire_hdr *hdr, u64 ts, u32 kind, u32 cpu,
					       u32 task)
{
	record_header(hdr, ts, kind, 0, task);
	hdr->state = (u16)cpu;
}

static __always_inline void record_submit(void *r)
{
	/* The collector drains on a timer: waking it from here would cost more than the record. */
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
}

#endif
