/* SPDX-License-Identifier: MIT */
/*
 * Ranges that come in as three columns: first, last and values. Opening and converting them can run
 * any code; everything else here only reads and writes words.
 *
 * Invariants: the words of ranges->firsts, lasts and words belong to the columns, or to
 * ranges->made once they have been sorted. `lasts` are closed ends, however they were given.
 *
 * Owns its columns, and the words and rows that it has made, until ranges_close(). For arrays.c
 * and tree_accumulate.c.
 */
#include "ranges.h"
#include "errors.h"
#include "sorting.h"

/* ---- opening -------------------------------------------------------------------------------- */

void ranges_close(struct ranges *ranges)
{
	key_column_close(&ranges->first);
	key_column_close(&ranges->last);
	column_close(&ranges->values);
	PyMem_Free(ranges->rows);
	PyMem_Free(ranges->made);
	ranges->rows = NULL;
	ranges->made = NULL;
}

static int require_same_length(struct ranges *ranges)
{
	ranges->count = ranges->first.column.count;
	if (ranges->last.column.count == ranges->count && ranges->values.count == ranges->count)
		return 0;
	PyErr_Format(PyExc_ValueError,
		     "first, last and values must have the same length, not %zu, %zu, %zu",
		     ranges->count, ranges->last.column.count, ranges->values.count);
	return -1;
}

int ranges_open(struct ranges *ranges, const struct kind *kind, PyObject *const *given,
		bool objects)
{
	*ranges = (struct ranges){.kind = kind};
	if (key_column_open(&ranges->first, kind, given[0], "first") < 0 ||
	    key_column_open(&ranges->last, kind, given[1], "last") < 0 ||
	    column_open(&ranges->values, given[2], "values", objects) < 0)
		return -1;
	return require_same_length(ranges);
}

int ranges_open_codes(struct ranges *ranges, const struct kind *kind, PyObject *const *given,
		      bool objects)
{
	*ranges = (struct ranges){.kind = kind};
	if (code_column_open(&ranges->first, kind, given[0], "first") < 0 ||
	    code_column_open(&ranges->last, kind, given[1], "last") < 0 ||
	    column_open(&ranges->values, given[2], "values", objects) < 0)
		return -1;
	return require_same_length(ranges);
}

/* Whether an object is one number rather than a column of them. */
static bool is_number(PyObject *object)
{
	const PyNumberMethods *methods = Py_TYPE(object)->tp_as_number;

	return !Py_TYPE(object)->tp_iter &&
	       (PyIndex_Check(object) || (methods && methods->nb_float));
}

/* ranges_open(), where the third may be a number. */
static int open_with_number(struct ranges *ranges, const struct kind *kind, PyObject *const *given)
{
	if (!is_number(given[2]))
		return ranges_open(ranges, kind, given, false);
	*ranges = (struct ranges){.kind = kind, .number = given[2]};
	if (key_column_open(&ranges->first, kind, given[0], "first") < 0 ||
	    key_column_open(&ranges->last, kind, given[1], "last") < 0)
		return -1;
	ranges->count = ranges->first.column.count;
	if (ranges->last.column.count == ranges->count)
		return 0;
	PyErr_Format(PyExc_ValueError, "first and last must have the same length, not %zu, %zu",
		     ranges->count, ranges->last.column.count);
	return -1;
}

int ranges_convert(struct ranges *ranges, enum dtype dtype)
{
	ranges->firsts = key_column_codes(&ranges->first);
	if (ranges->firsts)
		ranges->lasts = ranges->half_open ? key_column_ends(&ranges->last)
						  : key_column_codes(&ranges->last);
	if (ranges->lasts && ranges->number) {
		ranges->words = &ranges->word;
		return number_to_word(dtype, ranges->number, &ranges->word);
	}
	ranges->words = ranges->lasts ? column_values(&ranges->values, dtype) : NULL;
	return ranges->words ? 0 : -1;
}

/* ---- checking ------------------------------------------------------------------------------- */

/* The exclusive end after a code; after the last one, "the end". */
static PyObject *end_shown(const struct kind *kind, mt_key last)
{
	PyObject *number, *end, *text;

	if (last < kind_top(kind))
		return code_shown(kind, last + 1);
	number = code_object(last);
	end = number ? PyObject_CallMethod(kind->object, "stop", "O", number) : NULL;
	Py_XDECREF(number);
	if (!end)
		return NULL;
	text = end == Py_None ? PyUnicode_FromString("the end") : key_shown(kind, end);
	Py_DECREF(end);
	return text;
}

