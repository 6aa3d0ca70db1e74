/* SPDX-License-Identifier: MIT */
/* Tables that go out by the Arrow C stream interface. */
#ifndef SAMARA_ARROW_STREAM_H
#define SAMARA_ARROW_STREAM_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

enum { ARROW_COLUMNS = 3, ARROW_BUFFERS = 3 };

/* All memory is PyMem_RawMalloc()'s, and owned. */
struct arrow_column {
	const char *name; /* borrowed, for ever */
	char *format;     /* Arrow's name of the type */
	char *metadata;   /* of that many bytes, or NULL */
	size_t metadata_size;
	bool nullable;
	int64_t null_count;
	int count;                   /* of buffers */
	void *memory[ARROW_BUFFERS]; /* first the validity, which may be NULL */
};

struct arrow_table {
	struct arrow_column columns[ARROW_COLUMNS];
	int64_t length;
	bool given; /* the buffers belong to the consumer */
};

/* An empty table, or NULL with an exception. */
struct arrow_table *arrow_table_new(int64_t length);
void arrow_table_free(struct arrow_table *table);
/* Memory that a table can own; NULL with an exception. At least one byte. */
void *arrow_memory(size_t count, size_t item);
/* Copy bytes into such memory. */
void *arrow_copy(const void *from, size_t size);
/* A capsule with a stream that gives the table once. Takes over the table, also if it fails. */
PyObject *arrow_capsule(struct arrow_table *table);

#endif /* SAMARA_ARROW_STREAM_H */
