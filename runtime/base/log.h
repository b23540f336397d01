/* SPDX-License-Identifier: BSD-3-Clause */
/* log.h - one interface for what Cairn tells people */
#ifndef CAIRN_BASE_LOG_H
#define CAIRN_BASE_LOG_H

enum log_level { LOG_ERR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* A file may define LOG_PREFIX ("manifest: ") before it includes this. */
#ifndef LOG_PREFIX
#define LOG_PREFIX ""
#endif

/*
 * log_init - name this process ("cairnd", "rank 3") and read CAIRN_LOG
 * (err, warn, info, debug; default warn) from the environment given, which
 * may be NULL for none.  Before it, lines carry the name "cairn".
 */
void log_init(const char *who, const char *level);
void log_set_fd(int fd); /* default 2 */
int log_enabled(enum log_level level);

/* Lines go to the log's descriptor by one write each: "cairn: who: text".
 * Async-signal-safe, no TLS, no malloc.  errno is untouched. */
void log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* clang-format off */
#define log_err(...)	log_at_(LOG_ERR, __VA_ARGS__)
#define log_warn(...)	log_at_(LOG_WARN, __VA_ARGS__)
#define log_info(...)	log_at_(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	log_at_(LOG_DEBUG, __VA_ARGS__)
#define log_at_(level, format, ...) do { \
	if (log_enabled(level)) \
		log_line(level, LOG_PREFIX format, ##__VA_ARGS__); \
} while (0)
/* clang-format on */

#endif
