/* SPDX-License-Identifier: BSD-3-Clause */
/* command.c - sections and programs of a starter's command line */
#include "launcher/starter.h"

#include "launcher/units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The option's name without dashes and value: "-np=4" gives "np". */
static bool option_is(const char *word, const char *name)
{
	size_t len = strlen(name);

	word += strspn(word, "-");
	/* srun's "-n4": a short option with its value */
	if (len == 1 && word[0] == name[0] && word[1] >= '0' && word[1] <= '9')
		return true;
	return !strncmp(word, name, len) && (!word[len] || word[len] == '=');
}

static bool option_in(const char *word, const char *const *names)
{
	for (; *names; names++)
		if (option_is(word, *names))
			return true;
	return false;
}

/* A configuration file of mpiexec holds words, one section a line. */
static int config_read(const char *path, struct words *out, struct err *err)
{
	char *line = NULL, *save, *word;
	size_t room = 0, sections = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		return err_set(err, -errno,
			       "cannot read mpiexec's configuration file "
			       "%s: %s",
			       path, strerror(errno));
	while (getline(&line, &room, f) >= 0) {
		line[strcspn(line, "#\n")] = '\0';
		word = strtok_r(line, " \t\r", &save);
		if (word && sections++ && strcmp(word, ":") &&
		    strcmp(out->v[out->n - 1], ":"))
			words_add(out, ":");
		for (; word; word = strtok_r(NULL, " \t\r", &save))
			words_add(out, word);
	}
	free(line);
	fclose(f);
	return 0;
}

/* Replace "-configfile FILE" by the file's words. */
static int config_expand(struct command *c, struct err *err)
{
	struct words *w = &c->words, all = { 0 };
	const char *value;
	int rc = 0;

	if (c->starter != &starter_mpiexec)
		return 0;
	for (size_t i = 0; i < w->n && !rc;) {
		int n = c->starter->option(w->v + i, &value);

		if (n <= 0)
			break;
		if (option_is(w->v[i], "configfile")) {
			for (size_t k = 0; k < i; k++)
				words_add(&all, w->v[k]);
			rc = config_read(value, &all, err);
			for (size_t k = i + (size_t)n; k < w->n; k++)
				words_add(&all, w->v[k]);
			words_fini(w);
			*w = all;
			break;
		}
		i += (size_t)n;
	}
	return rc;
}

/* How many components of a heterogeneous job "0,2-4" is. */
static long count_groups(const char *list)
{
	long n = 0, from, to;
	char *end;

	for (; *list; list = end + (*end == ',')) {
		from = strtol(list, &end, 10);
		to = *end == '-' ? strtol(end + 1, &end, 10) : from;
		if (end == list || (*end && *end != ',') || to < from)
			return 1; /* srun will say what is wrong */
		n += to - from + 1;
	}
	return n ? n : 1;
}

static int section_parse(struct command *c, struct section *s, struct err *err)
{
	char **v = c->words.v;
	const char *value;
	size_t i = s->first;

	s->groups = 1;
	while (i < c->words.n && strcmp(v[i], ":")) {
		int n = c->starter->option(v + i, &value);

		if (n < 0)
			c->unknown = true;
		if (n <= 0)
			break;
		if (option_is(v[i], "info") || option_is(v[i], "version"))
			c->informational = true;
		if (option_in(v[i], c->starter->several_nodes))
			c->several_nodes = true;
		if (value && c->starter == &starter_srun &&
		    option_is(v[i], "het-group"))
			s->groups = count_groups(value);
		if (value && option_in(v[i], c->starter->count_options) &&
		    units_count(value, 0, 10000000, v[i], &s->ranks, err))
			return -EINVAL;
		i += (size_t)n;
	}
	s->program = i;
	while (i < c->words.n && strcmp(v[i], ":"))
		i++;
	s->end = i;
	return 0;
}

int command_parse(struct command *c, const struct starter *starter,
		  struct words *words, struct err *err)
{
	size_t first = 0;
	int rc;

	memset(c, 0, sizeof(*c));
	c->starter = starter;
	c->words = *words;
	memset(words, 0, sizeof(*words));
	rc = config_expand(c, err);
	while (!rc && (first < c->words.n || !c->n)) {
		struct section *s = realloc(c->sections,
					    (c->n + 1) * sizeof(*s));

		if (!s)
			return err_set(err, -ENOMEM, "no memory");
		c->sections = s;
		s += c->n++;
		memset(s, 0, sizeof(*s));
		s->first = first;
		rc = section_parse(c, s, err);
		first = s->end + 1;
	}
	return rc;
}

long command_ranks(const struct command *c)
{
	long sum = 0;

	for (size_t i = 0; i < c->n; i++) {
		/* mpiexec's later sections start one rank unless they say so */
		if (!c->sections[i].ranks)
			return 0;
		sum += c->sections[i].ranks * c->sections[i].groups;
	}
	return sum;
}

