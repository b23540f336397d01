/* SPDX-License-Identifier: BSD-3-Clause */
/* machine.h - what a manifest says of the machine */
#ifndef CAIRN_LAUNCHER_MACHINE_H
#define CAIRN_LAUNCHER_MACHINE_H

#include <jansson.h>

/* machine_cpu - {"model", "features": [...]} of this machine: for people, a
 * restart asks the nodes of its ranks. */
json_t *machine_cpu(void);
/* machine_kernel - "6.1.0-18-amd64" */
json_t *machine_kernel(void);

#endif
