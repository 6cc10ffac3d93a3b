/* SPDX-License-Identifier: MIT */
/*
 * Invented stacks in any format that draws them: scene SCENE|SCENE:SCENE FORMAT [KIND]. Two scenes
 * are compared. For tests that open the result in a browser: what is drawn is known here line by
 * line.
 */
#include <err.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <analysis/compare.h>
#include <analysis/model.h>
#include <analysis/render/render.h>

#define MS 1000000ULL
#define FRAMES_MAX 5000
#define STACKS_MAX 200000
#define DEPTH_MAX 64

static const char letters[] = "nikpjvu"; /* by enum gt_frame_kind */

/* A stack is its frames from the root on, "n:main p:count", a letter for the kind; "!" first:
 * incomplete. */
struct path {
	uint32_t thread; /* index into `threads`, from 1 on */
	const char *stack;
	uint32_t other;
	const char *waker; /* likewise */
	uint64_t ms, count;
	uint8_t state;
};

struct scene {
	const char *name, *command;
	const char *threads[5];
	enum stack_kind kind;
	const struct path *paths;
	size_t npaths;
	uint32_t many; /* so many distinct stacks are added */
};

#define START "n:clone3 n:start_thread n:thread_run "
#define EVAL START "p:Thread._bootstrap p:Thread.run "
#define TAKE                                                                                       \
	"n:PyEval_RestoreThread n:take_gil n:pthread_cond_timedwait k:futex_wait_queue k:schedule"
#define DROP "n:drop_gil n:PyEval_SaveThread "
#define LOOP "n:_PyEval_EvalFrameDefault "

static const struct path python_paths[] = {
	{ 1, EVAL "p:count p:add " LOOP "i:eval_frame_handle_pending " TAKE, 2,
	  EVAL "p:count " LOOP DROP, 2310, 460 },
	{ 1, EVAL "p:count " LOOP "i:eval_frame_handle_pending " TAKE, 2,
	  EVAL "p:fetch " LOOP "n:sock_recv " DROP, 1120, 230 },
	{ 2, EVAL "p:fetch " LOOP "n:sock_recv " TAKE, 1, EVAL "p:count p:add " LOOP DROP, 1870,
	  371 },
	{ 2, EVAL "p:fetch p:decode " LOOP "n:zlib_decompress " TAKE, 1, EVAL "p:count " LOOP DROP,
	  640, 131 },
	{ 2,
	  EVAL "p:fetch p:log " LOOP
	       "n:_io_TextIOWrapper_write n:std::vector<std::pair<std::string,int>>::"
	       "emplace_back<std::pair<std::string,int>>(std::pair<std::string,int>&&) " TAKE,
	  3, "n:_start n:__libc_start_main n:Py_BytesMain p:<module> p:main " LOOP DROP, 410, 80 },
	{ 3,
	  "n:_start n:__libc_start_main n:Py_BytesMain p:<module> p:main j:py::poll:main.py " LOOP
		  TAKE,
	  1, EVAL "p:count " LOOP DROP, 360, 71 },
	{ 4, "!n:pthread_cond_timedwait k:futex_wait_queue k:schedule", 0, NULL, 240, 40 },
	{ 4, NULL, 0, NULL, 75, 9 },
	{ 4, "!u:[unknown] n:native_pool n:take_gil k:futex_wait_queue", 1, "!" LOOP DROP, 95, 11 },
};

static const struct path faster_paths[] = {
	{ 1, EVAL "p:count p:add " LOOP "i:eval_frame_handle_pending " TAKE, 2,
	  EVAL "p:count " LOOP DROP, 310, 60 },
	{ 1, EVAL "p:count " LOOP "i:eval_frame_handle_pending " TAKE, 2,
	  EVAL "p:fetch " LOOP "n:sock_recv " DROP, 520, 110 },
	{ 2, EVAL "p:fetch " LOOP "n:sock_recv " TAKE, 1, EVAL "p:count p:add " LOOP DROP, 770,
	  171 },
	{ 2, EVAL "p:fetch p:decode " LOOP "n:zlib_decompress " TAKE, 1, EVAL "p:count " LOOP DROP,
	  690, 131 },
	{ 2, EVAL "p:fetch p:retry " LOOP TAKE, 1, EVAL "p:count " LOOP DROP, 150, 31 },
};

#define SYSCALL " k:entry_SYSCALL_64 k:do_syscall_64 "

