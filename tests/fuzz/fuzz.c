/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

_Noreturn void fuzz_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

uint64_t fuzz_take(struct fuzz_input *in, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes && in->size; i++, in->size--)
		value |= (uint64_t)*in->data++ << 8 * i;
	return value;
}

size_t fuzz_take_bytes(struct fuzz_input *in, void *to, size_t n)
{
	size_t have = n < in->size ? n : in->size;

	if (have)
		memcpy(to, in->data, have);
	memset((char *)to + have, 0, n - have);
	in->data += have;
	in->size -= have;
	return have;
}

char *fuzz_take_string(struct fuzz_input *in, char *to, size_t room)
{
	size_t n = 0;

	while (n + 1 < room && in->size) {
		char c = (char)fuzz_take(in, 1);

		if (!c)
			break;
		to[n++] = c;
	}
	to[n] = '\0';
	return to;
}

char *fuzz_take_text(struct fuzz_input *in, size_t *len)
{
	char *text = malloc(in->size + 1);

	FUZZ_CHECK(text);
	*len = in->size;
	fuzz_take_bytes(in, text, in->size);
	text[*len] = '\0';
	return text;
}

int fuzz_file(const void *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(pwrite(fd, data, size, 0) == (ssize_t)size);
	return fd;
}

void fuzz_file_path(int fd, char path[32])
{
	snprintf(path, 32, "/proc/self/fd/%d", fd);
}

/* Bytes of the character at `s`, and its code point; 0: not UTF-8. */
static size_t character(const uint8_t *s, size_t len, uint32_t *code)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	if (!n || n > len)
		return 0;
	*code = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		*code = *code << 6 | (s[i] & 0x3f);
	}
	return *code >= least[n] && *code <= 0x10ffff && *code >> 11 != 0x1b ? n : 0;
}

bool fuzz_printable(const char *text, size_t len, bool newlines, bool ascii)
{
	uint32_t code = 0;
	size_t n;

	for (size_t at = 0; at < len; at += n) {
		n = character((const uint8_t *)text + at, len - at, &code);
		if (!n || (ascii && code >= 0x80))
			return false;
		if (code == '\n' && newlines)
			continue;
		if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 ||
		    code == 0x2029 || (code >= 0x202a && code <= 0x202e) ||
		    (code >= 0x2066 && code <= 0x2069) || code == 0x200e || code == 0x200f)
			return false;
	}
	return true;
}

/* ---- XML ---- */

#define DEPTH_MAX 64

struct reader {
	const char *at, *end;
	size_t depth;
	struct {
		const char *name;
		size_t len;
	} open[DEPTH_MAX];
};

static bool starts(const struct reader *r, const char *with)
{
	size_t n = strlen(with);

	return (size_t)(r->end - r->at) >= n && !memcmp(r->at, with, n);
}

/* To behind the next `mark`. */
static bool skip_past(struct reader *r, const char *mark)
{
	const char *found = memmem(r->at, (size_t)(r->end - r->at), mark, strlen(mark));

	r->at = found ? found + strlen(mark) : r->end;
	return found;
}

static bool entity(struct reader *r)
{
	static const char *const known[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&#39;" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (starts(r, known[i])) {
			r->at += strlen(known[i]);
			return true;
		}
	}
	return false;
}

static size_t name_length(const struct reader *r)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_:.";
	size_t n = 0;

	while (r->at + n < r->end && r->at[n] && strchr(letters, r->at[n]))
		n++;
	return n;
}

/* Text up to `stop`, in which every & is an entity and no tag begins. */
static bool text_until(struct reader *r, char stop)
{
	while (r->at < r->end && *r->at != stop) {
		if (*r->at == '<' && stop != '<')
			return false;
		if (*r->at == '&' && !entity(r))
			return false;
		else if (r->at < r->end && *r->at != stop && *r->at != '&')
			r->at++;
	}
	return true;
}

static bool attribute(struct reader *r)
{
	size_t n = name_length(r);
	char quote;

	r->at += n;
	if (!n || r->end - r->at < 3 || *r->at++ != '=')
		return false;
	quote = *r->at++;
	if ((quote != '"' && quote != '\'') || !text_until(r, quote) || r->at == r->end)
		return false;
	r->at++;
	return true;
}

static void skip_space(struct reader *r)
{
	while (r->at < r->end && strchr(" \t\r\n", *r->at) && *r->at)
		r->at++;
}

static bool close_tag(struct reader *r, size_t n)
{
	bool same = r->depth && r->open[r->depth - 1].len == n &&
		    !memcmp(r->open[r->depth - 1].name, r->at, n);

	r->at += n;
	r->depth -= r->depth > 0;
	return same && r->at < r->end && *r->at++ == '>';
}

static bool tag(struct reader *r)
{
	bool closing = *++r->at == '/';
	const char *name;
	size_t n;

	r->at += closing;
	n = name_length(r);
	if (!n || closing)
		return n && close_tag(r, n);
	name = r->at;
	r->at += n;
	for (skip_space(r); r->at < r->end && *r->at != '>' && *r->at != '/'; skip_space(r))
		if (!attribute(r))
			return false;
	if (starts(r, "/>")) {
		r->at += 2;
		return true;
	}
	if (r->at == r->end || *r->at++ != '>' || r->depth == DEPTH_MAX)
		return false;
	r->open[r->depth].name = name;
	r->open[r->depth++].len = n;
	return true;
}

bool fuzz_well_formed(const char *xml, size_t len)
{
	struct reader r = { .at = xml, .end = xml + len };

	while (r.at < r.end) {
		bool fine;

		if (starts(&r, "<?"))
			fine = skip_past(&r, "?>");
		else if (starts(&r, "<!--"))
			fine = skip_past(&r, "-->");
		else if (starts(&r, "<![CDATA["))
			fine = skip_past(&r, "]]>");
		else if (starts(&r, "<!"))
			fine = skip_past(&r, ">");
		else
			fine = *r.at == '<' ? tag(&r) : text_until(&r, '<');
		if (!fine)
			return false;
	}
	return r.depth == 0;
}
