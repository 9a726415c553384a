/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation that cannot fail, and cleanup attributes.
 *
 * Out of memory aborts the process: the journal makes that safe, and a path
 * that is never taken is never tested.  Every heap object of ours goes through
 * these out-of-line functions, whose malloc(deallocator) attributes let
 * gcc -fanalyzer see leaks.
 *
 *	AUTO(mem_freep) char *s = mem_printf("%s/%s", dir, name);
 */
#ifndef NH_CORE_MEM_H
#define NH_CORE_MEM_H

#include <stdarg.h>
#include <stddef.h>

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 11
#define NH_DEALLOC(fn) __attribute__((malloc(fn, 1)))
#else
#define NH_DEALLOC(fn)
#endif

/* Never returns NULL. */
#define NH_NONNULL __attribute__((returns_nonnull))
#define AUTO(fn) __attribute__((cleanup(fn)))
#define NH_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define NH_NODISCARD __attribute__((warn_unused_result))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Frees P; NULL is fine. */
void mem_free(void *p);
/* For AUTO(): frees the pointer that PP points to. */
void mem_freep(void *pp);

/* N zeroed objects of SIZE bytes each; aborts on overflow. */
void *mem_calloc(size_t n, size_t size) NH_DEALLOC(mem_free) NH_NONNULL;
/* Grows or shrinks P to N objects of SIZE bytes; new bytes are not zeroed. */
void *mem_realloc(void *p, size_t n, size_t size) NH_NONNULL;
char *mem_strdup(const char *s) NH_DEALLOC(mem_free) NH_NONNULL;
/* NULL in, NULL out. */
char *mem_strdup0(const char *s) NH_DEALLOC(mem_free);
char *mem_strndup(const char *s, size_t n) NH_DEALLOC(mem_free) NH_NONNULL;
void *mem_dup(const void *p, size_t n) NH_DEALLOC(mem_free) NH_NONNULL;
char *mem_printf(const char *fmt, ...) NH_PRINTF(1, 2)
	NH_DEALLOC(mem_free) NH_NONNULL;
char *mem_vprintf(const char *fmt, va_list ap) NH_PRINTF(1, 0)
	NH_DEALLOC(mem_free) NH_NONNULL;

#define MEM_NEW(type) ((type *)mem_calloc(1, sizeof(type)))
#define MEM_NEW_N(type, n) ((type *)mem_calloc((n), sizeof(type)))

/* For AUTO(): closes *fd if it is >= 0, keeping errno. */
void mem_closefd(int *fd);

#endif
