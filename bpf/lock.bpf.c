/* SPDX-License-Identifier: MIT */
/*
 * Lock probes: a traced thread comes by a place where a lock is asked for, taken or let go of. One
 * program for every place; the probe's cookie says which one it is. Without places it is attached
 * to nothing and costs nothing. Entry probes only: a return probe rewrites the stack, which breaks
 * Go programs, and from 6.11 on is a system call, which filters of system calls may punish.
 *
 * A probe is in the file, so strangers who run the same file come here too. They are sent away
 * first.
 */
#include "state.bpf.h"

#include <bpf/bpf_tracing.h>

/* 0 where the place does not tell, or its memory cannot be read now. */
static __always_inline u64 lock_address(const struct pt_regs *regs,
					const struct gt_wire_lock_site *site)
{
	u64 value = 0;
	unsigned long from = 0;

	if (site->arg == GT_ARG_CONSTANT)
		return site->value;
	if (site->arg != GT_ARG_REGISTER && site->arg != GT_ARG_MEMORY)
		return 0;
	/* The verifier allows no variable offset into the registers; a copy it does. */
	if (site->reg > sizeof(*regs) - sizeof(from) ||
	    bpf_probe_read_kernel(&from, sizeof(from), (const void *)regs + site->reg))
		return 0;
	if (site->arg == GT_ARG_REGISTER)
		return from + site->value;
	/* Little-endian: a shorter value fills the low bytes. */
	if (bpf_probe_read_user(&value, site->size <= sizeof(value) ? site->size : sizeof(value),
				(const void *)(from + site->value)))
		return 0;
	return value;
}

/*
 * One file that is reached by two overlays looks like two, gets each probe twice, and both run at
 * each hit. The second one knows: no thread is at the same instruction twice for two places of one
 * role.
 */
static __always_inline bool seen_twice(struct task_state *s, u64 ip, u32 site, u32 role)
{
	if (s->lock_ip == ip && s->lock_role == role && s->lock_site != site)
		return true;
	s->lock_ip = ip;
	s->lock_role = role;
	s->lock_site = site;
	return false;
}

SEC("uprobe")
int on_lock(struct pt_regs *regs)
{
	const struct gt_wire_lock_site *site;
	struct task_struct *t = bpf_get_current_task_btf();
	struct task_state *s;
	struct gt_wire_lock *r;
	struct cpu_state *c;
	u64 now, lock;
	u32 cpu, number;

	if (!enabled)
		return 0;
	s = task_get_preemptible(t);
	if (!s)
		return 0;
	number = bpf_get_attach_cookie(regs);
	site = bpf_map_lookup_elem(&lock_sites, &number);
	if (!site || seen_twice(s, PT_REGS_IP(regs), number, site->role))
		return 0;
	lock = lock_address(regs, site);
	cpu = bpf_get_smp_processor_id();
	c = cpu_state(cpu);
	if (c->next_tid != (u32)t->pid)
		holder_look();
	now = bpf_ktime_get_ns();
	r = record_reserve(cpu, c, now, sizeof(*r));
	if (!r)
		return 0;
	record_header(&r->hdr, now, GT_WIRE_LOCK, 0, s->id);
	r->lock = lock;
	r->site = number;
	r->role = site->role;
	record_submit(r);
	return 0;
}
