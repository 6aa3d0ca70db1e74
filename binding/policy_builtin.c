/* SPDX-License-Identifier: MIT */
/*
 * samara.COALESCE and samara.OFFSET as value operations, for objects and for packed numbers. They do
 * what the methods in samara/_policy.py do, which describes both for users.
 *
 * Owns nothing but constants, which trees of all interpreters share. The context of OFFSET's is the
 * kind of keys, for messages: policy.c adds it. Values are borrowed from the tree, which is busy meanwhile and so keeps them; around code
 * that can be anything they get a reference of their own all the same. Most values are compared
 * without such code. An operation that fails sets an exception and returns -ECANCELED.
 *
 * For policy.c.
 */
#include "policy_builtin.h"
#include "keys.h"

/* ---- objects that are equal ----------------------------------------------------------------- */

/* Whether two exact strings are equal: 1 or 0; -1 if one of them is in an old layout. */
static inline int strings_equal(PyObject *left, PyObject *right)
{
	const char *low, *high;
	size_t size;

#if PY_VERSION_HEX < 0x030C0000
	if (!PyUnicode_IS_READY(left) || !PyUnicode_IS_READY(right))
		return -1;
#endif
	if (PyUnicode_GET_LENGTH(left) != PyUnicode_GET_LENGTH(right) ||
	    (int)PyUnicode_KIND(left) != (int)PyUnicode_KIND(right))
		return 0;
	size = (size_t)PyUnicode_GET_LENGTH(left) * (size_t)PyUnicode_KIND(left);
	low = PyUnicode_DATA(left);
	high = PyUnicode_DATA(right);
	/* Strings that number things differ at the end, which saves the call of memcmp(). */
	return !size || (low[size - 1] == high[size - 1] && memcmp(low, high, size) == 0);
}

/* Whether two objects are equal, as `==` says: 1, 0, or -1 with an exception. */
static __attribute__((noinline)) int ask_equal(PyObject *left, PyObject *right)
{
	int equal;

	Py_INCREF(left);
	Py_INCREF(right);
	equal = PyObject_RichCompareBool(left, right, Py_EQ);
	Py_DECREF(left);
	Py_DECREF(right);
	return equal;
}

/* Whether two objects are identical or equal: 1, 0, or -1 with an exception. Most of them are
 * compared without a call. */
static inline int objects_equal(PyObject *left, PyObject *right)
{
	PyTypeObject *type = Py_TYPE(left);

	if (left == right)
		return 1;
	if (type == Py_TYPE(right)) {
		int equal = -1;

		if (type == &PyLong_Type)
			equal = ints_equal(left, right);
		else if (type == &PyUnicode_Type)
			equal = strings_equal(left, right);
		else if (type == &PyFloat_Type)
			equal = PyFloat_AS_DOUBLE(left) == PyFloat_AS_DOUBLE(right);
		if (equal >= 0)
			return equal;
	}
	return ask_equal(left, right);
}

/* ---- COALESCE ------------------------------------------------------------------------------- */

static int coalesce_objects(void *context, const struct mt_entry *left,
			    const struct mt_entry *right, const struct mt_entry *stored,
			    uint64_t *word)
{
	PyObject *value = object_of(left->word);
	int equal = objects_equal(value, object_of(right->word));

	(void)context;
	(void)stored;
	if (equal < 0)
		return -ECANCELED;
	if (!equal || value == Py_NotImplemented) /* which keeps entries apart, as a result */
		return 0;
	*word = word_of(Py_NewRef(value));
	return 1;
}

static int coalesce_words(void *context, const struct mt_entry *left, const struct mt_entry *right,
			  const struct mt_entry *stored, uint64_t *word)
{
	(void)context;
	(void)stored;
	*word = left->word;
	return left->word == right->word;
}

/* ---- OFFSET: objects ------------------------------------------------------------------------ */

/* The value is neither a number nor a tuple (object, number). */
static void raise_value(PyObject *value)
{
	static const char format[] = "with samara.OFFSET, a value must be a number or a tuple "
				     "(object, number), not %s%s%s";

	if (!PyTuple_Check(value))
		PyErr_Format(PyExc_TypeError, format, "", Py_TYPE(value)->tp_name, "");
	else if (PyTuple_GET_SIZE(value) == 2)
		PyErr_Format(PyExc_TypeError, format, "a tuple (object, ",
			     Py_TYPE(PyTuple_GET_ITEM(value, 1))->tp_name, ")");
	else
		PyErr_Format(PyExc_TypeError,
			     "with samara.OFFSET, a value must be a number or a tuple (object, "
			     "number), not a tuple of %zd items",
			     PyTuple_GET_SIZE(value));
}

