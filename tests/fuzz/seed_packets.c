/* SPDX-License-Identifier: MIT */
/* seed_packets SEEDS: what collector and helpers tell each other, as fuzz_answers.c and fuzz_questions.c read it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <user/helper/stacks_helper.h>
#include <user/helper/symbols_packet.h>

static const char *seeds;

static FILE *begin(const char *name, uint8_t choice)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", seeds, name);
	f = fopen(path, "wb");
	if (f)
		fputc(choice, f);
	return f;
}

/* Parts: pointer and size_t, up to NULL. */
static void packet(FILE *f, ...)
{
	static uint8_t bytes[70000];
	const void *part;
	size_t len = 0;
	va_list ap;

	va_start(ap, f);
	while ((part = va_arg(ap, const void *))) {
		size_t n = va_arg(ap, size_t);

		memcpy(bytes + len, part, n);
		len += n;
	}
	va_end(ap);
	fputc((int)(len & 255), f);
	fputc((int)(len >> 8), f);
	fwrite(bytes, 1, len, f);
}

#define PART(thing) &(thing), sizeof(thing)
#define TEXT(text) (text), strlen(text)

static void answers_about_names(FILE *f)
{
	struct symbols_reply name = { .kind = SYMBOLS_REPLY_NAME, .as = 1, .addr = 0x1000,
				      .name_len = 8, .image_len = 8 };
	struct inspect_place place = { .offset = 0x40,
				       .site = { .role = GT_LOCK_ACQUIRED, .size = 8 },
				       .name = "take_gil" };
	struct symbols_image_reply image = { .kind = SYMBOLS_REPLY_IMAGE, .as = 1, .nplaces = 1,
					     .path_len = 8, .interpreter = GT_INTERPRETER_CPYTHON,
					     .name = "CPython 3.11.2", .note = "nothing" };
	struct symbols_done_reply done = { .kind = SYMBOLS_REPLY_DONE, .as = 1 };

	packet(f, PART(name), TEXT("gil_lock"), TEXT("/srv/lib"), NULL);
	packet(f, PART(image), PART(place), TEXT("/srv/lib"), NULL);
	packet(f, PART(done), NULL);
}

static void answers_about_stacks(FILE *f)
{
	struct stacks_frame frame = { .reply = STACKS_FRAME, .frame = 1, .line = 3, .name_len = 4,
				      .image_len = 8, .file_len = 3 };
	struct stacks_stack stack = { .reply = STACKS_STACK, .stack = 1,
				      .flags = GT_STACK_COMPLETE, .nframes = 2 };
	struct stacks_shape shape = { .reply = STACKS_SHAPE, .shape = { .stack = 1, .slots = 2 } };
	uint32_t frames[] = { 1, 1 };

	packet(f, PART(frame), TEXT("main"), TEXT("/srv/lib"), TEXT("a.c"), NULL);
	packet(f, PART(shape), NULL);
	packet(f, PART(stack), PART(frames), NULL);
}

static void questions_about_names(FILE *f)
{
	struct symbols_question q = { .kind = SYMBOLS_ASK_NAME, .as = 1, .tgid = 1, .addr = 0x10000000,
				      .path_len = 7, .cwd_len = 4 };

	packet(f, PART(q), TEXT("./count"), TEXT("/srv"), NULL);
	q.kind = SYMBOLS_ASK_SPACE;
	q.want = INSPECT_USDT | INSPECT_LOCKS;
	packet(f, PART(q), TEXT("./count"), TEXT("/srv"), NULL);
	q.kind = SYMBOLS_ASK_FILE;
	packet(f, PART(q), TEXT("./count"), TEXT("/srv"), NULL);
}

static void questions_about_stacks(FILE *f)
{
	struct stacks_question q = { .stack = { .stack = 1, .as = 1, .ip = 0x10000000,
						.sp = 0x7ffd0000, .bp = 0x7ffd0010, .bytes = 64 },
				     .tgid = 1, .kernel_frames = 2, .path_len = 7 };
	struct gt_wire_python_stack python = { .stack = 1, .frames = 1, .how = { .minor = 11 } };
	uint64_t kernel[] = { 0xffffffff81000000ull, 0xffffffff81000100ull }, stack[8] = { 0x7ffd0020 };

	q.python_bytes = (uint32_t)(offsetof(struct gt_wire_python_stack, frame) +
				    sizeof(python.frame[0]));
	packet(f, PART(q), PART(kernel), &python, (size_t)q.python_bytes, TEXT("./count"),
	       PART(stack), NULL);
	q.python_bytes = q.kernel_frames = 0;
	packet(f, PART(q), TEXT("./count"), PART(stack), NULL);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		uint8_t choice;
		void (*write)(FILE *f);
	} all[] = {
		{ "answers/names", 1, answers_about_names },
		{ "answers/stacks", 0, answers_about_stacks },
		{ "questions/names", 0, questions_about_names },
		{ "questions/stacks", 1, questions_about_stacks },
	};
	int err = argc != 2;

	seeds = err ? "" : argv[1];
	for (size_t i = 0; !err && i < sizeof(all) / sizeof(all[0]); i++) {
		FILE *f = begin(all[i].name, all[i].choice);

		if (!f)
			return 1;
		all[i].write(f);
		err = fclose(f);
	}
	return err != 0;
}
