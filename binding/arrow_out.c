/* SPDX-License-Identifier: MIT */
/*
 * samara.MapleTree.__arrow_c_stream__(): the columns first, last and value. Compiled once for each
 * width of codes.
 *
 * Codes are converted in the memory that the consumer gets, which arrow_stream.c hands over. Keys of a
 * samara.KeyType, and the values of a tree of objects, samara._arrow.values makes into buffers.
 *
 * A call owns its snapshot and its table until it returns. Only for the type's method table.
 */
#include "arrow_out.h"
#include "args.h"
#include "arrays.h"
#include "arrow_stream.h"
#include "key_arrays.h"

/* ---- columns of objects --------------------------------------------------------------------- */

/* Copy bytes into a buffer of a column; None into none. 0 or -1. */
static int take_bytes(PyObject *bytes, void **out)
{
	char *memory;
	Py_ssize_t size;

	if (bytes == Py_None)
		return 0;
	if (PyBytes_AsStringAndSize(bytes, &memory, &size) < 0)
		return -1;
	*out = arrow_copy(memory, (size_t)size);
	return *out ? 0 : -1;
}

static int take_format(struct arrow_column *column, const char *format)
{
	column->format = arrow_copy(format, strlen(format) + 1);
	return column->format ? 0 : -1;
}

/* Fill a column with what samara._arrow.values makes of a list, which is dropped. 0 or -1. */
static int take_objects(struct arrow_column *column, PyObject *list)
{
	PyObject *module = list ? PyImport_ImportModule("samara._arrow.values") : NULL;
	PyObject *buffers = module ? PyObject_CallMethod(module, "encode", "O", list) : NULL;
	PyObject *validity, *data;
	const char *format;
	long long nulls;
	int status = -1;

	if (buffers &&
	    PyArg_ParseTuple(buffers, "sLOO!", &format, &nulls, &validity, &PyTuple_Type, &data)) {
		Py_ssize_t count = PyTuple_GET_SIZE(data);

		column->nullable = true;
		column->null_count = nulls;
		/* A column of nulls has no buffers. */
		column->count = count ? (int)count + 1 : 0;
		status = take_format(column, format);
		if (status == 0)
			status = take_bytes(validity, &column->memory[0]);
		for (Py_ssize_t i = 0; i < count && i < ARROW_BUFFERS - 1 && status == 0; i++)
			status = take_bytes(PyTuple_GET_ITEM(data, i), &column->memory[i + 1]);
	}
	Py_XDECREF(list);
	Py_XDECREF(module);
	Py_XDECREF(buffers);
	return status;
}

/* ---- columns of keys ------------------------------------------------------------------------ */

static PyObject *list_of_keys(const struct kind *kind, const mt_key *codes, size_t count)
{
	PyObject *list = PyList_New((Py_ssize_t)count);

	for (size_t i = 0; list && i < count; i++) {
		PyObject *key = key_object(kind, codes[i]);

		if (!key)
			Py_CLEAR(list);
		else
			PyList_SET_ITEM(list, (Py_ssize_t)i, key);
	}
	return list;
}

/* Set the format, and the metadata that says which kind of keys a column has. 0 or -1. */
static int describe_keys(struct arrow_column *column, const struct kind *kind)
{
	PyObject *module = PyImport_ImportModule("samara._arrow.kinds");
	PyObject *pair =
		module ? PyObject_CallMethod(module, "column_type", "O", kind->name) : NULL;
	PyObject *metadata;
	const char *format;
	int status = -1;

	if (pair && PyArg_ParseTuple(pair, "sO", &format, &metadata)) {
		status = take_format(column, format);
		if (status == 0)
			status = take_bytes(metadata, (void **)&column->metadata);
		if (status == 0 && metadata != Py_None)
			column->metadata_size = (size_t)PyBytes_GET_SIZE(metadata);
	}
	Py_XDECREF(module);
	Py_XDECREF(pair);
	return status;
}

static int take_keys(struct arrow_column *column, const struct kind *kind, const mt_key *codes,
		     size_t count)
{
	if (kind->encoding == KEYS_PYTHON)
		return take_objects(column, list_of_keys(kind, codes, count));
	column->count = 2;
	column->memory[1] = arrow_memory(count, sizeof(mt_key));
	if (!column->memory[1])
		return -1;
	fill_arrow_keys(kind, column->memory[1], codes, count);
	return describe_keys(column, kind);
}

/* ---- the table ------------------------------------------------------------------------------ */

/* Fill the columns from a snapshot. 0 or -1. */
static int fill_table(struct arrow_table *table, const struct maple_tree *snapshot,
		      const struct kind *kind, enum dtype dtype)
{
	static const char *const formats[] = {[DTYPE_U8] = "L", [DTYPE_I8] = "l", [DTYPE_F8] = "g"};
	static const char *const names[] = {"first", "last", "value"};
	struct arrow_column *columns = table->columns;
	size_t count = (size_t)table->length;
	mt_key *codes = arrow_memory(count, 2 * sizeof(mt_key));
	uint64_t *words = codes ? arrow_memory(count, sizeof(uint64_t)) : NULL;
	int status = words ? 0 : -1;

	for (int i = 0; i < ARROW_COLUMNS; i++)
		columns[i].name = names[i];
	if (words)
		snapshot_read(snapshot, count, codes, codes + count, words);
	for (int i = 0; i < 2 && status == 0; i++)
		status = take_keys(&columns[i], kind, codes + (size_t)i * count, count);
	if (status == 0 && dtype == DTYPE_OBJECT) {
		status = take_objects(&columns[2], list_of_objects(words, count));
	} else if (status == 0) {
		columns[2].count = 2;
		columns[2].memory[1] = words;
		words = NULL;
		status = take_format(&columns[2], formats[dtype]);
	}
	PyMem_RawFree(codes);
	PyMem_RawFree(words);
	return status;
}

PyObject *tree_arrow_stream(struct tree_object *self, PyObject *const *args, Py_ssize_t nargs,
			    PyObject *kwnames)
{
	static const char *const names[] = {"requested_schema"};
	static const struct signature signature = {"__arrow_c_stream__", names, 1, 0, 1};
	struct mt_snapshot snapshot;
	struct arrow_table *table;
	PyObject *given[1];
	int status = -1;

	if (args_parse(&signature, args, nargs, kwnames, given) < 0 || tree_enter(self) < 0)
		return NULL;
	mt_snapshot_begin(&self->mt, &snapshot);
	table = arrow_table_new((int64_t)mt_entries(&snapshot.tree));
	if (table)
		status = fill_table(table, &snapshot.tree, self->kind, self->dtype);
	mt_snapshot_end(&self->mt, &snapshot);
	if (status == 0)
		return arrow_capsule(table);
	if (table)
		arrow_table_free(table);
	return NULL;
}