/* "[10, 19]", or "[10, 20)" if that is how they are given. */
static PyObject *range_shown(const struct ranges *ranges, size_t at)
{
	bool half_open = ranges->half_open;
	PyObject *first = code_shown(ranges->kind, ranges->firsts[at]);
	PyObject *last = NULL;
	PyObject *text = NULL;

	if (first)
		last = half_open ? end_shown(ranges->kind, ranges->lasts[at])
				 : code_shown(ranges->kind, ranges->lasts[at]);
	if (last)
		text = PyUnicode_FromFormat(half_open ? "[%U, %U)" : "[%U, %U]", first, last);
	Py_XDECREF(first);
	Py_XDECREF(last);
	return text;
}

static size_t row_of(const struct ranges *ranges, size_t at)
{
	return ranges->rows ? ranges->rows[at] : at;
}

static void raise_pair(const struct ranges *ranges, size_t at)
{
	PyObject *before, *range;

	if (!at) { /* it did not begin like this */
		raise_status(-EAGAIN);
		return;
	}
	before = range_shown(ranges, at - 1);
	range = before ? range_shown(ranges, at) : NULL;
	if (range && ranges->any_order)
		PyErr_Format(PyExc_ValueError, "positions %zu and %zu overlap: %U and %U",
			     row_of(ranges, at - 1), row_of(ranges, at), before, range);
	else if (range)
		PyErr_Format(PyExc_ValueError, "position %zu: %U overlaps or is below %U", at,
			     range, before);
	Py_XDECREF(before);
	Py_XDECREF(range);
}

/* Raise ValueError in a format that takes a position and two texts, which are dropped. */
static void raise_texts(const char *format, size_t at, PyObject *one, PyObject *other)
{
	if (one && other)
		PyErr_Format(PyExc_ValueError, format, at, one, other);
	Py_XDECREF(one);
	Py_XDECREF(other);
}

void ranges_raise(const struct ranges *ranges, size_t at)
{
	const struct kind *kind = ranges->kind;
	PyObject *first;

	if (ranges->firsts[at] <= ranges->lasts[at]) {
		raise_pair(ranges, at);
		return;
	}
	first = code_shown(kind, ranges->firsts[at]);
	if (first && ranges->half_open)
		raise_texts("position %zu: first %U is not below last %U", at, first,
			    end_shown(kind, ranges->lasts[at]));
	else if (first)
		raise_texts("position %zu: first %U is above last %U", at, first,
			    code_shown(kind, ranges->lasts[at]));
}

int ranges_require_sound(const struct ranges *ranges)
{
	for (size_t i = 0; i < ranges->count; i++) {
		if (ranges->firsts[i] > ranges->lasts[i]) {
			ranges_raise(ranges, i);
			return -1;
		}
	}
	return 0;
}

int ranges_require_rising(const struct ranges *ranges)
{
	for (size_t i = 0; i < ranges->count; i++) {
		if (ranges->firsts[i] > ranges->lasts[i]) {
			ranges_raise(ranges, i);
			return -1;
		}
		if (i && ranges->firsts[i] < ranges->firsts[i - 1]) {
			PyObject *first = code_shown(ranges->kind, ranges->firsts[i]);

			if (first)
				raise_texts("position %zu: first %U is below first %U", i, first,
					    code_shown(ranges->kind, ranges->firsts[i - 1]));
			return -1;
		}
	}
	return 0;
}

/* The first range that ends before it begins, or is not above the one before it; or the count. */
static size_t first_not_apart(const struct ranges *ranges)
{
	size_t at;

	for (at = 0; at < ranges->count; at++) {
		if (ranges->firsts[at] > ranges->lasts[at] ||
		    (at && ranges->firsts[at] <= ranges->lasts[at - 1]))
			break;
	}
	return at;
}

bool ranges_are_apart(const struct ranges *ranges)
{
	return first_not_apart(ranges) == ranges->count;
}

int ranges_require_apart(const struct ranges *ranges)
{
	size_t at = first_not_apart(ranges);

	if (at == ranges->count)
		return 0;
	ranges_raise(ranges, at);
	return -1;
}

int ranges_read(struct ranges *ranges, const struct kind *kind, PyObject *const *given,
		enum dtype dtype, bool or_number)
{
	int status;

	ranges_close(ranges);
	status = or_number ? open_with_number(ranges, kind, given)
			   : ranges_open(ranges, kind, given, dtype == DTYPE_OBJECT);
	if (status == 0)
		status = ranges_convert(ranges, dtype);
	return status == 0 ? ranges_require_sound(ranges) : status;
}

/* ---- sorting -------------------------------------------------------------------------------- */

static bool is_sorted(const struct ranges *ranges)
{
	for (size_t i = 1; i < ranges->count; i++) {
		if (ranges->firsts[i] < ranges->firsts[i - 1])
			return false;
	}
	return true;
}

/* Memory for three columns. */
static mt_key *make_columns(size_t count)
{
	mt_key *made = NULL;

	if (count <= SIZE_MAX / 3)
		made = PyMem_New(mt_key, 3 * count);
	if (!made)
		PyErr_NoMemory();
	return made;
}

