/* SPDX-License-Identifier: BSD-3-Clause */
/* machine.h - what a manifest says of the machine, and what a restart needs */
#ifndef CAIRN_LAUNCHER_MACHINE_H
#define CAIRN_LAUNCHER_MACHINE_H

#include <jansson.h>

#include "runtime/base/err.h"

/* machine_cpu - {"model", "features": [...]} of this machine. */
json_t *machine_cpu(void);
/* machine_kernel - "6.1.0-18-amd64" */
json_t *machine_kernel(void);
/* machine_check_cpu - does this CPU have all features of a manifest's "cpu"?
 * -ENOTSUP with a sentence that names those it lacks. */
int machine_check_cpu(const json_t *cpu, struct err *err) must_check;

#endif
