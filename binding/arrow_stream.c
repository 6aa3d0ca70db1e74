/* SPDX-License-Identifier: MIT */
/*
 * The Arrow C stream interface: a capsule with a stream that gives one table as one batch.
 *
 * The consumer calls the functions here from any thread, without the GIL, and even after the
 * interpreter has ended. So they know no Python object, and all memory is PyMem_RawMalloc()'s.
 *
 * A stream owns its table until the table is given. Then each array owns its buffers. A parent owns
 * the structures of its children, and releases those that the consumer has not moved. For arrow_out.c.
 *
 * Source: https://arrow.apache.org/docs/format/CStreamInterface.html
 */
#include "arrow_stream.h"
#include <errno.h>
#include <string.h>

/* ---- the interface -------------------------------------------------------------------------- */

enum { FLAG_NULLABLE = 2 };

struct ArrowSchema {
	const char *format;
	const char *name;
	const char *metadata;
	int64_t flags;
	int64_t n_children;
	struct ArrowSchema **children;
	struct ArrowSchema *dictionary;
	void (*release)(struct ArrowSchema *schema);
	void *private_data;
};

struct ArrowArray {
	int64_t length;
	int64_t null_count;
	int64_t offset;
	int64_t n_buffers;
	int64_t n_children;
	const void **buffers;
	struct ArrowArray **children;
	struct ArrowArray *dictionary;
	void (*release)(struct ArrowArray *array);
	void *private_data;
};

struct ArrowArrayStream {
	int (*get_schema)(struct ArrowArrayStream *stream, struct ArrowSchema *out);
	int (*get_next)(struct ArrowArrayStream *stream, struct ArrowArray *out);
	const char *(*get_last_error)(struct ArrowArrayStream *stream);
	void (*release)(struct ArrowArrayStream *stream);
	void *private_data;
};

static const char capsule_name[] = "arrow_array_stream";

/* ---- tables --------------------------------------------------------------------------------- */

void *arrow_memory(size_t count, size_t item)
{
	void *memory = count <= SIZE_MAX / item ? PyMem_RawMalloc(count * item) : NULL;

	if (!memory)
		PyErr_NoMemory();
	return memory;
}

void *arrow_copy(const void *from, size_t size)
{
	void *memory = arrow_memory(size, 1);

	if (memory)
		memcpy(memory, from, size);
	return memory;
}

struct arrow_table *arrow_table_new(int64_t length)
{
	struct arrow_table *table = PyMem_RawCalloc(1, sizeof(*table));

	if (table)
		table->length = length;
	else
		PyErr_NoMemory();
	return table;
}

void arrow_table_free(struct arrow_table *table)
{
	for (int i = 0; i < ARROW_COLUMNS; i++) {
		struct arrow_column *column = &table->columns[i];

		PyMem_RawFree(column->format);
		PyMem_RawFree(column->metadata);
		for (int n = 0; n < ARROW_BUFFERS && !table->given; n++)
			PyMem_RawFree(column->memory[n]);
	}
	PyMem_RawFree(table);
}

/* ---- schemas -------------------------------------------------------------------------------- */

/* What a schema of a table owns, and what one of a column does. */
struct schema_family {
	struct ArrowSchema *pointers[ARROW_COLUMNS];
	struct ArrowSchema children[ARROW_COLUMNS];
};

static void release_schema(struct ArrowSchema *schema)
{
	for (int64_t i = 0; i < schema->n_children; i++) {
		struct ArrowSchema *child = schema->children[i];

		if (child->release)
			child->release(child);
	}
	PyMem_RawFree(schema->private_data);
	schema->release = NULL;
}

/* The schema of one column, with copies of its format and metadata. 0 or ENOMEM. */
static int column_schema(const struct arrow_column *column, struct ArrowSchema *out)
{
	size_t size = strlen(column->format) + 1;
	char *copy = PyMem_RawMalloc(size + column->metadata_size);

	if (!copy)
		return ENOMEM;
	memcpy(copy, column->format, size);
	if (column->metadata)
		memcpy(copy + size, column->metadata, column->metadata_size);
	*out = (struct ArrowSchema){
		.format = copy,
		.name = column->name,
		.metadata = column->metadata ? copy + size : NULL,
		.flags = column->nullable ? FLAG_NULLABLE : 0,
		.release = release_schema,
		.private_data = copy,
	};
	return 0;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
	const struct arrow_table *table = stream->private_data;
	struct schema_family *family = PyMem_RawCalloc(1, sizeof(*family));
	int status = family ? 0 : ENOMEM;

	*out = (struct ArrowSchema){.release = NULL};
	if (status != 0)
		return status;
	*out = (struct ArrowSchema){
		.format = "+s",
		.name = "",
		.n_children = ARROW_COLUMNS,
		.children = family->pointers,
		.release = release_schema,
		.private_data = family,
	};
	for (int i = 0; i < ARROW_COLUMNS; i++)
		family->pointers[i] = &family->children[i];
	for (int i = 0; i < ARROW_COLUMNS && status == 0; i++)
		status = column_schema(&table->columns[i], &family->children[i]);
	if (status != 0)
		release_schema(out);
	return status;
}