/* The third column, after two of keys. */
static uint64_t *words_of(mt_key *made, size_t size)
{
	return (uint64_t *)(made + 2 * size);
}

/* Take over new columns of up to `size` ranges. */
static void use_columns(struct ranges *ranges, mt_key *made, size_t size, size_t count)
{
	PyMem_Free(ranges->made);
	ranges->made = made;
	ranges->firsts = made;
	ranges->lasts = made + size;
	ranges->words = words_of(made, size);
	ranges->count = count;
}

int ranges_keep(struct ranges *ranges)
{
	size_t count = ranges->count;
	size_t words = ranges->number && count ? 1 : count;
	mt_key *made = make_columns(count);

	if (!made)
		return -1;
	memcpy(made, ranges->firsts, count * sizeof(mt_key));
	memcpy(made + count, ranges->lasts, count * sizeof(mt_key));
	memcpy(words_of(made, count), ranges->words, words * sizeof(uint64_t));
	use_columns(ranges, made, count, count);
	return 0;
}

int ranges_sort(struct ranges *ranges)
{
	size_t count = ranges->count;
	uint64_t *words;
	mt_key *made;

	if (is_sorted(ranges))
		return 0;
	ranges->rows = PyMem_New(size_t, count);
	if (!ranges->rows) {
		PyErr_NoMemory();
		return -1;
	}
	if (sort_rows(ranges->firsts, count, ranges->rows) < 0)
		return -1;
	made = make_columns(count);
	if (!made)
		return -1;
	words = words_of(made, count);
	for (size_t i = 0; i < count; i++) {
		size_t row = ranges->rows[i];

		made[i] = ranges->firsts[row];
		made[count + i] = ranges->lasts[row];
		words[i] = ranges->words[row];
	}
	use_columns(ranges, made, count, count);
	return 0;
}

/* ---- overlaps ------------------------------------------------------------------------------- */

/* A heap of ranges that have begun: the one that is last in the caller's order is on top. Those
 * that have ended stay in it until they are on top. */
struct heap {
	const struct ranges *ranges;
	size_t *items;
	size_t count;
};

static bool wins(const struct heap *heap, size_t a, size_t b)
{
	return row_of(heap->ranges, heap->items[a]) > row_of(heap->ranges, heap->items[b]);
}

static void swap(struct heap *heap, size_t a, size_t b)
{
	size_t item = heap->items[a];

	heap->items[a] = heap->items[b];
	heap->items[b] = item;
}

static void push(struct heap *heap, size_t item)
{
	size_t at = heap->count++;

	heap->items[at] = item;
	for (; at && wins(heap, at, (at - 1) / 2); at = (at - 1) / 2)
		swap(heap, at, (at - 1) / 2);
}

static void pop(struct heap *heap)
{
	size_t at = 0;

	swap(heap, 0, --heap->count);
	for (;;) {
		size_t below = 2 * at + 1;

		if (below + 1 < heap->count && wins(heap, below + 1, below))
			below++;
		if (below >= heap->count || !wins(heap, below, at))
			return;
		swap(heap, at, below);
		at = below;
	}
}

/* Walk over the keys from one begin or end of a range to the next. Each range begins a piece, or
 * lets an older one go on when it ends: there are fewer than two pieces for each range. */
static size_t overlay(struct heap *heap, mt_key *firsts, mt_key *lasts, uint64_t *words)
{
	const struct ranges *ranges = heap->ranges;
	size_t owner = 0; /* of the last piece */
	size_t pieces = 0;
	size_t next = 0; /* the next range to begin */
	mt_key key = 0;

	while (next < ranges->count || heap->count) {
		mt_key end;
		size_t top;

		if (!heap->count)
			key = ranges->firsts[next];
		while (next < ranges->count && ranges->firsts[next] == key)
			push(heap, next++);
		top = heap->items[0];
		if (ranges->lasts[top] < key) {
			pop(heap);
			continue;
		}
		end = ranges->lasts[top];
		if (next < ranges->count && ranges->firsts[next] <= end)
			end = ranges->firsts[next] - 1;
		if (pieces && owner == top && lasts[pieces - 1] + 1 == key) {
			lasts[pieces - 1] = end;
		} else {
			firsts[pieces] = key;
			lasts[pieces] = end;
			words[pieces++] = ranges->words[top];
		}
		owner = top;
		if (end == MT_KEY_MAX)
			break;
		key = end + 1;
	}
	return pieces;
}

int ranges_overlay(struct ranges *ranges)
{
	struct heap heap = {.ranges = ranges, .items = PyMem_New(size_t, ranges->count)};
	size_t size = 2 * ranges->count;
	mt_key *made = heap.items ? make_columns(size) : NULL;

	if (!heap.items)
		PyErr_NoMemory();
	if (made)
		use_columns(ranges, made, size,
			    overlay(&heap, made, made + size, words_of(made, size)));
	PyMem_Free(heap.items);
	return made ? 0 : -1;
}