/* The number of a value, borrowed: an int or a float. NULL with TypeError. */
static inline PyObject *number_in(PyObject *value)
{
	PyObject *number = value;

	if (PyTuple_Check(value) && PyTuple_GET_SIZE(value) == 2)
		number = PyTuple_GET_ITEM(value, 1);
	if ((PyLong_Check(number) && !PyBool_Check(number)) || PyFloat_Check(number))
		return number;
	raise_value(value);
	return NULL;
}

/* number + by, without the methods of a subclass. */
static PyObject *int_advanced(PyObject *number, mt_key by)
{
	int overflow;
	long long start = PyLong_AsLongLongAndOverflow(number, &overflow);
	PyObject *steps, *sum;

	if (!overflow && start >= 0 && by <= UINT64_MAX - (uint64_t)start)
		return PyLong_FromUnsignedLongLong((uint64_t)start + by);
	if (!overflow && start < 0 && by <= INT64_MAX)
		return PyLong_FromLongLong(start + (long long)by);
	steps = code_object(by);
	sum = steps ? PyLong_Type.tp_as_number->nb_add(number, steps) : NULL;
	Py_XDECREF(steps);
	return sum;
}

static PyObject *number_advanced(PyObject *number, mt_key by)
{
	if (PyLong_Check(number))
		return int_advanced(number, by);
	return PyFloat_FromDouble(PyFloat_AS_DOUBLE(number) + (double)by);
}

/* The value with another number, which is taken over. */
static PyObject *value_with(PyObject *value, PyObject *number)
{
	PyObject *pair;

	if (!number || !PyTuple_Check(value))
		return number;
	pair = PyTuple_Pack(2, PyTuple_GET_ITEM(value, 0), number);
	Py_DECREF(number);
	if (pair && !PyTuple_CheckExact(value)) { /* a named tuple stays one */
		PyObject *plain = pair;

		pair = PyObject_CallMethod((PyObject *)&PyTuple_Type, "__new__", "OO",
					   (PyObject *)Py_TYPE(value), plain);
		Py_DECREF(plain);
	}
	return pair;
}

static int offset_split_object(void *context, const struct mt_entry *whole, mt_key first,
			       mt_key last, uint64_t *piece)
{
	PyObject *value = object_of(whole->word);
	PyObject *number = number_in(value);
	PyObject *result;

	(void)context;
	(void)last;
	if (!number)
		return -ECANCELED;
	if (first == whole->first)
		result = Py_NewRef(value);
	else
		result = value_with(value, number_advanced(number, first - whole->first));
	if (!result)
		return -ECANCELED;
	*piece = word_of(result);
	return 0;
}

/* Whether the right int is the left one + by: 1, 0, or -1 with MemoryError. */
static int int_continues(PyObject *left, PyObject *right, mt_key by)
{
	int overflow[2];
	long long low = PyLong_AsLongLongAndOverflow(left, &overflow[0]);
	long long high = PyLong_AsLongLongAndOverflow(right, &overflow[1]);
	PyObject *sum, *equal;

	if (!overflow[0] && !overflow[1])
		return high >= low && (uint64_t)high - (uint64_t)low == by;
	sum = int_advanced(left, by);
	if (!sum)
		return -1;
	equal = PyLong_Type.tp_richcompare(sum, right, Py_EQ);
	Py_DECREF(sum);
	Py_XDECREF(equal);
	return equal ? equal == Py_True : -1;
}

/* The same for floats, where the way may also be down. */
static bool float_continues(double left, double right, const struct mt_entry *left_entry,
			    const struct mt_entry *right_entry)
{
	if (left_entry->first <= right_entry->first)
		return left + (double)(right_entry->first - left_entry->first) == right;
	return left - (double)(left_entry->first - right_entry->first) == right;
}