/* ---- arrays --------------------------------------------------------------------------------- */

/* What the array of a table owns: its children, and their lists of buffers. */
struct array_family {
	struct ArrowArray *pointers[ARROW_COLUMNS];
	struct ArrowArray children[ARROW_COLUMNS];
	const void *buffers[1]; /* no validity: each row is there */
};

static void release_column(struct ArrowArray *array)
{
	void **memory = array->private_data;

	for (int i = 0; i < ARROW_BUFFERS; i++)
		PyMem_RawFree(memory[i]);
	PyMem_RawFree(memory);
	array->release = NULL;
}

static void release_table(struct ArrowArray *array)
{
	for (int64_t i = 0; i < array->n_children; i++) {
		struct ArrowArray *child = array->children[i];

		if (child->release)
			child->release(child);
	}
	PyMem_RawFree(array->private_data);
	array->release = NULL;
}

/* The array of one column. It takes over the column's buffers in `memory`. */
static void column_array(const struct arrow_table *table, const struct arrow_column *column,
			 void **memory, struct ArrowArray *out)
{
	memcpy(memory, column->memory, sizeof(column->memory));
	*out = (struct ArrowArray){
		.length = table->length,
		.null_count = column->null_count,
		.n_buffers = column->count,
		.buffers = (const void **)memory,
		.release = release_column,
		.private_data = memory,
	};
}

/* Give the table, or the second time an array without a release function: the end. */
static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
	struct arrow_table *table = stream->private_data;
	void **memory[ARROW_COLUMNS] = {NULL};
	struct array_family *family;
	bool all = true;

	*out = (struct ArrowArray){.release = NULL};
	if (table->given)
		return 0;
	family = PyMem_RawCalloc(1, sizeof(*family));
	for (int i = 0; i < ARROW_COLUMNS; i++) {
		memory[i] = PyMem_RawMalloc(sizeof(table->columns[i].memory));
		all = all && memory[i];
	}
	if (!family || !all) {
		for (int i = 0; i < ARROW_COLUMNS; i++)
			PyMem_RawFree(memory[i]);
		PyMem_RawFree(family);
		return ENOMEM;
	}
	for (int i = 0; i < ARROW_COLUMNS; i++) {
		column_array(table, &table->columns[i], memory[i], &family->children[i]);
		family->pointers[i] = &family->children[i];
	}
	table->given = true;
	*out = (struct ArrowArray){
		.length = table->length,
		.n_buffers = 1,
		.n_children = ARROW_COLUMNS,
		.buffers = family->buffers,
		.children = family->pointers,
		.release = release_table,
		.private_data = family,
	};
	return 0;
}

/* ---- streams -------------------------------------------------------------------------------- */

static const char *get_last_error(struct ArrowArrayStream *Py_UNUSED(stream))
{
	return NULL;
}

static void release_stream(struct ArrowArrayStream *stream)
{
	arrow_table_free(stream->private_data);
	stream->release = NULL;
}

/* The capsule goes. If the consumer has moved the stream, there is nothing to release. */
static void drop_capsule(PyObject *capsule)
{
	struct ArrowArrayStream *stream = PyCapsule_GetPointer(capsule, capsule_name);

	if (stream->release)
		stream->release(stream);
	PyMem_RawFree(stream);
}

PyObject *arrow_capsule(struct arrow_table *table)
{
	struct ArrowArrayStream *stream = arrow_memory(1, sizeof(*stream));
	PyObject *capsule;

	if (!stream) {
		arrow_table_free(table);
		return NULL;
	}
	*stream = (struct ArrowArrayStream){
		.get_schema = get_schema,
		.get_next = get_next,
		.get_last_error = get_last_error,
		.release = release_stream,
		.private_data = table,
	};
	capsule = PyCapsule_New(stream, capsule_name, drop_capsule);
	if (!capsule) {
		release_stream(stream);
		PyMem_RawFree(stream);
	}
	return capsule;
}
