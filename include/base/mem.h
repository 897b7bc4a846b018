/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_BASE_MEM_H
#define VFIO_STRESS_BASE_MEM_H

#include <stddef.h>
#include <stdio.h>

/*
 * Allocation that aborts when there is no memory: in a lane that is a broken step, in the
 * supervisor the run is already on disk. Free with free().
 */
void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...) __attribute__((malloc, format(printf, 1, 2)));

/* Memory that is freed as a whole: a scenario, a run view. Zeroed = empty. */
struct arena {
	struct arena_block *head;
};

/* Zeroed memory, aligned for any type, valid until arena_finish. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *a, const char *s) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *a, const char *s, size_t n) __attribute__((returns_nonnull));
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((returns_nonnull, format(printf, 2, 3)));
void arena_finish(struct arena *a);

/* Cleanup attributes for plain resources: initialise at the declaration. */
void cleanup_free(void *p);
void cleanup_close(int *fd);
void cleanup_file(FILE **f);
void cleanup_arena(struct arena *a);

#define auto_free  __attribute__((cleanup(cleanup_free)))
#define auto_close __attribute__((cleanup(cleanup_close)))
#define auto_file  __attribute__((cleanup(cleanup_file)))
#define auto_arena __attribute__((cleanup(cleanup_arena)))

/* DEFINE_AUTO(vm, vm_close) makes auto_vm for variables of type struct vm *. */
#define DEFINE_AUTO(type, close_fn)                                                                \
	static inline void cleanup_##type(struct type **p)                                         \
	{                                                                                          \
		close_fn(*p);                                                                      \
	}

/* Moves the value out of an auto_ variable. */
int take_fd(int *fd);
#define take_ptr(p)                                                                                \
	({                                                                                         \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})

#endif
