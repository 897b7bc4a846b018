/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_BASE_VEC_H
#define VFIO_STRESS_BASE_VEC_H

#include "base/mem.h"

#include <stddef.h>
#include <stdlib.h>

/* struct { T *v; size_t n, cap; }: zeroed = empty; free with vec_finish. */
#define VEC(T)                                                                                     \
	struct {                                                                                   \
		T *v;                                                                              \
		size_t n, cap;                                                                     \
	}

/* Room for one more, zeroed; yields a pointer to it, valid until the next push. */
#define vec_push(vec)                                                                              \
	({                                                                                         \
		if ((vec)->n == (vec)->cap) {                                                      \
			(vec)->cap = (vec)->cap ? (vec)->cap * 2 : 8;                              \
			(vec)->v = xrealloc((vec)->v, (vec)->cap * sizeof(*(vec)->v));             \
		}                                                                                  \
		__typeof__((vec)->v) slot_ = &(vec)->v[(vec)->n++];                                \
		*slot_ = (__typeof__(*slot_)){0};                                                  \
		slot_;                                                                             \
	})

#define vec_foreach(item, vec)                                                                     \
	for (__typeof__(*(vec)->v) *item = (vec)->v; item < (vec)->v + (vec)->n; item++)

#define vec_finish(vec)                                                                            \
	do {                                                                                       \
		free((vec)->v);                                                                    \
		(vec)->v = NULL;                                                                   \
		(vec)->n = (vec)->cap = 0;                                                         \
	} while (0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