static const struct path state_paths[] = {
	{ 1, START "n:worker n:read" SYSCALL "k:vfs_read k:folio_wait_bit k:io_schedule", 0, NULL,
	  900, 300, STATE_IO },
	{ 1, START "n:worker n:lock_slow n:futex_wait" SYSCALL "k:futex_wait", 0, NULL, 700, 80,
	  STATE_LOCK },
	{ 1, START "n:worker n:compute", 0, NULL, 450, 900, STATE_RUNNABLE },
	{ 1, START "n:worker n:mmap" SYSCALL "k:down_write", 0, NULL, 120, 20, STATE_KERNEL_LOCK },
	{ 2, START "n:timer n:usleep" SYSCALL "k:hrtimer_nanosleep", 0, NULL, 800, 80,
	  STATE_SLEEP },
	{ 3, "n:_start n:__libc_start_main n:main n:pthread_join" SYSCALL "k:futex_wait", 0, NULL,
	  1900, 4, STATE_EVENT },
	{ 3, "n:_start n:__libc_start_main n:main n:waitpid" SYSCALL "k:do_wait", 0, NULL, 300, 4,
	  STATE_OTHER },
	{ 2, NULL, 0, NULL, 60, 4, STATE_UNKNOWN },
};

#define SPLIT "</text><script>alert(1)</script>"

/* Names as whoever wrote the traced program may choose them; a path's own spaces end a frame. */
static const struct path hostile_paths[] = {
	{ 1, "n:main n:" SPLIT " n:]]><script>parent.bad=1</script> n:\"onclick=\"alert(1)", 2,
	  "n:&amp;&lt;x;\n\r\t n:\xff\xfe\xc0\x80 n:\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaereversed",
	  500, 5 },
	{ 1,
	  "n:main p:'onload='bad=1' n:\x01\x1b[2J\x7f j:\xef\xbf\xbe\xef\xbf\xbf k:javascript:bad=1 "
	  "n:--><!DOCTYPE n:&bad; n:\\x41 n:url(#x)} n:__proto__ n:constructor",
	  2,
	  "n:\xf0\x9f\x90\x8d "
	  "n:\xe4\xb8\xad\xe6\x96\x87 n:\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d",
	  300, 3 },
};

static const struct scene scenes[] = {
	{ "python",
	  "/usr/bin/python3 app.py",
	  { "count-0", "fetch-1", "python3", "pool-7" },
	  STACK_LOCK,
	  python_paths,
	  sizeof(python_paths) / sizeof(python_paths[0]) },
	{ "faster",
	  "/usr/bin/python3 app.py --threads 2",
	  { "count-0", "fetch-1" },
	  STACK_LOCK,
	  faster_paths,
	  sizeof(faster_paths) / sizeof(faster_paths[0]) },
	{ "states",
	  "./mixed",
	  { "worker", "timer", "mixed" },
	  STACK_OFFCPU,
	  state_paths,
	  sizeof(state_paths) / sizeof(state_paths[0]) },
	{ "hostile",
	  "</title><script>bad=1</script>",
	  { "\"><script>", "&\n;\xff" },
	  STACK_LOCK,
	  hostile_paths,
	  sizeof(hostile_paths) / sizeof(hostile_paths[0]) },
	{ "nothing", "./idle", { "idle" }, STACK_LOCK, NULL, 0 },
	{ "many", "./many", { "many" }, STACK_ONCPU, NULL, 0, 100000 },
};

static struct result_frame frames[FRAMES_MAX];
static struct result_stack stacks[STACKS_MAX];
static struct result_weight weights[STACKS_MAX];

static int frame_cmp(const void *a, const void *b)
{
	const struct result_frame *x = a, *y = b;

	return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->name, y->name);
}

static uint32_t frame(struct results *r, const char *word)
{
	static void *known;
	static const char *const images[] = { "/usr/lib/libpython3.11.so.1.0",
					      "/usr/lib/libpython3.11.so.1.0",
					      "[kernel]",
					      NULL,
					      NULL,
					      "[vdso]",
					      NULL };
	static const char *const files[] = {
		"Python/ceval_gil.h", "Python/ceval.c", NULL, "/srv/app.py", NULL, NULL, NULL
	};
	const char *kind = strchr(letters, word[0]);
	struct result_frame **found;
	struct result_frame f = { .kind = kind ? kind - letters : 0, .name = (char *)word + 2 };

	f.image = (char *)images[f.kind];
	f.file = (char *)files[f.kind];
	f.line = f.file ? 10 + strlen(word) : 0;
	if (r->nframes == FRAMES_MAX)
		errx(1, "too many frames");
	frames[r->nframes] = f;
	found = tsearch(&frames[r->nframes], &known, frame_cmp);
	if (*found == &frames[r->nframes])
		r->nframes++;
	return *found - frames;
}

static uint32_t stack(struct results *r, const char *text)
{
	uint32_t list[DEPTH_MAX], n = 0;
	struct result_stack *s = &stacks[r->nstacks];
	char *words, *word;

	if (!text)
		return 0;
	s->flags = *text == '!' ? GT_STACK_BROKEN : GT_STACK_COMPLETE;
	words = strdup(text + (*text == '!')); /* the frames' names stay in it */
	while ((word = strsep(&words, " ")) && n < DEPTH_MAX)
		if (*word)
			list[n++] = frame(r, word);
	s->frames = calloc(n, sizeof(*s->frames));
	for (uint32_t i = 0; i < n; i++)
		s->frames[i] = list[n - 1 - i];
	s->nframes = n;
	return ++r->nstacks;
}