static int numbers_continue(PyObject *numbers[2], const struct mt_entry *left,
			    const struct mt_entry *right)
{
	if (PyFloat_Check(numbers[0]) != PyFloat_Check(numbers[1]))
		return 0;
	if (PyFloat_Check(numbers[0]))
		return float_continues(PyFloat_AS_DOUBLE(numbers[0]), PyFloat_AS_DOUBLE(numbers[1]),
				       left, right);
	/* A neighbour that the store covers in part is given whole, and can begin before it. */
	if (left->first <= right->first)
		return int_continues(numbers[0], numbers[1], right->first - left->first);
	return int_continues(numbers[1], numbers[0], left->first - right->first);
}

/* Whether a value that is a number, or that holds one, goes on in the right entry: 1, 0, or -1 with
 * an exception. */
static int objects_continue(const struct mt_entry *left, const struct mt_entry *right)
{
	PyObject *values[2] = {object_of(left->word), object_of(right->word)};
	PyObject *numbers[2] = {number_in(values[0]), NULL};
	int equal;

	if (numbers[0])
		numbers[1] = number_in(values[1]);
	if (!numbers[1])
		return -1;
	equal = PyTuple_Check(values[0]) == PyTuple_Check(values[1])
			? numbers_continue(numbers, left, right)
			: 0;
	if (equal > 0 && PyTuple_Check(values[0])) {
		Py_INCREF(values[0]);
		Py_INCREF(values[1]);
		equal = objects_equal(PyTuple_GET_ITEM(values[0], 0),
				      PyTuple_GET_ITEM(values[1], 0));
		Py_DECREF(values[0]);
		Py_DECREF(values[1]);
	}
	return equal;
}

/* The same for two exact ints or floats, without a call: 1 or 0; -1 if they need one. */
static inline int plain_continue(const struct mt_entry *left, const struct mt_entry *right)
{
	PyObject *low = object_of(left->word);
	PyObject *high = object_of(right->word);
	uint64_t numbers[2];

	if (PyFloat_CheckExact(low) && PyFloat_CheckExact(high))
		return float_continues(PyFloat_AS_DOUBLE(low), PyFloat_AS_DOUBLE(high), left,
				       right);
	if (PyLong_CheckExact(low) && PyLong_CheckExact(high) && int_is_short(low, &numbers[0]) &&
	    int_is_short(high, &numbers[1]) && left->first <= right->first)
		return numbers[0] <= numbers[1] &&
		       numbers[1] - numbers[0] == right->first - left->first;
	return -1;
}

static int offset_merge_objects(void *context, const struct mt_entry *left,
				const struct mt_entry *right, const struct mt_entry *stored,
				uint64_t *word)
{
	int equal = plain_continue(left, right);

	(void)context;
	(void)stored;
	if (equal < 0)
		equal = objects_continue(left, right);
	if (equal > 0)
		*word = word_of(Py_NewRef(object_of(left->word)));
	return equal < 0 ? -ECANCELED : equal;
}

/* ---- OFFSET: packed numbers ----------------------------------------------------------------- */

/* Raise the OverflowError for a number, taken over, that a piece from `first` on cannot have. */
static int raise_overflow(const struct kind *kind, PyObject *number, const struct mt_entry *whole,
			  mt_key first, const char *limits)
{
	PyObject *low = number ? code_shown(kind, whole->first) : NULL;
	PyObject *high = low ? code_shown(kind, whole->last) : NULL;
	PyObject *by = high ? code_object(first - whole->first) : NULL;

	if (by)
		PyErr_Format(PyExc_OverflowError,
			     "value %S of [%U, %U] cannot advance by %S: with dtype %s", number,
			     low, high, by, limits);
	Py_XDECREF(number);
	Py_XDECREF(low);
	Py_XDECREF(high);
	Py_XDECREF(by);
	return -ECANCELED;
}

static int offset_split_unsigned(void *context, const struct mt_entry *whole, mt_key first,
				 mt_key last, uint64_t *piece)
{
	mt_key by = first - whole->first;

	(void)last;
	*piece = whole->word + (uint64_t)by;
	if (by <= UINT64_MAX - whole->word)
		return 0;
	return raise_overflow(context, PyLong_FromUnsignedLongLong(whole->word), whole, first,
			      "'u8' it must be in 0 ... 18446744073709551615");
}

