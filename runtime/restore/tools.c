/* SPDX-License-Identifier: BSD-3-Clause */
/* tools.c - does a library stand in for MPI functions, as MPI tools do? */
#include <ctype.h>
#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/restore/rank.h"

struct file {
	const char *data;
	size_t size;
};

static bool inside(const struct file *f, uint64_t offset, uint64_t len)
{
	return offset <= f->size && len <= f->size - offset;
}

/* MPI_Send, MPIX_Comm_shrink; not the upper case names of Fortran's library. */
static bool is_mpi_name(const char *name, size_t room)
{
	size_t at = room > 5 && !strncmp(name, "MPIX_", 5) ? 5 : 4;

	return room > at + 1 && !strncmp(name, "MPI", 3) &&
	       name[at - 1] == '_' && isupper((unsigned char)name[at]) &&
	       islower((unsigned char)name[at + 1]);
}

static bool symbols_have_mpi(const struct file *f, const Elf64_Shdr *symbols,
			     const Elf64_Shdr *names)
{
	size_t n = symbols->sh_size / sizeof(Elf64_Sym);

	if (!inside(f, symbols->sh_offset, symbols->sh_size) ||
	    !inside(f, names->sh_offset, names->sh_size))
		return false;
	for (size_t i = 0; i < n; i++) {
		Elf64_Sym s;

		memcpy(&s, f->data + symbols->sh_offset + i * sizeof(s),
		       sizeof(s));
		if (s.st_shndx == SHN_UNDEF || s.st_name >= names->sh_size ||
		    ELF64_ST_TYPE(s.st_info) != STT_FUNC)
			continue;
		if (is_mpi_name(f->data + names->sh_offset + s.st_name,
				names->sh_size - s.st_name))
			return true;
	}
	return false;
}

static bool file_has_mpi(const struct file *f)
{
	Elf64_Ehdr eh;
	Elf64_Shdr sh, names;

	if (f->size < sizeof(eh))
		return false;
	memcpy(&eh, f->data, sizeof(eh));
	if (memcmp(eh.e_ident, ELFMAG, SELFMAG) ||
	    eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh.e_shentsize != sizeof(sh) ||
	    !inside(f, eh.e_shoff, (uint64_t)eh.e_shnum * sizeof(sh)))
		return false;
	for (unsigned int i = 0; i < eh.e_shnum; i++) {
		memcpy(&sh, f->data + eh.e_shoff + i * sizeof(sh), sizeof(sh));
		if (sh.sh_type != SHT_DYNSYM || sh.sh_link >= eh.e_shnum)
			continue;
		memcpy(&names, f->data + eh.e_shoff + sh.sh_link * sizeof(sh),
		       sizeof(names));
		return symbols_have_mpi(f, &sh, &names);
	}
	return false;
}

bool rank_is_tool(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct file f = { .data = MAP_FAILED };
	struct stat st;
	bool tool = false;

	if (fd < 0)
		return false;
	if (!fstat(fd, &st) && st.st_size > 0) {
		f.size = (size_t)st.st_size;
		f.data = mmap(NULL, f.size, PROT_READ, MAP_PRIVATE, fd, 0);
	}
	if (f.data != MAP_FAILED) {
		tool = file_has_mpi(&f);
		munmap((void *)f.data, f.size);
	}
	close(fd);
	return tool;
}