static void add(struct results *r, const struct scene *s, const struct path *p)
{
	struct result_stack_sum *sum = &r->stack_sums[s->kind];
	struct result_weight *w = &weights[r->nweights++];

	*w = (struct result_weight){
		.kind = s->kind,
		.state = p->state,
		.thread = p->thread,
		.lock = s->kind == STACK_LOCK,
		.other_thread = p->other,
		.stack = stack(r, p->stack),
		.ns = p->ms * MS,
		.count = p->count,
	};
	w->other = stack(r, p->waker);
	sum->ns += w->ns;
	sum->count += w->count;
	if (w->stack && stacks[w->stack - 1].flags & GT_STACK_COMPLETE)
		sum->complete += w->ns;
}

/* Ten frames each, seven of them among a few dozen names, as programs are; always the same. */
static void add_many(struct results *r, const struct scene *s)
{
	uint64_t x = 88172645463325252ULL;

	for (uint32_t i = 0; i < s->many; i++) {
		char text[512], *at = text;

		at += sprintf(at, "n:main");
		for (int d = 0; d < 9; d++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			at += sprintf(at, " n:f%d_%d", d, (int)((x >> 20) % (2 + d * d)));
		}
		sprintf(at, " n:leaf%u", i % 1000);
		add(r, s, &(struct path){ 1, text, 0, NULL, 1 + x % 7 * (x % 11) * (x % 13), 1 });
	}
}

static const struct scene *find(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		if (strlen(scenes[i].name) == n && !strncmp(scenes[i].name, name, n))
			return &scenes[i];
	errx(1, "no such scene: %s", name);
}

static int heavier(const void *a, const void *b)
{
	const struct result_weight *x = a, *y = b;

	return x->ns == y->ns ? 0 : x->ns < y->ns ? 1 : -1;
}

static void make(const struct scene *s, struct results *r, struct gt_meta *meta)
{
	static struct result_process process = { .id = 1, .comm = (char *)"python3", .pid = 1 };
	static struct result_lock lock = { .id = 1,
					   .name = (char *)"_PyRuntime+0x268",
					   .kind = LOCK_KIND_CPYTHON_GIL };
	size_t first = r->nweights;

	r->frames = frames;
	r->stacks = stacks;
	r->weights = weights;
	r->locks = &lock;
	r->nlocks = 1;
	r->processes = &process;
	r->nprocesses = 1;
	r->threads = calloc(5, sizeof(*r->threads));
	for (; r->nthreads < 5 && s->threads[r->nthreads]; r->nthreads++)
		r->threads[r->nthreads] = (struct result_thread){
			.id = r->nthreads + 1, .process = 1, .comm = (char *)s->threads[r->nthreads]
		};
	for (size_t i = 0; i < s->npaths; i++)
		add(r, s, &s->paths[i]);
	add_many(r, s);
	qsort(weights + first, r->nweights - first, sizeof(*weights), heavier);
	meta->giltrace = (char *)"0.1.0";
	meta->command = calloc(2, sizeof(*meta->command));
	meta->command[0] = (char *)s->command;
	meta->stacks = ~0U;
	r->meta = meta;
}

int main(int argc, char **argv)
{
	struct gt_meta meta[2] = { 0 };
	struct results r[2] = { 0 };
	const struct renderer *renderer;
	struct render_options o = { .stacks = STACK_LOCK };
	const struct scene *s;
	const char *second;
	int err;

	if (argc != 3 || !(renderer = render_find(argv[2])))
		errx(2, "usage: scene SCENE|SCENE:SCENE FORMAT");
	second = strchr(argv[1], ':');
	s = find(argv[1], strcspn(argv[1], ":"));
	o.stacks = s->kind;
	make(s, &r[0], &meta[0]);
	if (second) {
		struct comparison c = { .a = &r[0], .b = &r[1] };

		/* Frames, stacks and weights share their arrays, each run starts where the other
		 * ends. */
		r[1] = (struct results){ .nframes = r[0].nframes,
					 .nstacks = r[0].nstacks,
					 .nweights = r[0].nweights };
		make(find(second + 1, strlen(second + 1)), &r[1], &meta[1]);
		r[1].weights += r[0].nweights;
		r[1].nweights -= r[0].nweights;
		err = render_comparison(renderer, &c, &o, stdout);
	} else {
		err = render(renderer, &r[0], &o, stdout);
	}
	if (err)
		errx(1, "%s", strerror(-err));
	return 0;
}
