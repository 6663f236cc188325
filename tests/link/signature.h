/* SPDX-License-Identifier: MIT */
/* How a block tells who served it: its first bytes are a name. */
#ifndef SIGNATURE_H
#define SIGNATURE_H

#define SIGNATURE_BYTES 16

#endif /* SIGNATURE_H */