const char *command_value(const struct command *c, const char *name)
{
	const char *value;
	size_t i = 0;

	while (i < c->sections[0].program) {
		int n = c->starter->option(c->words.v + i, &value);

		if (n <= 0)
			break;
		if (option_is(c->words.v[i], name))
			return value;
		i += (size_t)n;
	}
	return NULL;
}

bool command_has_program(const struct command *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->sections[i].program < c->sections[i].end)
			return true;
	return false;
}

/* Words were added (or removed) at `at`: move what lies behind. */
static void shift(struct command *c, size_t at, long by)
{
	for (size_t i = 0; i < c->n; i++) {
		struct section *s = &c->sections[i];

		if (s->first > at)
			s->first += (size_t)by;
		if (s->program >= at)
			s->program += (size_t)by;
		if (s->end >= at)
			s->end += (size_t)by;
	}
}

static void put(struct command *c, size_t at, const char *word)
{
	words_insert(&c->words, at, word);
	shift(c, at, 1);
}

static void drop(struct command *c, size_t at)
{
	struct words *w = &c->words;

	free(w->v[at]);
	memmove(w->v + at, w->v + at + 1, (w->n - at) * sizeof(*w->v));
	w->n--;
	for (size_t i = 0; i < c->n; i++) {
		struct section *s = &c->sections[i];

		s->first -= s->first > at;
		s->program -= s->program > at;
		s->end -= s->end > at;
	}
}

void command_prefix(struct command *c, size_t section, const char *word)
{
	put(c, c->sections[section].first, word);
}

void command_wrap(struct command *c, const char *const *before, bool restart,
		  long ranks)
{
	char number[24];

	snprintf(number, sizeof(number), "%ld", ranks);
	/* Who names no program nor count gets as many ranks as there were; from
	 * several components what they have, which may differ. */
	if (restart && c->n == 1 && !c->sections[0].ranks &&
	    c->sections[0].groups == 1) {
		put(c, c->sections[0].program, "-n");
		put(c, c->sections[0].program, number);
	}
	for (size_t i = 0; i < c->n; i++) {
		struct section *s = &c->sections[i];

		while (restart && s->program < s->end)
			drop(c, s->end - 1);
		if (s->program == s->end && !restart)
			continue;
		for (size_t k = 0; before[k]; k++) {
			size_t at = s->program + k;

			words_insert(&c->words, at, before[k]);
			s->end++;
			for (size_t j = i + 1; j < c->n; j++) {
				c->sections[j].first++;
				c->sections[j].program++;
				c->sections[j].end++;
			}
		}
	}
}

static char *joined(const char *list, const char *const *names)
{
	char *text = xstrdup(list ? list : "");

	for (; *names; names++) {
		char *longer = xprintf("%s%s%s", text, *text ? "," : "",
				       *names);

		free(text);
		text = longer;
	}
	return text;
}

/* One option that lists or forbids variables: list our names too. */
static void pass_one(struct command *c, size_t at, const char *const *names)
{
	static const char *const lists[] = { "genvlist", "envlist", "export" };
	static const char *const nones[][2] = {
		{ "genvnone", "-genvlist" },
		{ "envnone", "-envlist" },
	};
	const char *word = c->words.v[at];
	const char *equals = strchr(word, '=');
	char *list, *whole;

	for (size_t i = 0; i < 2; i++) {
		if (!option_is(word, nones[i][0]))
			continue;
		list = joined(NULL, names);
		put(c, at + 1, list);
		free(list);
		free(c->words.v[at]);
		c->words.v[at] = xstrdup(nones[i][1]);
		return;
	}
	for (size_t i = 0; i < 3; i++) {
		if (!option_is(word, lists[i]))
			continue;
		if (!equals) {
			whole = joined(c->words.v[at + 1], names);
			free(c->words.v[++at]);
		} else {
			list = joined(equals + 1, names);
			whole = xprintf("%.*s=%s", (int)(equals - word), word,
					list);
			free(list);
			free(c->words.v[at]);
		}
		c->words.v[at] = whole;
		return;
	}
}

void command_pass_environment(struct command *c, const char *const *names)
{
	const char *value;

	for (size_t k = 0; k < c->n; k++) {
		size_t i = c->sections[k].first;

		while (i < c->sections[k].program) {
			pass_one(c, i, names);
			int n = c->starter->option(c->words.v + i, &value);

			if (n <= 0)
				break;
			i += (size_t)n;
		}
	}
}

void command_fini(struct command *c)
{
	words_fini(&c->words);
	free(c->sections);
	c->sections = NULL;
	c->n = 0;
}
