/* SPDX-License-Identifier: BSD-3-Clause */
/* fmt.c - a small snprintf for places where libc's must not be called */
#include "runtime/base/fmt.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

struct out {
	char *buf;
	size_t size;
	size_t len;
};

struct spec {
	bool left, zero;
	int width, precision; /* precision -1: none given */
	int longs;	      /* 0 int, 1 or 2 long; -1 short, -2 char */
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void put_text(struct out *o, const char *s, size_t len,
		     const struct spec *sp)
{
	size_t pad = sp->width > 0 && (size_t)sp->width > len ?
			     (size_t)sp->width - len :
			     0;

	for (size_t i = 0; !sp->left && i < pad; i++)
		put(o, sp->zero ? '0' : ' ');
	for (size_t i = 0; i < len; i++)
		put(o, s[i]);
	for (size_t i = 0; sp->left && i < pad; i++)
		put(o, ' ');
}

static void put_number(struct out *o, uint64_t value, bool negative,
		       unsigned int base, struct spec *sp)
{
	char digits[24];
	size_t n = sizeof(digits);

	do {
		digits[--n] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	if (negative && sp->zero) {
		put(o, '-');
		sp->width--;
	} else if (negative) {
		digits[--n] = '-';
	}
	put_text(o, digits + n, sizeof(digits) - n, sp);
}

/* Reads flags, width, precision and length; gives the conversion letter's
 * place in the format. */
static const char *parse_spec(const char *f, struct spec *sp, va_list *ap)
{
	*sp = (struct spec){ .precision = -1 };
	for (;; f++) {
		if (*f == '-')
			sp->left = true;
		else if (*f == '0')
			sp->zero = true;
		else
			break;
	}
	if (*f == '*') {
		sp->width = va_arg(*ap, int);
		f++;
	}
	while (*f >= '0' && *f <= '9')
		sp->width = sp->width * 10 + (*f++ - '0');
	if (*f == '.') {
		sp->precision = 0;
		f++;
		if (*f == '*') {
			sp->precision = va_arg(*ap, int);
			f++;
		}
		while (*f >= '0' && *f <= '9')
			sp->precision = sp->precision * 10 + (*f++ - '0');
	}
	for (;; f++) {
		if (*f == 'l')
			sp->longs++;
		else if (*f == 'h')
			sp->longs--;
		else if (*f == 'z' || *f == 'j' || *f == 't')
			sp->longs = 1;
		else
			return f;
	}
}

static int64_t take_signed(const struct spec *sp, va_list *ap)
{
	if (sp->longs > 0)
		return va_arg(*ap, long);
	if (sp->longs == 0)
		return va_arg(*ap, int);
	return sp->longs == -1 ? (short)va_arg(*ap, int) :
				 (signed char)va_arg(*ap, int);
}

static uint64_t take_unsigned(const struct spec *sp, va_list *ap)
{
	if (sp->longs > 0)
		return va_arg(*ap, unsigned long);
	if (sp->longs == 0)
		return va_arg(*ap, unsigned int);
	return sp->longs == -1 ? (unsigned short)va_arg(*ap, int) :
				 (unsigned char)va_arg(*ap, int);
}

static void put_string(struct out *o, const char *s, const struct spec *sp)
{
	size_t len = 0;

	if (!s)
		s = "(null)";
	while ((sp->precision < 0 || len < (size_t)sp->precision) && s[len])
		len++;
	put_text(o, s, len, sp);
}

static void convert(struct out *o, char letter, struct spec *sp, va_list *ap)
{
	int64_t n;
	char c;

	switch (letter) {
	case 'd':
	case 'i':
		n = take_signed(sp, ap);
		put_number(o, n < 0 ? -(uint64_t)n : (uint64_t)n, n < 0, 10,
			   sp);
		break;
	case 'u':
		put_number(o, take_unsigned(sp, ap), false, 10, sp);
		break;
	case 'x':
		put_number(o, take_unsigned(sp, ap), false, 16, sp);
		break;
	case 'p':
		put(o, '0');
		put(o, 'x');
		put_number(o, (uintptr_t)va_arg(*ap, void *), false, 16, sp);
		break;
	case 's':
		put_string(o, va_arg(*ap, const char *), sp);
		break;
	case 'c':
		c = (char)va_arg(*ap, int);
		put_text(o, &c, 1, sp);
		break;
	default:
		put(o, letter);
	}
}

int fmt_vprint(char *buf, size_t size, const char *format, va_list args)
{
	struct out o = { .buf = buf, .size = size };
	struct spec sp;
	va_list ap;

	va_copy(ap, args);
	for (const char *f = format; *f; f++) {
		if (*f != '%') {
			put(&o, *f);
			continue;
		}
		f = parse_spec(f + 1, &sp, &ap);
		if (!*f)
			break;
		convert(&o, *f, &sp, &ap);
	}
	va_end(ap);
	if (size)
		buf[o.len < size ? o.len : size - 1] = '\0';
	return (int)o.len;
}

int fmt_print(char *buf, size_t size, const char *format, ...)
{
	va_list ap;
	int len;

	va_start(ap, format);
	len = fmt_vprint(buf, size, format, ap);
	va_end(ap);
	return len;
}

const char *fmt_error(int error)
{
	switch (error < 0 ? -error : error) {
	case 0: return "success";
	case EPERM: return "operation not permitted";
	case ENOENT: return "no such file or directory";
	case ESRCH: return "no such process";
	case EINTR: return "interrupted";
	case EIO: return "input/output error";
	case ENXIO: return "no such device or address";
	case E2BIG: return "argument list too long";
	case ENOEXEC: return "not an executable";
	case EBADF: return "bad file descriptor";
	case ECHILD: return "no child processes";
	case EAGAIN: return "try again";
	case ENOMEM: return "out of memory";
	case EACCES: return "permission denied";
	case EFAULT: return "bad address";
	case EBUSY: return "busy";
	case EEXIST: return "file exists";
	case EXDEV: return "on another file system";
	case ENODEV: return "no such device";
	case ENOTDIR: return "not a directory";
	case EISDIR: return "is a directory";
	case EINVAL: return "invalid argument";
	case ENFILE: return "too many open files in the system";
	case EMFILE: return "too many open files";
	case ENOTTY: return "not a terminal";
	case EFBIG: return "file too large";
	case ENOSPC: return "no space left on device";
	case ESPIPE: return "illegal seek";
	case EROFS: return "read-only file system";
	case EPIPE: return "broken pipe";
	case ERANGE: return "out of range";
	case EDEADLK: return "would deadlock";
	case ENAMETOOLONG: return "name too long";
	case ENOSYS: return "not supported by this kernel";
	case ELOOP: return "too many symbolic links";
	case EBADMSG: return "damaged data";
	case EOVERFLOW: return "value too large";
	case EILSEQ: return "illegal byte sequence";
	case EPROTO: return "protocol error";
	case EMSGSIZE: return "message too long";
	case EOPNOTSUPP: return "not supported";
	case EADDRINUSE: return "address in use";
	case ENETUNREACH: return "network unreachable";
	case ECONNABORTED: return "connection aborted";
	case ECONNRESET: return "connection reset by peer";
	case ENOBUFS: return "no buffer space";
	case ENOTCONN: return "not connected";
	case ETIMEDOUT: return "timed out";
	case ECONNREFUSED: return "connection refused";
	case EHOSTUNREACH: return "host unreachable";
	case EALREADY: return "already in progress";
	case ESTALE: return "stale file handle";
	case EDQUOT: return "disk quota exceeded";
	case ECANCELED: return "cancelled";
	case EKEYREJECTED: return "key rejected";
	default: return "error";
	}
}
