/* SPDX-License-Identifier: BSD-3-Clause */
/* sheet_check.c - is this a well-formed capture sheet? */
#include "storage/image.h"

#include <errno.h>

#include "storage/format.h"

#define FLAGS_KNOWN ((REGION_SAVE << 1) - 1)
#define PROT_KNOWN  7U

/* Does [offset, offset + len) lie behind the struct and inside the sheet? */
static int is_inside(const struct sheet *s, uint32_t offset, uint64_t len)
{
	return offset >= sizeof(*s) && offset <= s->size &&
	       len <= s->size - offset;
}

static int check_parts(const struct sheet *s, const char *base, struct err *err)
{
	if (s->regions % 8 ||
	    !is_inside(s, s->regions,
		       (uint64_t)s->nregions * sizeof(struct region)))
		return err_set(err, -EBADMSG,
			       "sheet: its %u regions do not fit in it",
			       s->nregions);
	/* A NUL at the end of the strings ends every one of them. */
	if (!s->strings_len || !is_inside(s, s->strings, s->strings_len) ||
	    base[s->strings] || base[s->strings + s->strings_len - 1])
		return err_set(err, -EBADMSG, "sheet: its strings are broken");
	if (s->explain_len && !is_inside(s, s->explain, s->explain_len))
		return err_set(err, -EBADMSG,
			       "sheet: its explanation lies outside");
	if (s->auxv_len && (s->auxv_len % 16 || s->auxv % 8 ||
			    !is_inside(s, s->auxv, s->auxv_len)))
		return err_set(err, -EBADMSG,
			       "sheet: its auxiliary vector lies outside");
	return 0;
}

static int check_region(const struct sheet *s, const struct region *r,
			uint64_t end_before, struct err *err)
{
	if (r->start % FORMAT_PAGE || r->len % FORMAT_PAGE || !r->len ||
	    r->start >= FORMAT_ADDR_END || r->len > FORMAT_ADDR_END - r->start)
		return err_set(err, -EBADMSG,
			       "sheet: no region can be at %lx+%lx",
			       (unsigned long)r->start, (unsigned long)r->len);
	if (r->start < end_before)
		return err_set(
			err, -EBADMSG,
			"sheet: region at %lx overlaps the one before or "
			"is out of order",
			(unsigned long)r->start);
	if (r->kind < REGION_ANON || r->kind > REGION_HOLE ||
	    r->flags & ~(uint32_t)FLAGS_KNOWN || r->prot & ~PROT_KNOWN)
		return err_set(err, -EBADMSG,
			       "sheet: region at %lx is of an unknown kind "
			       "(kind %u, flags %x, prot %x)",
			       (unsigned long)r->start, r->kind, r->flags,
			       r->prot);
	if (r->name >= s->strings_len)
		return err_set(err, -EBADMSG,
			       "sheet: region at %lx has its name outside",
			       (unsigned long)r->start);
	return 0;
}

int sheet_check(const void *sheet, size_t len, struct err *err)
{
	const struct sheet *s = sheet;
	const struct region *r;
	uint64_t end = 0;
	int rc;

	if (len < sizeof(*s) || (uintptr_t)sheet % 8)
		return err_set(err, -EBADMSG, "sheet: %zu bytes cannot be one",
			       len);
	if (s->magic != SHEET_MAGIC)
		return err_set(err, -EBADMSG, "sheet: wrong magic");
	if (s->version != SHEET_VERSION)
		return err_set(err, -EPROTONOSUPPORT,
			       "sheet: version %u, but this Cairn knows %u; "
			       "restart with the Cairn that wrote it",
			       s->version, SHEET_VERSION);
	if (s->size != len)
		return err_set(err, -EBADMSG, "sheet: says %u bytes, has %zu",
			       s->size, len);
	rc = check_parts(s, sheet, err);
	if (rc)
		return rc;
	r = (const struct region *)((const char *)sheet + s->regions);
	for (uint32_t i = 0; i < s->nregions; i++) {
		rc = check_region(s, &r[i], end, err);
		if (rc)
			return rc;
		end = r[i].start + r[i].len;
	}
	return 0;
}