static int offset_split_signed(void *context, const struct mt_entry *whole, mt_key first,
			       mt_key last, uint64_t *piece)
{
	mt_key by = first - whole->first;

	(void)last;
	*piece = whole->word + (uint64_t)by;
	if (by <= (uint64_t)INT64_MAX - whole->word)
		return 0;
	return raise_overflow(context, PyLong_FromLongLong((long long)whole->word), whole, first,
			      "'i8' it must be in -9223372036854775808 ... 9223372036854775807");
}

static int offset_split_float(void *context, const struct mt_entry *whole, mt_key first,
			      mt_key last, uint64_t *piece)
{
	(void)context;
	(void)last;
	*piece = first == whole->first
			 ? whole->word
			 : word_of_double(double_of(whole->word) + (double)(first - whole->first));
	return 0;
}

/* Whether the right entry's number is as far above the left one's as its first key is. `above` says
 * whether it is above. */
static bool goes_on(const struct mt_entry *left, const struct mt_entry *right, bool above)
{
	if (right->first < left->first)
		return !above && left->word - right->word == left->first - right->first;
	return (above || left->word == right->word) &&
	       right->word - left->word == right->first - left->first;
}

static int offset_merge_unsigned(void *context, const struct mt_entry *left,
				 const struct mt_entry *right, const struct mt_entry *stored,
				 uint64_t *word)
{
	(void)context;
	(void)stored;
	*word = left->word;
	return goes_on(left, right, right->word > left->word);
}

static int offset_merge_signed(void *context, const struct mt_entry *left,
			       const struct mt_entry *right, const struct mt_entry *stored,
			       uint64_t *word)
{
	(void)context;
	(void)stored;
	*word = left->word;
	return goes_on(left, right, (int64_t)right->word > (int64_t)left->word);
}

static int offset_merge_floats(void *context, const struct mt_entry *left,
			       const struct mt_entry *right, const struct mt_entry *stored,
			       uint64_t *word)
{
	(void)context;
	(void)stored;
	*word = left->word;
	return float_continues(double_of(left->word), double_of(right->word), left, right);
}

/* ---- tables --------------------------------------------------------------------------------- */

static const struct mt_value_ops coalesce_ops[] = {
	[DTYPE_OBJECT] = {.retain = objects_retain,
			  .release = objects_release,
			  .merge = coalesce_objects},
	[DTYPE_U8] = {.merge = coalesce_words, .merge_equal = true},
	[DTYPE_I8] = {.merge = coalesce_words, .merge_equal = true},
	[DTYPE_F8] = {.merge = coalesce_words, .merge_equal = true},
};

static const struct mt_value_ops offset_ops[] = {
	[DTYPE_OBJECT] = {.retain = objects_retain,
			  .release = objects_release,
			  .split = offset_split_object,
			  .merge = offset_merge_objects},
	[DTYPE_U8] = {.split = offset_split_unsigned, .merge = offset_merge_unsigned},
	[DTYPE_I8] = {.split = offset_split_signed, .merge = offset_merge_signed},
	[DTYPE_F8] = {.split = offset_split_float, .merge = offset_merge_floats},
};

const struct mt_value_ops *policy_builtin_ops(enum policy_kind kind, enum dtype dtype)
{
	return kind == POLICY_COALESCE ? &coalesce_ops[dtype] : &offset_ops[dtype];
}

/* ---- columns of packed numbers -------------------------------------------------------------- */

typedef int (*merge_fn)(void *context, const struct mt_entry *left, const struct mt_entry *right,
			const struct mt_entry *stored, uint64_t *word);

/* Inline, so that each caller's `merge` is. */
static inline __attribute__((always_inline)) size_t first_merge(merge_fn merge,
								const struct columns *columns)
{
	for (size_t at = 1; at < columns->count; at++) {
		struct mt_entry left = {columns->first[at - 1], columns->last[at - 1],
					columns->words[at - 1]};
		struct mt_entry right = {columns->first[at], columns->last[at], columns->words[at]};
		uint64_t word;

		if (left.last + 1 == right.first && merge(NULL, &left, &right, &right, &word))
			return at;
	}
	return columns->count;
}

size_t policy_first_merge(const struct mt_value_ops *ops, const struct columns *columns)
{
	if (ops->merge == coalesce_words)
		return first_merge(coalesce_words, columns);
	if (ops->merge == offset_merge_unsigned)
		return first_merge(offset_merge_unsigned, columns);
	if (ops->merge == offset_merge_signed)
		return first_merge(offset_merge_signed, columns);
	return first_merge(offset_merge_floats, columns);
}
